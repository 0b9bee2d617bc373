"""Laws of the losses of whole rows: cosine similarity, clamped cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    all_agree,
    application,
    applied,
    meaning_of,
    table,
    with_attributes,
)
from torchlean_proofs.laws.regression_losses import REDUCTIONS, share
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import BINARY64, Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import OPERATIONS, Attributes, Operands
from torchlean_spec.operations import row_losses as losses
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.operations.regression_losses import reduce_values
from torchlean_spec.shape import Shape, matrix, shape_of, sizes, vector
from torchlean_spec.tensor import Tensor

TOPIC = "row_losses"
COSINE, CLAMPED = "cosine_similarity", "cross_entropy_of_probabilities"
TINY = Fraction(1, 2**26)
WIDE = Fraction(9)
CUT = Fraction(1, 5)

# WHERE


def directions(draws: Draws) -> Iterator[Application]:
    """Rows longer and shorter than epsilon, in matrices and in a further axis."""
    for reduction in REDUCTIONS:
        for extents in ((2, 3), (2, 2, 2), (4,)):
            for epsilon in (TINY, WIDE):
                yield application(
                    table(draws, *extents, low=Fraction(1, 16)),
                    table(draws, *extents),
                    reduction=reduction,
                    epsilon=epsilon,
                )


def probabilities(draws: Draws) -> Iterator[Application]:
    """Shares, some of which are cut, and shares as targets."""
    for reduction in REDUCTIONS:
        for extents in ((2, 3), (2, 2, 2), (4,)):
            for epsilon in (Fraction(0), CUT):
                yield application(
                    share(draws, *extents),
                    share(draws, *extents),
                    reduction=reduction,
                    epsilon=epsilon,
                )


# MEANINGS


def of_rows(formula: losses.RowLoss, whole: bool = False) -> Meaning:
    """A loss with another formula for a row, and the right reductions.

    If `whole`, the mean is over all elements.
    """

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        pairs = zip(operands.real(0).rows(), operands.real(1).rows(), strict=True)
        values = [formula(system, attributes, p, t) for p, t in pairs]
        shape = shape_of(sizes(operands.real(0).shape)[:-1])
        count = len(operands.real(0).values) if whole else len(values)
        reduction = attributes.text("reduction")
        return reduce_values(system, reduction, values, shape, system.constant(count))

    return meaning


def reduced(values: list[Bounded], use: Application) -> list[Bounded]:
    """The values themselves, their sum, or their mean."""
    reduction = use.attributes.text("reduction")
    if reduction == "none":
        return values
    count = len(values) if reduction == "mean" else 1
    return [DOUBLE.sum(values) / DOUBLE.constant(count)]


Row = Sequence[Bounded]


def row_law(
    name: str,
    sentence: str,
    row: Callable[[Row, Row, Bounded], Bounded],
    cases: Cases,
    mutants: Mapping[str, Meaning],
) -> Law:
    """The law of a loss of rows, by another expression for a row."""

    def holds(meaning: Meaning, use: Application) -> bool:
        epsilon = DOUBLE.constant(use.attributes.exact("epsilon"))
        tables = [use.real(i).map(DOUBLE.constant).rows() for i in (0, 1)]
        values = [row(p, t, epsilon) for p, t in zip(*tables, strict=True)]
        found = applied(meaning, DOUBLE, use)
        shape = sizes(use.real(0).shape)[:-1]
        wanted = shape if use.attributes.text("reduction") == "none" else ()
        return sizes(found.shape) == wanted and all_agree(
            found.values, reduced(values, use)
        )

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.SEARCHED,
        subject=meaning_of(name),
        mutants={
            "sum for mean": _renamed(name, "mean", "sum"),
            "mean for sum": _renamed(name, "sum", "mean"),
            "epsilon of another size": with_attributes(name, epsilon=Fraction(1, 3)),
            **mutants,
        },
        cases=cases,
    )(holds)


def _renamed(name: str, given: str, taken: str) -> Meaning:
    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        if attributes.text("reduction") == given:
            attributes = Attributes(**{**attributes, "reduction": taken})
        return meaning_of(name)(system, attributes, operands)

    return meaning


# COSINE SIMILARITY


def one_less_cosine(p: Row, t: Row, epsilon: Bounded) -> Bounded:
    """`1 - p.t / (max(|p|, epsilon) max(|t|, epsilon))`, as it is written."""
    long, wide = (
        DOUBLE.maximum(DOUBLE.sqrt(DOUBLE.dot(x, x)), epsilon) for x in (p, t)
    )
    return DOUBLE.constant(1) - DOUBLE.dot(p, t) / (long * wide)


def _similarity(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """The cosine itself."""
    return system.constant(1) - losses.cosine_distance(system, attributes, p, t)


def _one_more(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """1 more than the cosine."""
    return system.constant(1) + _similarity(system, attributes, p, t)


def _not_normalized(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """1 less the product of the rows as they are."""
    return system.constant(1) - system.dot(p, t)


def _plain_cosine(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """The loss as it is written: squares overflow and vanish."""
    least = system.constant(attributes.exact("epsilon"))
    long, wide = (system.maximum(system.sqrt(system.dot(x, x)), least) for x in (p, t))
    return system.constant(1) - system.dot(p, t) / (long * wide)


COSINE_LAW = row_law(
    COSINE,
    "A row costs 1 - p.t / (max(|p|, epsilon) max(|t|, epsilon)); means are over rows.",
    one_less_cosine,
    directions,
    {
        "the cosine itself": of_rows(_similarity),
        "1 more": of_rows(_one_more),
        "not normalized": of_rows(_not_normalized),
        "mean over elements": of_rows(losses.cosine_distance, whole=True),
    },
)


def _binary(
    meaning: Meaning, name: str, epsilon: Fraction, p: list[float], t: list[float]
) -> float:
    shape: Shape = vector(len(p))
    rows = [Tensor(shape, tuple(map(BINARY64.from_float, x))) for x in (p, t)]
    attributes = Attributes(reduction="sum", epsilon=epsilon)
    (found,) = meaning(BINARY64, attributes, Operands(rows)).values
    return float(found)


@law(
    "row_losses.cosine_similarity.scale",
    objects="operations.cosine_similarity.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of(COSINE),
    mutants={
        "as it is written": of_rows(_plain_cosine),
        "not normalized": of_rows(_not_normalized),
    },
    cases=lambda draws: (
        (left, right)
        for left in range(-900, 1000, 100)
        for right in range(-900, 1000, 100)
    ),
)
def scale_does_not_matter(meaning: Meaning, powers: tuple[int, int]) -> bool:
    """Rows that are 2^k times as long have the same loss to the bit, in binary64.

    Tried for k from -900 to 900, where squares overflow and vanish.
    """
    p, t = [3.0, 1.0, -2.0], [1.0, 5.0, 7.0]
    left, right = (2.0**power for power in powers)
    epsilon = Fraction(1, 2**1000)
    scaled = [[x * left for x in p], [x * right for x in t]]
    return _binary(meaning, COSINE, epsilon, *scaled) == _binary(
        meaning, COSINE, epsilon, p, t
    )


INF, NAN = math.inf, math.nan
SPECIAL = (
    (COSINE, TINY, [0.0, 0.0], [1.0, 0.0], 1.0),
    (COSINE, TINY, [0.0, 0.0], [0.0, 0.0], 1.0),
    (COSINE, TINY, [2.0, 0.0], [8.0, 0.0], 0.0),
    (COSINE, TINY, [2.0, 0.0], [-8.0, 0.0], 2.0),
    (COSINE, Fraction(4), [2.0, 0.0], [8.0, 0.0], 0.5),
    (COSINE, TINY, [INF, 0.0], [1.0, 0.0], NAN),
    (COSINE, TINY, [NAN, 0.0], [1.0, 0.0], NAN),
    (COSINE, TINY, [1.0, 0.0], [NAN, 0.0], NAN),
    (CLAMPED, Fraction(0), [0.0, 1.0], [0.0, 1.0], 0.0),
    (CLAMPED, Fraction(0), [0.0, 1.0], [1.0, 0.0], INF),
    (CLAMPED, Fraction(0), [0.5, 0.5], [1.0, 0.0], math.log(2.0)),
    (CLAMPED, Fraction(1, 4), [0.0, 1.0], [1.0, 0.0], math.log(4.0)),
    (CLAMPED, Fraction(1, 4), [0.0, 1.0], [0.0, 1.0], -math.log(0.75)),
    (CLAMPED, Fraction(1, 4), [NAN, 0.5], [0.0, 1.0], math.log(2.0)),
    (CLAMPED, Fraction(1, 4), [NAN, 0.5], [0.5, 0.5], NAN),
    (CLAMPED, Fraction(1, 4), [0.5, 0.5], [NAN, 0.5], NAN),
    (CLAMPED, Fraction(0), [-1.0, 0.5], [1.0, 0.0], INF),
)
"""A loss, epsilon, a prediction, a target, and the loss at them."""

Lookup = Callable[[str], Meaning]


def replacing(name: str, meaning: Meaning) -> Lookup:
    """The losses, of which one has another meaning."""
    return lambda wanted: meaning if wanted == name else meaning_of(wanted)


def _uncut(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """`-sum t log p`, whatever epsilon is."""
    return -system.dot(t, [system.log(each) for each in p])


def _cut_below(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """Probabilities that are cut off below only."""
    least = system.constant(attributes.exact("epsilon"))
    return -system.dot(t, [system.log(system.maximum(x, least)) for x in p])


def _with_two_classes(
    system: NumberSystem[A], attributes: Attributes, p: Sequence[A], t: Sequence[A], /
) -> A:
    """Each class as a yes or no of its own."""
    one = system.constant(1)
    others = system.dot([one - x for x in t], [system.log(one - x) for x in p])
    return _uncut(system, attributes, p, t) - others


@law(
    "row_losses.special",
    objects=f"operations.{COSINE}.meaning operations.{CLAMPED}.meaning",
    evidence=Evidence.EXHAUSTIVE,
    subject=meaning_of,
    mutants={
        "0/0 of a row of zeros": replacing(
            COSINE, with_attributes(COSINE, epsilon=Fraction(0))
        ),
        "0 times minus infinity": replacing(CLAMPED, of_rows(_cut_below)),
        "never cut": replacing(CLAMPED, of_rows(_uncut)),
    },
    cases=lambda draws: iter(SPECIAL),
)
def special_rows(
    lookup: Lookup, case: tuple[str, Fraction, list[float], list[float], float]
) -> bool:
    """Rows of zeros, infinities, NaN and certainties cost what the definitions say."""
    name, epsilon, p, t, expected = case
    found = _binary(lookup(name), name, epsilon, p, t)
    return found == expected or (found != found and expected != expected)


# CROSS-ENTROPY OF PROBABILITIES


def of_cut_shares(p: Row, t: Row, epsilon: Bounded) -> Bounded:
    """`log` of the product of `q^-t`: the terms one by one, from the last."""
    total, one = DOUBLE.constant(0), DOUBLE.constant(1)
    for given, weight in zip(reversed(p), reversed(t), strict=True):
        cut = DOUBLE.minimum(DOUBLE.maximum(given, epsilon), one - epsilon)
        total = total + weight * DOUBLE.log(one / cut)
    return total


CLAMPED_LAW = row_law(
    CLAMPED,
    "A row costs sum_c t_c log(1/q_c), q being p cut to [epsilon, 1 - epsilon]; means "
    "are over rows.",
    of_cut_shares,
    probabilities,
    {
        "never cut": of_rows(_uncut),
        "cut below only": of_rows(_cut_below),
        "two classes each": of_rows(_with_two_classes),
        "mean over elements": of_rows(losses.clamped_cross_entropy, whole=True),
    },
)


# WHAT IS REFUSED

EMPTY = (
    *((name, (2, 0), (2, 0)) for name in (COSINE, CLAMPED)),
    ("cross_entropy", (2, 0), (2,)),
    ("cross_entropy_probabilities", (2, 0), (2, 0)),
    ("negative_log_likelihood", (2, 0), (2,)),
    ("negative_log_likelihood_probabilities", (2, 0), (2, 0)),
)
"""A loss of rows, and shapes of a prediction and a target without an entry."""

ShapeOf = Callable[[str, Attributes, list[Shape]], Shape]


@law(
    "row_losses.nothing",
    objects=" ".join(f"operations.{name}" for name, *_ in EMPTY),
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda name, attributes, shapes: OPERATIONS[name].shape(attributes, shapes),
    mutants={
        "a loss of nothing": lambda name, attributes, shapes: shape_of([]),
        "a loss for each row": lambda name, attributes, shapes: matrix(2, 1),
    },
    cases=lambda draws: iter(EMPTY),
)
def rows_of_nothing(
    rule: ShapeOf, case: tuple[str, tuple[int, ...], tuple[int, ...]]
) -> bool:
    """No loss takes rows without an entry, or of no class."""
    name, *extents = case
    attributes = Attributes(reduction="mean", epsilon=TINY)
    shapes = list(map(shape_of, extents))
    return refuses(Reason.EMPTY_DATA, lambda: rule(name, attributes, shapes))
