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

Sources: Dekker, "A floating-point technique for extending the available
precision", Numerische Mathematik 18, 1971; Joldes, Muller, Popescu, "Tight and
rigorous error bounds for basic building blocks of double-word arithmetic", ACM
TOMS 44(2), 2017, algorithms 6 and 10 with relative errors of 3 and 7 units of
2^-106.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from torchlean_spec.exact import cosine_of_half_turns, power
from torchlean_spec.numbers.floating import nearest_float
from torchlean_spec.numbers.system import Condition, Exact

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float32] | NDArray[np.float64]
Dtype = type[np.float32] | type[np.float64]

RELATIVE_ERROR = 2.0**-102
"""More than any sum or product of pairs errs by, relative to its result."""

SMALL = 2.0**-900
"""Below it a product's lower half may underflow."""

UNDERFLOW = 2.0**-1060
"""More than what underflow takes from a product."""

INFLATION = 1 + 2.0**-48
"""Covers the roundings of the radius' own arithmetic."""

SPLITTER = 2.0**27 + 1
"""Veltkamp's constant, which cuts a binary64 number into two halves."""

PARTS = 32
"""Half a turn is cut into so many parts, at whose ends cosines are tabulated."""

NEAR = 64
"""How many powers of a base are remembered; tables of powers are made of them."""

LARGEST_COUNT = 2**53
"""Counts below it are exact."""


def _two_sum(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its error, exactly."""
    total = x + y
    seen = total - x
    return total, (x - (total - seen)) + (y - seen)


def _quick_two_sum(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The same, if x is 0 or |x| >= |y|."""
    total = x + y
    return total, y - (total - x)


def _halves(x: Floats) -> tuple[Floats, Floats]:
    scaled = x * SPLITTER
    upper = scaled - (scaled - x)
    return upper, x - upper


def _two_product(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its error, exactly unless something underflows."""
    product = x * y
    x_upper, x_lower = _halves(x)
    y_upper, y_lower = _halves(y)
    error = x_upper * y_upper - product
    error = error + x_upper * y_lower + x_lower * y_upper
    return product, error + x_lower * y_lower


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of comparing columns: certainly so, or possibly so."""

    certain: Flags
    possible: Flags

    def __and__(self, other: Decision, /) -> Decision:
        return Decision(self.certain & other.certain, self.possible & other.possible)

    def __or__(self, other: Decision, /) -> Decision:
        return Decision(self.certain | other.certain, self.possible | other.possible)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One enclosed real for each step, or one for all of them."""

    high: Floats
    low: Floats
    radius: Floats

    def along_rows(self) -> Column:
        """The same values as a table of one column, to be combined with a row."""
        return Column(self.high[:, None], self.low[:, None], self.radius[:, None])

    def __neg__(self) -> Column:
        return Column(-self.high, -self.low, self.radius)

    def __add__(self, other: Column, /) -> Column:
        high, error = _two_sum(self.high, other.high)
        low, rest = _two_sum(self.low, other.low)
        high, error = _quick_two_sum(high, error + low)
        high, low_sum = _quick_two_sum(high, error + rest)
        plain = (self.low == 0) & (other.low == 0)
        own = np.where(plain, 0.0, np.abs(high) * RELATIVE_ERROR)
        return Column(high, low_sum, (self.radius + other.radius + own) * INFLATION)

    def __sub__(self, other: Column, /) -> Column:
        return self + (-other)

    def __mul__(self, other: Column, /) -> Column:
        high, error = _two_product(self.high, other.high)
        error = error + (self.high * other.low + self.low * other.high)
        high, low = _quick_two_sum(high, error)
        plain = (self.low == 0) & (other.low == 0)
        size = np.abs(high)
        own = np.where(plain, 0.0, size * RELATIVE_ERROR)
        nonzero = (self.high != 0) & (other.high != 0)
        own = own + np.where((size < SMALL) & nonzero, UNDERFLOW, 0.0)
        ours, theirs = np.abs(self.high), np.abs(other.high)
        carried = (
            ours * other.radius + theirs * self.radius + self.radius * other.radius
        )
        return Column(high, low, (own + carried) * INFLATION)

    def __truediv__(self, other: Column, /) -> Column:
        first = self.high / other.high
        rest = self - _plain(first) * other
        high, low = _quick_two_sum(first, rest.high / other.high)
        # The residual of the answer bounds its error, whatever was rounded above.
        residual = self - Column(high, low, np.zeros_like(high)) * other
        smallest = np.abs(other.high) * (1 - 2.0**-50) - other.radius
        radius = np.where(smallest > 0, _reach(residual) / smallest, np.inf)
        return Column(high, low, radius * INFLATION)


def _plain(values: Floats) -> Column:
    zero = np.zeros_like(values)
    return Column(values, zero, zero)


def _reach(x: Column) -> Floats:
    """How far from 0 a value may be."""
    reach: Floats = (np.abs(x.high) + np.abs(x.low) + x.radius) * INFLATION
    return reach


def _upwards(value: Fraction) -> float:
    """A float that is at least a non-negative real, and 0 only of 0."""
    return float(np.nextafter(nearest_float(value), np.inf)) if value else 0.0


@lru_cache(maxsize=256)
def enclosed(value: Fraction) -> Column:
    """The enclosure of one exact real; those of constants are remembered."""
    return _enclose(value)


def _enclose(value: Fraction) -> Column:
    high = nearest_float(value)
    if not np.isfinite(high):
        return Column(*(np.float64(each) for each in (high, 0.0, np.inf)))  # type: ignore[arg-type]
    low = nearest_float(value - Fraction(high))
    radius = _upwards(abs(value - Fraction(high) - Fraction(low)))
    return Column(*(np.float64(each) for each in (high, low, radius)))  # type: ignore[arg-type]


def enclosed_power(base: Fraction, exponent: int) -> Column:
    """The enclosure of one power, as a column of one step."""
    return _stretch(_enclose(power(base, exponent)), slice(None))


@lru_cache(maxsize=256)
def _far_power(base: Fraction, exponent: int) -> Column:
    return enclosed_power(base, exponent)


@lru_cache(maxsize=64)
def _near_powers(base: Fraction) -> Column:
    """The powers to 0, 1, ..., as a row."""
    found = enclosed_power(base, 0)
    while (length := found.high.size) < NEAR:
        found = _joined(found, found * _far_power(base, length))
    return found


class Enclosures:
    """The spec's `ExactArithmetic` over columns."""

    def count(self, first: int, number: int) -> Column:
        """The counts `first, first + 1, ...`, so many of them."""
        return _plain(np.arange(first, first + number, dtype=np.float64))

    def constant(self, value: Exact, /) -> Column:
        """One exact real, for all steps."""
        return enclosed(Fraction(value))

    def power(self, base: Exact, exponent: Column, /) -> Column:
        """From a table of consecutive powers: every 64th times each of the first 64."""
        real = Fraction(base)
        counts = np.atleast_1d(np.maximum(exponent.high, 0.0).astype(np.int64))
        least = int(counts.min()) if counts.size else 0
        needed = int(counts.max()) - least + 1 if counts.size else 1
        starts = enclosed_power(real, least)
        while (length := starts.high.size) * NEAR < needed:
            shorter = _stretch(starts, slice(-(-needed // NEAR) - length))
            starts = _joined(starts, shorter * _far_power(real, length * NEAR))
        table = starts.along_rows() * _near_powers(real)
        # The spec refuses a negative exponent; leave the answer to it.
        return _widened(_stretch(table, counts - least), exponent.high < 0)

    def square_root(self, x: Column, /) -> Column:
        """Newton's correction of the rounded root."""
        first = np.sqrt(np.maximum(x.high, 0.0))
        divisor = np.where(first > 0, first, 1.0)
        rest = x - _plain(first) * _plain(first)
        high, low = _quick_two_sum(first, rest.high / (2 * divisor))
        found = Column(high, low, np.zeros_like(high))
        # |sqrt(x) - r| = |x - r^2| / (sqrt(x) + r), and sqrt(x) >= 0.
        reach = _reach(x - found * found)
        smallest = np.abs(high) * (1 - 2.0**-50)
        nothing = (reach == 0) & (x.high == 0)
        radius = np.where(
            smallest > 0, reach / np.where(smallest > 0, smallest, 1), np.inf
        )
        radius = np.where(nothing, 0.0, radius * INFLATION)
        return _widened(Column(high, low, radius), x.high < 0)

    def cosine_of_half_turns(self, x: Column, /) -> Column:
        """From tabulated cosines, by the sum of two angles."""
        part = np.rint(x.high * PARTS)
        rest = x - _plain(part / PARTS)
        place = np.mod(part, 2 * PARTS).astype(np.int64)
        cosine, sine = _small_angle(rest)
        found = _tabulated(place) * cosine - _tabulated(place - PARTS // 2) * sine
        return _select(_is_exact(rest) & (rest.high == 0), _tabulated(place), found)

    def quotient(self, count: Column, divisor: int, /) -> Column:
        """A count divided by a whole number, rounded down."""
        whole = count.high.astype(np.int64) // min(divisor, 2 * LARGEST_COUNT)
        return _plain(whole.astype(np.float64))

    def minimum(self, x: Column, y: Column, /) -> Column:
        """The smaller of two values."""
        return self.where(self.less(x, y), x, y)

    def maximum(self, x: Column, y: Column, /) -> Column:
        """The larger of two values."""
        return self.where(self.less(x, y), y, x)

    def less(self, x: Column, y: Column, /) -> Decision:
        """Whether x < y: by the sign of the difference."""
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
        picked = _select(condition.certain, chosen, otherwise)
        undecided = condition.possible & ~condition.certain
        if not undecided.any():
            return picked
        return _select(undecided, _hull(chosen, otherwise), picked)


ENCLOSURES = Enclosures()
"""The one instance."""


def _is_exact(x: Column) -> Flags:
    return np.asarray((x.radius == 0) & (x.low == 0))


def _select(condition: Flags, chosen: Column, otherwise: Column) -> Column:
    return Column(
        np.where(condition, chosen.high, otherwise.high),
        np.where(condition, chosen.low, otherwise.low),
        np.where(condition, chosen.radius, otherwise.radius),
    )


def _stretch(x: Column, places: slice | NDArray[np.int64]) -> Column:
    """The values at some places, of the rows one after the other."""
    high, low, radius = (np.ravel(each) for each in (x.high, x.low, x.radius))
    return Column(high[places], low[places], radius[places])


def _joined(x: Column, y: Column) -> Column:
    return Column(
        np.concatenate([x.high, y.high]),
        np.concatenate([x.low, y.low]),
        np.concatenate([x.radius, y.radius]),
    )


def _widened(x: Column, condition: Flags) -> Column:
    """The same, but undecided where the condition holds."""
    return Column(x.high, x.low, np.where(condition, np.inf, x.radius))


def _hull(x: Column, y: Column) -> Column:
    return Column(x.high, x.low, _reach(x - y) + x.radius + y.radius)


@lru_cache(maxsize=1)
def _cosines() -> tuple[Floats, Floats, Floats]:
    """`cos(pi k / PARTS)` for k from 0 to `2 PARTS - 1`."""
    quarter = [
        enclosed(cosine_of_half_turns(Fraction(k, PARTS)))
        for k in range(PARTS // 2 + 1)
    ]
    half = quarter + [-each for each in quarter[-2::-1]]
    whole = half + half[-2:0:-1]
    return (
        np.array([each.high for each in whole]),
        np.array([each.low for each in whole]),
        np.array([each.radius for each in whole]),
    )


def _tabulated(place: NDArray[np.int64]) -> Column:
    high, low, radius = (each[np.mod(place, 2 * PARTS)] for each in _cosines())
    return Column(high, low, radius)


PI = "3.14159265358979323846264338327950288419716939937510"
"""The first 50 decimals of pi."""

COSINE_TAIL = (-1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600)
SINE_TAIL = (-1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800)
"""The Taylor coefficients that follow the first three."""


@lru_cache(maxsize=1)
def _pi() -> Column:
    near = enclosed(Fraction(PI))
    return Column(near.high, near.low, near.radius + np.float64(1e-49))


def _small_angle(x: Column) -> tuple[Column, Column]:
    """Cosine and sine of `pi x`, where |x| is at most `1 / (2 PARTS)`."""
    angle = _pi() * x
    squared = angle * angle
    one = enclosed(Fraction(1))
    cosine = one + squared * (
        enclosed(Fraction(-1, 2))
        + squared * (enclosed(Fraction(1, 24)) + _tail(squared, COSINE_TAIL))
    )
    sine = one + squared * (
        enclosed(Fraction(-1, 6))
        + squared * (enclosed(Fraction(1, 120)) + _tail(squared, SINE_TAIL))
    )
    return cosine, angle * sine


def _tail(x: Column, coefficients: tuple[float, ...]) -> Column:
    """A power series from its linear term on, where 0 <= x < 1/400.

    The coefficients alternate and fall fast: the first term dominates, which
    bounds the roundings, and what is left out is below 2^-95.
    """
    total = np.zeros_like(x.high)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) * x.high
    radius = np.abs(total) * 2.0**-48 + x.radius + 2.0**-95
    return Column(total, np.zeros_like(total), radius)


def rounded(x: Column, dtype: Dtype) -> tuple[Numbers, Flags]:
    """The values rounded to nearest, and where both ends of an enclosure agree.

    Rounding is monotone: where both ends round to one number, so does the value.

    >>> values, decided = rounded(ENCLOSURES.constant(Fraction(1, 10)), np.float32)
    >>> float(values), bool(decided)
    (0.10000000149011612, True)
    """
    known = x.radius == 0
    below = np.where(known, x.low, np.nextafter(x.low - x.radius, -np.inf))
    above = np.where(known, x.low, np.nextafter(x.low + x.radius, np.inf))
    lowest, highest = x.high + below, x.high + above
    if dtype is np.float32:
        # The sums were rounded to binary64 already: move outwards once more.
        lowest = np.nextafter(lowest, -np.inf)
        highest = np.nextafter(highest, np.inf)
    exact = _is_exact(x)
    lowest = np.where(exact, x.high, lowest).astype(dtype)
    highest = np.where(exact, x.high, highest).astype(dtype)
    # Adding +0 turns a -0 into the +0 that an exact 0 rounds to.
    return highest + dtype(0), (lowest == highest) & np.isfinite(highest)
