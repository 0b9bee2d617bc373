"""Every derivative rule against forward differentiation of the operation's meaning.

Both are run over bounded numbers in float64: reverse mode gives an interval that
contains the exact derivative, dual numbers give another, and so they must meet.
The output is `sum(y * y)`, so that the upstream derivative is not constant.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest

from torchlean_spec.numbers import Dual, DualNumber
from torchlean_spec.numbers.bounded import bounded
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.operations import OPERATIONS, Kind
from torchlean_spec.operations.operation import Attribute
from torchlean_spec.program import Input, Program, Value, evaluate, gradient, trace
from torchlean_spec.shape import Shape, shape_of, size, vector
from torchlean_spec.tensor import Tensor

SYSTEM = bounded("float64")
TABLE = shape_of([3, 4])
WEIGHTS = (Fraction(1), Fraction(2), Fraction(3), Fraction(1, 2))
LABELS = (1, 3, 0)
TINY = Fraction(1, 2**26)

Draw = Callable[[random.Random], float]


def _any_sign(source: random.Random) -> float:
    return source.gauss(0, 1)


def _positive(source: random.Random) -> float:
    return source.uniform(0.5, 2)


def _probability(source: random.Random) -> float:
    return source.uniform(0.1, 0.9)


@dataclass(frozen=True)
class Case:
    """One use of an operation; the target of a loss is no variable."""

    operation: str
    operands: Sequence[tuple[Shape, Draw | tuple[int, ...]]]
    attributes: Mapping[str, Attribute]
    variables: int = 9

    def __str__(self) -> str:
        return f"{self.operation} {dict(self.attributes)}"


def _elementwise() -> list[Case]:
    free = (TABLE, _any_sign)
    positive = (TABLE, _positive)
    one = [
        "negate absolute square exp relu sigmoid tanh softplus silu gelu gelu_tanh",
        "softmax log_softmax",
    ]
    cases = [Case(name, [free], {}) for name in " ".join(one).split()]
    cases += [Case(name, [positive], {}) for name in ("sqrt", "reciprocal", "log")]
    two = "add subtract multiply maximum minimum".split()
    cases += [Case(name, [free, free], {}) for name in two]
    return [
        *cases,
        Case("divide", [free, positive], {}),
        Case("scale", [free], {"factor": Fraction(3, 7)}),
        Case("leaky_relu", [free], {"slope": Fraction(1, 10)}),
        Case("elu", [free], {"alpha": Fraction(2)}),
    ]


def _structural() -> list[Case]:
    free = (TABLE, _any_sign)
    rows: tuple[Shape, tuple[int, ...]] = (vector(5), (0, 2, 1, 2, 2))

    def sized(*extents: int) -> tuple[Shape, Draw]:
        return shape_of(extents), _any_sign

    return [
        Case("gather_rows", [free, rows], {}),
        Case("scatter_add_rows", [free, (vector(3), (0, 4, 4))], {"rows": 6}),
        Case("sum", [free], {}),
        Case("sum", [free], {"axis": 0}),
        Case("sum", [free], {"axis": -1}),
        Case("mean", [free], {}),
        Case("mean", [free], {"axis": 1}),
        Case("broadcast", [free], {"target": shape_of([2, 3, 4])}),
        Case("broadcast", [sized(3, 1)], {"target": shape_of([2, 3, 4])}),
        Case("reduce_to", [free], {"target": shape_of([1, 4])}),
        Case("reshape", [free], {"target": shape_of([2, 6])}),
        Case("transpose", [sized(2, 3, 4)], {"permutation": (2, 0, 1)}),
        Case("concatenate", [free, sized(3, 2)], {"axis": 1}),
        Case("slice", [free], {"axis": 1, "start": 1, "stop": 3}),
        Case("matmul", [free, sized(4, 2)], {}),
        Case("matmul_transposed_left", [free, sized(3, 2)], {}),
        Case("matmul_transposed_right", [free, sized(2, 4)], {}),
        Case("linear", [free, sized(5, 4), sized(5)], {}),
        Case("linear", [sized(2, 3, 4), sized(5, 4), sized(5)], {}),
        Case(
            "dropout",
            [free, (vector(2), (7, 3))],
            {"probability": Fraction(1, 2), "stream": 0},
        ),
    ]


def _losses(reduction: str) -> list[Case]:
    free, share = (TABLE, _any_sign), (TABLE, _probability)
    labels: tuple[Shape, tuple[int, ...]] = (vector(3), LABELS)
    plain: dict[str, Attribute] = {"reduction": reduction}
    weighted = {**plain, "class_weights": WEIGHTS}
    smoothed = {**plain, "label_smoothing": Fraction(1, 10)}
    both = {**weighted, **smoothed}
    spread = "cross_entropy_probabilities"
    clamped = "cross_entropy_of_probabilities"
    likelihood = "negative_log_likelihood_probabilities"
    return [
        Case("mean_squared_error", [free, free], plain, 1),
        Case("mean_absolute_error", [free, free], plain, 1),
        Case("huber", [free, free], {**plain, "delta": Fraction(1, 2)}, 1),
        Case("smooth_l1", [free, free], {**plain, "beta": Fraction(1, 2)}, 1),
        Case("binary_cross_entropy_with_logits", [free, share], plain, 1),
        Case("binary_cross_entropy", [share, share], plain, 1),
        Case("hinge", [free, free], plain, 1),
        Case("poisson_with_log_rates", [free, share], plain, 1),
        Case("poisson", [share, share], plain, 1),
        Case("log_cosh", [free, free], plain, 1),
        Case("cosine_similarity", [free, free], {**plain, "epsilon": TINY}, 1),
        Case("cosine_similarity", [free, free], {**plain, "epsilon": 9}, 1),
        Case(clamped, [share, share], {**plain, "epsilon": 0}, 1),
        Case(clamped, [share, share], {**plain, "epsilon": TINY}, 1),
        Case("cross_entropy", [free, labels], plain, 1),
        Case("cross_entropy", [free, labels], weighted, 1),
        Case("cross_entropy", [free, labels], {**both, "ignore_index": 3}, 1),
        Case(spread, [free, share], plain, 1),
        Case(spread, [free, share], both, 1),
        Case("negative_log_likelihood", [free, labels], plain, 1),
        Case(likelihood, [free, share], plain, 1),
        Case(likelihood, [free, share], weighted, 1),
        Case(
            "negative_log_likelihood",
            [free, labels],
            {**weighted, "ignore_index": 0},
            1,
        ),
    ]


CASES = [
    *_elementwise(),
    *_structural(),
    *(case for reduction in ("mean", "sum", "none") for case in _losses(reduction)),
]


def _inputs(case: Case) -> dict[str, Input]:
    return {
        f"x{i}": Input(shape, Kind.INDEX if isinstance(drawn, tuple) else Kind.REAL)
        for i, (shape, drawn) in enumerate(case.operands)
    }


def _program(case: Case) -> Program:
    def forward(*operands: Value) -> dict[str, Value]:
        y = operands[0].apply(case.operation, *operands[1:], **case.attributes)
        return {"out": y.apply("square").apply("sum")}

    return trace(forward, _inputs(case))


def _values(case: Case) -> dict[str, tuple[float, ...] | tuple[int, ...]]:
    source = random.Random(str(case))
    found: dict[str, tuple[float, ...] | tuple[int, ...]] = {}
    for i, (shape, drawn) in enumerate(case.operands):
        found[f"x{i}"] = (
            drawn
            if isinstance(drawn, tuple)
            else tuple(drawn(source) for _ in range(size(shape)))
        )
    return found


def _forward(
    case: Case, program: Program, variable: str, place: int
) -> DualNumber[Bounded]:
    """The output and its derivative in one element, by dual numbers."""
    dual = Dual(SYSTEM)
    one, zero = SYSTEM.from_float(1.0), SYSTEM.from_float(0.0)
    given: dict[str, Tensor[DualNumber[Bounded], Shape] | Tensor[int, Shape]] = {}
    for name, values in _values(case).items():
        entry = program.inputs[name]
        if entry.kind is Kind.INDEX:
            given[name] = Tensor(entry.shape, tuple(int(v) for v in values))
            continue
        numbers = tuple(
            DualNumber(
                SYSTEM.from_float(v), one if (name, i) == (variable, place) else zero
            )
            for i, v in enumerate(values)
        )
        given[name] = Tensor(entry.shape, numbers)
    return evaluate(program, dual, given)["out"].values[0]


def _meet(x: Bounded, y: Bounded) -> bool:
    return bool(x.lower() <= y.upper() and y.lower() <= x.upper())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reverse_mode_meets_dual_numbers(case: Case) -> None:
    """The two intervals of each partial derivative have a number in common."""
    program = _program(case)
    variables = [
        name for name, entry in program.inputs.items() if entry.kind is Kind.REAL
    ][: case.variables]
    given: dict[str, Tensor[Bounded, Shape] | Tensor[int, Shape]] = {}
    for name, values in _values(case).items():
        entry = program.inputs[name]
        given[name] = (
            Tensor(entry.shape, tuple(map(SYSTEM.from_float, values)))
            if entry.kind is Kind.REAL
            else Tensor(entry.shape, tuple(int(v) for v in values))
        )
    found = evaluate(gradient(program, "out", variables), SYSTEM, given)
    for name in variables:
        for place, reverse in enumerate(found[f"gradient.{name}"].values):
            forward = _forward(case, program, name, place).derivative
            assert _meet(reverse, forward), (name, place, reverse, forward)


def test_every_operation_with_a_derivative_is_among_the_cases() -> None:
    """No derivative rule goes untested."""
    differentiable = {name for name, each in OPERATIONS.items() if each.derivative}
    assert differentiable == {case.operation for case in CASES}
