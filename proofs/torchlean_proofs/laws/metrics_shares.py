"""Laws of shares: merged counts, precision and recall, one-hot targets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import metrics
from torchlean_spec.errors import Reason
from torchlean_spec.metrics import Count, Table
from torchlean_spec.numbers import RATIONAL

CLASSES = 3


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions and labels of some samples, and where they are cut in two."""

    predicted: tuple[int, ...]
    labels: tuple[int, ...]
    cut: int

    @property
    def table(self) -> Table:
        """How often each class was predicted as each."""
        return metrics.confusion_matrix(CLASSES, self.predicted, self.labels)


def samples(draws: Draws) -> Iterator[Predicted]:
    """A few samples, in which some classes are often missing."""

    def drawn() -> Predicted:
        count = draws.integer(2, 6)
        return Predicted(
            tuple(draws.integer(0, CLASSES - 1) for _ in range(count)),
            tuple(draws.integer(0, CLASSES - 1) for _ in range(count)),
            draws.integer(1, count - 1),
        )

    return repeat(40, drawn)


@law(
    "metrics.merged",
    objects="metrics.merged metrics.accuracy",
    evidence=Evidence.SEARCHED,
    subject=metrics.merged,
    mutants={
        "the last": lambda *counts: counts[-1],
        "joined as rows": lambda *counts: sum(counts, ()),
        "right ones of the first": lambda *counts: Count(
            counts[0].correct, sum(each.total for each in counts)
        ),
    },
    cases=samples,
)
def merged_counts(merged: Callable[..., Count], case: Predicted) -> bool:
    """Counts of two parts of the samples add up to those of all."""
    first = metrics.accuracy(case.predicted[: case.cut], case.labels[: case.cut])
    second = metrics.accuracy(case.predicted[case.cut :], case.labels[case.cut :])
    whole = metrics.accuracy(case.predicted, case.labels)
    return merged(first, second) == whole == merged(whole)


Share = Callable[[Table, int], Fraction | None]


def _or_zero(share: Share) -> Share:
    return lambda table, index: share(table, index) or Fraction(0)


def share_of(case: Predicted, index: int, chosen: Sequence[int]) -> Fraction | None:
    """The share of right ones among the samples at which a class was chosen."""
    places = [i for i, each in enumerate(chosen) if each == index]
    right = sum(case.predicted[i] == case.labels[i] for i in places)
    return Fraction(right, len(places)) if places else None


@law(
    "metrics.precision",
    objects="metrics.precision metrics.confusion_matrix",
    evidence=Evidence.SEARCHED,
    subject=metrics.precision,
    mutants={
        "recall": metrics.recall,
        "0 for a class without samples": _or_zero(metrics.precision),
        "of the next class": lambda table, index: metrics.precision(
            table, (index + 1) % CLASSES
        ),
        "accuracy": lambda table, index: Fraction(
            sum(row[i] for i, row in enumerate(table.rows())), sum(table.values)
        ),
    },
    cases=samples,
)
def precision_of_classes(precision: Share, case: Predicted) -> bool:
    """It is the share of right ones where a class was predicted, `None` if nowhere."""
    return all(
        precision(case.table, index) == share_of(case, index, case.predicted)
        for index in range(CLASSES)
    ) and refuses(Reason.CLASS_OUT_OF_RANGE, lambda: precision(case.table, CLASSES))


@law(
    "metrics.recall",
    objects="metrics.recall metrics.confusion_matrix",
    evidence=Evidence.SEARCHED,
    subject=metrics.recall,
    mutants={
        "precision": metrics.precision,
        "0 for a class without samples": _or_zero(metrics.recall),
        "of the next class": lambda table, index: metrics.recall(
            table, (index + 1) % CLASSES
        ),
    },
    cases=samples,
)
def recall_of_classes(recall: Share, case: Predicted) -> bool:
    """It is the share of right ones among a class's samples, `None` if it has none."""
    return all(
        recall(case.table, index) == share_of(case, index, case.labels)
        for index in range(CLASSES)
    ) and refuses(Reason.CLASS_OUT_OF_RANGE, lambda: recall(case.table, CLASSES))


Row = tuple[Fraction, ...]
VALUES = tuple(map(Fraction, (0, 1, 2)))
Correct = Callable[..., bool | None]


def _by_largest(system: object, scores: Row, target: Row) -> bool | None:
    """The original's: the places of the two largest."""
    if not scores:
        return None
    return metrics.argmax(RATIONAL, scores) == metrics.argmax(RATIONAL, target)


@law(
    "metrics.correct_one_hot",
    objects="metrics.correct_one_hot metrics.argmax metrics.class_of_one_hot",
    evidence=Evidence.EXHAUSTIVE,
    subject=metrics.correct_one_hot,
    mutants={
        "a row of zeros as class 0": _by_largest,
        "nothing counts as wrong": lambda system, scores, target: bool(
            metrics.correct_one_hot(system, scores, target)
        ),
        "the largest score is not the first": lambda system, scores, target: (
            metrics.correct_one_hot(system, scores[::-1], target[::-1])
        ),
        "the score at the class is the largest": lambda system, scores, target: (
            scores[metrics.class_of_one_hot(system, target)] == max(scores)
            if scores
            else None
        ),
    },
    cases=lambda draws: (
        pair
        for count in (0, 1, 2)
        for pair in itertools.product(
            itertools.product(VALUES, repeat=count),
            itertools.product(VALUES, repeat=count),
        )
    ),
)
def correct_by_one_hot(correct: Correct, case: tuple[Row, Row]) -> bool:
    """It holds if the first largest score stands at the 1; of nothing it is `None`.

    Other rows than one-hot ones are refused.
    """
    scores, target = case
    if not scores:
        return correct(RATIONAL, scores, target) is None
    if sorted(target) != [0] * (len(target) - 1) + [1]:
        return refuses(
            Reason.CLASS_OUT_OF_RANGE, lambda: correct(RATIONAL, scores, target)
        )
    return correct(RATIONAL, scores, target) is (
        scores.index(max(scores)) == target.index(Fraction(1))
    )
