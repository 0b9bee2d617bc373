"""Exact rationals: arithmetic without rounding, and a refusal of anything else.

An answer that is not a rational number is refused with `Reason.IRRATIONAL`. The
exponential function and its kin are rational at one rational argument each
(Lindemann and Weierstrass), and a square root where numerator and denominator
are squares. There is no NaN, no infinity and no signed zero; a division by zero
raises Python's `ZeroDivisionError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.floating import nearest_float
from torchlean_spec.numbers.summation import (
    tree_dot,
    tree_inner_products,
    tree_sum,
)
from torchlean_spec.numbers.system import Condition, Exact


def _at(name: str, x: Fraction, argument: int, value: int) -> Fraction:
    """The value of an elementary function where it is known to be rational."""
    if x != argument:
        raise TorchLeanError(
            Reason.IRRATIONAL,
            f"expected {argument}, the one argument at which {name} is known to be "
            f"rational, got {x}",
        )
    return Fraction(value)


def _require_above(name: str, bound: int, x: Fraction) -> None:
    if x <= bound:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected an argument of {name} above {bound}, got {x}"
        )


class Rational:
    """The number system of exact rationals.

    >>> system = Rational()
    >>> system.sqrt(Fraction(4, 9)), system.exp(Fraction(0))
    (Fraction(2, 3), Fraction(1, 1))
    >>> system.exp(Fraction(1, 2))
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: expected 0, the one argument at which \
exp is known to be rational, got 1/2
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """`rational`."""
        return "rational"

    def constant(self, value: Exact, /) -> Fraction:
        """The exact real itself."""
        return Fraction(value)

    def from_float(self, value: float, /) -> Fraction:
        """The rational that a finite binary value stands for.

        Raises:
            TorchLeanError: `NOT_FINITE` for a NaN or an infinity.
        """
        if not math.isfinite(value):
            raise TorchLeanError(
                Reason.NOT_FINITE, f"expected a finite number, got {value}"
            )
        return Fraction(value)

    def to_float(self, value: Fraction, /) -> float:
        """The nearest Python float."""
        return nearest_float(value)

    def sqrt(self, x: Fraction, /) -> Fraction:
        """Square root of the square of a rational.

        Raises:
            TorchLeanError: `DOMAIN` below zero, `IRRATIONAL` for any non-square.
        """
        if x < 0:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected an argument of sqrt of at least 0, got {x}"
            )
        root = Fraction(math.isqrt(x.numerator), math.isqrt(x.denominator))
        if root * root != x:
            raise TorchLeanError(
                Reason.IRRATIONAL, f"expected the square of a rational, got {x}"
            )
        return root

    def exp(self, x: Fraction, /) -> Fraction:
        """Exponential function: 1 at 0, else refused."""
        return _at("exp", x, 0, 1)

    def expm1(self, x: Fraction, /) -> Fraction:
        """`exp(x) - 1`: 0 at 0, else refused."""
        return _at("expm1", x, 0, 0)

    def log(self, x: Fraction, /) -> Fraction:
        """Natural logarithm: 0 at 1, else refused."""
        _require_above("log", 0, x)
        return _at("log", x, 1, 0)

    def log1p(self, x: Fraction, /) -> Fraction:
        """`log(1 + x)`: 0 at 0, else refused."""
        _require_above("log1p", -1, x)
        return _at("log1p", x, 0, 0)

    def tanh(self, x: Fraction, /) -> Fraction:
        """Hyperbolic tangent: 0 at 0, else refused."""
        return _at("tanh", x, 0, 0)

    def erf(self, x: Fraction, /) -> Fraction:
        """Error function: 0 at 0, else refused."""
        return _at("erf", x, 0, 0)

    def absolute(self, x: Fraction, /) -> Fraction:
        """Absolute value."""
        return abs(x)

    def maximum(self, x: Fraction, y: Fraction, /) -> Fraction:
        """The larger of two numbers."""
        return max(x, y)

    def minimum(self, x: Fraction, y: Fraction, /) -> Fraction:
        """The smaller of two numbers."""
        return min(x, y)

    def less(self, x: Fraction, y: Fraction, /) -> bool:
        """Whether x < y."""
        return x < y

    def less_equal(self, x: Fraction, y: Fraction, /) -> bool:
        """Whether x <= y."""
        return x <= y

    def equal(self, x: Fraction, y: Fraction, /) -> bool:
        """Whether x == y."""
        return x == y

    def where(
        self, condition: Condition, chosen: Fraction, otherwise: Fraction, /
    ) -> Fraction:
        """`chosen` if the condition holds, else `otherwise`."""
        return chosen if condition else otherwise

    def sum(self, values: Sequence[Fraction], /) -> Fraction:
        """The exact sum."""
        return tree_sum(Fraction(0), values)

    def dot(self, left: Sequence[Fraction], right: Sequence[Fraction], /) -> Fraction:
        """The exact sum of the products."""
        return tree_dot(Fraction(0), left, right)

    def inner_products(
        self,
        rows: Sequence[Sequence[Fraction]],
        columns: Sequence[Sequence[Fraction]],
        /,
    ) -> list[Fraction]:
        """The dot product of each row with each column, rows outermost."""
        return tree_inner_products(Fraction(0), rows, columns)


RATIONAL = Rational()
"""The one instance that is needed."""
