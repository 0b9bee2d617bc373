"""Columns of exact reals, each enclosed: two binary64 numbers and a radius.

A `Column` holds for each of many steps a pair of floats `high + low` and a radius
such that the exact value lies within the radius of the pair's sum. Sums, products,
quotients and roots carry about 100 bits, and the radius covers every rounding, so
that nearly always both ends of an enclosure round to the same number of a run's
format. A radius of 0 means that the pair is the exact value.

The equations of the spec's coefficients and schedules, which are written over an
`ExactArithmetic`, run on columns as they stand.

>>> third = ENCLOSURES.constant(1) / ENCLOSURES.constant(3)
>>> float(third.high), bool(third.radius < 1e-30)
(0.3333333333333333, True)

The bounds on sums, products and quotients are those of `torchlean.double_word`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from torchlean import double_word
from torchlean.columns import (
    INFLATION,
    SMALL,
    UNDERFLOW,
    Column,
    Counts,
    Decision,
    Flags,
    along_rows,
    column_of,
    enclosed,
    hull,
    if_any,
    joined,
    plain,
    reach,
    select,
    stretch,
    widened,
)
from torchlean.double_word import (
    RELATIVE_ERROR,
    ZERO,
    Floats,
    Pair,
    quick_two_sum,
)
from torchlean_spec.exact import cosine_of_half_turns, power
from torchlean_spec.numbers.system import Condition, Exact

Numbers = NDArray[np.float32] | NDArray[np.float64]
Dtype = type[np.float32] | type[np.float64]

PARTS = 256
"""Half a turn is cut into so many parts, at whose ends cosines are tabulated."""

NEAR = 64
"""How many powers of a base are remembered; tables of powers are made of them."""

LARGEST_COUNT = 2**53
"""Counts below it are exact."""


# POWERS

Root = tuple[Fraction, int]
"""A base, and the root that is taken of its powers."""


def first_power(root: Root, exponent: int) -> Column:
    """One power, as a column of one step."""
    return column_of([power(root[0], exponent, root[1])])


@lru_cache(maxsize=256)
def powers_apart(root: Root, distance: int, length: int) -> Column:
    """The powers to 0, `distance`, `2 * distance`, ..., a power of 2 of them."""
    if length == 1:
        return first_power(root, 0)
    shorter = powers_apart(root, distance, length // 2)
    return joined(shorter, shorter * first_power(root, distance * length // 2))


@dataclass(frozen=True, slots=True)
class WantedPowers:
    """Which powers a column of counts asks for, and of which factors they are made.

    The power to `least + 64 i + j` is that to `least`, the `far` i-th of those that
    are 64 apart, and the `near` j-th of those that are 1 apart, multiplied.
    """

    places: slice | Counts
    """Where each count's power stands among all from `least` on."""
    least: int
    far: int
    near: int

    @staticmethod
    def of(exponent: Floats) -> WantedPowers:
        """What a column of whole numbers asks for."""
        counts = np.atleast_1d(exponent)
        if counts.size and bool(np.all(counts[1:] - counts[:-1] == 1)):
            least, number = int(max(counts[0], 0.0)), counts.size
            # The spec refuses a negative exponent; the caller leaves it to the spec.
            places: slice | Counts = slice(number)
            if counts[0] < 0:
                places = np.maximum(counts, 0.0).astype(np.int64)
        else:
            whole = np.maximum(counts, 0.0).astype(np.int64)
            least = int(whole.min()) if whole.size else 0
            number = int(whole.max()) - least + 1 if whole.size else 1
            places = whole - least
        rows = -(-number // NEAR)
        near = NEAR if rows > 1 else 1 << (number - 1).bit_length()
        return WantedPowers(places, least, 1 << (rows - 1).bit_length(), near)


def _power_table(starts: Column, near: Column) -> Column:
    """All products of two columns of powers, row after row."""
    if not np.any(starts.high):
        # All below 2^-1074, as are their products with powers, of a base below 1.
        zeros = np.zeros(starts.high.size * near.high.size)
        known = not np.any(starts.radius)
        return Column(zeros, ZERO, ZERO if known else np.float64(UNDERFLOW))
    with np.errstate(all="ignore"):
        relative = sum(np.max(each.radius / each.high) for each in (starts, near))
    rows = along_rows(starts)
    # (1 + r)(1 + s) - 1 for the factors' relative radii r and s, and the product's
    # own error; where a power is 0, each product has a radius by itself.
    share = (relative * (1 + 2.0**-20) + RELATIVE_ERROR) * INFLATION
    if not share < 2.0**-20:
        table = rows * near
        return stretch(table, slice(None))
    high, low = double_word.multiply(rows.high, rows.low, near.high, near.low)
    radius = high * share
    if high.min() < SMALL:
        radius = radius + UNDERFLOW
    return Column(high.ravel(), low.ravel(), radius.ravel())


# THE ARITHMETIC


class Enclosures:
    """The spec's `ExactArithmetic` over columns."""

    def count(self, first: int, number: int) -> Column:
        """The counts `first, first + 1, ...`, so many of them."""
        return self.counts(np.arange(first, first + number, dtype=np.float64))

    def counts(self, values: NDArray[np.float64]) -> Column:
        """Some counts."""
        return plain(values)

    def constant(self, value: Exact, /) -> Column:
        """One exact real, for all steps."""
        return enclosed(Fraction(value))

    def power(self, base: Exact, exponent: Column, root: int = 1, /) -> Column:
        """From a table of consecutive powers: every 64th times each of the first 64."""
        wanted, powers = WantedPowers.of(exponent.high), (Fraction(base), root)
        rows = first_power(powers, wanted.least)
        if wanted.far > 1:
            rows = rows * powers_apart(powers, NEAR, wanted.far)
        table = _power_table(rows, powers_apart(powers, 1, wanted.near))
        found = stretch(table, wanted.places)
        if isinstance(wanted.places, slice):
            return found
        # The spec refuses a negative exponent; leave the answer to it.
        return widened(found, exponent.high < 0)

    def of_count(self, function: Callable[[int], Fraction], count: Column, /) -> Column:
        """The function is asked once for each count that occurs."""
        counts, places = np.unique(np.atleast_1d(count.high), return_inverse=True)
        found = column_of([function(int(each)) for each in counts.tolist()])
        return stretch(found, places.reshape(-1))

    def square_root(self, x: Column, /) -> Column:
        """Newton's correction of the rounded root."""
        first = np.sqrt(np.maximum(x.high, 0.0))
        divisor = np.where(first > 0, first, 1.0)
        rest = x - plain(first) * plain(first)
        high, low = quick_two_sum(first, rest.high / (2 * divisor))
        found = Column(high, if_any(low), ZERO)
        # |sqrt(x) - r| = |x - r^2| / (sqrt(x) + r), and sqrt(x) >= 0.
        residual = reach(x - found * found)
        smallest = np.abs(high) * (1 - 2.0**-50)
        nothing = (residual == 0) & (x.high == 0)
        radius = np.where(
            smallest > 0, residual / np.where(smallest > 0, smallest, 1), np.inf
        )
        radius = np.where(nothing, 0.0, radius * INFLATION)
        return widened(Column(high, low, radius), x.high < 0)

    def cosine_of_half_turns(self, x: Column, /) -> Column:
        """From tabulated cosines, by the sum of two angles."""
        part = np.rint(x.high * PARTS)
        rest = x - plain(part / PARTS)
        place = part.astype(np.int64)
        cosine, sine = tabulated(place), tabulated(place - PARTS // 2)
        high, low = _turned(cosine, sine, (rest.high, rest.low))
        # The derivative of cos(pi x) is at most pi. At multiples of a quarter turn,
        # nothing was turned, and what is tabulated is exact.
        radius = TURNING_ERROR + 4 * rest.radius
        known = (rest.high == 0) & (radius == TURNING_ERROR)
        known &= (place & (PARTS // 2 - 1)) == 0
        return Column(high, low, np.where(known, 0.0, radius))

    def quotient(self, count: Column, divisor: int, /) -> Column:
        """A count divided by a whole number, rounded down."""
        return plain(whole_quotient(count.high, divisor))

    def minimum(self, x: Column, y: Column, /) -> Column:
        """The smaller of two values."""
        return self.where(self.less(x, y), x, y)

    def maximum(self, x: Column, y: Column, /) -> Column:
        """The larger of two values."""
        return self.where(self.less(x, y), y, x)

    def less(self, x: Column, y: Column, /) -> Decision:
        """Whether x < y: by the sign of the difference."""
        if x.is_plain and y.is_plain:
            below = x.high < y.high
            return Decision(below, below)
        difference = x - y
        lowest = difference.high + (difference.low - difference.radius) * INFLATION
        highest = difference.high + (difference.low + difference.radius) * INFLATION
        decided = np.isfinite(lowest) & np.isfinite(highest)
        return Decision(decided & (highest < 0), ~decided | (lowest < 0))

    def where(
        self, condition: Condition, chosen: Column, otherwise: Column, /
    ) -> Column:
        """One of two values; the hull of both where the condition is undecided."""
        assert isinstance(condition, Decision)
        picked = select(condition.certain, chosen, otherwise)
        undecided = condition.possible & ~condition.certain
        if not np.any(undecided):
            return picked
        return select(undecided, hull(chosen, otherwise), picked)


ENCLOSURES = Enclosures()
"""The one instance."""


def whole_quotient(count: Floats, divisor: int) -> Floats:
    """A count divided by a whole number, rounded down.

    The quotient of a count x below 2^50 that is no multiple lies below the next
    whole number q by at least `q / (x + 1)`, so that its rounding stays below q.
    """
    if np.all(count < 2.0**50) and divisor < 2**50:
        return np.floor(count / np.float64(divisor))
    whole = np.asarray(count).astype(np.int64) // min(divisor, 2 * LARGEST_COUNT)
    return whole.astype(np.float64)


# COSINES


TABLE_ERROR = np.float64(2.0**-105)
"""More than a tabulated cosine errs by; those of quarter turns are exact."""


@lru_cache(maxsize=1)
def _cosines() -> Column:
    """`cos(pi k / PARTS)` for k from 0 to `2 PARTS - 1`."""
    quarter = column_of(
        [cosine_of_half_turns(Fraction(k, PARTS)) for k in range(PARTS // 2 + 1)]
    )
    half = joined(quarter, -stretch(quarter, np.arange(PARTS // 2 - 1, -1, -1)))
    return joined(half, stretch(half, np.arange(PARTS - 1, 0, -1)))


def tabulated(place: Counts) -> Column:
    """The cosine after so many parts of half a turn."""
    places = np.bitwise_and(place, 2 * PARTS - 1)
    table = _cosines()
    return Column(np.take(table.high, places), np.take(table.low, places), TABLE_ERROR)


PI = "3.14159265358979323846264338327950288419716939937510"
"""The first 50 decimals of pi."""

TURNING_ERROR = 2.0**-84
"""More than `_turned` errs by; see there."""


def _turned(cosine: Column, sine: Column, x: Pair) -> Pair:
    """The cosine of an angle and of `pi x` more, where |x| <= 1 / (2 PARTS).

    `cos(a + b) = cos a + (cos a (cos b - 1) - sin a sin b)`. With b^2 below
    2^-14.6, and

        cos b - 1 = -b^2 / 2 + b^4 (1/24 - b^2 / 720 + b^4 / 40320) - ...
        sin b     = b + b (-b^2 / 6 + b^4 (1/120 - b^2 / 5040 + b^4 / 362880) - ...)

    the terms from b^4 on are binary64 numbers. The first are below 2^-34, of six
    roundings or fewer, and so err by less than 2^-84.4; the second are multiplied by
    b, and err by less than 2^-93. What is left out is below b^10 / 10! < 2^-95, and
    the double words, of values up to 1, err by less than 2^-98 all together.
    """
    pi = enclosed(Fraction(PI))
    b = double_word.multiply(*x, pi.high, pi.low)
    squared = double_word.multiply(*b, *b)
    near, four = squared[0], squared[0] * squared[0]
    below = four * (1 / 24 - near * (1 / 720 - near / 40320))
    lost = double_word.add_plain(squared[0] * -0.5, squared[1] * -0.5, below)
    sixth = enclosed(Fraction(-1, 6))
    below = four * (1 / 120 - near * (1 / 5040 - near / 362880))
    bent = double_word.multiply(*squared, sixth.high, sixth.low)
    bent = double_word.multiply(*b, *double_word.add_plain(*bent, below))
    rising = double_word.add(*b, *bent)
    change = double_word.add(
        *double_word.multiply(cosine.high, cosine.low, *lost),
        *double_word.multiply(-sine.high, -sine.low, *rising),
    )
    return double_word.add(cosine.high, cosine.low, *change)


# ROUNDING


def rounded(x: Column, dtype: Dtype) -> tuple[Numbers, Flags]:
    """The values rounded to nearest, and where both ends of an enclosure agree.

    Rounding is monotone: where both ends round to one number, so does the value.

    >>> values, decided = rounded(ENCLOSURES.constant(Fraction(1, 10)), np.float32)
    >>> float(values), bool(decided)
    (0.10000000149011612, True)
    """
    if not isinstance(x.high, np.ndarray):
        parts = (float(each) for each in (x.high, x.low, x.radius))
        return _rounded_constant(*parts, dtype is np.float32)
    return _rounded(x, dtype)


@lru_cache(maxsize=256)
def _rounded_constant(
    high: float, low: float, radius: float, to_binary32: bool
) -> tuple[Numbers, Flags]:
    dtype: Dtype = np.float32 if to_binary32 else np.float64
    return _rounded(Column(*map(np.float64, (high, low, radius))), dtype)


def _rounded(x: Column, dtype: Dtype) -> tuple[Numbers, Flags]:
    # One sum in binary64 rounds each end, once the radius covers the roundings of
    # the sums with the lower half; where it is 0, there is nothing to cover.
    margin = x.radius * INFLATION + (x.radius != 0) * (np.abs(x.low) * 2.0**-51)
    lowest, highest = x.high + (x.low - margin), x.high + (x.low + margin)
    if dtype is np.float32:
        # The sums were rounded to binary64 already: move outwards once more.
        exact = (x.radius == 0) & (x.low == 0)
        lowest = np.where(exact, x.high, np.nextafter(lowest, -np.inf))
        highest = np.where(exact, x.high, np.nextafter(highest, np.inf))
        lowest, highest = lowest.astype(dtype), highest.astype(dtype)
    # Adding +0 turns a -0 into the +0 that an exact 0 rounds to.
    return highest + dtype(0), (lowest == highest) & np.isfinite(highest)
