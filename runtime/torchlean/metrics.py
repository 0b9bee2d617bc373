"""Metrics over NumPy arrays: exact counts, as in `torchlean_spec.metrics`.

>>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
>>> classes(scores)
array([0, 1, 0])
>>> accuracy(classes(scores), [0, 1, 1])
Count(correct=2, total=3)
>>> counted = AccuracyCounter().add([0, 1], [0, 1]) + AccuracyCounter().add([0], [1])
>>> counted.correct, counted.total, counted.share
(2, 3, Fraction(2, 3))
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean import counting
from torchlean.confusion import ConfusionMatrix as ConfusionMatrix
from torchlean_spec import metrics as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count as Count
from torchlean_spec.numbers import FLOAT

TOGETHER = 2**20
"""Scores that are compared at once, which bounds the memory that it takes."""


def argmax(scores: ArrayLike) -> int | None:
    """The place of the largest of a vector of scores; `None` of no score.

    Of several the first; a NaN counts as larger than every number.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for anything but a vector.

    >>> argmax([1.0, 3.0, 3.0]), argmax([])
    (1, None)
    """
    given = _vector(scores)
    return int(np.argmax(given)) if given.size else None


def class_of_one_hot(row: ArrayLike) -> int:
    """The class that a one-hot row stands for: one entry is 1, the others are 0.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for any other row: a row of zeros is no
            class; `SHAPE_MISMATCH` for anything but a vector.

    >>> class_of_one_hot([0, 0, 1])
    2
    """
    return spec.class_of_one_hot(FLOAT, _vector(row).tolist())


def correct_one_hot(scores: ArrayLike, target: ArrayLike) -> bool | None:
    """Whether the largest score stands where a one-hot target says; `None` of nothing.

    Raises:
        TorchLeanError: As `torchlean_spec.metrics.correct_one_hot`, and
            `SHAPE_MISMATCH` for anything but vectors.

    >>> correct_one_hot([0.1, 0.9], [1, 0])
    False
    """
    given = _vector(scores).tolist(), _vector(target).tolist()
    return spec.correct_one_hot(FLOAT, *given)


def classes(scores: ArrayLike) -> NDArray[np.int64]:
    """The class with the largest score in each row of `[samples, classes]`.

    Of several the first; a NaN counts as larger than every number.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless the scores are a matrix,
            `EMPTY_DATA` for no classes.
    """
    rows = _score_rows(scores)
    if rows.shape[1] == 0:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected the largest of at least 1 value, got none"
        )
    places: NDArray[np.int64] = np.argmax(rows, axis=1).astype(np.int64)
    return places


def accuracy(
    predicted: ArrayLike, labels: ArrayLike, ignore_index: int | None = None
) -> Count:
    """How many predicted classes are the labels.

    Args:
        predicted: One class a sample.
        labels: The true ones.
        ignore_index: Samples with this label do not count at all.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for different numbers of them,
            `EMPTY_DATA` if no sample counts.
    """
    given, wanted = counting.integers(predicted), counting.integers(labels)
    counted = counting.that_count(len(given), wanted, ignore_index)
    counting.require_some(counted)
    return _right(given, wanted, counted)


def _right(
    given: NDArray[np.int64], wanted: NDArray[np.int64], counted: NDArray[np.bool_]
) -> Count:
    right = np.count_nonzero((given == wanted) & counted)
    return Count(int(right), int(np.count_nonzero(counted)))


@dataclass(frozen=True, slots=True)
class AccuracyCounter:
    """How many samples were right so far; counters of parts add up to the whole.

    Raises:
        TorchLeanError: `DOMAIN` unless 0 <= correct <= total.
    """

    correct: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.correct <= self.total:
            raise TorchLeanError(
                Reason.DOMAIN,
                f"expected from 0 to {self.total} correct samples, got {self.correct}",
            )

    def add(
        self, predicted: ArrayLike, labels: ArrayLike, ignore_index: int | None = None
    ) -> AccuracyCounter:
        """The counter with further samples; a batch without one changes nothing.

        Args:
            predicted: One class a sample.
            labels: The true ones.
            ignore_index: Samples with this label do not count at all.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for different numbers of them.
        """
        given, wanted = counting.integers(predicted), counting.integers(labels)
        counted = counting.that_count(len(given), wanted, ignore_index)
        return self + AccuracyCounter(*_right(given, wanted, counted))

    def __add__(self, other: AccuracyCounter) -> AccuracyCounter:
        return AccuracyCounter(*spec.merged(self.count, other.count))

    @property
    def count(self) -> Count:
        """The two numbers, as `accuracy` gives them."""
        return Count(self.correct, self.total)

    @property
    def share(self) -> Fraction:
        """The share that was right.

        Raises:
            TorchLeanError: `EMPTY_DATA` if no sample was counted.
        """
        if not self.total:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
            )
        return self.count.share


def top_k(
    scores: ArrayLike, labels: ArrayLike, k: int, ignore_index: int | None = None
) -> Count:
    """How many labels are among the k classes with the largest scores.

    Raises:
        TorchLeanError: As `torchlean_spec.metrics.top_k`.

    >>> top_k([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [1, 2], k=2)
    Count(correct=1, total=2)
    """
    rows, wanted = _score_rows(scores), counting.integers(labels)
    width = rows.shape[1]
    if not 1 <= k <= width:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected k from 1 to the {width} classes, got {k}"
        )
    counted = counting.that_count(len(rows), wanted, ignore_index)
    counting.require_some(counted)
    rows, wanted = rows[counted], wanted[counted]
    counting.require_classes(width, wanted)
    step, correct = max(TOGETHER // width, 1), 0
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        ahead = _ahead(rows[part], wanted[part])
        correct += int(np.count_nonzero(ahead < k))
    return Count(correct, len(rows))


def _ahead(rows: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """How many classes rank before each row's label: larger, or equal and earlier.

    A NaN is larger than every number, and as large as another NaN.
    """
    own = np.take_along_axis(rows, labels[:, None], axis=1)
    missing, own_missing = np.isnan(rows), np.isnan(own)
    larger = np.where(missing, ~own_missing, own < rows)
    smaller = np.where(own_missing, ~missing, rows < own)
    earlier = np.arange(rows.shape[1]) < labels[:, None]
    ahead: NDArray[np.intp] = np.count_nonzero(larger | (earlier & ~smaller), axis=1)
    return ahead


def confusion_matrix(
    count: int,
    predicted: ArrayLike,
    labels: ArrayLike,
    ignore_index: int | None = None,
) -> NDArray[np.int64]:
    """How often each class (row) was predicted as each class (column).

    `ConfusionMatrix.of` gives the same as a record.

    Args:
        count: How many classes there are.
        predicted: One class a sample.
        labels: The true ones.
        ignore_index: Samples with this label do not count at all.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label or a prediction that is
            no class, else as `accuracy`.

    >>> confusion_matrix(2, [0, 1, 0], [0, 1, 1])
    array([[1, 0],
           [1, 1]])
    """
    given, wanted = counting.integers(predicted), counting.integers(labels)
    counted = counting.that_count(len(given), wanted, ignore_index)
    counting.require_some(counted)
    return counting.confusion_counts(count, given[counted], wanted[counted])


def _score_rows(scores: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(scores, np.float64)
    if rows.ndim != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected scores of shape [samples, classes], got {list(rows.shape)}",
        )
    return rows


def _vector(given: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(given, np.float64)
    if array.ndim != 1:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected one number for each class, got shape {list(array.shape)}",
        )
    return array
