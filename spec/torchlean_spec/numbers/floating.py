"""Python floats as a number system: binary64, as fast as the interpreter allows.

The operators and the square root are those of IEEE 754 binary64, sums follow
the strict tree, and the elementary functions are those of the platform's C
library, so their last bits may differ between platforms; `BINARY64` of
`numbers/binary.py` fixes them. Python refuses one thing that IEEE 754 answers:
a division by zero raises `ZeroDivisionError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

from torchlean_spec.numbers.summation import (
    tree_dot,
    tree_inner_products,
    tree_sum,
)
from torchlean_spec.numbers.system import Condition, Exact


def nearest_float(value: Exact) -> float:
    """The binary64 number nearest to an exact real, ties to even.

    >>> nearest_float(Fraction(1, 3)), nearest_float(10**400)
    (0.3333333333333333, inf)
    """
    exact = Fraction(value)
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _total(
    function: Callable[[float], float],
    poles: tuple[tuple[float, float], ...] = (),
) -> Callable[[float], float]:
    """A function of `math` that answers infinities and NaN, and never raises."""
    images = dict(poles)

    def total(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:
            return images.get(x, math.nan)

    return total


exp = _total(math.exp)
"""Exponential function; infinite past the largest float."""

expm1 = _total(math.expm1)
"""`exp(x) - 1`; infinite past the largest float."""

log = _total(math.log, ((0.0, -math.inf),))
"""Natural logarithm; minus infinity at zero, NaN below."""

log1p = _total(math.log1p, ((-1.0, -math.inf),))
"""`log(1 + x)`; minus infinity at -1, NaN below."""

sqrt = _total(math.sqrt)
"""Square root; NaN below zero."""


def divide(x: float, y: float) -> float:
    """IEEE 754 division: by zero it gives an infinity, or NaN for 0/0 and NaN.

    >>> divide(1.0, -0.0), divide(0.0, 0.0)
    (-inf, nan)
    """
    if y != 0:
        return x / y
    if x == 0 or x != x:
        return math.nan
    return math.copysign(math.inf, math.copysign(1.0, x) * math.copysign(1.0, y))


def maximum(x: float, y: float) -> float:
    """IEEE 754 maximum: a NaN on either side wins, and +0 exceeds -0.

    >>> maximum(-0.0, 0.0), maximum(1.0, math.nan)
    (0.0, nan)
    """
    if x > y or x != x:
        return x
    return x if x == y and math.copysign(1.0, x) > 0 else y


def minimum(x: float, y: float) -> float:
    """IEEE 754 minimum: a NaN on either side wins, and -0 is below +0.

    >>> minimum(0.0, -0.0), minimum(1.0, math.nan)
    (-0.0, nan)
    """
    if x < y or x != x:
        return x
    return x if x == y and math.copysign(1.0, x) < 0 else y


_constant = lru_cache(4096)(nearest_float)


class Floating:
    """The number system of Python floats.

    >>> system = Floating()
    >>> system.dot([1.0, 2.0], [3.0, 4.0]), system.log(0.0)
    (11.0, -inf)
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """`float`."""
        return "float"

    def constant(self, value: Exact, /) -> float:
        """The float nearest to an exact real, ties to even."""
        return _constant(value)

    def from_float(self, value: float, /) -> float:
        """The value itself."""
        return float(value)

    def to_float(self, value: float, /) -> float:
        """The value itself."""
        return value

    def sqrt(self, x: float, /) -> float:
        """Square root, correctly rounded; NaN below zero."""
        return sqrt(x)

    def exp(self, x: float, /) -> float:
        """Exponential function."""
        return exp(x)

    def expm1(self, x: float, /) -> float:
        """`exp(x) - 1`, accurate near zero."""
        return expm1(x)

    def log(self, x: float, /) -> float:
        """Natural logarithm; minus infinity at zero, NaN below."""
        return log(x)

    def log1p(self, x: float, /) -> float:
        """`log(1 + x)`, accurate near zero."""
        return log1p(x)

    def tanh(self, x: float, /) -> float:
        """Hyperbolic tangent."""
        return math.tanh(x)

    def erf(self, x: float, /) -> float:
        """Error function."""
        return math.erf(x)

    def absolute(self, x: float, /) -> float:
        """Absolute value; clears the sign of a zero."""
        return abs(x)

    def maximum(self, x: float, y: float, /) -> float:
        """IEEE 754 maximum."""
        return maximum(x, y)

    def minimum(self, x: float, y: float, /) -> float:
        """IEEE 754 minimum."""
        return minimum(x, y)

    def less(self, x: float, y: float, /) -> bool:
        """Whether x < y; false where either is a NaN."""
        return x < y

    def less_equal(self, x: float, y: float, /) -> bool:
        """Whether x <= y; false where either is a NaN."""
        return x <= y

    def equal(self, x: float, y: float, /) -> bool:
        """Whether x == y; false where either is a NaN."""
        return x == y

    def where(self, condition: Condition, chosen: float, otherwise: float, /) -> float:
        """`chosen` if the condition holds, else `otherwise`."""
        return chosen if condition else otherwise

    def sum(self, values: Sequence[float], /) -> float:
        """The sum in the strict order."""
        return tree_sum(0.0, values)

    def dot(self, left: Sequence[float], right: Sequence[float], /) -> float:
        """The sum of the products in the strict order."""
        return tree_dot(0.0, left, right)

    def inner_products(
        self, rows: Sequence[Sequence[float]], columns: Sequence[Sequence[float]], /
    ) -> list[float]:
        """The dot product of each row with each column, rows outermost."""
        return tree_inner_products(0.0, rows, columns)


FLOAT = Floating()
"""The one instance that is needed."""
