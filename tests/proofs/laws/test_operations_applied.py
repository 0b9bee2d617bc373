"""Operations on exact numbers: the tools of the laws of operations."""

from __future__ import annotations

from fractions import Fraction

from torchlean_proofs.laws.law import Draws
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    agree,
    all_agree,
    application,
    applied,
    element,
    ends,
    exactly,
    index_of,
    indices,
    meaning_of,
    meet,
    of_formula,
    of_rows,
    places,
    positive_table,
    row_of,
    table,
    with_attributes,
)
from torchlean_spec.numbers import BINARY32
from torchlean_spec.shape import shape_of
from torchlean_spec.tensor import Tensor

PAIR = application(row_of(1, 2), row_of(3, 5))


def test_an_operation_is_applied_over_any_system() -> None:
    """The operands are taken in by the system's own constants."""
    assert exactly(meaning_of("divide"), PAIR).values == (
        Fraction(1, 3),
        Fraction(2, 5),
    )
    rounded = applied(meaning_of("divide"), BINARY32, PAIR).values
    assert float(rounded[0]) == 0.3333333432674408


def test_indices_stay_integers() -> None:
    """An operand of integers is handed on as it is."""
    use = application(row_of(4, 5), index_of(1, 1, 0))
    assert exactly(meaning_of("gather_rows"), use) == row_of(5, 5, 4)


def test_formulas_become_operations() -> None:
    """A formula is applied to each element, or to each row."""
    difference = of_formula(lambda s, a, x, y: x - y)
    assert exactly(difference, PAIR) == row_of(-2, -3)
    swapped = of_rows(lambda s, row: row[::-1])
    square = Tensor(shape_of([2, 2]), tuple(map(Fraction, (1, 2, 3, 4))))
    found = exactly(swapped, application(square))
    assert found.values == row_of(2, 1, 4, 3).values


def test_attributes_can_be_overridden() -> None:
    """An operation may be made to take no notice of an attribute."""
    halves = with_attributes("scale", factor=Fraction(1, 2))
    use = application(row_of(4), factor=Fraction(3))
    assert exactly(halves, use) == row_of(2)


def test_sets_meet_or_do_not() -> None:
    """Two sets of answers meet if they have a finite number in common."""
    third = DOUBLE.constant(Fraction(1, 3))
    nearby = DOUBLE.constant(1) / DOUBLE.constant(3)
    infinite = DOUBLE.constant(1) / DOUBLE.constant(0)
    assert meet(third, nearby)
    assert not meet(third, DOUBLE.constant(Fraction(1, 2)))
    assert not meet(third, infinite)
    low, high = ends(third)
    assert low < Fraction(1, 3) < high


def test_agreement_is_equality_of_exact_numbers() -> None:
    """Rationals must be equal; rows must be of one length."""
    assert agree(Fraction(1, 2), Fraction(2, 4))
    assert not agree(Fraction(1, 2), Fraction(1, 3))
    assert not all_agree([Fraction(1)], [Fraction(1), Fraction(1)])


def test_places_are_row_by_row() -> None:
    """An element is found by one index for each axis."""
    values = tuple(map(Fraction, range(6)))
    tensor = Tensor(shape_of([2, 3]), values)
    assert [element(tensor, place) for place in places(tensor.shape)] == list(values)
    assert element(tensor, (1, 0)) == 3


def test_what_is_drawn_keeps_its_range() -> None:
    """Tables hold multiples of 1/16, positive ones only above 0, indices in range."""
    draws = Draws("ranges")
    drawn = table(draws, 20, 5).values
    assert {(16 * value).denominator for value in drawn} == {1}
    assert min(drawn) < 0 <= max(map(abs, drawn)) <= 3
    assert min(positive_table(draws, 50).values) > 0
    assert set(indices(draws, 50, 3).values) == {0, 1, 2}
