"""Laws of softmax and of its logarithm: meanings, gradients, derivative rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    application,
    applied,
    meaning_of,
    meet,
    of_rows,
    table,
)
from torchlean_proofs.laws.operations_derivatives import gradient_law, parts, rule_law
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.operations.reduction import (
    log_softmax_gradient_row,
    log_softmax_row,
    maximum_of,
    softmax_gradient_row,
    softmax_row,
)
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

TOPIC = "reduction"


def logits(draws: Draws) -> Iterator[Application]:
    """Rows of numbers, equal ones among them."""
    for extents in ((1,), (3,), (2, 3), (2, 2, 2)):
        yield application(table(draws, *extents))
    yield application(Tensor(shape_of([2]), (Fraction(1), Fraction(1))))


Row = list[Bounded]


def softmax_law(
    name: str,
    sentence: str,
    relation: Callable[[Sequence[Bounded], Row], bool],
    mutants: Mapping[str, Meaning],
) -> Law:
    """The law of what holds between a row and its softmax, or its logarithm."""

    def holds(meaning: Meaning, use: Application) -> bool:
        x = use.real(0).map(DOUBLE.constant)
        result = applied(meaning, DOUBLE, use)
        pairs = zip(x.rows(), result.rows(), strict=True)
        return result.shape == x.shape and all(
            relation(row, list(found)) for row, found in pairs
        )

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.SEARCHED,
        subject=meaning_of(name),
        mutants=mutants,
        cases=logits,
    )(holds)


ONE = DOUBLE.constant(1)


def is_softmax(row: Sequence[Bounded], found: Row) -> bool:
    """Whether shares add up to 1, and are to each other as the exponentials."""
    return meet(DOUBLE.sum(found), ONE) and all(
        meet(found[i], found[j] * DOUBLE.exp(row[i] - row[j]))
        for i, j in itertools.combinations(range(len(row)), 2)
    )


def is_log_softmax(row: Sequence[Bounded], found: Row) -> bool:
    """Whether the exponentials add up to 1, and differences are those of the row."""
    return meet(DOUBLE.sum([DOUBLE.exp(y) for y in found]), ONE) and all(
        meet(found[i] - found[j], row[i] - row[j])
        for i, j in itertools.combinations(range(len(row)), 2)
    )


def of_all(name: str) -> Meaning:
    """An operation of rows, which takes everything for one row."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        given = [operands.real(i) for i in range(len(operands.tensors))]
        flat = [Tensor(shape_of([len(each.values)]), each.values) for each in given]
        result = meaning_of(name)(system, attributes, Operands(flat))
        return Tensor(given[0].shape, result.values)

    return meaning


def _total(s: NumberSystem[A], row: Sequence[A]) -> A:
    return s.sum([s.exp(x) for x in row])


SOFTMAXES = (
    softmax_law(
        "softmax",
        "A softmax adds up to 1, and its shares have the ratios e^(x_i - x_j).",
        is_softmax,
        {
            "of everything": of_all("softmax"),
            "not normalized": of_rows(lambda s, row: [s.exp(x) for x in row]),
            "of the negatives": of_rows(
                lambda s, row: softmax_row(s, [-x for x in row])
            ),
            "to base 2": of_rows(
                lambda s, row: softmax_row(s, [x * s.log(s.constant(2)) for x in row])
            ),
            "normalized by the largest": of_rows(
                lambda s, row: [s.exp(x - maximum_of(s, row)) for x in row]
            ),
            "the logarithm": meaning_of("log_softmax"),
        },
    ),
    softmax_law(
        "log_softmax",
        "Its exponentials add up to 1, and its differences are those of the row.",
        is_log_softmax,
        {
            "of everything": of_all("log_softmax"),
            "the row less its largest": of_rows(
                lambda s, row: [x - maximum_of(s, row) for x in row]
            ),
            "the other sign": of_rows(
                lambda s, row: [-y for y in log_softmax_row(s, row)]
            ),
            "normalized by the sum": of_rows(
                lambda s, row: [x - _total(s, row) for x in row]
            ),
            "not the logarithm": meaning_of("softmax"),
        },
    ),
)


# DERIVATIVES


def some_logits(draws: Draws) -> Iterator[Application]:
    """Rows of numbers, equal ones among them."""
    return itertools.islice(logits(draws), 1, None)


GRADIENTS = (
    gradient_law(
        TOPIC,
        "softmax",
        some_logits,
        {
            "as if elementwise": of_rows(
                lambda s, y, u: [a * b for a, b in zip(y, u, strict=True)]
            ),
            "the sum of upstream": of_rows(
                lambda s, y, u: [a * (b - s.sum(u)) for a, b in zip(y, u, strict=True)]
            ),
            "the mean alone": of_rows(lambda s, y, u: [-(a * s.dot(u, y)) for a in y]),
            "upstream ignored": of_rows(
                lambda s, y, u: softmax_gradient_row(s, y, [s.constant(1)] * len(y))
            ),
            "of everything": of_all("softmax_gradient"),
        },
        of_result=True,
        elementwise=False,
    ),
    gradient_law(
        TOPIC,
        "log_softmax",
        some_logits,
        {
            "upstream passed on": of_rows(lambda s, y, u: u),
            "the result for its exponential": of_rows(
                lambda s, y, u: [b - a * s.sum(u) for a, b in zip(y, u, strict=True)]
            ),
            "upstream not summed": of_rows(
                lambda s, y, u: [b - s.exp(a) * b for a, b in zip(y, u, strict=True)]
            ),
            "the other sign": of_rows(
                lambda s, y, u: [-v for v in log_softmax_gradient_row(s, y, u)]
            ),
            "of everything": of_all("log_softmax_gradient"),
        },
        of_result=True,
        elementwise=False,
    ),
)


RULES = (
    rule_law(
        TOPIC,
        "softmax",
        some_logits,
        mutants={
            "of the operand": parts(
                lambda use: use.operands[0].apply("softmax_gradient", use.upstream)
            ),
            "as of its logarithm": parts(
                lambda use: use.result.apply("log_softmax_gradient", use.upstream)
            ),
        },
    ),
    rule_law(
        TOPIC,
        "log_softmax",
        some_logits,
        mutants={
            "of the operand": parts(
                lambda use: use.operands[0].apply("log_softmax_gradient", use.upstream)
            ),
            "as of softmax": parts(
                lambda use: use.result.apply("softmax_gradient", use.upstream)
            ),
        },
    ),
)
