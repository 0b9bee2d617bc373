"""Laws of rows that do not count, and of classes that are impossible or none."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.classification_losses import (
    CLASSES,
    IGNORED,
    PLAIN,
    mean_of_all_rows,
    next_class,
    with_changed,
    without,
)
from torchlean_proofs.laws.law import Evidence, law, refuses
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Operand,
    all_agree,
    application,
    applied,
    index_of,
    meaning_of,
)
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import BINARY64
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.shape import Shape, matrix, shape_of
from torchlean_spec.tensor import Tensor


def _chosen(use: Application, rows: list[int]) -> Application:
    """Some rows of a use."""
    x = use.real(0).rows()
    shape: Shape = matrix(len(rows), CLASSES)
    logits = Tensor(shape, tuple(v for row in rows for v in x[row]))
    targets = index_of(*(use.index(1).values[row] for row in rows))
    return replace(use, operands=(logits, targets))


@law(
    "classification_losses.ignored_rows",
    objects="operations.cross_entropy.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("cross_entropy"),
    mutants={
        "ignored rows counted": without("cross_entropy", "ignore_index"),
        "mean over all rows": mean_of_all_rows("cross_entropy"),
    },
    cases=PLAIN,
    premise=lambda use: (
        "ignore_index" in use.attributes and use.attributes.text("reduction") != "none"
    ),
)
def ignored_rows(meaning: Meaning, use: Application) -> bool:
    """Ignoring rows is leaving them out."""
    targets = use.index(1).values
    kept = _chosen(use, [i for i, t in enumerate(targets) if t != IGNORED])
    shorter = applied(
        meaning_of("cross_entropy"), DOUBLE, with_changed(kept, ignore_index=None)
    )
    return all_agree(applied(meaning, DOUBLE, use).values, shorter.values)


def _binary(meaning: Meaning, row: list[float], target: list[float]) -> float:
    shape: Shape = matrix(1, len(row))
    rows = [Tensor(shape, tuple(map(BINARY64.from_float, x))) for x in (row, target)]
    result = meaning(BINARY64, Attributes(reduction="sum"), Operands(rows))
    return float(result.values[0])


def plain_products(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """`-sum q l` with a term of 0 times minus infinity."""
    logarithms = meaning_of("log_softmax")(
        system, Attributes(), Operands([operands.real(0)])
    )
    terms = map(system.dot, logarithms.rows(), operands.real(1).rows())
    return Tensor(shape_of([]), (-system.sum(list(terms)),))


IMPOSSIBLE = (
    ([0.0, 0.0, -math.inf], [0.5, 0.5, 0.0], "0.6931471805599453"),
    ([0.0, -math.inf, -math.inf], [1.0, 0.0, 0.0], "0.0"),
    ([0.0, -math.inf, -math.inf], [0.0, 1.0, 0.0], "inf"),
    ([1000.0, 0.0, -1000.0], [1.0, 0.0, 0.0], "0.0"),
    ([1000.0, 0.0, -1000.0], [0.0, 0.0, 1.0], "2000.0"),
)
"""Logits, a distribution and the loss."""


def _exponentials(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A cross-entropy that takes the logarithm of the softmax."""
    shares = meaning_of("softmax")(system, Attributes(), Operands([operands.real(0)]))
    rows = zip(shares.rows(), operands.real(1).rows(), strict=True)
    zero = system.constant(0)
    terms = [
        system.where(system.equal(q, zero), zero, q * system.log(p))
        for p_row, q_row in rows
        for p, q in zip(p_row, q_row, strict=True)
    ]
    return Tensor(shape_of([]), (-system.sum(terms),))


@law(
    "classification_losses.edges",
    objects="operations.cross_entropy_probabilities.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("cross_entropy_probabilities"),
    mutants={
        "0 times minus infinity": plain_products,
        "logarithm of the softmax": _exponentials,
    },
    cases=lambda draws: iter(IMPOSSIBLE),
)
def impossible_classes(
    meaning: Meaning, case: tuple[list[float], list[float], str]
) -> bool:
    """A class of target 0 costs nothing, however impossible; no logit overflows."""
    row, target, expected = case
    return abs(_binary(meaning, row, target)) == float(expected)


def leaving_out(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A loss that ignores a row whose class is none, as the original does."""
    (target,) = operands.index(1).values
    ignored = target if not 0 <= target < CLASSES else None
    given = Attributes(**{**attributes, "ignore_index": ignored})
    return meaning_of("cross_entropy")(system, given, operands)


@law(
    "classification_losses.out_of_range",
    objects="operations.cross_entropy.meaning "
    "operations.negative_log_likelihood.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("cross_entropy"),
    mutants={
        "the class modulo the classes": next_class("cross_entropy"),
        "every such row ignored": leaving_out,
    },
    cases=lambda draws: iter((-2, -1, CLASSES, CLASSES + 1)),
)
def out_of_range(meaning: Meaning, target: int) -> bool:
    """A class that is none is refused, unless it is the one to be ignored."""
    shape: Shape = matrix(1, CLASSES)
    logits = Tensor(shape, (Fraction(1),) * CLASSES)
    use = application(logits, index_of(target), reduction="sum")
    likelihood = meaning_of("negative_log_likelihood")
    ignored = applied(meaning, DOUBLE, with_changed(use, ignore_index=target)).values
    return (
        refuses(Reason.CLASS_OUT_OF_RANGE, lambda: applied(meaning, DOUBLE, use))
        and refuses(Reason.CLASS_OUT_OF_RANGE, lambda: applied(likelihood, DOUBLE, use))
        and all_agree(ignored, [DOUBLE.constant(0)])
    )


def zero_for_nothing(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A mean that divides by 1 where no row counts."""
    summed = Attributes(**{**attributes, "reduction": "sum"})
    return meaning_of("cross_entropy")(system, summed, operands)


@law(
    "classification_losses.nothing_counts",
    objects="operations.cross_entropy.meaning "
    "operations.cross_entropy_gradient.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of("cross_entropy"),
    mutants={
        "0 as the mean of nothing": zero_for_nothing,
        "ignored rows counted": without("cross_entropy", "ignore_index"),
        "mean over all rows": mean_of_all_rows("cross_entropy"),
    },
    cases=lambda draws: iter((1, 2, 3)),
)
def nothing_counts(meaning: Meaning, rows: int) -> bool:
    """If no row counts, the sum is 0, the mean 0/0, and every derivative 0."""
    shape: Shape = matrix(rows, CLASSES)
    logits = Tensor(shape, (Fraction(1),) * (rows * CLASSES))
    targets = index_of(*[IGNORED] * rows)
    slope = meaning_of("cross_entropy_gradient")
    upstream = Tensor(shape_of([]), (Fraction(1),))

    def values(of: Meaning, reduction: str, *more: Operand) -> list[float]:
        use = application(
            logits, targets, *more, reduction=reduction, ignore_index=IGNORED
        )
        return [float(value) for value in applied(of, BINARY64, use).values]

    (mean,) = values(meaning, "mean")
    return (
        math.isnan(mean)
        and values(meaning, "sum") == [0.0]
        and values(slope, "mean", upstream) == [0.0] * (rows * CLASSES)
    )
