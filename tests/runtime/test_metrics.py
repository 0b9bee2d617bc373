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


@given(rows=ROWS, labels=st.lists(st.integers(-1, 2), min_size=5, max_size=5))
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
