"""Losses as functions: the spec's values, formats kept, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import torchlean as tl
from torchlean import loss_functions
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CosineSimilarity,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NegativeLogLikelihood,
    Poisson,
    Reduction,
    SmoothL1,
)
from torchlean_spec.numbers import BINARY32, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Kind
from torchlean_spec.program import Input, Value, evaluate, gradient, trace
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]
GENERATOR = np.random.default_rng(5)
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")
SHARES = GENERATOR.dirichlet([1, 1, 1, 1], 6)
NUMBERS = GENERATOR.standard_normal((6, 4))
LABELS = GENERATOR.integers(0, 4, 6)

Make = Callable[[Reduction], Loss]
LOSSES: dict[str, tuple[Make, Array, Array]] = {
    "squared": (MeanSquaredError, NUMBERS, SHARES),
    "absolute": (MeanAbsoluteError, NUMBERS, SHARES),
    "huber": (lambda r: Huber("0.3", r), NUMBERS, SHARES),
    "smooth": (lambda r: SmoothL1("0.3", r), NUMBERS, SHARES),
    "logits": (lambda r: BinaryCrossEntropy(True, r), NUMBERS, SHARES),
    "shares": (lambda r: BinaryCrossEntropy(False, r), SHARES, SHARES[::-1]),
    "hinge": (Hinge, NUMBERS, np.sign(NUMBERS[::-1])),
    "poisson": (lambda r: Poisson(True, r), NUMBERS, np.floor(SHARES * 9)),
    "rates": (lambda r: Poisson(False, r), SHARES, np.floor(SHARES * 9)),
    "log cosh": (LogCosh, NUMBERS, SHARES),
    "cosine": (lambda r: CosineSimilarity(reduction=r), NUMBERS, SHARES),
    "clamped": (
        lambda r: CrossEntropyOfProbabilities("0.1", r),
        SHARES,
        SHARES[::-1],
    ),
    "classes": (lambda r: CrossEntropy("index", 1, reduction=r), NUMBERS, LABELS),
    "rows": (lambda r: CrossEntropy("distribution", reduction=r), NUMBERS, SHARES),
    "likelihood": (
        lambda r: NegativeLogLikelihood(None, (1, 2, 3, 4), r),
        np.log(SHARES),
        LABELS,
    ),
    "likelihood of rows": (
        lambda r: NegativeLogLikelihood(reduction=r, targets="distribution"),
        np.log(SHARES),
        SHARES[::-1],
    ),
}


def meaning(
    system: NumberSystem[A], loss: Loss, prediction: Array, target: Array
) -> dict[str, list[A]]:
    """The spec's value, and its gradient if the loss is reduced."""

    def forward(p: Value, t: Value) -> dict[str, Value]:
        return {"loss": loss.apply(p, t)}

    shape = shape_of(prediction.shape)
    inputs = {"p": Input(shape), "t": Input(loss.target_shape(shape), loss.target_kind)}
    program = trace(forward, inputs)
    if loss.reduction != "none":
        program = gradient(program, "loss", ["p"])
    given: dict[str, Tensor[A, Shape] | Tensor[int, Shape]] = {
        "p": numbers(system, prediction),
        "t": numbers(system, target),
    }
    if loss.target_kind is Kind.INDEX:
        given["t"] = Tensor(shape_of(target.shape), tuple(target.tolist()))
    found = evaluate(program, system, given)
    return {name: list(tensor.values) for name, tensor in found.items()}


def numbers(system: NumberSystem[A], array: Array) -> Tensor[A, Shape]:
    """An array as a tensor of numbers."""
    values = tuple(system.from_float(float(each)) for each in array.ravel())
    return Tensor(shape_of(array.shape), values)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_strict_values_and_gradients_have_the_bits_of_the_spec(
    name: str, reduction: Reduction
) -> None:
    """Every loss in float32, with every reduction."""
    make, prediction, target = LOSSES[name]
    loss, p = make(reduction), prediction.astype(np.float32)
    t = target if target.dtype == np.int64 else target.astype(np.float32)
    wanted = {
        part: [BINARY32.to_float(each) for each in values]
        for part, values in meaning(BINARY32, loss, p, t).items()
    }
    found = loss_functions.value(loss, p, target, strict=True)
    assert found.dtype == np.float32
    assert found.ravel().tolist() == wanted["loss"]
    if reduction != "none":
        again, slope = loss_functions.value_and_gradient(loss, p, target, strict=True)
        assert again.tolist() == found.tolist()
        assert slope.dtype == np.float32
        assert slope.shape == p.shape
        assert slope.ravel().tolist() == wanted["gradient.p"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_fast_values_and_gradients_are_honest_in_both_formats(
    name: str, dtype: NumberFormat
) -> None:
    """What comes back has the prediction's format and lies within the spec's set."""
    make, prediction, target = LOSSES[name]
    system, loss = bounded(dtype), make("mean")
    p: Array = prediction.astype(dtype)
    t = target if target.dtype == np.int64 else target.astype(dtype)
    admitted = meaning(system, loss, p, t)
    found, slope = loss_functions.value_and_gradient(loss, p, target)
    assert found.dtype == slope.dtype == dtype
    (value,) = admitted["loss"]
    assert value.admits(float(found))
    pairs = zip(admitted["gradient.p"], slope.ravel().tolist(), strict=True)
    assert all(each.admits(number) for each, number in pairs)


@pytest.mark.parametrize("size", [3, 2**17])
def test_functions_are_values_of_their_records(size: int) -> None:
    """Each name computes its record, with its options, small and large."""
    p = GENERATOR.uniform(0.1, 0.9, (size // 3, 3))
    t = GENERATOR.uniform(0.1, 0.9, (size // 3, 3))
    pairs: list[tuple[Loss, Array]] = [
        (MeanSquaredError(), tl.loss.mean_squared_error(p, t)),
        (MeanAbsoluteError("sum"), tl.loss.mean_absolute_error(p, t, "sum")),
        (Huber("0.2"), tl.loss.huber(p, t, delta="0.2")),
        (SmoothL1("0.2"), tl.loss.smooth_l1(p, t, beta="0.2")),
        (LogCosh("none"), tl.loss.log_cosh(p, t, "none")),
        (BinaryCrossEntropy(), tl.loss.binary_cross_entropy_with_logits(p, t)),
        (BinaryCrossEntropy(False), tl.loss.binary_cross_entropy(p, t)),
        (Hinge(), tl.loss.hinge(p, t)),
        (Poisson(), tl.loss.poisson(p, t)),
        (Poisson(False), tl.loss.poisson(p, t, log_input=False)),
        (
            CosineSimilarity(2, "none"),
            tl.loss.cosine_similarity(p, t, "none", epsilon=2),
        ),
        (
            CrossEntropyOfProbabilities("0.2"),
            tl.loss.cross_entropy_probabilities(p, t, epsilon="0.2"),
        ),
    ]
    for loss, found in pairs:
        wanted = loss_functions.value(loss, p, t)
        assert found.shape == wanted.shape
        assert found.tolist() == wanted.tolist()


def test_a_reduction_of_the_original_is_the_mean_of_elements_or_their_sum() -> None:
    """Deviation B11: four elements give a mean that is a quarter of the sum."""
    p, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))
    assert tl.loss.mean_squared_error(p, t, "none").tolist() == [[1, 4], [9, 16]]
    assert float(tl.loss.mean_squared_error(p, t, "sum")) == 30
    assert float(tl.loss.mean_squared_error(p, t)) == 7.5


def test_hubers_loss_of_the_original_is_smooth_l1() -> None:
    """Deviation B50: e^2 / (2 delta) within delta, e - delta / 2 beyond it."""
    p, delta = np.array([0.5, 2.0, 3.0, -4.0]), 2.0
    e = np.abs(p)
    original = np.where(e < delta, e * e / (2 * delta), e - delta / 2)
    found = tl.loss.smooth_l1(p, np.zeros(4), "none", beta=2)
    assert found.tolist() == original.tolist()
    assert tl.loss.huber(p, np.zeros(4), "none", delta=2).tolist() != original.tolist()


def test_calls_of_one_shape_share_a_plan_and_keep_nothing() -> None:
    """A second call computes anew, and the first answer is not overwritten."""
    zeros = np.zeros(3)
    first = tl.loss.mean_squared_error(np.ones(3), zeros, "none")
    second = tl.loss.mean_squared_error(np.full(3, 2.0), zeros, "none")
    assert (first.tolist(), second.tolist()) == ([1, 1, 1], [4, 4, 4])


def test_threads_that_share_a_plan_get_their_own_answers() -> None:
    """Calls of one shape at the same time do not mix their numbers."""
    zeros = np.zeros(5000)

    def squared(size: int) -> float:
        return float(tl.loss.mean_squared_error(np.full(5000, float(size)), zeros))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(squared, range(200)))
    assert found == [float(size * size) for size in range(200)]


def test_scalars_and_arrays_that_are_not_contiguous_are_taken() -> None:
    """A prediction of shape [] is one element; a transposed one keeps its places."""
    assert float(tl.loss.huber(np.array(3.0), np.array(0.0))) == 2.5
    p = np.arange(6.0).reshape(2, 3).T
    found = tl.loss.mean_squared_error(p, np.zeros((3, 2)), "none")
    assert found.tolist() == (p * p).tolist()


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: tl.loss.huber(np.zeros(3), np.zeros(2)),
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [3] that are numbers, got [2] that are numbers",
    ),
    (
        lambda: tl.loss.hinge(np.zeros(2), np.array([1, -1])),
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [2] that are numbers, got [2] that are class "
        "indices",
    ),
    (
        lambda: tl.loss.mean_squared_error(np.array([1, 2]), np.zeros(2)),
        Reason.SHAPE_MISMATCH,
        "expected a prediction that is an array of float32 or float64, got int64",
    ),
    (
        lambda: tl.loss.mean_squared_error([1.0], np.zeros(1)),  # type: ignore[arg-type]
        Reason.SHAPE_MISMATCH,
        "expected a prediction that is an array of float32 or float64, got list",
    ),
    (
        lambda: tl.loss.value_and_gradient(Hinge("none"), np.zeros(1), np.zeros(1)),
        Reason.CONTRADICTION,
        "a gradient needs a scalar loss: expected reduction 'mean' or 'sum', got "
        "'none'",
    ),
    (
        lambda: tl.loss.log_cosh(np.zeros(1), np.zeros(1), strict=True),
        Reason.UNSUPPORTED,
        "strict float64 has no elementary functions: expected a program without "
        "them, got log_cosh",
    ),
    (
        lambda: tl.loss.cosine_similarity(np.zeros((2, 0)), np.zeros((2, 0))),
        Reason.EMPTY_DATA,
        "cosine_similarity: expected rows of at least 1 entry, got none",
    ),
    (
        lambda: tl.loss.huber(np.zeros(1), np.zeros(1), delta=0),
        Reason.HYPERPARAMETER,
        "expected delta above 0, got 0",
    ),
]


@pytest.mark.parametrize(("action", "reason", "message"), REFUSED)
def test_refusals(action: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    assert (refused.value.reason, str(refused.value)) == (reason, message)


def test_a_hyperparameter_is_an_exact_decimal() -> None:
    """A delta of 0.1 means 1/10, as in a record."""
    p = np.array([1.0])
    assert tl.loss.huber(p, np.zeros(1), delta=0.1) == loss_functions.value(
        Huber(Fraction(1, 10)), p, np.zeros(1)
    )


def test_names_of_losses_are_listed_and_others_refused() -> None:
    """The functions are found without being imported; other names are not."""
    assert {"huber", "Huber", "cross_entropy_rows"} <= set(dir(tl.loss))
    with pytest.raises(AttributeError) as refused:
        tl.loss.hubert  # type: ignore[attr-defined]  # noqa: B018
    assert str(refused.value) == "module 'torchlean.loss' has no attribute 'hubert'"
