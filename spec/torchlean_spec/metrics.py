"""Metrics: what a classifier got right, as exact counts.

Nothing here is differentiated or rounded: scores are compared, classes counted,
and a share is left to whoever prints it.

>>> from torchlean_spec.numbers.floating import Floating
>>> from torchlean_spec.shape import matrix
>>> scores = Tensor(matrix(3, 2), (0.9, 0.1, 0.2, 0.8, 0.6, 0.4))
>>> predicted = predictions(Floating(), scores)
>>> predicted
(0, 1, 0)
>>> accuracy(predicted, (0, 1, 1))
Count(correct=2, total=3)
>>> confusion_matrix(2, predicted, (0, 1, 1)).rows()
[(1, 0), (1, 1)]
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, Condition, NumberSystem
from torchlean_spec.shape import Dim, S, Scalar, matrix, rank, sizes
from torchlean_spec.tensor import Tensor, V


class Count(NamedTuple):
    """How many of how many samples were right."""

    correct: int
    total: int

    @property
    def share(self) -> Fraction:
        """The share that was right.

        >>> Count(3, 4).share
        Fraction(3, 4)
        """
        return Fraction(self.correct, self.total)


def argmax(system: NumberSystem[A], values: Sequence[A]) -> int:
    """The place of the largest value; of several, the first.

    A NaN counts as larger than every number, as in NumPy and PyTorch, so that a
    model that has diverged is not taken for one that chose. (The original never
    lets a NaN replace a number, nor a number a NaN at place 0.)

    Raises:
        TorchLeanError: `EMPTY_DATA` for no values, `UNSUPPORTED` if the system
            cannot decide a comparison.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> argmax(Floating(), [1.0, 3.0, 3.0]), argmax(Floating(), [2.0, float("nan")])
    (1, 1)
    """
    if not values:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected the largest of at least 1 value, got none"
        )
    best = 0
    for place in range(1, len(values)):
        if _exceeds(system, values[place], values[best]):
            best = place
    return best


def predictions(system: NumberSystem[A], scores: Tensor[A, S]) -> tuple[int, ...]:
    """The class with the largest score in each row of a matrix [samples, classes].

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless the scores are a matrix, else as
            `argmax`.
    """
    return tuple(argmax(system, row) for row in _score_rows(scores))


def accuracy(
    predicted: Sequence[int], labels: Sequence[int], ignore_index: int | None = None
) -> Count:
    """How many predicted classes are the labels.

    Args:
        predicted: one class a sample.
        labels: the true ones.
        ignore_index: samples with this label do not count at all.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for different numbers of them,
            `EMPTY_DATA` if no sample counts.
    """
    pairs = _counted(predicted, labels, ignore_index)
    return Count(sum(given == wanted for given, wanted in pairs), len(pairs))


def merged(*counts: Count) -> Count:
    """The counts of several sets of samples as one; of none, 0 of 0.

    >>> merged(Count(3, 4), Count(1, 2))
    Count(correct=4, total=6)
    """
    return Count(
        sum(each.correct for each in counts), sum(each.total for each in counts)
    )


def top_k(
    system: NumberSystem[A],
    scores: Tensor[A, S],
    labels: Sequence[int],
    k: int,
    ignore_index: int | None = None,
) -> Count:
    """How many labels are among the k classes with the largest scores.

    Classes with equal scores rank in the order of their index, and a NaN ranks
    before every number, so that `top_k(..., 1)` counts what `argmax` finds.

    Raises:
        TorchLeanError: `DOMAIN` unless k is from 1 to the number of classes,
            `CLASS_OUT_OF_RANGE` for a label that is no class, else as `accuracy`
            and `predictions`.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> scores = Tensor(matrix(2, 3), (0.5, 0.3, 0.2, 0.5, 0.3, 0.2))
    >>> top_k(Floating(), scores, labels=(1, 2), k=2)
    Count(correct=1, total=2)
    """
    rows = _score_rows(scores)
    classes = sizes(scores.shape)[1]
    if not 1 <= k <= classes:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected k from 1 to the {classes} classes, got {k}"
        )
    correct = total = 0
    for row, label in _counted(rows, labels, ignore_index):
        _require_class(label, classes)
        before = sum(
            _exceeds(system, score, row[label])
            or (place < label and not _exceeds(system, row[label], score))
            for place, score in enumerate(row)
            if place != label
        )
        correct += before < k
        total += 1
    return Count(correct, total)


def confusion_matrix(
    classes: int,
    predicted: Sequence[int],
    labels: Sequence[int],
    ignore_index: int | None = None,
) -> Tensor[int, Dim[int, Dim[int, Scalar]]]:
    """How often each class (row) was predicted as each class (column).

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label or a prediction that is
            no class, else as `accuracy`.
    """
    counts = [0] * (classes * classes)
    for given, wanted in _counted(predicted, labels, ignore_index):
        _require_class(given, classes)
        _require_class(wanted, classes)
        counts[wanted * classes + given] += 1
    return Tensor(matrix(classes, classes), tuple(counts))


def class_of_one_hot(system: NumberSystem[A], row: Sequence[A]) -> int:
    """The class that a one-hot row stands for: one entry is 1, the others are 0.

    Any other row is refused. (The original reads the row of zeros that an
    out-of-range label leaves as class 0: `docs/deviations.md`, B9.)

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> class_of_one_hot(Floating(), [0.0, 0.0, 1.0])
    2
    """
    zero, one = system.constant(0), system.constant(1)
    ones = [i for i, entry in enumerate(row) if _holds(system.equal(entry, one))]
    zeros = sum(_holds(system.equal(entry, zero)) for entry in row)
    if len(ones) != 1 or zeros != len(row) - 1:
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            "expected a row with a single 1 and zeros otherwise, got "
            f"{[system.to_float(entry) for entry in row]}",
        )
    return ones[0]


def correct_one_hot(
    system: NumberSystem[A], scores: Sequence[A], target: Sequence[A]
) -> bool | None:
    """Whether the largest score stands where a one-hot target says; `None` of nothing.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for different numbers of classes,
            `CLASS_OUT_OF_RANGE` for a target that is not one-hot.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> correct_one_hot(Floating(), [0.1, 0.9], [0.0, 1.0])
    True
    """
    if len(scores) != len(target):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a target of {len(scores)} classes, got {len(target)}",
        )
    if not scores:
        return None
    return argmax(system, scores) == class_of_one_hot(system, target)


Table = Tensor[int, Dim[int, Dim[int, Scalar]]]
"""A confusion matrix."""


def precision(table: Table, index: int) -> Fraction | None:
    """The share of right ones among the samples that were predicted as a class.

    `None` for a class that was never predicted: 0/0 has no value.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a class that is none.

    >>> table = confusion_matrix(3, predicted=(0, 1, 0), labels=(0, 1, 1))
    >>> precision(table, 0), precision(table, 2)
    (Fraction(1, 2), None)
    """
    _require_class(index, sizes(table.shape)[0])
    column = [row[index] for row in table.rows()]
    return _share(column, index)


def recall(table: Table, index: int) -> Fraction | None:
    """The share of right ones among the samples that are of a class.

    `None` for a class that no sample is of.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a class that is none.

    >>> recall(confusion_matrix(2, predicted=(0, 1, 0), labels=(0, 1, 1)), 1)
    Fraction(1, 2)
    """
    _require_class(index, sizes(table.shape)[0])
    return _share(table.rows()[index], index)


def _share(counts: Sequence[int], index: int) -> Fraction | None:
    total = sum(counts)
    return Fraction(counts[index], total) if total else None


def _exceeds(system: NumberSystem[A], x: A, y: A) -> bool:
    """Whether x ranks strictly before y: larger, or a NaN where y is none."""
    if not _holds(system.equal(x, x)):
        return _holds(system.equal(y, y))
    return _holds(system.less(y, x))


def _holds(condition: Condition) -> bool:
    if not isinstance(condition, bool):
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            "expected a number system that decides every comparison, got an "
            "undecided one",
        )
    return condition


def _score_rows(scores: Tensor[A, S]) -> list[tuple[A, ...]]:
    if rank(scores.shape) != 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected scores of shape [samples, classes], got {scores.shape}",
        )
    return scores.rows()


def _counted(
    found: Sequence[V], labels: Sequence[int], ignore_index: int | None
) -> list[tuple[V, int]]:
    """What was found beside each label that counts; at least one of them."""
    if len(found) != len(labels):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected one label for each of the {len(found)} predictions, "
            f"got {len(labels)} labels",
        )
    pairs = [
        (each, label)
        for each, label in zip(found, labels, strict=True)
        if label != ignore_index
    ]
    if not pairs:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
        )
    return pairs


def _require_class(index: int, classes: int) -> None:
    if not 0 <= index < classes:
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"expected a class from 0 to {classes - 1}, got {index}",
        )
