"""IEEE arithmetic on bit patterns, by integers alone: any format, any width."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import NamedTuple

from torchlean_spec.numbers.floating import divide
from torchlean_spec.numbers.formats import Format
from torchlean_spec.numbers.rounding import (
    Dyadic,
    elementary,
    nearest,
    quotient,
    root,
)

AT_INFINITY = {
    "exp": (0.0, math.inf),
    "expm1": (-1.0, math.inf),
    "log": (math.nan, math.inf),
    "log1p": (math.nan, math.inf),
    "tanh": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
}
"""What each elementary function is at minus and at plus infinity."""


class Finite(NamedTuple):
    """A finite number: `(-1)^negative * size * 2^exponent`."""

    negative: bool
    size: int
    exponent: int

    @property
    def mantissa(self) -> int:
        """The size, with the sign."""
        return -self.size if self.negative else self.size


class IntegerEngine:
    """The operations of a format; a number is its bit pattern.

    >>> from torchlean_spec.numbers.formats import FORMATS
    >>> engine = IntegerEngine(FORMATS["float16"])
    >>> hex(engine.add(engine.from_float(1.0), engine.from_float(0.5)))
    '0x3e00'
    """

    def __init__(self, number_format: Format) -> None:
        self.format = number_format
        self._fraction_bits = number_format.precision - 1
        self._sign = 1 << (number_format.exponent_bits + self._fraction_bits)
        top = (1 << number_format.exponent_bits) - 1
        self._top = top
        if number_format.infinities:
            self._infinity = top << self._fraction_bits
            self._nan = self._infinity | 1 << (self._fraction_bits - 1)
        else:
            self._nan = self._infinity = self._sign - 1

    # ENCODING

    def decode(self, bits: int) -> Finite | float:
        """The finite number of a pattern, or the infinity or NaN that it is."""
        negative = bits & self._sign != 0
        size = bits & (self._sign - 1)
        if size >= self._infinity:
            if size == self._infinity and self.format.infinities:
                return -math.inf if negative else math.inf
            return math.nan
        field, fraction = size >> self._fraction_bits, size
        if field:
            fraction += (1 - field) << self._fraction_bits
        exponent = self.format.least_exponent + max(field - 1, 0)
        return Finite(negative, fraction, exponent)

    def encode(self, negative: bool, size: int, exponent: int) -> int:
        """The pattern of the number nearest to `size * 2^exponent` of a sign.

        Overflow gives an infinity, and NaN in a format that has none.
        """
        size, exponent = nearest(self.format, size, exponent)
        sign = self._sign if negative else 0
        if size == 0:
            return sign
        field = exponent - self.format.least_exponent
        shift = min(self.format.precision - size.bit_length(), field)
        size = size << shift if shift >= 0 else size >> -shift
        bits = ((field - shift) << self._fraction_bits) + size
        if bits < self._infinity:
            return sign | bits
        return sign | self._infinity if self.format.infinities else self._nan

    def from_dyadic(self, value: Dyadic) -> int:
        """The pattern of the nearest number; zero is positive."""
        return self.encode(value[0] < 0, abs(value[0]), value[1])

    def from_float(self, value: float) -> int:
        """The pattern of the nearest number; the sign of a zero is kept."""
        if math.isnan(value):
            return self._nan
        negative = math.copysign(1.0, value) < 0
        if math.isinf(value):
            return self.encode(negative, 1, self.format.bias + 2)
        numerator, denominator = value.as_integer_ratio()
        return self.encode(negative, abs(numerator), 1 - denominator.bit_length())

    def to_float(self, bits: int) -> float:
        """The nearest Python float."""
        value = self.decode(bits)
        if not isinstance(value, Finite):
            return value
        try:
            size = math.ldexp(*nearest(_FLOAT64, value.size, value.exponent))
        except OverflowError:
            size = math.inf
        return -size if value.negative else size

    def from_bits(self, bits: int) -> int:
        """The pattern itself; every NaN becomes the one quiet NaN."""
        value = self.decode(bits)
        return self._nan if isinstance(value, float) and math.isnan(value) else bits

    def to_bits(self, bits: int) -> int:
        """The pattern itself."""
        return bits

    # ARITHMETIC

    def _special(self, function: Callable[..., float], *operands: int) -> int:
        """An operation with an infinity or a NaN: what floats of like signs give."""
        return self.from_float(function(*map(self._sample, operands)))

    def _sample(self, bits: int) -> float:
        value = self.decode(bits)
        if not isinstance(value, Finite):
            return value
        return math.copysign(float(value.size != 0), -1.0 if value.negative else 1.0)

    def add(self, x: int, y: int) -> int:
        """The sum; `x + -x` is +0."""
        a, b = self.decode(x), self.decode(y)
        if not (isinstance(a, Finite) and isinstance(b, Finite)):
            return self._special(operator.add, x, y)
        low = min(a.exponent, b.exponent)
        total = a.mantissa << (a.exponent - low)
        total += b.mantissa << (b.exponent - low)
        negative = total < 0 if total else a.negative and b.negative
        return self.encode(negative, abs(total), low)

    def subtract(self, x: int, y: int) -> int:
        """The difference."""
        return self.add(x, self.negate(y))

    def multiply(self, x: int, y: int) -> int:
        """The product."""
        a, b = self.decode(x), self.decode(y)
        if not (isinstance(a, Finite) and isinstance(b, Finite)):
            return self._special(operator.mul, x, y)
        negative = a.negative != b.negative
        return self.encode(negative, a.size * b.size, a.exponent + b.exponent)

    def divide(self, x: int, y: int) -> int:
        """The quotient; a nonzero number by zero is an infinity."""
        a, b = self.decode(x), self.decode(y)
        if not (isinstance(a, Finite) and isinstance(b, Finite) and b.size):
            return self._special(divide, x, y)
        size, exponent = quotient(a.size, b.size, self.format.precision)
        negative = a.negative != b.negative
        return self.encode(negative, size, exponent + a.exponent - b.exponent)

    def fused_multiply_add(self, x: int, y: int, z: int) -> int:
        """`x * y + z` with one rounding."""
        a, b, c = self.decode(x), self.decode(y), self.decode(z)
        if not (isinstance(a, Finite) and isinstance(b, Finite)):
            return self._special(lambda p, q, r: p * q + r, x, y, z)
        if not isinstance(c, Finite):
            return self.from_float(c)
        exponent = a.exponent + b.exponent
        low = min(exponent, c.exponent)
        total = a.mantissa * b.mantissa << (exponent - low)
        total += c.mantissa << (c.exponent - low)
        product_negative = a.negative != b.negative
        negative = total < 0 if total else product_negative and c.negative
        return self.encode(negative, abs(total), low)

    def negate(self, x: int) -> int:
        """The number with the other sign; NaN has none."""
        return x if x == self._nan else x ^ self._sign

    def absolute(self, x: int) -> int:
        """The number without its sign."""
        return x & (self._sign - 1)

    def sqrt(self, x: int) -> int:
        """Square root; `sqrt(-0)` is -0."""
        value = self.decode(x)
        if isinstance(value, Finite) and value.size and not value.negative:
            size, exponent = root(value.size, value.exponent, self.format.precision)
            return self.encode(False, size, exponent)
        if isinstance(value, Finite) and value.size == 0:
            return x
        return x if value == math.inf else self._nan

    def elementary(self, name: str, x: int) -> int:
        """An elementary function, correctly rounded."""
        value = self.decode(x)
        if not isinstance(value, Finite):
            at_minus, at_plus = AT_INFINITY[name]
            limit = at_plus if value > 0 else at_minus
            return self.from_float(math.nan if math.isnan(value) else limit)
        edge = at_edge(name, value)
        if edge is not None:
            return self.from_float(edge)
        return self.from_dyadic(
            elementary(self.format, name, value.mantissa, value.exponent)
        )

    # ORDER

    def _order(self, bits: int) -> int:
        """An integer in the order of the numbers; both zeros are 0."""
        size = bits & (self._sign - 1)
        return -size if bits & self._sign else size

    def _ordered(self, x: int, y: int) -> bool:
        return x != self._nan and y != self._nan

    def less(self, x: int, y: int) -> bool:
        """Whether x < y."""
        return self._ordered(x, y) and self._order(x) < self._order(y)

    def less_equal(self, x: int, y: int) -> bool:
        """Whether x <= y."""
        return self._ordered(x, y) and self._order(x) <= self._order(y)

    def equal(self, x: int, y: int) -> bool:
        """Whether x == y."""
        return self._ordered(x, y) and self._order(x) == self._order(y)

    def maximum(self, x: int, y: int) -> int:
        """The larger; a NaN wins, and +0 exceeds -0."""
        if not self._ordered(x, y):
            return self._nan
        if self._order(x) == self._order(y):
            return x & y
        return x if self._order(x) > self._order(y) else y

    def minimum(self, x: int, y: int) -> int:
        """The smaller; a NaN wins, and -0 is below +0."""
        if not self._ordered(x, y):
            return self._nan
        if self._order(x) == self._order(y):
            return x | y
        return x if self._order(x) < self._order(y) else y


_FLOAT64 = Format("float64", 11, 53)


def at_edge(name: str, x: Finite) -> float | None:
    """An elementary function where it is rational or undefined, else none.

    Source: IEEE 754-2019, section 9.2.1, for the zeros' signs and the poles.
    """
    if x.size == 0:
        zero = -0.0 if x.negative else 0.0
        return {"exp": 1.0, "log": -math.inf}.get(name, zero)
    if not name.startswith("log"):
        return None
    end = 0 if name == "log" else -1
    shifted = x.size >> -x.exponent if x.exponent < 0 else x.size << x.exponent
    whole = x.exponent >= 0 or shifted << -x.exponent == x.size
    value = -shifted if x.negative else shifted
    if name == "log" and whole and value == 1:
        return 0.0
    if whole and value == end:
        return -math.inf
    outside = x.negative and (name == "log" or shifted >= 1)
    return math.nan if outside else None
