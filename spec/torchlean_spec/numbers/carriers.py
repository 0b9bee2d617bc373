"""What bounded numbers are made of: Python floats, or decimals of 50 digits.

A carrier gives the centre and the radius of a bounded number their arithmetic,
and says how far that arithmetic may err, so that the radius can include it.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, Self, cast

from torchlean_spec.numbers import floating
from torchlean_spec.numbers.elementary import enclose

DIGITS = 50
"""Decimal digits carried; binary64 numbers need 17."""

CONTEXT = decimal.Context(
    prec=DIGITS,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-99999,
    Emax=99999,
    traps=[],
)
"""The decimal arithmetic of bounded numbers: no traps, so infinities and NaN; what
it loses below 1e-99999 is far below the slack of any radius."""

ENCLOSED_BITS = 170
"""Bits to which elementary functions are enclosed for the decimal carrier."""


class Real(Protocol):
    """The number that a centre or a radius is."""

    def __add__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __mul__(self, other: Self, /) -> Self: ...
    def __truediv__(self, other: Self, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __abs__(self) -> Self: ...
    def __lt__(self, other: Self, /) -> bool: ...
    def __le__(self, other: Self, /) -> bool: ...
    def __float__(self) -> float: ...


Function = Callable[[Real], Real]


class Carrier(Protocol):
    """A kind of real number, with its functions and its errors."""

    @property
    def error(self) -> Fraction:
        """The largest relative error of one operation of the carrier."""
        ...

    @property
    def function_error(self) -> Fraction:
        """The largest relative error of one elementary function."""
        ...

    def context(self) -> AbstractContextManager[object]:
        """The context in which the carrier's operators are to be used."""
        ...

    def from_float(self, value: float, /) -> Real:
        """The number, exactly."""
        ...

    def negative(self, value: Real, /) -> Real:
        """The number with the other sign, exactly."""
        ...

    def above(self, value: Fraction, /) -> Real:
        """A number at most one rounding above, or the number itself."""
        ...

    def below(self, value: Fraction, /) -> Real:
        """A number at most one rounding below, or the number itself."""
        ...

    def nearest(self, value: Fraction, /) -> Real:
        """The nearest number."""
        ...

    def to_fraction(self, value: Real, /) -> Fraction:
        """The number, exactly; it must be finite."""
        ...

    def function(self, name: str, /) -> Function:
        """`sqrt`, `exp`, `expm1`, `log`, `log1p`, `tanh` or `erf`.

        An argument outside the domain gives NaN, a pole or an overflow an infinity.
        """
        ...


class FloatCarrier:
    """Binary64, for target formats of at most 24 bits.

    Assumption: the C library's functions err by at most 2 units in the last
    place of binary64 (`function_error` allows twice that).
    """

    error = Fraction(1, 2**53)
    function_error = Fraction(1, 2**50)

    def context(self) -> AbstractContextManager[object]:
        """Nothing to set."""
        return nullcontext()

    def from_float(self, value: float, /) -> float:
        """The number itself."""
        return value

    def negative(self, value: float, /) -> float:
        """The number with the other sign."""
        return -value

    def above(self, value: Fraction, /) -> float:
        """The number, rounded towards plus infinity."""
        near = floating.nearest_float(value)
        if math.isinf(near):
            return math.inf if near > 0 else -math.nextafter(math.inf, 0.0)
        return near if Fraction(near) >= value else math.nextafter(near, math.inf)

    def below(self, value: Fraction, /) -> float:
        """The number, rounded towards minus infinity."""
        return -self.above(-value)

    def nearest(self, value: Fraction, /) -> float:
        """The nearest float."""
        return floating.nearest_float(value)

    def to_fraction(self, value: float, /) -> Fraction:
        """The number, exactly."""
        return Fraction(value)

    def function(self, name: str, /) -> Callable[[float], float]:
        """The C library's function, made total."""
        return _FLOAT_FUNCTIONS[name]


_FLOAT_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": floating.sqrt,
    "exp": floating.exp,
    "expm1": floating.expm1,
    "log": floating.log,
    "log1p": floating.log1p,
    "tanh": math.tanh,
    "erf": math.erf,
}


class DecimalCarrier:
    """Decimals of 50 digits, in a context of their own, for binary64."""

    error = Fraction(5, 10**DIGITS)
    function_error = Fraction(10, 10**DIGITS)

    def context(self) -> AbstractContextManager[object]:
        """The decimal context; the caller's own is left as it was."""
        return decimal.localcontext(CONTEXT)

    def from_float(self, value: float, /) -> Decimal:
        """The number, exactly."""
        return Decimal(value)

    def negative(self, value: Decimal, /) -> Decimal:
        """The number with the other sign; the operator `-` would round it."""
        return value.copy_negate()

    def _divided(self, value: Fraction, rounding: str) -> Decimal:
        context = CONTEXT.copy()
        context.rounding = rounding
        return context.divide(Decimal(value.numerator), Decimal(value.denominator))

    def above(self, value: Fraction, /) -> Decimal:
        """The number, rounded towards plus infinity."""
        return self._divided(value, decimal.ROUND_CEILING)

    def below(self, value: Fraction, /) -> Decimal:
        """The number, rounded towards minus infinity."""
        return self._divided(value, decimal.ROUND_FLOOR)

    def nearest(self, value: Fraction, /) -> Decimal:
        """The nearest decimal of 50 digits."""
        return self._divided(value, decimal.ROUND_HALF_EVEN)

    def to_fraction(self, value: Decimal, /) -> Fraction:
        """The number, exactly."""
        return Fraction(value)

    def function(self, name: str, /) -> Callable[[Decimal], Decimal]:
        """Decimal's own function, or an enclosure by integers."""
        return _DECIMAL_FUNCTIONS[name]


def _decimal_log(x: Decimal) -> Decimal:
    return CONTEXT.ln(x)


def _decimal_log1p(x: Decimal) -> Decimal:
    if x <= -1 or x.is_infinite():
        return CONTEXT.ln(CONTEXT.add(x, Decimal(1)))
    return _enclosed("log1p", x)


def _decimal_expm1(x: Decimal) -> Decimal:
    if abs(x) > 1:
        return CONTEXT.subtract(CONTEXT.exp(x), Decimal(1))
    return _enclosed("expm1", x)


def _decimal_tanh(x: Decimal) -> Decimal:
    if abs(x) > 100:
        return Decimal(1).copy_sign(x)
    return _enclosed("tanh", x)


def _decimal_erf(x: Decimal) -> Decimal:
    if abs(x) > 20:
        return Decimal(1).copy_sign(x)
    return _enclosed("erf", x)


def _enclosed(name: str, x: Decimal) -> Decimal:
    """An elementary function of a finite decimal, within `function_error`."""
    if not x.is_finite():
        return Decimal("NaN")
    lower, upper = enclose(name, Fraction(x), ENCLOSED_BITS)
    middle = (lower + upper) / 2
    return CONTEXT.divide(Decimal(middle.numerator), Decimal(middle.denominator))


_DECIMAL_FUNCTIONS: dict[str, Callable[[Decimal], Decimal]] = {
    "sqrt": CONTEXT.sqrt,
    "exp": CONTEXT.exp,
    "expm1": _decimal_expm1,
    "log": _decimal_log,
    "log1p": _decimal_log1p,
    "tanh": _decimal_tanh,
    "erf": _decimal_erf,
}

FLOATS = cast(Carrier, FloatCarrier())
"""The carrier of binary64 centres. (The cast hides which kind of number it is.)"""

DECIMALS = cast(Carrier, DecimalCarrier())
"""The carrier of decimal centres."""
