"""Losses: values at chosen points, denominators, edges, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
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
    SmoothL1,
    Targets,
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


@pytest.mark.parametrize(
    ("loss", "values", "slopes"),
    [
        (Hinge("sum"), (Fraction(9, 2),), ("0", "-1", "1")),
        (Hinge("none"), (0, 3, Fraction(3, 2)), ()),
    ],
)
def test_hinge_at_scores_two_minus_two_and_a_half(
    loss: Loss, values: tuple[Fraction, ...], slopes: tuple[str, ...]
) -> None:
    """A right score of at least 1 costs nothing; others cost how far they are off."""
    prediction, target = _rationals(2, -2, "1/2"), _rationals(1, 1, -1)
    found = _value(RATIONAL, loss, prediction, target)
    assert found == (values, tuple(map(Fraction, slopes)))


def test_the_kink_of_hinge_is_flat() -> None:
    """At p t = 1 the loss and its derivative are 0."""
    found = _value(RATIONAL, Hinge("sum"), _rationals(1), _rationals(1))
    assert found == ((Fraction(0),), (Fraction(0),))


def _floats(*values: float) -> Tensor[float, Shape]:
    return of_any_shape(Tensor(vector(len(values)), values))


def test_poisson_of_rates_and_of_their_logarithms() -> None:
    """No event at rate 0 costs nothing, an event infinitely much."""
    counts = _floats(0.0, 2.0, 0.0, 1.0)
    rates = _floats(1.0, 1.0, 0.0, 0.0)
    of_rates = Poisson(log_input=False, reduction="none")
    assert _value(FLOAT, of_rates, rates, counts)[0] == (1.0, 1.0, 0.0, INFINITY)
    logs = _floats(0.0, 0.0, -INFINITY, -INFINITY)
    of_logs = Poisson(reduction="none")
    assert _value(FLOAT, of_logs, logs, counts)[0] == (1.0, 1.0, 0.0, INFINITY)
    summed = Poisson(reduction="sum")
    assert _value(FLOAT, summed, logs, counts)[1] == (1.0, -1.0, 0.0, -1.0)


def test_log_cosh_neither_cancels_nor_overflows() -> None:
    """Near 0 it is half a square to the last bit, far away |d| less log 2."""
    far = 2.0**1000
    prediction = _floats(0.0, 2.0**-500, -(2.0**-40), far, 800.0, -INFINITY)
    found, _ = _value(FLOAT, LogCosh("none"), prediction, _floats(*[0.0] * 6))
    expected = (0.0, 2.0**-1001, 2.0**-81, far, 800 - math.log(2.0), INFINITY)
    assert found == expected


def test_cosine_similarity_of_directions() -> None:
    """One direction costs 0, a right angle 1, opposite ones 2, whatever the lengths."""
    prediction = (2.0**900, 0.0, 0.0, 2.0, -(2.0**-900), 0.0, 0.0, 0.0)
    target = (2.0**-20, 0.0, 8.0, 0.0, 2.0**1000, 0.0, 1.0, 1.0)
    shape: Shape = matrix(4, 2)
    rows = Tensor(shape, prediction), Tensor(shape, target)
    loss = CosineSimilarity(Fraction(1, 2**1000), "none")
    assert _value(FLOAT, loss, *rows)[0] == (0.0, 1.0, 2.0, 1.0)


def test_short_rows_count_as_epsilon_long() -> None:
    """Below epsilon the loss is linear in the prediction."""
    shape: Shape = matrix(1, 2)
    short, unit = Tensor(shape, (0.25, 0.0)), Tensor(shape, (1.0, 0.0))
    loss = CosineSimilarity(epsilon="0.5")
    assert _value(FLOAT, loss, short, unit) == ((0.5,), (-2.0, 0.0))


def test_cross_entropy_of_certain_probabilities() -> None:
    """Clamped, a wrong certainty costs -log epsilon; with an epsilon of 0, infinity."""
    shape: Shape = matrix(2, 2)
    certain = Tensor(shape, (1.0, 0.0, 1.0, 0.0))
    target = Tensor(shape, (1.0, 0.0, 0.0, 1.0))
    plain = CrossEntropyOfProbabilities(0, "none")
    assert _value(FLOAT, plain, certain, target)[0] == (0.0, INFINITY)
    clamped = CrossEntropyOfProbabilities("0.25", "none")
    assert _value(FLOAT, clamped, certain, target)[0] == (
        -math.log(0.75),
        -math.log(0.25),
    )
    _, slope = _value(
        FLOAT, CrossEntropyOfProbabilities("0.25", "sum"), certain, target
    )
    assert slope == (0.0, 0.0, 0.0, 0.0)


def test_likelihood_of_rows_of_probabilities() -> None:
    """One-hot rows give what their classes give; the mean divides by rows (B11)."""
    hot = of_any_shape(Tensor(matrix(3, 2), (0.0, 1.0, 1.0, 0.0, 1.0, 0.0)))
    by_rows = NegativeLogLikelihood(class_weights=(1, 3), targets="distribution")
    (value,), slope = _value(FLOAT, by_rows, _log_thirds(), hot)
    assert value == (3 * 2 + 3 + 5) / 3
    third = 1 / 3
    assert slope == (0.0, -3 * third, -third, 0.0, -third, 0.0)


@pytest.mark.parametrize("name", ["index", "distribution"])
def test_rows_of_no_class_are_refused(name: Targets) -> None:
    """There is no cross-entropy, and no likelihood, of 0 classes."""
    empty: Tensor[float, Shape] = of_any_shape(Tensor(matrix(2, 0), ()))
    target = _labels(0, 0) if name == "index" else empty
    losses: tuple[Loss, ...] = (
        CrossEntropy(name),
        NegativeLogLikelihood(targets=name),
    )
    suffix = "" if name == "index" else "_probabilities"
    for loss, operation in zip(
        losses, ("cross_entropy", "negative_log_likelihood"), strict=True
    ):
        with pytest.raises(TorchLeanError) as refused:
            _value(FLOAT, loss, empty, target)
        assert refused.value.reason is Reason.EMPTY_DATA
        assert str(refused.value) == (
            f"{operation}{suffix}: expected at least 1 class, got none"
        )


def test_rows_of_no_entry_are_refused() -> None:
    """A row has at least one entry to compare."""
    empty: Tensor[float, Shape] = of_any_shape(Tensor(matrix(2, 0), ()))
    with pytest.raises(TorchLeanError) as refused:
        _value(FLOAT, CosineSimilarity(), empty, empty)
    assert str(refused.value) == (
        "cosine_similarity: expected rows of at least 1 entry, got none"
    )


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
            lambda: NegativeLogLikelihood(3, targets="distribution"),
            "expected ignore_index with index targets only, got 3 with distributions",
        ),
        (
            lambda: CosineSimilarity(0),
            "expected epsilon above 0, got 0",
        ),
        (
            lambda: CrossEntropyOfProbabilities("0.5"),
            "expected epsilon in [0, 1/2), got 0.5",
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
