"""Columns of exact reals, each within a radius of one binary64 number.

What `torchlean.enclosures` does with two numbers a value, this does with one: the
relative error of a few operations is some 2^-51, far below what decides the
rounding to binary32, so that only few values are left open. Each radius grows by
at least the rounding of its operation: of a result z at most `2^-53 |z|`, and in
products and quotients `2^-1075` where they underflow.

>>> third = INTERVALS.constant(1) / INTERVALS.constant(3)
>>> float(third.middle), bool(third.radius < 1e-16)
(0.3333333333333333, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from torchlean import enclosures
from torchlean.columns import INFLATION, SMALL, Column, Decision, Flags, enclosed
from torchlean.double_word import ZERO, Floats, is_nothing, two_product, two_sum
from torchlean.enclosures import PARTS, Dtype, Numbers
from torchlean_spec.exact import power
from torchlean_spec.numbers.floating import nearest_float
from torchlean_spec.numbers.system import Condition, Exact

ROUNDING = 2.0**-53
"""The relative error of one operation."""

TINY_POWERS = 2.0**-990
"""More than powers below 2^-1000 are."""

TINY = 2.0**-1074
"""More than what underflow takes from a product or a quotient."""


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """One enclosed real for each step, or one for all of them.

    Where `radius` is a single 0, all values are the middles, exactly.
    """

    middle: Floats
    radius: Floats

    @property
    def is_exact(self) -> bool:
        """Whether it is known that each value is a binary64 number."""
        return is_nothing(self.radius)

    def __neg__(self) -> Interval:
        return Interval(-self.middle, self.radius)

    def __add__(self, other: Interval, /) -> Interval:
        if self.is_exact and other.is_exact:
            total, error = two_sum(self.middle, other.middle)
            return Interval(total, np.abs(error) if np.any(error) else ZERO)
        total = self.middle + other.middle
        radius = np.abs(total) * ROUNDING + (self.radius + other.radius)
        return Interval(total, radius * INFLATION)

    def __sub__(self, other: Interval, /) -> Interval:
        return self + (-other)

    def __mul__(self, other: Interval, /) -> Interval:
        if self.is_exact and other.is_exact:
            return _exact_product(self.middle, other.middle)
        product = self.middle * other.middle
        radius = np.abs(product) * ROUNDING
        if not other.is_exact:
            radius = radius + (np.abs(self.middle) + self.radius) * other.radius
        if not self.is_exact:
            radius = radius + np.abs(other.middle) * self.radius
        return Interval(product, _with_underflow(radius * INFLATION, product))

    def __truediv__(self, other: Interval, /) -> Interval:
        quotient = self.middle / other.middle
        if self.is_exact and other.is_exact:
            return _exact_quotient(self.middle, quotient, other.middle)
        size = np.abs(quotient)
        radius = size * ROUNDING
        smallest = np.abs(other.middle) * (1 - 2.0**-50) - other.radius
        # |x/y - x'/y'| <= (|x - x'| + |x'/y'| |y - y'|) / |y|, and the quotient is
        # within 2^-52 of x'/y', relatively.
        carried = self.radius + size * other.radius
        radius = (radius + carried / smallest) * INFLATION
        radius = np.where(smallest > 0, radius, np.inf)
        return Interval(quotient, _with_underflow(radius, quotient))


def _with_underflow(radius: Floats, result: Floats) -> Floats:
    """The radius, and what underflow may have taken from the result."""
    size = np.abs(result)
    return radius + TINY if np.any(size < SMALL) else radius


def _exact_product(x: Floats, y: Floats) -> Interval:
    product, error = two_product(x, y)
    safe = (np.abs(product) > SMALL) & np.isfinite(error) | (x == 0) | (y == 0)
    if not np.any(error) and np.all(safe):
        return Interval(product, ZERO)
    own = np.where(safe, np.abs(error), np.abs(product) * 2 * ROUNDING + TINY)
    return Interval(product, own)


def _exact_quotient(x: Floats, quotient: Floats, y: Floats) -> Interval:
    """The radius is 0 where the quotient times the divisor is the dividend."""
    product, error = two_product(quotient, y)
    same = (product == x) & (error == 0) & (y != 0)
    same &= (np.abs(x) > SMALL) & np.isfinite(product) | (x == 0)
    if np.all(same):
        return Interval(quotient, ZERO)
    own = np.abs(quotient) * 2 * ROUNDING + TINY
    own = np.where(y != 0, own, np.inf)
    return Interval(quotient, np.where(same, 0.0, own))


def _narrowed(x: Column) -> Interval:
    """A column of two numbers a value as one of one."""
    if x.is_plain:
        return Interval(x.high, ZERO)
    return Interval(x.high, (np.abs(x.low) + x.radius) * INFLATION)


@lru_cache(maxsize=256)
def _constant(value: Fraction) -> Interval:
    return _narrowed(enclosed(value))


@dataclass(frozen=True, slots=True)
class _Powers:
    """Powers of one base, each within `share * middle + floor` of its middle."""

    middle: NDArray[np.float64]
    share: float
    floor: float

    @staticmethod
    def of(x: Interval) -> _Powers:
        """With a share of those that are not tiny.

        Tiny powers are those of a base below 1, so that the factors that they are
        multiplied by are at most 1, and so are tiny products: the floor.
        """
        middle = np.asarray(x.middle)
        tiny = middle < 2.0**-1000
        shares = np.where(tiny, 0.0, x.radius / np.where(tiny, 1.0, middle))
        share = float(np.max(shares)) * INFLATION
        return _Powers(middle, share, TINY_POWERS if np.any(tiny) else 0.0)

    @staticmethod
    def nearest(value: Fraction) -> _Powers:
        """One power, rounded."""
        middle = nearest_float(value)
        floor = TINY_POWERS if middle < 2.0**-1000 else 0.0
        return _Powers(np.array([middle]), ROUNDING * INFLATION, floor)


@lru_cache(maxsize=256)
def _powers_apart(root: enclosures.Root, distance: int, length: int) -> _Powers:
    return _Powers.of(_narrowed(enclosures.powers_apart(root, distance, length)))


class Intervals:
    """The spec's `ExactArithmetic` over columns of one number a value."""

    def counts(self, values: NDArray[np.float64]) -> Interval:
        """Some counts."""
        return Interval(values, ZERO)

    def constant(self, value: Exact, /) -> Interval:
        """One exact real, for all steps."""
        return _constant(Fraction(value))

    def power(self, base: Exact, exponent: Interval, root: int = 1, /) -> Interval:
        """The same table as of enclosures, of their upper halves."""
        wanted = enclosures.WantedPowers.of(exponent.middle)
        powers = (Fraction(base), root)
        first = _Powers.nearest(power(powers[0], wanted.least, root))
        factors = [first, _powers_apart(powers, 1, wanted.near)]
        if wanted.far > 1:
            factors.insert(1, _powers_apart(powers, enclosures.NEAR, wanted.far))
        middle, share, floor = factors[0].middle, factors[0].share, factors[0].floor
        for factor in factors[1:]:
            middle = np.multiply.outer(middle, factor.middle).ravel()
            share = (share + factor.share + ROUNDING) * (1 + 2.0**-20)
            floor = floor + factor.floor
        middle = middle[wanted.places]
        radius = _with_underflow(middle * share + floor, middle)
        # The spec refuses a negative exponent; leave the answer to it.
        if not isinstance(wanted.places, slice):
            radius = np.where(exponent.middle < 0, np.inf, radius)
        return Interval(middle, radius)

    def of_count(
        self, function: Callable[[int], Fraction], count: Interval, /
    ) -> Interval:
        """The function is asked once for each count that occurs."""
        counts, places = np.unique(np.atleast_1d(count.middle), return_inverse=True)
        found = [nearest_float(function(int(each))) for each in counts.tolist()]
        middle = np.array(found)[places.reshape(-1)]
        return Interval(middle, np.abs(middle) * (ROUNDING * INFLATION) + TINY)

    def square_root(self, x: Interval, /) -> Interval:
        """`|sqrt(x) - sqrt(x')| = |x - x'| / (sqrt(x) + sqrt(x'))`."""
        root = np.sqrt(np.maximum(x.middle, 0.0))
        safe = (root > 0) & (x.middle >= x.radius)
        divisor = np.where(safe, root, 1.0)
        radius = (root * ROUNDING + x.radius / divisor) * INFLATION
        nothing = (x.middle == 0) & (x.radius == 0)
        return Interval(root, np.where(safe, radius, np.where(nothing, 0.0, np.inf)))

    def cosine_of_half_turns(self, x: Interval, /) -> Interval:
        """From tabulated cosines, by the sum of two angles.

        As of enclosures, where the terms and their bounds are. The correction of
        the tabulated cosine is below 2^-7, and its seven terms and their factors err
        by less than 2^-56 all together; the sum by less than 2^-53.
        """
        part = np.rint(x.middle * PARTS)
        # Exact: of two numbers within a factor of 2, or of x itself.
        rest = x.middle - part / PARTS
        place = part.astype(np.int64)
        cosine = enclosures.tabulated(place).high
        sine = enclosures.tabulated(place - PARTS // 2).high
        angle = rest * np.pi
        squared = angle * angle
        lost = squared * (-1 / 2 + squared * (1 / 24 - squared / 720))
        rising = angle + angle * (squared * (-1 / 6 + squared * (1 / 120)))
        turned = cosine + (cosine * lost - sine * rising)
        # At multiples of a quarter turn, what is tabulated is exact.
        known = (rest == 0) & (x.radius == 0) & ((place & (PARTS // 2 - 1)) == 0)
        radius = np.where(known, 0.0, 2.0**-52 + 4 * x.radius)
        return Interval(turned, radius)

    def quotient(self, count: Interval, divisor: int, /) -> Interval:
        """A count divided by a whole number, rounded down."""
        return Interval(enclosures.whole_quotient(count.middle, divisor), ZERO)

    def minimum(self, x: Interval, y: Interval, /) -> Interval:
        """The smaller of two values."""
        return self.where(self.less(x, y), x, y)

    def maximum(self, x: Interval, y: Interval, /) -> Interval:
        """The larger of two values."""
        return self.where(self.less(x, y), y, x)

    def less(self, x: Interval, y: Interval, /) -> Decision:
        """Whether x < y: by the sign of the difference."""
        if x.is_exact and y.is_exact:
            below = x.middle < y.middle
            return Decision(below, below)
        difference = x - y
        decided = np.abs(difference.middle) > difference.radius
        negative = difference.middle < 0
        return Decision(decided & negative, ~decided | negative)

    def where(
        self, condition: Condition, chosen: Interval, otherwise: Interval, /
    ) -> Interval:
        """One of two values; the hull of both where the condition is undecided."""
        assert isinstance(condition, Decision)
        picked = _select(condition.certain, chosen, otherwise)
        undecided = condition.possible & ~condition.certain
        if not np.any(undecided):
            return picked
        apart = np.abs(chosen.middle - otherwise.middle) * INFLATION
        hull = Interval(chosen.middle, apart + chosen.radius + otherwise.radius)
        return _select(undecided, _grown(hull), picked)


INTERVALS = Intervals()
"""The one instance."""


def _grown(x: Interval) -> Interval:
    return Interval(x.middle, x.radius * INFLATION)


def _select(condition: Flags, chosen: Interval, otherwise: Interval) -> Interval:
    middle = np.where(condition, chosen.middle, otherwise.middle)
    if chosen.is_exact and otherwise.is_exact:
        return Interval(middle, ZERO)
    return Interval(middle, np.where(condition, chosen.radius, otherwise.radius))


def rounded(x: Interval, dtype: Dtype) -> tuple[Numbers, Flags]:
    """The values rounded to nearest, and where both ends of an interval agree.

    Rounding is monotone: where both ends round to one number, so does the value.

    >>> values, decided = rounded(INTERVALS.constant(Fraction(1, 10)), np.float32)
    >>> float(values), bool(decided)
    (0.10000000149011612, True)
    """
    if not isinstance(x.middle, np.ndarray):
        return _rounded_constant(float(x.middle), float(x.radius), dtype is np.float32)
    return _rounded(x, dtype)


@lru_cache(maxsize=256)
def _rounded_constant(
    middle: float, radius: float, to_binary32: bool
) -> tuple[Numbers, Flags]:
    dtype: Dtype = np.float32 if to_binary32 else np.float64
    return _rounded(Interval(np.float64(middle), np.float64(radius)), dtype)


def _rounded(x: Interval, dtype: Dtype) -> tuple[Numbers, Flags]:
    # The radius is made to cover the roundings of both ends to binary64.
    margin = np.abs(x.middle) * (2 * ROUNDING) * (x.radius != 0)
    reach = x.radius * INFLATION + margin
    lowest, highest = (x.middle - reach).astype(dtype), (x.middle + reach).astype(dtype)
    # Adding +0 turns a -0 into the +0 that an exact 0 rounds to.
    return highest + dtype(0), (lowest == highest) & np.isfinite(highest)
