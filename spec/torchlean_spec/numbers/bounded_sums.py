r"""Sums and products of bounded numbers, over every order at once.

A sum of n numbers, in any order and with any number of its roundings left out, is
\(\sum x_i (1 + \theta_i)\) with \(|\theta_i| \le (1+u)^{n-1} - 1\); a sum of n
products has one rounding more, and underflow besides. So three plain sums bound
any of them: of the centres, of their sizes, and of how far each term may reach.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002,
sections 3.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from operator import mul
from typing import NamedTuple

from torchlean_spec.numbers import outcomes as sets
from torchlean_spec.numbers.allowance import growth
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.numbers.carriers import Carrier, Real
from torchlean_spec.numbers.formats import Format
from torchlean_spec.numbers.summation import require_same_length


class _Prepared(NamedTuple):
    """A row or a column of a product, ready to be multiplied by many others."""

    centres: list[Real]
    sizes: list[Real]
    reaches: list[Real]


class Sums:
    """The sums of one target format; `BoundedSystem` hands its own on to it."""

    def __init__(
        self, number_format: Format, carrier: Carrier, number: type[Bounded]
    ) -> None:
        self._format = number_format
        self._carrier = carrier
        self._number = number
        self._zero = number(number.zero, number.zero)
        self._growth: dict[int, tuple[Real, Real, Fraction]] = {}

    def sum(self, values: Sequence[Bounded], /) -> Bounded:
        """The hull over every order of summation."""
        if len(values) < 2:
            return values[0] if values else self._zero
        number, zero = self._number, self._number.zero
        with self._carrier.context():
            grow, _, _ = self._growth_of(len(values) - 1)
            centre = sum([each.centre for each in values], zero)
            spread = sum([each.radius for each in values], zero)
            reach = sum([abs(each.centre) for each in values], zero) + spread
            radius = spread * number.nearest.grow + reach * grow
            if reach + radius <= number.largest:
                if radius <= abs(centre):
                    return number(centre, radius)
                signs = {each.sign() for each in values if not each.is_zero()}
                return self._straddling(centre, radius, signs)
            terms = [each.all_outcomes() for each in values]
            return self._accumulated(terms, len(values) - 1, Fraction(0))

    def inner_products(
        self, rows: Sequence[Sequence[Bounded]], columns: Sequence[Sequence[Bounded]], /
    ) -> list[Bounded]:
        r"""`dot(row, column)` for each row and each column, rows outermost.

        With \(U = \sum (|c_i| + r_i)(|c'_i| + r'_i)\) and
        \(A = \sum |c_i||c'_i|\) the radius is \(U - A\), what the operands bring,
        and \(((1+u)^n - 1) U + n h\), what the arithmetic adds.
        """
        with self._carrier.context():
            for row in rows[: len(columns)]:
                require_same_length(row, columns[0])
            for column in columns[: len(rows)]:
                require_same_length(rows[0], column)
            prepared_columns = [(self._prepare(column), column) for column in columns]
            prepared_rows = [(self._prepare(row), row) for row in rows]
            return [
                self._product(prepared_row, prepared_column, row, column)
                for prepared_row, row in prepared_rows
                for prepared_column, column in prepared_columns
            ]

    def _prepare(self, values: Sequence[Bounded]) -> _Prepared:
        return _Prepared(
            [each.centre for each in values],
            [abs(each.centre) for each in values],
            [abs(each.centre) + each.radius for each in values],
        )

    def _product(
        self,
        row: _Prepared,
        column: _Prepared,
        row_numbers: Sequence[Bounded],
        column_numbers: Sequence[Bounded],
    ) -> Bounded:
        number, zero = self._number, self._number.zero
        count = len(row.centres)
        grow, tiny, exact_tiny = self._growth_of(count)
        centre = sum(map(mul, row.centres, column.centres), zero)
        size = sum(map(mul, row.sizes, column.sizes), zero)
        reach = sum(map(mul, row.reaches, column.reaches), zero)
        radius = (reach - size) + reach * grow + tiny
        if reach + radius <= number.largest:
            if radius <= abs(centre):
                return number(centre, radius)
            signs = {0}
            if size <= abs(centre):
                signs = {
                    x.sign() * y.sign()
                    for x, y in zip(row_numbers, column_numbers, strict=True)
                    if not (x.is_zero() or y.is_zero())
                }
            return self._straddling(centre, radius, signs)
        terms = [
            sets.combine("*", x.all_outcomes(), y.all_outcomes())
            for x, y in zip(row_numbers, column_numbers, strict=True)
        ]
        return self._accumulated(terms, count, exact_tiny)

    def _straddling(self, centre: Real, radius: Real, signs: set[int]) -> Bounded:
        """A finite sum of terms of the given signs, smaller than its radius.

        Terms of one sign have a sum of that sign; no terms but zeros, zero.
        """
        if not signs:
            return self._zero
        sign = signs.pop() if len(signs) == 1 else 0
        return self._number.signed(centre, radius, sign)

    def _accumulated(
        self, terms: Sequence[sets.Outcomes], roundings: int, tiny: Fraction
    ) -> Bounded:
        exact_growth = growth(self._format, roundings)
        return self._number.of(
            sets.accumulate(terms, exact_growth, tiny, self._format.largest)
        )

    def _growth_of(self, roundings: int) -> tuple[Real, Real, Fraction]:
        """What multiplies the reach of a sum, what is added, and that exactly.

        Our own sums, one for each of centre, size and reach, err by at most
        `4 (n + 8)` units of the carrier, relatively to the reach.
        """
        if roundings not in self._growth:
            exact = growth(self._format, roundings)
            own = 4 * (roundings + 8) * self._carrier.error
            tiny = roundings * self._format.half_smallest * (1 + exact)
            self._growth[roundings] = (
                self._carrier.above((exact + own) * (1 + own)),
                self._carrier.above(tiny * (1 + Fraction(1, 2**40))),
                tiny,
            )
        return self._growth[roundings]
