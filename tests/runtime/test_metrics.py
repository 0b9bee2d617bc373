"""Metrics over arrays are those of the spec, NaN and ties included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import metrics
from torchlean_spec import metrics as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import FLOAT
from torchlean_spec.shape import matrix
from torchlean_spec.tensor import Tensor

SCORE = st.sampled_from([-1.0, 0.0, -0.0, 0.5, 1.0, float("inf"), float("nan")])
ROWS = st.lists(st.tuples(SCORE, SCORE, SCORE), min_size=1, max_size=5)


INDICES = st.lists(st.integers(-1, 2), min_size=5, max_size=5)


@given(rows=ROWS, labels=INDICES)
def test_metrics_are_the_specs(
    rows: list[tuple[float, float, float]], labels: list[int]
) -> None:
    """Classes, accuracy, the best k and the confusion of the same scores."""
    table = Tensor(matrix(len(rows), 3), tuple(each for row in rows for each in row))
    wanted = [max(label, 0) for label in labels[: len(rows)]]
    predicted = metrics.classes(rows)
    assert tuple(predicted.tolist()) == spec.predictions(FLOAT, table)
    assert metrics.accuracy(predicted, wanted) == spec.accuracy(
        predicted.tolist(), wanted
    )
    for k in (1, 2, 3):
        assert metrics.top_k(rows, wanted, k) == spec.top_k(FLOAT, table, wanted, k)
    confused = spec.confusion_matrix(3, predicted.tolist(), wanted)
    found = metrics.confusion_matrix(3, predicted, wanted)
    assert found.ravel().tolist() == list(confused.values)
    assert found.shape == (3, 3)


@given(rows=ROWS, labels=INDICES, ignored=st.sampled_from([None, -1, 0, 1]))
def test_metrics_with_ignored_samples_are_the_specs(
    rows: list[tuple[float, float, float]], labels: list[int], ignored: int | None
) -> None:
    """What counts, and what is refused with which sentence, is as in the spec."""
    table = Tensor(matrix(len(rows), 3), tuple(each for row in rows for each in row))
    wanted = labels[: len(rows)]
    predicted = metrics.classes(rows).tolist()
    pairs: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (
            lambda: metrics.accuracy(predicted, wanted, ignored),
            lambda: spec.accuracy(predicted, wanted, ignored),
        ),
        (
            lambda: metrics.top_k(rows, wanted, 2, ignored),
            lambda: spec.top_k(FLOAT, table, wanted, 2, ignored),
        ),
        (
            lambda: metrics.confusion_matrix(3, predicted, wanted, ignored).tolist(),
            lambda: [
                list(row)
                for row in spec.confusion_matrix(3, predicted, wanted, ignored).rows()
            ],
        ),
    ]
    for ours, theirs in pairs:
        assert answer(ours) == answer(theirs)


def answer(action: Callable[[], object]) -> object:
    """What an action gives, or the sentence that it is refused with."""
    try:
        return action()
    except TorchLeanError as error:
        return str(error)


def test_top_k_of_many_samples_is_the_specs() -> None:
    """Many rows with ties, infinities and NaN, compared in several parts."""
    generator = np.random.default_rng(1)
    scores = generator.integers(-2, 3, (2000, 7)).astype(np.float32)
    scores[generator.random(scores.shape) < 0.05] = np.nan
    scores[generator.random(scores.shape) < 0.05] = np.inf
    labels = generator.integers(0, 7, 2000)
    table = Tensor(matrix(2000, 7), tuple(scores.ravel().tolist()))
    for k in (1, 3, 7):
        wanted = spec.top_k(FLOAT, table, labels.tolist(), k)
        assert metrics.top_k(scores, labels, k) == wanted
        parts = [metrics.top_k(scores[i::3], labels[i::3], k) for i in range(3)]
        assert spec.merged(*parts) == wanted


@given(st.lists(SCORE, max_size=6))
def test_argmax_is_the_specs(scores: list[float]) -> None:
    """The first of the largest, NaN before every number; `None` of no score."""
    wanted = spec.argmax(FLOAT, scores) if scores else None
    assert metrics.argmax(scores) == wanted


@given(
    st.lists(st.sampled_from([0.0, 1.0, 0.5]), max_size=4), st.lists(SCORE, max_size=4)
)
def test_one_hot_rows_are_read_as_in_the_spec(
    row: list[float], scores: list[float]
) -> None:
    """Deviation B9: a row of zeros is no class, here and there."""
    assert answer(lambda: metrics.class_of_one_hot(row)) == answer(
        lambda: spec.class_of_one_hot(FLOAT, row)
    )
    assert answer(lambda: metrics.correct_one_hot(scores, row)) == answer(
        lambda: spec.correct_one_hot(FLOAT, scores, row)
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2)), max_size=9))
def test_counters_of_batches_add_up(pairs: list[tuple[int, int]]) -> None:
    """However samples are grouped, a counter has the whole's correct and total."""
    counter = metrics.AccuracyCounter()
    for given_class, label in pairs:
        counter = counter.add([given_class], [label], ignore_index=-1)
    predicted, labels = [list(each) for each in zip(*pairs, strict=True)] or [[], []]
    whole = metrics.AccuracyCounter().add(predicted, labels, ignore_index=-1)
    halves = [
        metrics.AccuracyCounter().add(predicted[part], labels[part], -1)
        for part in (slice(0, 4), slice(4, None))
    ]
    assert counter == whole == halves[0] + halves[1]
    if whole.total:
        counted = metrics.accuracy(predicted, labels, ignore_index=-1)
        assert (whole.count, whole.share) == (counted, counted.share)


def test_a_counter_is_a_value() -> None:
    """Adding gives another counter and leaves the first as it was."""
    first = metrics.AccuracyCounter(1, 2)
    assert first.add([0, 1], [0, 0]) == metrics.AccuracyCounter(2, 4)
    assert (first.correct, first.total) == (1, 2)


def test_ignored_samples_do_not_count() -> None:
    """A label that is ignored is neither right nor wrong."""
    assert metrics.accuracy([0, 1, 1], [0, -1, 0], ignore_index=-1) == (1, 2)


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: metrics.classes(np.zeros(3)),
        Reason.SHAPE_MISMATCH,
        "expected scores of shape [samples, classes], got [3]",
    ),
    (
        lambda: metrics.classes(np.zeros((3, 0))),
        Reason.EMPTY_DATA,
        "expected the largest of at least 1 value, got none",
    ),
    (
        lambda: metrics.accuracy([0.5, 1.0], [0, 1]),
        Reason.SHAPE_MISMATCH,
        "expected one whole number for each sample, got float64 of shape [2]",
    ),
    (
        lambda: metrics.accuracy([[0], [1]], [0, 1]),
        Reason.SHAPE_MISMATCH,
        "expected one whole number for each sample, got int64 of shape [2, 1]",
    ),
    (
        lambda: metrics.argmax([[1.0]]),
        Reason.SHAPE_MISMATCH,
        "expected one number for each class, got shape [1, 1]",
    ),
    (
        lambda: metrics.AccuracyCounter(3, 2),
        Reason.DOMAIN,
        "expected from 0 to 2 correct samples, got 3",
    ),
    (
        lambda: metrics.AccuracyCounter().add([0], [1, 2]),
        Reason.SHAPE_MISMATCH,
        "expected one label for each of the 1 predictions, got 2 labels",
    ),
    (
        lambda: metrics.AccuracyCounter().share,
        Reason.EMPTY_DATA,
        "expected at least 1 sample that counts, got none",
    ),
    (
        lambda: metrics.top_k([[1.0, 2.0]], [2], 1),
        Reason.CLASS_OUT_OF_RANGE,
        "expected a class from 0 to 1, got 2",
    ),
    (
        lambda: metrics.top_k([[1.0, 2.0]], [0], 0),
        Reason.DOMAIN,
        "expected k from 1 to the 2 classes, got 0",
    ),
    (
        lambda: metrics.accuracy([0, 1], [0]),
        Reason.SHAPE_MISMATCH,
        "expected one label for each of the 2 predictions, got 1 labels",
    ),
    (
        lambda: metrics.accuracy([], []),
        Reason.EMPTY_DATA,
        "expected at least 1 sample that counts, got none",
    ),
    (
        lambda: metrics.confusion_matrix(2, [0, 2], [0, 1]),
        Reason.CLASS_OUT_OF_RANGE,
        "expected a class from 0 to 1, got 2",
    ),
]


@pytest.mark.parametrize(("action", "reason", "message"), REFUSED)
def test_refusals(action: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    assert (refused.value.reason, str(refused.value)) == (reason, message)
