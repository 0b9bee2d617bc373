"""Losses: values at chosen points, denominators, edges, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NegativeLogLikelihood,
    SmoothL1,
)
from torchlean_spec.numbers import BINARY64, FLOAT, RATIONAL
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.program import Input, Value, evaluate, gradient, trace
from torchlean_spec.shape import Shape, matrix, vector
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor, of_any_shape

INFINITY = math.inf


def _value(
    system: NumberSystem[A],
    loss: Loss,
    prediction: Tensor[A, Shape],
    target: Tensor[A, Shape] | Tensor[int, Shape],
) -> tuple[tuple[A, ...], tuple[A, ...]]:
    """The loss, and its derivative in the prediction."""

    def forward(p: Value, t: Value) -> dict[str, Value]:
        return {"loss": loss.apply(p, t)}

    inputs = {
        "p": Input(prediction.shape),
        "t": Input(loss.target_shape(prediction.shape), loss.target_kind),
    }
    program = trace(forward, inputs)
    given: dict[str, Tensor[A, Shape] | Tensor[int, Shape]] = {
        "p": prediction,
        "t": target,
    }
    if loss.reduction == "none":
        return evaluate(program, system, given)["loss"].values, ()
    found = evaluate(gradient(program, "loss", ["p"]), system, given)
    return found["loss"].values, found["gradient.p"].values


def _rationals(*values: str | int) -> Tensor[Fraction, Shape]:
    return of_any_shape(Tensor(vector(len(values)), tuple(map(Fraction, values))))


@pytest.mark.parametrize(
    ("loss", "values", "slopes"),
    [
        (MeanSquaredError(), (Fraction(13, 3),), ("2/3", "2", "0")),
        (MeanSquaredError("sum"), (13,), ("2", "6", "0")),
        (MeanSquaredError("none"), (4, 9, 0), ()),
        (MeanAbsoluteError(), (Fraction(5, 3),), ("1/3", "1/3", "0")),
        (Huber(2), (Fraction(6, 3),), ("2/3", "2/3", "0")),
        (Huber(2, "none"), (2, 4, 0), ()),
        (SmoothL1(2), (1,), ("1/3", "1/3", "0")),
        (SmoothL1(2, "none"), (1, 2, 0), ()),
    ],
)
def test_regression_losses_at_differences_two_three_and_zero(
    loss: Loss, values: tuple[Fraction, ...], slopes: tuple[str, ...]
) -> None:
    """Values and derivatives by hand, over the rationals (B50: Huber is Huber)."""
    prediction, target = _rationals(2, 4, "1/2"), _rationals(0, 1, "1/2")
    if isinstance(loss, MeanSquaredError) and slopes:
        slopes = ("4/3", "2", "0") if loss.reduction == "mean" else ("4", "6", "0")
    found = _value(RATIONAL, loss, prediction, target)
    assert found == (values, tuple(map(Fraction, slopes)))


def _labels(*indices: int) -> Tensor[int, Shape]:
    return of_any_shape(Tensor(vector(len(indices)), indices))


def _log_thirds() -> Tensor[float, Shape]:
    return of_any_shape(Tensor(matrix(3, 2), (-1.0, -2.0, -3.0, -4.0, -5.0, -6.0)))


def test_ignored_rows_count_nowhere() -> None:
    """Deviation B7: the mean is over the rows that count; the others have slope 0."""
    loss = NegativeLogLikelihood(ignore_index=-1)
    value, slope = _value(FLOAT, loss, _log_thirds(), _labels(1, -1, 0))
    assert value == (3.5,)
    assert slope == (0.0, -0.5, 0.0, 0.0, -0.5, 0.0)


def test_a_mean_over_no_rows_is_zero_over_zero() -> None:
    """With every label ignored the mean is NaN, the sum 0, every derivative 0."""
    labels = _labels(7, 7, 7)
    logs = of_any_shape(_log_thirds().map(BINARY64.from_float))
    mean = NegativeLogLikelihood(ignore_index=7)
    (value,), slope = _value(BINARY64, mean, logs, labels)
    assert math.isnan(BINARY64.to_float(value))
    assert {BINARY64.to_float(each) for each in slope} == {0.0}
    total = NegativeLogLikelihood(ignore_index=7, reduction="sum")
    (value,), _ = _value(BINARY64, total, logs, labels)
    assert BINARY64.to_float(value) == 0.0


def test_class_weights_divide_by_the_weights_at_the_targets() -> None:
    """The weighted mean is `sum w l / sum w`."""
    loss = NegativeLogLikelihood(class_weights=(1, 3))
    labels = _labels(1, 1, 0)
    value, slope = _value(FLOAT, loss, _log_thirds(), labels)
    assert value == ((3 * 2 + 3 * 4 + 5) / 7,)
    assert slope == (0.0, -3 / 7, 0.0, -3 / 7, -1 / 7, 0.0)


def test_a_label_out_of_range_is_refused() -> None:
    """Deviations B7 and B9: no other row is read, and no zero row stands for it."""
    with pytest.raises(TorchLeanError) as refused:
        _value(
            FLOAT,
            CrossEntropy(),
            _log_thirds(),
            _labels(0, 2, 1),
        )
    assert str(refused.value) == (
        "cross_entropy: target: expected an index from 0 to 1, got 2"
    )


def test_cross_entropy_divides_by_rows_and_not_by_elements() -> None:
    """Deviation B11: equal logits give log C, whatever the number of rows."""
    zeros = of_any_shape(Tensor(matrix(5, 4), (0.0,) * 20))
    labels = _labels(0, 1, 2, 3, 0)
    (value,), _ = _value(FLOAT, CrossEntropy(reduction="sum"), zeros, labels)
    (mean,), _ = _value(FLOAT, CrossEntropy(), zeros, labels)
    assert mean == value / 5
    assert _value(FLOAT, CrossEntropy(reduction="none"), zeros, labels)[0] == (
        (math.log(4.0),) * 5
    )


def test_cross_entropy_at_infinity() -> None:
    """A class of probability 0 costs infinity if it is the target, nothing if not."""
    row = of_any_shape(Tensor(matrix(1, 2), (0.0, -INFINITY)))
    certain = _labels(
        0,
    )
    wrong = _labels(
        1,
    )
    assert _value(FLOAT, CrossEntropy(), row, certain)[0] == (0.0,)
    assert _value(FLOAT, CrossEntropy(), row, wrong)[0] == (INFINITY,)
    target = of_any_shape(Tensor(matrix(1, 2), (1.0, 0.0)))
    by_distribution = CrossEntropy(targets="distribution")
    assert _value(FLOAT, by_distribution, row, target)[0] == (0.0,)


def test_binary_cross_entropy_of_certain_predictions() -> None:
    """Deviation B4: a right certainty costs 0, a wrong one infinity."""
    certain = of_any_shape(Tensor(vector(4), (1.0, 0.0, 1.0, 0.0)))
    target = of_any_shape(Tensor(vector(4), (1.0, 0.0, 0.0, 1.0)))
    loss = BinaryCrossEntropy(from_logits=False, reduction="none")
    assert _value(FLOAT, loss, certain, target)[0] == (0.0, 0.0, INFINITY, INFINITY)


def test_binary_cross_entropy_of_large_logits_is_finite() -> None:
    """Deviation B5: logits of 1000 overflow nothing."""
    logits = of_any_shape(Tensor(vector(4), (1000.0, -1000.0, 1000.0, -1000.0)))
    target = of_any_shape(Tensor(vector(4), (1.0, 0.0, 0.0, 1.0)))
    loss = BinaryCrossEntropy(reduction="none")
    assert _value(FLOAT, loss, logits, target)[0] == (0.0, 0.0, 1000.0, 1000.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Huber(0), "expected delta above 0, got 0"),
        (lambda: SmoothL1(-1), "expected beta above 0, got -1"),
        (
            lambda: CrossEntropy(label_smoothing="1.5"),
            "expected label_smoothing in [0, 1], got 1.5",
        ),
        (
            lambda: CrossEntropy(targets="distribution", ignore_index=0),
            "expected ignore_index with index targets only, got 0 with distributions",
        ),
        (
            lambda: CrossEntropy(class_weights=(1, -2)),
            "expected class_weights of at least 0, got -2.0",
        ),
        (
            lambda: MeanSquaredError("median"),  # type: ignore[arg-type]
            "expected reduction 'mean', 'sum' or 'none', got 'median'",
        ),
        (
            lambda: Task(Linear(1, 1), MeanSquaredError("none")),
            "a task needs a scalar loss: expected reduction 'mean' or 'sum', "
            "got 'none'",
        ),
        (
            lambda: CrossEntropy().target_shape(vector(3)),
            "expected a prediction of shape [batch, classes], got [3]",
        ),
    ],
)
def test_what_losses_refuse(build: Callable[[], object], message: str) -> None:
    """Each refusal says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        build()
    assert str(refused.value) == message


def test_class_weights_of_another_length_are_refused() -> None:
    """There is one weight for each class."""
    with pytest.raises(TorchLeanError) as refused:
        _value(
            FLOAT,
            CrossEntropy(class_weights=(1, 2, 3)),
            _log_thirds(),
            _labels(0, 1, 1),
        )
    assert str(refused.value) == "class_weights: expected 2 weights, got 3"
