"""The CPU backend answers calls as the spec does: to the bit in strict mode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from torchlean.backend import CpuBackend
from torchlean_spec import training as spec
from torchlean_spec.backend import (
    AttributeValue,
    Buffer,
    Call,
    Dtype,
    UnsupportedError,
)
from torchlean_spec.clipping import ClipGlobalNorm, ClipNorm
from torchlean_spec.data import Dataset, Labels, Loader, Rows
from torchlean_spec.description import to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.numbers import BINARY32, BinaryNumber, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import OPERATIONS, Attributes, Kind, Operands
from torchlean_spec.operations.operation import Attribute
from torchlean_spec.optimizers import SGD, AdaGrad, Adam, ElementOptimizer, RMSProp
from torchlean_spec.optimizers.common import coefficients_at
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import NumberFormat, TrainingRun

GENERATOR = np.random.default_rng(7)
CLASSES = 4
SEED_AND_STEP = [11, 3]

Shapes = dict[str, tuple[int, ...]]
Case = tuple[str, dict[str, Attribute], Shapes]
"""An operation, its attributes, and the shapes of its operands."""

UNARY = (
    "negate absolute sign square sqrt reciprocal exp log relu sigmoid tanh softplus "
    "silu gelu gelu_tanh"
)
BINARY = (
    "add subtract multiply divide maximum minimum relu_gradient sigmoid_gradient "
    "tanh_gradient softplus_gradient silu_gradient gelu_gradient gelu_tanh_gradient"
)
CONSTANTS: list[tuple[str, str, str]] = [
    ("scale", "factor", "0.3"),
    ("leaky_relu", "slope", "0.01"),
    ("leaky_relu_gradient", "slope", "0.01"),
    ("elu", "alpha", "1.3"),
    ("elu_gradient", "alpha", "1.3"),
]
REGRESSION: list[tuple[str, dict[str, Attribute]]] = [
    ("mean_squared_error", {}),
    ("mean_absolute_error", {}),
    ("huber", {"delta": Fraction("0.3")}),
    ("smooth_l1", {"beta": Fraction("0.3")}),
    ("binary_cross_entropy_with_logits", {}),
    ("binary_cross_entropy", {}),
    ("hinge", {}),
    ("poisson_with_log_rates", {}),
    ("poisson", {}),
    ("log_cosh", {}),
]
ROWS: list[tuple[str, dict[str, Attribute]]] = [
    ("cosine_similarity", {"epsilon": Fraction("1e-8")}),
    ("cosine_similarity", {"epsilon": Fraction(3)}),
    ("cross_entropy_of_probabilities", {"epsilon": Fraction(0)}),
    ("cross_entropy_of_probabilities", {"epsilon": Fraction("0.3")}),
]
CLASSIFICATION: list[tuple[str, dict[str, Attribute]]] = [
    ("cross_entropy", {}),
    ("cross_entropy", {"ignore_index": 2, "label_smoothing": Fraction("0.1")}),
    ("cross_entropy", {"class_weights": (Fraction(1), Fraction(2)) * 2}),
    ("cross_entropy_probabilities", {"label_smoothing": Fraction("0.1")}),
    ("cross_entropy_probabilities", {"class_weights": (Fraction("0.3"),) * 4}),
    ("negative_log_likelihood", {"ignore_index": 1}),
    ("negative_log_likelihood", {"class_weights": (Fraction(1), Fraction(2)) * 2}),
    ("negative_log_likelihood_probabilities", {}),
    (
        "negative_log_likelihood_probabilities",
        {"class_weights": (Fraction("0.3"),) * 4},
    ),
]


def operand_names(operation: str) -> list[str]:
    """The operands' names as a call has them."""
    return [name.removesuffix("#") for name in OPERATIONS[operation].operands]


def elementwise_cases() -> list[Case]:
    """Operations that keep a shape."""
    cases: list[Case] = []
    for name in (UNARY + " " + BINARY).split():
        shapes: Shapes = dict.fromkeys(operand_names(name), (3, 37))
        cases.append((name, {}, shapes))
    for name, attribute, value in CONSTANTS:
        shapes = dict.fromkeys(operand_names(name), (65,))
        cases.append((name, {attribute: Fraction(value)}, shapes))
    return cases


def loss_cases() -> list[Case]:
    """Every loss, its derivative, and every reduction."""
    cases: list[Case] = []
    for reduction in ("mean", "sum", "none"):
        for name, given in REGRESSION:
            options = {**given, "reduction": reduction}
            shapes: Shapes = {"prediction": (5, 7), "target": (5, 7)}
            upstream: Shapes = {"upstream": (5, 7) if reduction == "none" else ()}
            cases.append((name, options, shapes))
            cases.append((f"{name}_gradient", options, shapes | upstream))
        for name, given in ROWS:
            options = {**given, "reduction": reduction}
            shapes = {"prediction": (2, 3, 7), "target": (2, 3, 7)}
            upstream = {"upstream": (2, 3) if reduction == "none" else ()}
            cases.append((name, options, shapes))
            cases.append((f"{name}_gradient", options, shapes | upstream))
        for name, given in CLASSIFICATION:
            options = {**given, "reduction": reduction}
            scores = operand_names(name)[0]
            spread = name.endswith("_probabilities")
            shapes = {scores: (9, CLASSES), "target": (9, CLASSES) if spread else (9,)}
            upstream = {"upstream": (9,) if reduction == "none" else ()}
            cases.append((name, options, shapes))
            cases.append((f"{name}_gradient", options, shapes | upstream))
    return cases


def other_cases() -> list[Case]:
    """Operations that move, reduce, multiply or draw."""
    target = shape_of
    cases: list[Case] = [
        ("reshape", {"target": target([6, 2])}, {"x": (3, 4)}),
        ("transpose", {"permutation": (1, 0)}, {"x": (3, 5)}),
        ("transpose", {"permutation": (2, 0, 1)}, {"x": (3, 2, 5)}),
        ("concatenate", {"axis": 0}, {"x": (2, 3), "y": (4, 3)}),
        ("concatenate", {"axis": 1}, {"x": (2, 3), "y": (2, 5)}),
        ("concatenate", {"axis": -1}, {"x": (2, 3, 1), "y": (2, 3, 2)}),
        ("concatenate", {"axis": 1}, {"x": (2, 0), "y": (2, 5)}),
        ("slice", {"axis": 1, "start": 1, "stop": 3}, {"x": (2, 4, 3)}),
        ("slice", {"axis": 0, "start": 2, "stop": 2}, {"x": (3, 4)}),
        ("fill", {"target": target([2, 3]), "value": Fraction(1, 3)}, {}),
        ("broadcast", {"target": target([4, 3])}, {"x": (3,)}),
        ("broadcast", {"target": target([2, 4, 3])}, {"x": (4, 1)}),
        ("broadcast", {"target": target([2, 3])}, {"x": ()}),
        ("reduce_to", {"target": target([3])}, {"x": (40, 3)}),
        ("reduce_to", {"target": target([4, 1])}, {"x": (2, 4, 3)}),
        ("reduce_to", {"target": target([])}, {"x": (2, 3)}),
        ("reduce_to", {"target": target([2, 3])}, {"x": (2, 3)}),
        ("sum", {}, {"x": (5, 300)}),
        ("mean", {}, {"x": (5, 7)}),
        ("matmul", {}, {"a": (3, 40), "b": (40, 5)}),
        ("matmul_transposed_left", {}, {"a": (40, 3), "b": (40, 5)}),
        ("matmul_transposed_right", {}, {"a": (3, 40), "b": (5, 40)}),
        ("linear", {}, {"x": (6, 40), "weight": (5, 40), "bias": (5,)}),
        ("linear", {}, {"x": (2, 3, 4), "weight": (5, 4), "bias": (5,)}),
        ("gather_rows", {}, {"x": (CLASSES, 3), "index": (7,)}),
        ("gather_rows", {}, {"x": (CLASSES, 3), "index": (2, 3)}),
        ("scatter_add_rows", {"rows": CLASSES}, {"x": (7, 3), "index": (7,)}),
        ("one_hot", {"classes": CLASSES}, {"index": (5,)}),
        (
            "dropout",
            {"probability": Fraction("0.3"), "stream": 2},
            {"x": (5, 9), "draw": (2,)},
        ),
    ]
    for axis in (0, 1, 2, -1):
        cases.append(("sum", {"axis": axis}, {"x": (3, 4, 5)}))
        cases.append(("mean", {"axis": axis}, {"x": (3, 4, 5)}))
    for name in ("softmax", "log_softmax"):
        cases.append((name, {}, {"x": (6, 11)}))
        cases.append((f"{name}_gradient", {}, {"y": (6, 11), "upstream": (6, 11)}))
    return cases


CASES = [*elementwise_cases(), *loss_cases(), *other_cases()]


def numbers(operation: str, operand: str, count: int) -> list[float]:
    """Numbers that an operand may hold: probabilities where it needs them."""
    drawn = GENERATOR.standard_normal(count).astype(np.float32)
    is_share = operation.startswith("binary_cross_entropy") and operand == "target"
    if is_share or operation.removesuffix("_gradient") in (
        "binary_cross_entropy",
        "cross_entropy_of_probabilities",
        "poisson",
    ):
        drawn = np.float32(1) / (np.float32(1) + np.exp(-drawn))
    found: list[float] = drawn.tolist()
    return found


def buffers_of(case: Case, dtype: Dtype) -> dict[str, Buffer]:
    """Buffers for the operands of a case."""
    operation, _, shapes = case
    kinds = dict(
        zip(operand_names(operation), OPERATIONS[operation].kinds, strict=True)
    )
    found = {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        if name == "draw":
            found[name] = Buffer.of("int64", shape, SEED_AND_STEP)
        elif kinds[name] is Kind.INDEX:
            indices = GENERATOR.integers(0, CLASSES, count).tolist()
            found[name] = Buffer.of("int64", shape, indices)
        else:
            found[name] = Buffer.of(dtype, shape, numbers(operation, name, count))
    return found


def meaning(
    system: NumberSystem[A], case: Case, buffers: Mapping[str, Buffer]
) -> Tensor[A, Shape]:
    """The spec's answer to a call of an operation."""
    operation, attributes, _ = case
    tensors: list[Tensor[A, Shape] | Tensor[int, Shape]] = []
    for name in operand_names(operation):
        values = buffers[name].values()
        shape = shape_of(buffers[name].shape)
        if buffers[name].dtype == "int64":
            tensors.append(Tensor(shape, tuple(map(int, values))))
        else:
            tensors.append(Tensor(shape, tuple(map(system.from_float, values))))
    operands: Operands[A] = Operands(tensors)
    return OPERATIONS[operation].meaning(system, Attributes(**attributes), operands)


def call_of(case: Case, buffers: Mapping[str, Buffer]) -> Call:
    """The call of a case; shapes travel as rows of integers."""
    operation, attributes, _ = case
    written = {
        name: sizes(value) if isinstance(value, Shape) else value
        for name, value in attributes.items()
    }
    return Call(operation, written, buffers)


def test_every_operation_has_a_case() -> None:
    """No operation of the registry is left out."""
    assert {operation for operation, _, _ in CASES} == set(OPERATIONS)


def floats(tensors: Iterable[Tensor[BinaryNumber, Shape]]) -> list[float]:
    """The numbers of tensors, one after the other."""
    return [BINARY32.to_float(each) for tensor in tensors for each in tensor.values]


def assert_same_bits(found: Buffer, wanted: Tensor[BinaryNumber, Shape]) -> None:
    """Bit by bit, where any NaN is like any other."""
    assert found.shape == sizes(wanted.shape)
    ours = np.array(found.values(), np.float32)
    theirs = np.array(floats([wanted]), np.float32)
    assert (np.isnan(ours) == np.isnan(theirs)).all()
    kept = ~np.isnan(ours)
    assert ours[kept].tobytes() == theirs[kept].tobytes()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_strict_operations_have_the_specs_bits(case: Case) -> None:
    """Every operation, in strict mode, over binary32."""
    buffers = buffers_of(case, "float32")
    found = CpuBackend(strict=True).run(call_of(case, buffers))["result"]
    assert_same_bits(found, meaning(BINARY32, case, buffers))


@pytest.mark.parametrize("number_format", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_fast_operations_round_honestly(
    case: Case, number_format: NumberFormat
) -> None:
    """Every operation, in fast mode, gives what honest rounding may give."""
    buffers = buffers_of(case, number_format)
    backend = CpuBackend(number_format=number_format)
    found = backend.run(call_of(case, buffers))["result"]
    admitted = meaning(bounded(number_format), case, buffers)
    assert (found.dtype, found.shape) == (number_format, sizes(admitted.shape))
    for value, answer in zip(admitted.values, found.values(), strict=True):
        assert value.admits(answer)


OPTIMIZERS: list[ElementOptimizer] = [
    SGD("0.1"),
    SGD("0.1", momentum="0.9", nesterov=True, weight_decay="0.01"),
    Adam(amsgrad=True),
    RMSProp(centered=True, momentum="0.9"),
    AdaGrad(learning_rate_decay="0.1"),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("strict", [False, True])
def test_updates_have_the_specs_bits(optimizer: ElementOptimizer, strict: bool) -> None:
    """An update has the spec's bits in either mode, at a late step and an odd rate."""
    names = ("parameter", "gradient", *optimizer.state_names)
    shape = (3, 37)
    drawn = {
        name: abs(GENERATOR.standard_normal(111)).astype(np.float32).tolist()
        for name in names
    }
    buffers = {name: Buffer.of("float32", shape, each) for name, each in drawn.items()}
    attributes: dict[str, AttributeValue] = {
        "optimizer": to_json(optimizer),
        "step": 123,
        "learning_rate": Fraction(1, 30),
    }
    found = CpuBackend(strict=strict).run(Call("update", attributes, buffers))
    coefficient = coefficients_at(optimizer, BINARY32, 123, Fraction(1, 30))
    assert list(found) == ["parameter", *optimizer.state_names]
    for place in range(111):
        number = {name: BINARY32.from_float(drawn[name][place]) for name in names}
        state = tuple(number[name] for name in optimizer.state_names)
        parameter, after = optimizer.update(
            BINARY32, coefficient, number["parameter"], number["gradient"], state
        )
        for name, value in zip(found, (parameter, *after), strict=True):
            assert found[name].values()[place] == BINARY32.to_float(value)


def test_a_whole_strict_step_has_the_specs_bits() -> None:
    """A step with dropout, clipping and momentum, from a given state."""
    model = Sequential(Linear(3, 5), ReLU(), Dropout("0.2"), Linear(5, 3))
    optimizer = SGD("0.1", momentum="0.9")
    run = TrainingRun(
        Task(model, CrossEntropy(ignore_index=-1)),
        optimizer,
        Loader(6, 6, shuffle=False),
        steps=9,
        clipping=ClipGlobalNorm("0.5"),
        seed=5,
    )
    rows = Rows(shape_of([3]), tuple(tuple(numbers("", "", 3)) for _ in range(6)))
    labels = (0, 2, -1, 1, 1, 2)
    dataset = Dataset(rows, Labels(3, labels, ignore_index=-1))
    before = replace(spec.initial_state(BINARY32, run), step=6)
    wanted = spec.step(BINARY32, run, dataset, before)
    buffers = {
        "input": Buffer.of("float32", (6, 3), [x for row in rows.values for x in row]),
        "target": Buffer.of("int64", (6,), labels),
    }
    for prefix, tensors in {"parameter": before.parameters, **before.slots}.items():
        for name, tensor in tensors.items():
            shape, values = sizes(tensor.shape), floats([tensor])
            buffers[f"{prefix}.{name}"] = Buffer.of("float32", shape, values)
    call = Call("train_step", {"run": to_json(run), "step": 7}, buffers)
    found = CpuBackend(strict=True).run(call)
    assert found["loss"].values() == (BINARY32.to_float(wanted.loss),)
    answers = {
        "gradient": wanted.gradients,
        "clipped": wanted.clipped,
        "parameter": wanted.after.parameters,
        **wanted.after.slots,
    }
    assert len(found) == 1 + len(answers) * len(model.parameters())
    for prefix, tensors in answers.items():
        for name, tensor in tensors.items():
            assert_same_bits(found[f"{prefix}.{name}"], tensor)
    eager = CpuBackend(strict=True, engine="eager").run(call)
    assert eager == found


def test_buffers_stay_as_they_are() -> None:
    """A backend does not write to what it is given."""
    gradient = Buffer.of("float32", (2,), [3.0, 4.0])
    call = Call("clip", {"clipping": to_json(ClipNorm(1))}, {"0": gradient})
    before = gradient.data[:]
    CpuBackend().run(call)
    assert gradient.data == before


def refusal(call: Call, backend: CpuBackend | None = None) -> tuple[Reason, str]:
    """Why a call is refused, and in which words."""
    with pytest.raises(TorchLeanError) as refused:
        (backend or CpuBackend()).run(call)
    if refused.value.reason is Reason.UNSUPPORTED:
        assert isinstance(refused.value, UnsupportedError)
    return refused.value.reason, str(refused.value)


def test_an_unknown_call_is_unsupported() -> None:
    """What the backend does not know, it does not answer."""
    assert refusal(Call("sort", {}, {})) == (
        Reason.UNSUPPORTED,
        "expected an operation of the registry, 'update', 'clip' or 'train_step', "
        "got 'sort'",
    )


def test_elementary_functions_in_strict_float64_are_unsupported() -> None:
    """Strict float64 refuses what it cannot promise yet."""
    x = Buffer.of("float64", (1,), [1.0])
    assert refusal(Call("exp", {}, {"x": x}), CpuBackend(strict=True)) == (
        Reason.UNSUPPORTED,
        "strict float64 has no elementary functions: expected a program without "
        "them, got exp",
    )


def test_a_class_out_of_range_is_refused() -> None:
    """The kernels answer NaN; the backend says why."""
    buffers = {
        "logits": Buffer.of("float32", (1, 2), [0.0, 1.0]),
        "target": Buffer.of("int64", (1,), [2]),
    }
    assert refusal(Call("cross_entropy", {"reduction": "mean"}, buffers)) == (
        Reason.CLASS_OUT_OF_RANGE,
        "cross_entropy: expected a class from 0 to 1, got 2",
    )


def test_an_index_out_of_range_is_refused() -> None:
    """A row that does not exist."""
    buffers = {
        "x": Buffer.of("float32", (1, 2), [0.0, 1.0]),
        "index": Buffer.of("int64", (1,), [-1]),
    }
    assert refusal(Call("gather_rows", {}, buffers)) == (
        Reason.CLASS_OUT_OF_RANGE,
        "gather_rows: expected indices within range, got one outside",
    )


def test_missing_buffers_are_refused() -> None:
    """Each operand has a buffer of its name."""
    x = Buffer.of("float32", (1,), [1.0])
    assert refusal(Call("add", {}, {"x": x})) == (
        Reason.CONTRADICTION,
        "add: expected the buffers x, y, got x",
    )


def test_two_dtypes_are_refused() -> None:
    """Numbers of one call have one dtype."""
    x = Buffer.of("float32", (1,), [1.0])
    y = Buffer.of("float64", (1,), [1.0])
    assert refusal(Call("add", {}, {"x": x, "y": y})) == (
        Reason.CONTRADICTION,
        "add: expected numbers of one dtype, got float32 and float64",
    )


def test_shapes_that_do_not_fit_are_refused() -> None:
    """The spec's own refusal comes through."""
    x, y = Buffer.of("float32", (1,), [1.0]), Buffer.of("float32", (2,), [1.0, 2.0])
    assert refusal(Call("add", {}, {"x": x, "y": y})) == (
        Reason.SHAPE_MISMATCH,
        "add: expected shape [1], got [2]",
    )


def test_names() -> None:
    """Reports show which mode was judged."""
    assert CpuBackend().name == "torchlean-cpu-fast"
    assert CpuBackend(strict=True).name == "torchlean-cpu-strict"
