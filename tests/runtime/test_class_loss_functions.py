"""Losses of rows of classes as functions: values, ignored labels, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import torchlean as tl
from torchlean_spec.errors import Reason, TorchLeanError

GENERATOR = np.random.default_rng(9)
LOGITS = GENERATOR.standard_normal((5, 3))
LOGS = np.log(GENERATOR.dirichlet([1, 1, 1], 5))
LABELS = np.array([0, 2, 1, 1, 0])
HOT = np.eye(3)[LABELS]


def test_rows_indices_and_one_hot_rows_agree() -> None:
    """A row's loss is the same, however its class is told."""
    rows = tl.loss.cross_entropy_rows(LOGITS, LABELS, "none")
    likelihood = tl.loss.negative_log_likelihood_rows(LOGS, LABELS, "none")
    assert likelihood.tolist() == (-LOGS[np.arange(5), LABELS]).tolist()
    assert tl.loss.negative_log_likelihood_one_hot(LOGS, HOT, "none").tolist() == (
        likelihood.tolist()
    )
    assert tl.loss.cross_entropy_one_hot(LOGITS, HOT, "none").tolist() == rows.tolist()
    for row, label in enumerate(LABELS.tolist()):
        one = tl.loss.cross_entropy_index(LOGITS[row], label)
        assert float(one) == float(tl.loss.cross_entropy_of_class(LOGITS[row], label))
        assert float(one) == rows[row]
        found = tl.loss.negative_log_likelihood_index(LOGS[row], label)
        assert float(found) == likelihood[row]


def test_flat_indices_point_at_each_rows_class() -> None:
    """They pick from the flattened table what the labels pick row by row."""
    places = tl.loss.row_target_flat_indices(5, 3, LABELS)
    assert LOGS.ravel()[places].tolist() == LOGS[np.arange(5), LABELS].tolist()


def test_ignored_rows_count_nowhere() -> None:
    """Deviation B7: an ignored row is neither in the sum nor in the number of rows."""
    kept = LABELS != 1
    ignoring = tl.loss.negative_log_likelihood_rows(LOGS, LABELS, ignore_index=1)
    without = tl.loss.negative_log_likelihood_rows(LOGS[kept], LABELS[kept])
    assert float(ignoring) == float(without)
    row = LOGS[0]
    assert float(tl.loss.cross_entropy_of_class(row, -100, ignore_index=-100)) == 0
    nothing = tl.loss.negative_log_likelihood_of_class(row, 3, ignore_index=3)
    assert float(nothing) == 0


def test_the_mean_is_over_rows_whatever_axes_they_have() -> None:
    """Deviation B11: rows of a third axis are rows, and the mean divides by them."""
    logits, labels = LOGITS[:4].reshape(2, 2, 3), LABELS[:4].reshape(2, 2)
    none = tl.loss.cross_entropy_rows(logits, labels, "none")
    flat = tl.loss.cross_entropy_rows(LOGITS[:4], LABELS[:4], "none")
    assert none.tolist() == flat.reshape(2, 2).tolist()
    mean = tl.loss.cross_entropy_rows(logits, labels)
    assert float(mean) == float(tl.loss.cross_entropy_rows(LOGITS[:4], LABELS[:4]))
    hot = tl.loss.cross_entropy_one_hot(logits, np.eye(3)[labels], "sum")
    assert float(hot) == float(
        tl.loss.cross_entropy_one_hot(LOGITS[:4], HOT[:4], "sum")
    )


def test_options_change_the_loss() -> None:
    """Deviation B6: weights and smoothing are not accepted in vain."""
    plain = float(tl.loss.cross_entropy_rows(LOGITS, LABELS))
    weighted = float(
        tl.loss.cross_entropy_rows(LOGITS, LABELS, class_weights=(1, 2, 3))
    )
    smoothed = float(tl.loss.cross_entropy_rows(LOGITS, LABELS, label_smoothing="0.1"))
    assert len({plain, weighted, smoothed}) == 3
    rows = tl.loss.negative_log_likelihood_one_hot(
        LOGS, HOT, "none", class_weights=(1, 2, 4)
    )
    unweighted = tl.loss.negative_log_likelihood_rows(LOGS, LABELS, "none")
    assert rows.tolist() == (unweighted * np.array([1, 4, 2, 2, 1])).tolist()


def test_formats_are_kept() -> None:
    """float32 scores give a float32 loss, and labels may be any integers."""
    found = tl.loss.cross_entropy_rows(
        LOGITS.astype(np.float32), LABELS.astype(np.uint8), strict=True
    )
    assert found.dtype == np.float32
    assert tl.loss.cross_entropy_index(LOGITS[0], 1).dtype == np.float64


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: tl.loss.cross_entropy_rows(LOGITS, np.array([0, 1, 2, 3, 0])),
        Reason.CLASS_OUT_OF_RANGE,
        "sample 3: expected a class from 0 to 2, got 3",
    ),
    (
        lambda: tl.loss.negative_log_likelihood_rows(
            LOGS, np.array([0, 1, -1, 2, 0]), ignore_index=-2
        ),
        Reason.CLASS_OUT_OF_RANGE,
        "sample 2: expected a class from 0 to 2, got -1",
    ),
    (
        lambda: tl.loss.cross_entropy_index(LOGITS[0], 3),
        Reason.CLASS_OUT_OF_RANGE,
        "expected a class from 0 to 2, got 3",
    ),
    (
        lambda: tl.loss.negative_log_likelihood_of_class(LOGS[0], -1, ignore_index=9),
        Reason.CLASS_OUT_OF_RANGE,
        "expected a class from 0 to 2, got -1",
    ),
    (
        lambda: tl.loss.cross_entropy_index(LOGITS, 0),
        Reason.SHAPE_MISMATCH,
        "expected scores of shape [classes], got [5, 3]",
    ),
    (
        lambda: tl.loss.cross_entropy_rows(np.array(1.0), np.array(0)),
        Reason.SHAPE_MISMATCH,
        "expected scores of shape [.., classes], got a single number",
    ),
    (
        lambda: tl.loss.cross_entropy_rows(LOGITS, LABELS.astype(float)),
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [5] that are class indices, got [5] that are "
        "numbers",
    ),
    (
        lambda: tl.loss.cross_entropy_one_hot(LOGITS, HOT[:4]),
        Reason.SHAPE_MISMATCH,
        "expected a target of shape [5, 3], got [4, 3]",
    ),
    (
        lambda: tl.loss.cross_entropy_rows(np.zeros((2, 0)), np.array([0, 0])),
        Reason.EMPTY_DATA,
        "cross_entropy: expected at least 1 class, got none",
    ),
    (
        lambda: tl.loss.cross_entropy_index(np.zeros(0), 0),
        Reason.EMPTY_DATA,
        "cross_entropy: expected at least 1 class, got none",
    ),
    (
        lambda: tl.loss.row_target_flat_indices(2, 3, np.array([0, 3])),
        Reason.CLASS_OUT_OF_RANGE,
        "row 1: expected a class from 0 to 2, got 3",
    ),
    (
        lambda: tl.loss.row_target_flat_indices(3, 3, np.array([0, 1])),
        Reason.SHAPE_MISMATCH,
        "expected one class for each of the 3 rows, got int64 of shape [2]",
    ),
]


@pytest.mark.parametrize(("action", "reason", "message"), REFUSED)
def test_refusals(action: Callable[[], object], reason: Reason, message: str) -> None:
    """Deviations B7 and B9: a class that is none never costs 0 in silence."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    assert (refused.value.reason, str(refused.value)) == (reason, message)
