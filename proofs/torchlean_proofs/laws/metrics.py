"""Laws of metrics: exact counts of what a classifier got right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import metrics
from torchlean_spec.errors import Reason
from torchlean_spec.metrics import Count
from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.shape import Dim, Scalar, Shape, matrix, sizes
from torchlean_spec.tensor import Tensor

VALUES = (-math.inf, -1.0, -0.0, 0.0, 1.0, math.inf, math.nan)
CLASSES = 4
IGNORED = -1

Argmax = Callable[..., int]


def _last(system: object, values: Sequence[float]) -> int:
    return len(values) - 1 - metrics.argmax(FLOAT, values[::-1])


def _skipping_nan(system: object, values: Sequence[float]) -> int:
    return metrics.argmax(FLOAT, [-math.inf if x != x else x for x in values])


@law(
    "metrics.argmax",
    objects="metrics.argmax",
    evidence=Evidence.EXHAUSTIVE,
    subject=metrics.argmax,
    mutants={
        "of several, the last": _last,
        "NaN below every number": _skipping_nan,
        "the smallest": lambda system, values: metrics.argmax(
            system, [-x for x in values]
        ),
        "of the sizes": lambda system, values: metrics.argmax(
            system, [abs(x) for x in values]
        ),
        "+0 above -0": lambda system, values: max(
            range(len(values)),
            key=lambda i: (
                values[i] != values[i],
                values[i],
                math.copysign(1.0, values[i]),
                -i,
            ),
        ),
    },
    cases=lambda draws: itertools.chain(
        *(itertools.product(VALUES, repeat=count) for count in (1, 2, 3))
    ),
)
def the_first_largest(argmax: Argmax, values: tuple[float, ...]) -> bool:
    """Nothing before the place found is as large, nothing after it is larger.

    A NaN is larger than every number, and as large as another NaN.
    """
    found = argmax(FLOAT, values)
    # Ranked by pairs, in which a NaN's number does not matter.
    ranks = [(1, 0.0) if x != x else (0, x) for x in values]
    best = ranks[found]
    before, after = ranks[:found], ranks[found + 1 :]
    return all(rank < best for rank in before) and all(rank <= best for rank in after)


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of some samples, with ties among them, and the samples' labels."""

    scores: Tensor[Fraction, Shape]
    labels: tuple[int, ...]
    ignored: int | None

    @property
    def predicted(self) -> tuple[int, ...]:
        """The class of the first largest score of each row."""
        return tuple(row.index(max(row)) for row in self.scores.rows())

    @property
    def counted(self) -> list[tuple[tuple[Fraction, ...], int]]:
        """Scores and label of the samples that count."""
        pairs = zip(self.scores.rows(), self.labels, strict=True)
        return [(row, label) for row, label in pairs if label != self.ignored]


def scored(draws: Draws) -> Iterator[Scored]:
    """Small tables of scores, whose labels are sometimes to be ignored."""

    def drawn() -> Scored:
        count = draws.integer(1, 6)
        shape: Shape = matrix(count, CLASSES)
        values = [Fraction(draws.integer(-2, 2)) for _ in range(count * CLASSES)]
        ignored = draws.choice((None, IGNORED, 2))
        lowest = IGNORED if ignored == IGNORED else 0
        labels = tuple(draws.integer(lowest, CLASSES - 1) for _ in range(count))
        return Scored(Tensor(shape, tuple(values)), labels, ignored)

    return repeat(60, drawn)


def counts_something(case: Scored) -> bool:
    """Whether a sample counts at all."""
    return bool(case.counted)


@law(
    "metrics.predictions",
    objects="metrics.predictions metrics.argmax",
    evidence=Evidence.SEARCHED,
    subject=metrics.predictions,
    mutants={
        "class of each column": lambda system, scores: metrics.predictions(
            system,
            Tensor(
                matrix(*sizes(scores.shape)[::-1]),
                tuple(x for column in zip(*scores.rows(), strict=True) for x in column),
            ),
        ),
        "the first row's": lambda system, scores: (
            metrics.predictions(system, scores)[:1] * sizes(scores.shape)[0]
        ),
        "counted from 1": lambda system, scores: tuple(
            each + 1 for each in metrics.predictions(system, scores)
        ),
    },
    cases=scored,
)
def predicted(predictions: Callable[..., tuple[int, ...]], case: Scored) -> bool:
    """The prediction of a sample is the first of its largest scores."""
    return predictions(RATIONAL, case.scores) == case.predicted


Accuracy = Callable[[Sequence[int], Sequence[int], int | None], Count]


@law(
    "metrics.accuracy",
    objects="metrics.accuracy metrics.Count",
    evidence=Evidence.SEARCHED,
    subject=metrics.accuracy,
    mutants={
        "ignored samples counted as wrong": lambda predicted, labels, ignored: (
            metrics.accuracy(predicted, labels, None)
        ),
        "ignored predictions": lambda predicted, labels, ignored: metrics.accuracy(
            labels, predicted, ignored
        ),
        "the wrong ones": lambda predicted, labels, ignored: Count(
            metrics.accuracy(predicted, labels, ignored).total
            - metrics.accuracy(predicted, labels, ignored).correct,
            metrics.accuracy(predicted, labels, ignored).total,
        ),
        "without the first sample": lambda predicted, labels, ignored: metrics.accuracy(
            predicted[1:], labels[1:], ignored
        ),
    },
    cases=scored,
    premise=counts_something,
)
def counted_right(accuracy: Accuracy, case: Scored) -> bool:
    """Right and wrong samples that count add up to those that count."""
    found = accuracy(case.predicted, case.labels, case.ignored)
    right = wrong = 0
    for given, label in zip(case.predicted, case.labels, strict=True):
        if label == case.ignored:
            continue
        right, wrong = right + (given == label), wrong + (given != label)
    share = Fraction(right, right + wrong)
    return found == (right, right + wrong) and found.share == share


Confusion = Callable[
    [int, Sequence[int], Sequence[int], int | None],
    Tensor[int, Dim[int, Dim[int, Scalar]]],
]


@law(
    "metrics.confusion",
    objects="metrics.confusion_matrix metrics.accuracy",
    evidence=Evidence.SEARCHED,
    subject=metrics.confusion_matrix,
    mutants={
        "labels along the columns": lambda classes, predicted, labels, ignored: Tensor(
            matrix(classes, classes),
            tuple(
                x
                for column in zip(
                    *metrics.confusion_matrix(
                        classes, predicted, labels, ignored
                    ).rows(),
                    strict=True,
                )
                for x in column
            ),
        ),
        "right samples only": lambda classes, predicted, labels, ignored: (
            metrics.confusion_matrix(classes, labels, labels, ignored)
        ),
        "ignored samples as class 0": lambda classes, predicted, labels, ignored: (
            metrics.confusion_matrix(
                classes,
                predicted,
                [0 if label == ignored else label for label in labels],
            )
        ),
    },
    cases=scored,
    premise=counts_something,
)
def confusions(confusion_matrix: Confusion, case: Scored) -> bool:
    """Rows add up to how often a class occurs, columns to how often it is predicted.

    The diagonal adds up to how many predictions are right.
    """
    rows = confusion_matrix(CLASSES, case.predicted, case.labels, case.ignored).rows()
    pairs = [
        (given, label)
        for given, label in zip(case.predicted, case.labels, strict=True)
        if label != case.ignored
    ]
    classes = range(CLASSES)
    by_label = [sum(label == c for _, label in pairs) for c in classes]
    by_prediction = [sum(given == c for given, _ in pairs) for c in classes]
    right = sum(given == label for given, label in pairs)
    return (
        list(map(sum, rows)) == by_label
        and [sum(column) for column in zip(*rows, strict=True)] == by_prediction
        and sum(rows[c][c] for c in classes) == right
        and all(rows[label][given] for given, label in pairs)
    )


TopK = Callable[..., Count]


def _ties_for_all(
    system: object,
    scores: Tensor[Fraction, Shape],
    labels: Sequence[int],
    k: int,
    ignored: int | None,
) -> Count:
    rows = zip(scores.rows(), labels, strict=True)
    counted = [(row, label) for row, label in rows if label != ignored]
    right = sum(sum(x > row[label] for x in row) < k for row, label in counted)
    return Count(right, len(counted))


@law(
    "metrics.top_k",
    objects="metrics.top_k metrics.argmax metrics.accuracy",
    evidence=Evidence.SEARCHED,
    subject=metrics.top_k,
    mutants={
        "all of several equal ones": _ties_for_all,
        "k - 1": lambda system, scores, labels, k, ignored: metrics.top_k(
            system, scores, labels, max(k - 1, 1), ignored
        ),
        "the smallest": lambda system, scores, labels, k, ignored: metrics.top_k(
            system, scores.map(lambda x: -x), labels, k, ignored
        ),
        "always one": lambda system, scores, labels, k, ignored: metrics.top_k(
            system, scores, labels, 1, ignored
        ),
    },
    cases=scored,
    premise=counts_something,
)
def top(top_k: TopK, case: Scored) -> bool:
    """A label is among the first k classes, ordered by score and then by index.

    So more are right as k grows: for k = 1 as many as the predictions, in the end all.
    """
    found = [
        top_k(RATIONAL, case.scores, case.labels, k, case.ignored)
        for k in range(1, CLASSES + 1)
    ]
    ranked = [
        ([c for _, c in sorted((-row[c], c) for c in range(CLASSES))], label)
        for row, label in case.counted
    ]
    expected = [
        Count(sum(label in order[:k] for order, label in ranked), len(ranked))
        for k in range(1, CLASSES + 1)
    ]
    first = metrics.accuracy(case.predicted, case.labels, case.ignored)
    return (
        found == expected
        and found == sorted(found)
        and found[0] == first
        and found[-1].correct == found[-1].total
    )


@law(
    "metrics.one_hot",
    objects="metrics.class_of_one_hot operations.one_hot",
    evidence=Evidence.EXHAUSTIVE,
    subject=metrics.class_of_one_hot,
    mutants={
        "largest entry": metrics.argmax,
        "place of the first 1": lambda system, row: list(row).index(1),
        "the last class": lambda system, row: len(row) - 1,
    },
    cases=lambda draws: itertools.product(map(Fraction, (-1, 0, 1, 2)), repeat=CLASSES),
)
def one_hot_rows(class_of: Callable[..., int], row: tuple[Fraction, ...]) -> bool:
    """A row with a single 1 and zeros is the place of the 1; any other is refused."""
    unit_rows = [
        tuple(Fraction(i == c) for i in range(CLASSES)) for c in range(CLASSES)
    ]
    if row in unit_rows:
        return class_of(RATIONAL, row) == unit_rows.index(row)
    return refuses(Reason.CLASS_OUT_OF_RANGE, lambda: class_of(RATIONAL, row))


@law(
    "metrics.nothing",
    objects="metrics.argmax metrics.accuracy",
    evidence=Evidence.EXHAUSTIVE,
    subject=metrics.accuracy,
    mutants={
        "0 of 0": lambda predicted, labels, ignored: Count(0, 0),
        "nothing ignored": lambda predicted, labels, ignored: metrics.accuracy(
            predicted, labels
        ),
    },
    cases=lambda draws: iter(range(4)),
)
def nothing_counts(accuracy: Accuracy, count: int) -> bool:
    """Where no sample counts there is no share, and no largest of no values."""
    labels = (IGNORED,) * count
    return refuses(
        Reason.EMPTY_DATA, lambda: accuracy((0,) * count, labels, IGNORED)
    ) and refuses(Reason.EMPTY_DATA, lambda: metrics.argmax(FLOAT, []))
