"""Metrics over NumPy arrays: exact counts, as in `torchlean_spec.metrics`.

>>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
>>> classes(scores)
array([0, 1, 0])
>>> accuracy(classes(scores), [0, 1, 1])
Count(correct=2, total=3)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean_spec import metrics as spec
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count as Count
from torchlean_spec.numbers import FLOAT
from torchlean_spec.shape import shape_of
from torchlean_spec.tensor import Tensor


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
    return spec.accuracy(_integers(predicted), _integers(labels), ignore_index)


def top_k(
    scores: ArrayLike, labels: ArrayLike, k: int, ignore_index: int | None = None
) -> Count:
    """How many labels are among the k classes with the largest scores.

    Raises:
        TorchLeanError: As `torchlean_spec.metrics.top_k`.

    >>> top_k([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [1, 2], k=2)
    Count(correct=1, total=2)
    """
    rows = _score_rows(scores)
    flat: Sequence[float] = rows.ravel().tolist()
    table = Tensor(shape_of(rows.shape), tuple(flat))
    return spec.top_k(FLOAT, table, _integers(labels), k, ignore_index)


def confusion_matrix(
    count: int,
    predicted: ArrayLike,
    labels: ArrayLike,
    ignore_index: int | None = None,
) -> NDArray[np.int64]:
    """How often each class (row) was predicted as each class (column).

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
    counted = spec.confusion_matrix(
        count, _integers(predicted), _integers(labels), ignore_index
    )
    return np.array(counted.values, np.int64).reshape(count, count)


def _score_rows(scores: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(scores, np.float64)
    if rows.ndim != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected scores of shape [samples, classes], got {list(rows.shape)}",
        )
    return rows


def _integers(given: ArrayLike) -> list[int]:
    """A vector of integers as Python's."""
    array = np.asarray(given)
    if array.ndim != 1 or (array.dtype.kind not in "iub" and array.size):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected one whole number for each sample, "
            f"got {array.dtype} of shape {list(array.shape)}",
        )
    return [int(each) for each in array.tolist()]
