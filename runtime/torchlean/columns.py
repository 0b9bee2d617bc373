"""Columns of exact reals, each enclosed between two floats, and their arithmetic.

>>> third = enclosed(Fraction(1)) / enclosed(Fraction(3))
>>> float(third.high), bool(third.radius < 1e-30)
(0.3333333333333333, True)

The bounds on sums, products and quotients are those of `torchlean.double_word`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from torchlean import double_word
from torchlean.double_word import RELATIVE_ERROR, ZERO, Floats, is_nothing
from torchlean_spec.numbers.floating import nearest_float

Flags = NDArray[np.bool_] | np.bool_
Counts = NDArray[np.int64]

SMALL = 2.0**-900
"""Below it a product's lower half may underflow."""

UNDERFLOW = 2.0**-1060
"""More than what underflow takes from a product."""

INFLATION = 1 + 2.0**-48
"""Covers the roundings of the radius' own arithmetic."""


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
    """One enclosed real for each step, or one for all of them.

    Where `low` or `radius` is a single 0, work on it is left out.
    """

    high: Floats
    low: Floats
    radius: Floats

    @property
    def is_plain(self) -> bool:
        """Whether it is known that each value is a binary64 number, exactly."""
        return is_nothing(self.low) and is_nothing(self.radius)

    def __neg__(self) -> Column:
        return Column(-self.high, _negated(self.low), self.radius)

    def __add__(self, other: Column, /) -> Column:
        if is_nothing(self.low) and is_nothing(other.low):
            high, low = double_word.two_sum(self.high, other.high)
            carried = _sum(self.radius, other.radius)
            return Column(high, if_any(low), _grown(ZERO, carried))
        high, low = double_word.add(self.high, self.low, other.high, other.low)
        carried = _sum(self.radius, other.radius)
        return Column(high, low, _grown(np.abs(high) * RELATIVE_ERROR, carried))

    def __sub__(self, other: Column, /) -> Column:
        return self + (-other)

    def __mul__(self, other: Column, /) -> Column:
        carried = _sum(
            _scaled(np.abs(self.high), other.radius),
            _scaled(np.abs(other.high), self.radius),
        )
        if not (is_nothing(self.radius) or is_nothing(other.radius)):
            carried = carried + self.radius * other.radius
        if is_nothing(self.low) and is_nothing(other.low):
            high, low = double_word.two_product(self.high, other.high)
            low = if_any(low)
            own: Floats = ZERO
        else:
            high, low = double_word.multiply(self.high, self.low, other.high, other.low)
            own = np.abs(high) * RELATIVE_ERROR
        if _smallest(high) < SMALL:
            nonzero = (self.high != 0) & (other.high != 0)
            underflows = (np.abs(high) < SMALL) & nonzero
            own = _sum(own, if_any(np.where(underflows, UNDERFLOW, 0.0)))
        return Column(high, low, _grown(own, carried))

    def __truediv__(self, other: Column, /) -> Column:
        if self.is_plain and other.is_plain:
            return _plain_quotient(self.high, other.high)
        high, low = double_word.divide(self.high, self.low, other.high, other.low)
        size = np.abs(high)
        radius: Floats = size * RELATIVE_ERROR
        if not (is_nothing(self.radius) and is_nothing(other.radius)):
            # |x/y - x'/y'| <= (|x - x'| + |x/y| |y - y'|) / |y'|, and |high| is
            # within 2^-52 of |x/y|, relatively.
            smallest = np.abs(other.high) * (1 - 2.0**-50) - other.radius
            carried = _sum(self.radius, _scaled(size, other.radius)) / smallest
            radius = _grown(radius, carried)
            if not np.min(smallest, initial=1.0) > 0:
                radius = np.where(smallest > 0, radius, np.inf)
        return _safe_quotient(Column(high, low, radius), self.high)


def _plain_quotient(x: Floats, y: Floats) -> Column:
    """The quotient of two numbers, exact where it is one."""
    high, low = double_word.divide(x, ZERO, y, ZERO)
    if not np.any(low):
        return _safe_quotient(plain(high), x)
    radius = np.where(low == 0, 0.0, np.abs(high) * RELATIVE_ERROR)
    return _safe_quotient(Column(high, low, radius), x)


def _safe_quotient(found: Column, x: Floats) -> Column:
    """The same, undecided where a residual may have underflowed or overflowed."""
    size = np.abs(found.high)
    if np.max(size, initial=0.0) < 1 / SMALL and min(map(_smallest, (x, size))) > SMALL:
        return found
    small = (np.abs(x) < SMALL) | (size < SMALL)
    unsafe = ~(size < 1 / SMALL) | (small & (x != 0))
    return widened(found, unsafe) if np.any(unsafe) else found


def _smallest(x: Floats) -> float:
    """The smallest absolute value; at most 1."""
    return float(np.min(np.abs(x), initial=1.0))


def plain(values: Floats) -> Column:
    """Binary64 numbers, exactly."""
    return Column(values, ZERO, ZERO)


def _negated(x: Floats) -> Floats:
    return x if is_nothing(x) else -x


def if_any(x: Floats) -> Floats:
    """The same; a single 0 where all are 0."""
    return x if np.any(x) else ZERO


def _sum(x: Floats, y: Floats) -> Floats:
    """The sum of two radii, not yet inflated."""
    if is_nothing(x):
        return y
    return x if is_nothing(y) else x + y


def _scaled(size: Floats, radius: Floats) -> Floats:
    return ZERO if is_nothing(radius) else size * radius


def _grown(own: Floats, carried: Floats) -> Floats:
    """A radius from its own rounding and what it carries on."""
    total = _sum(own, carried)
    return total if is_nothing(total) else total * INFLATION


def reach(x: Column) -> Floats:
    """How far from 0 a value may be."""
    return (np.abs(x.high) + np.abs(x.low) + x.radius) * INFLATION


def _upwards(value: Fraction) -> float:
    """A float that is at least a non-negative real, and 0 only of 0."""
    return float(np.nextafter(nearest_float(value), np.inf)) if value else 0.0


@lru_cache(maxsize=256)
def enclosed(value: Fraction) -> Column:
    """The enclosure of one exact real; those of constants are remembered."""
    high = nearest_float(value)
    if not np.isfinite(high):
        return Column(np.float64(high), ZERO, np.float64(np.inf))
    low = nearest_float(value - Fraction(high))
    radius = _upwards(abs(value - Fraction(high) - Fraction(low)))
    return Column(np.float64(high), np.float64(low), np.float64(radius))


def column_of(values: list[Fraction]) -> Column:
    """The enclosures of some exact reals, one after the other."""
    each = [enclosed.__wrapped__(value) for value in values]
    return Column(
        np.array([one.high for one in each]),
        np.array([one.low for one in each]),
        np.array([one.radius for one in each]),
    )


# SELECTING AND JOINING


def select(condition: Flags, chosen: Column, otherwise: Column) -> Column:
    """One column where the condition holds, another where it does not."""

    def picked(x: Floats, y: Floats) -> Floats:
        if is_nothing(x) and is_nothing(y):
            return ZERO
        return np.where(condition, x, y)

    return Column(
        np.where(condition, chosen.high, otherwise.high),
        picked(chosen.low, otherwise.low),
        picked(chosen.radius, otherwise.radius),
    )


def _filled(x: Column) -> tuple[Floats, Floats, Floats]:
    """High, low and radius, all of one shape."""
    shape = np.shape(x.high)
    low, radius = (
        each if np.shape(each) == shape else np.full(shape, each)
        for each in (x.low, x.radius)
    )
    return x.high, low, radius


def along_rows(x: Column) -> Column:
    """The same values as a table of one column, to be combined with a row."""
    high, low, radius = (np.reshape(each, (-1, 1)) for each in _filled(x))
    return Column(high, low, radius)


def stretch(x: Column, places: slice | Counts) -> Column:
    """The values at some places, of the rows one after the other."""
    high, low, radius = (np.ravel(each)[places] for each in _filled(x))
    return Column(high, low, radius)


def joined(x: Column, y: Column) -> Column:
    """One column below the other."""
    pairs = zip(_filled(x), _filled(y), strict=True)
    high, low, radius = (np.concatenate(pair) for pair in pairs)
    return Column(high, low, radius)


def widened(x: Column, condition: Flags) -> Column:
    """The same, but undecided where the condition holds."""
    return Column(x.high, x.low, np.where(condition, np.inf, x.radius))


def hull(x: Column, y: Column) -> Column:
    """What encloses both values of each step."""
    return Column(x.high, x.low, reach(x - y) + x.radius + y.radius)
