"""Arithmetic on unevaluated sums of two binary64 numbers, about 106 bits together.

Every function takes and gives arrays, or single numbers, `high` and `low` with
`|low| <= ulp(high) / 2`. With u = 2^-53 and nothing overflowing or underflowing,
the relative errors are at most

    add, add_plain      3 u^2 + 13 u^3       algorithms 6 and 4
    multiply            5 u^2                algorithm 10
    multiply_plain      3 u^2                algorithm 8
    divide              15 u^2 + 56 u^3      algorithm 17

all below `RELATIVE_ERROR` = 16 u^2 = 2^-102, with more than 2 u to spare: so the
bound may be taken of the computed result as well.

>>> high, low = divide(np.float64(1), ZERO, np.float64(3), ZERO)
>>> float(high), float(low)
(0.3333333333333333, 1.850371707708594e-17)

Sources: Dekker, "A floating-point technique for extending the available
precision", Numerische Mathematik 18, 1971; Joldes, Muller, Popescu, "Tight and
rigorous error bounds for basic building blocks of double-word arithmetic", ACM
TOMS 44(2), 2017, whose numbers the algorithms have; Muller, Rideau, "Formalization
of double-word arithmetic, and comments on [it]", ACM TOMS 48(1), 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64] | np.float64
Pair = tuple[Floats, Floats]

ZERO = np.float64(0)
"""A lower half, or a radius, that is 0 throughout: work on it is left out."""

RELATIVE_ERROR = 2.0**-102

SPLITTER = 2.0**27 + 1
"""Veltkamp's constant, which cuts a binary64 number into two halves."""


def is_nothing(x: Floats) -> bool:
    """Whether it is a single 0."""
    return not isinstance(x, np.ndarray) and x == 0


def two_sum(x: Floats, y: Floats) -> Pair:
    """The rounded sum and its error, exactly."""
    total = x + y
    seen = total - x
    return total, (x - (total - seen)) + (y - seen)


def quick_two_sum(x: Floats, y: Floats) -> Pair:
    """The same, if x is 0 or |x| >= |y|."""
    total = x + y
    return total, y - (total - x)


def halves(x: Floats) -> Pair:
    """Two numbers of at most 26 bits each whose sum is x."""
    scaled = x * SPLITTER
    upper = scaled - (scaled - x)
    return upper, x - upper


def two_product(x: Floats, y: Floats) -> Pair:
    """The rounded product and its error, exactly unless something underflows."""
    product = x * y
    x_upper, x_lower = halves(x)
    y_upper, y_lower = halves(y)
    error = x_upper * y_upper - product
    error = error + x_upper * y_lower + x_lower * y_upper
    return product, error + x_lower * y_lower


def add_plain(high: Floats, low: Floats, plain: Floats) -> Pair:
    """The sum of a double word and a number."""
    total, error = two_sum(high, plain)
    return quick_two_sum(total, low + error)


def add(high: Floats, low: Floats, other_high: Floats, other_low: Floats) -> Pair:
    """The sum of two double words."""
    if is_nothing(other_low):
        return add_plain(high, low, other_high)
    if is_nothing(low):
        return add_plain(other_high, other_low, high)
    total, error = two_sum(high, other_high)
    below, rest = two_sum(low, other_low)
    total, error = quick_two_sum(total, error + below)
    return quick_two_sum(total, error + rest)


def multiply_plain(high: Floats, low: Floats, plain: Floats) -> Pair:
    """The product of a double word and a number."""
    product, error = two_product(high, plain)
    return quick_two_sum(product, error + low * plain)


def multiply(high: Floats, low: Floats, other_high: Floats, other_low: Floats) -> Pair:
    """The product of two double words."""
    if is_nothing(other_low):
        return multiply_plain(high, low, other_high)
    if is_nothing(low):
        return multiply_plain(other_high, other_low, high)
    product, error = two_product(high, other_high)
    return quick_two_sum(product, error + (high * other_low + low * other_high))


def divide(high: Floats, low: Floats, other_high: Floats, other_low: Floats) -> Pair:
    """The quotient of two double words."""
    first = high / other_high
    product, error = two_product(first, other_high)
    if not is_nothing(other_low):
        total, below = quick_two_sum(product, other_low * first)
        product, error = quick_two_sum(total, below + error)
    rest = (high - product) + (low - error)
    return quick_two_sum(first, rest / other_high)
