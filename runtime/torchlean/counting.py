"""Classes and labels as vectors of integers, of which some do not count."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean_spec.errors import Reason, TorchLeanError

Integers = NDArray[np.int64]


def integers(given: ArrayLike) -> Integers:
    """A vector of integers.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for anything else.
    """
    array = np.asarray(given)
    if array.ndim != 1 or (array.dtype.kind not in "iub" and array.size):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected one whole number for each sample, "
            f"got {array.dtype} of shape {list(array.shape)}",
        )
    return array.astype(np.int64)


def that_count(
    found: int, labels: Integers, ignore_index: int | None
) -> NDArray[np.bool_]:
    """Which samples count, of as many as there are labels.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless there are as many labels as found.
    """
    if found != len(labels):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected one label for each of the {found} predictions, "
            f"got {len(labels)} labels",
        )
    if ignore_index is None:
        return np.ones(found, np.bool_)
    return np.not_equal(labels, ignore_index)


def require_some(counted: NDArray[np.bool_]) -> None:
    """Refuse to count nothing.

    Raises:
        TorchLeanError: `EMPTY_DATA`.
    """
    if not counted.any():
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
        )


def require_classes(classes: int, *given: Integers) -> None:
    """Refuse integers that are no class; the first in the order of the samples.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`.
    """
    table = np.stack(given, axis=1)
    wrong = (table < 0) | (table >= classes)
    if wrong.any():
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"expected a class from 0 to {classes - 1}, got {table[wrong][0]}",
        )


def confusion_counts(classes: int, predicted: Integers, labels: Integers) -> Integers:
    """How often each class (row) was predicted as each class (column).

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`.

    >>> confusion_counts(2, np.array([0, 1, 0]), np.array([0, 1, 1]))
    array([[1, 0],
           [1, 1]])
    """
    require_classes(classes, predicted, labels)
    places = labels * classes + predicted
    counts = np.bincount(places, minlength=classes * classes)
    return counts.astype(np.int64).reshape(classes, classes)
