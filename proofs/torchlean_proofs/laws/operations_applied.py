"""Operations applied to exact numbers: what the laws of operations are made of.

The operands of a case are exact rationals (or integers, where an operation wants
indices); each number system takes them in through its own `constant`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, cast

from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_spec.numbers import RATIONAL, bounded
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.numbers.system import A, Exact, NumberSystem
from torchlean_spec.operations import OPERATIONS, Attributes, Operands
from torchlean_spec.operations.operation import Attribute, DerivativeRule, Meaning
from torchlean_spec.shape import Shape, shape_of, size, sizes, vector
from torchlean_spec.tensor import Tensor, V

Operand = Tensor[Fraction, Shape] | Tensor[int, Shape]

DOUBLE = bounded("float64")
"""Where an operation is irrational: intervals that hold the exact answer."""

SPECIALS = ("-inf", "-1", "-0.0", "0.0", "1", "inf", "nan")
"""The numbers at which an edge is a matter of definition."""


@dataclass(frozen=True, slots=True, repr=False)
class Application:
    """One use of an operation: its attributes and its operands."""

    attributes: Attributes
    operands: tuple[Operand, ...]

    def __repr__(self) -> str:
        shown = [
            f"{each.shape} {' '.join(map(str, each.values))}" for each in self.operands
        ]
        return "; ".join([str(self.attributes)] * bool(self.attributes) + shown)

    def real(self, position: int) -> Tensor[Fraction, Shape]:
        """The operand at a position, which holds rationals."""
        return cast("Tensor[Fraction, Shape]", self.operands[position])

    def index(self, position: int) -> Tensor[int, Shape]:
        """The operand at a position, which holds integers."""
        return cast("Tensor[int, Shape]", self.operands[position])


Cases = Callable[[Draws], Iterator[Application]]


def application(*operands: Operand, **attributes: Attribute) -> Application:
    """An operation's use, in short."""
    return Application(Attributes(**attributes), operands)


def holds_integers(operand: Operand) -> bool:
    """Whether an operand holds indices; rationals are `Fraction` even if whole."""
    return any(isinstance(value, int) for value in operand.values)


def lifted(
    system: NumberSystem[A], operands: Sequence[Operand]
) -> list[Tensor[A, Shape] | Tensor[int, Shape]]:
    """The operands as numbers of a system; indices stay integers."""
    return [
        cast("Tensor[int, Shape]", each)
        if holds_integers(each)
        else Tensor(each.shape, tuple(map(system.constant, each.values)))
        for each in operands
    ]


def applied(
    meaning: Meaning, system: NumberSystem[A], use: Application
) -> Tensor[A, Shape]:
    """What an operation gives over a number system."""
    operands: Operands[A] = Operands(lifted(system, use.operands))
    return meaning(system, use.attributes, operands)


def exactly(meaning: Meaning, use: Application) -> Tensor[Fraction, Shape]:
    """What an operation gives over the rationals."""
    return applied(meaning, RATIONAL, use)


def meaning_of(name: str) -> Meaning:
    """The meaning of the operation with a name."""
    return OPERATIONS[name].meaning


def rule_of(name: str) -> DerivativeRule:
    """The derivative rule of an operation that has one."""
    rule = OPERATIONS[name].derivative
    assert rule is not None
    return rule


class Formula(Protocol):
    """A formula over any number system, as wrong variants are written."""

    def __call__(
        self, system: NumberSystem[A], attributes: Attributes, /, *values: A
    ) -> A:
        """One element of the result."""
        ...


def of_formula(formula: object) -> Meaning:
    """The operation that applies a formula to each element."""
    form = cast(Formula, formula)

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        columns = [operands.real(i).values for i in range(len(operands.tensors))]
        rows = zip(*columns, strict=True)
        values = tuple(form(system, attributes, *row) for row in rows)
        return Tensor(operands.real(0).shape, values)

    return meaning


def formulas(mutants: Mapping[str, object]) -> dict[str, Meaning]:
    """Wrong formulas as wrong operations."""
    return {name: of_formula(formula) for name, formula in mutants.items()}


class RowFormula(Protocol):
    """A formula of whole rows, over any number system."""

    def __call__(self, system: NumberSystem[A], /, *rows: Sequence[A]) -> Sequence[A]:
        """One row of the result, of one row of each operand."""
        ...


def of_rows(formula: object) -> Meaning:
    """The operation that applies a formula to each row."""
    form = cast(RowFormula, formula)

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        tables = [operands.real(i).rows() for i in range(len(operands.tensors))]
        values = [v for rows in zip(*tables, strict=True) for v in form(system, *rows)]
        return Tensor(operands.real(0).shape, tuple(values))

    return meaning


def meet(x: Bounded, y: Bounded) -> bool:
    """Whether two sets of answers have a finite number in common."""
    ours, theirs = x.all_outcomes().finite, y.all_outcomes().finite
    if ours is None or theirs is None:
        return False
    return ours[0] <= theirs[1] and theirs[0] <= ours[1]


def ends(x: Bounded) -> tuple[Fraction, Fraction]:
    """The least and the largest finite answer."""
    finite = x.all_outcomes().finite
    assert finite is not None
    return finite


def agree(x: object, y: object) -> bool:
    """Whether exact numbers are equal, or bounded ones meet."""
    if isinstance(x, Bounded) and isinstance(y, Bounded):
        return meet(x, y)
    return x == y


def all_agree(x: Sequence[object], y: Sequence[object]) -> bool:
    """Whether two rows agree, number by number."""
    return len(x) == len(y) and all(map(agree, x, y))


def places(shape: Shape) -> list[tuple[int, ...]]:
    """The place of every element, in row-major order."""
    return list(itertools.product(*map(range, sizes(shape))))


def element(tensor: Tensor[V, Shape], place: Sequence[int]) -> V:
    """The element at a place, one index for each axis."""
    return tensor.values[places(tensor.shape).index(tuple(place))]


def exact_law(
    topic: str,
    name: str,
    sentence: str,
    relation: Callable[[Application, Tensor[Fraction, Shape]], bool],
    cases: Cases,
    mutants: Mapping[str, Meaning],
    evidence: Evidence = Evidence.IDENTITY_TESTED,
) -> Law:
    """The law that a relation holds between operands and result, over rationals.

    Args:
        topic: The file that the law stands in.
        name: The operation.
        sentence: The relation in words.
        relation: Of a use, and what the operation gave.
        cases: Uses of the operation.
        mutants: Wrong meanings.
        evidence: What stands behind it.
    """

    def holds(meaning: Meaning, use: Application) -> bool:
        return relation(use, exactly(meaning, use))

    holds.__doc__ = sentence
    return law(
        f"{topic}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=evidence,
        subject=meaning_of(name),
        mutants=mutants,
        cases=cases,
    )(holds)


def with_attributes(name: str, **changed: Attribute) -> Meaning:
    """An operation that takes no notice of some of its attributes."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        wrong = Attributes(**{**attributes, **changed})
        return meaning_of(name)(system, wrong, operands)

    return meaning


# WHAT CASES ARE DRAWN FROM


def sixteenths(draws: Draws, low: Exact = -3, high: Exact = 3) -> Fraction:
    """A multiple of 1/16, which every format from binary16 on holds."""
    return Fraction(draws.integer(int(low * 16), int(high * 16)), 16)


def table(
    draws: Draws, *extents: int, low: Exact = -3, high: Exact = 3
) -> Tensor[Fraction, Shape]:
    """A tensor of multiples of 1/16."""
    shape = shape_of(extents)
    return Tensor(
        shape, tuple(sixteenths(draws, low, high) for _ in range(size(shape)))
    )


def exact_table(draws: Draws, *extents: int) -> Tensor[Fraction, Shape]:
    """A tensor of rationals with small denominators, none of them 0."""
    shape = shape_of(extents)
    return Tensor(shape, draws.fractions(size(shape)))


def positive_table(draws: Draws, *extents: int) -> Tensor[Fraction, Shape]:
    """A tensor of positive multiples of 1/16."""
    return table(draws, *extents, low=Fraction(1, 16))


def row_of(*values: Exact) -> Tensor[Fraction, Shape]:
    """A vector of given numbers."""
    shape: Shape = vector(len(values))
    return Tensor(shape, tuple(Fraction(value) for value in values))


def indices(draws: Draws, count: int, bound: int) -> Tensor[int, Shape]:
    """A vector of integers below a bound."""
    shape: Shape = vector(count)
    return Tensor(shape, tuple(draws.integer(0, bound - 1) for _ in range(count)))


def index_of(*values: int) -> Tensor[int, Shape]:
    """A vector of given integers."""
    shape: Shape = vector(len(values))
    return Tensor(shape, values)
