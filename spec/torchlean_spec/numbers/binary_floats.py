"""IEEE arithmetic on Python floats: the quick way for formats of at most 25 bits.

A number of such a format is a Python float, and an operation is that of binary64
followed by a rounding to the format. Rounding twice gives what rounding once
gives, for `+ - * /` and the square root, because 53 bits are at least `2 p + 2`
(Figueroa, *When is double rounding innocuous?*, ACM SIGNUM 30(3), 1995): a
quotient or a root of p-bit numbers cannot come so close to a tie. Products are
exact in binary64. For binary64 itself the second rounding is the identity. A
fused multiply-add and the elementary functions go through integers.

Assumption: Python's float is binary64, rounded to nearest, ties to even.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from operator import add

from torchlean_spec.numbers import floating
from torchlean_spec.numbers.binary_integers import (
    AT_INFINITY,
    Finite,
    IntegerEngine,
    at_edge,
)
from torchlean_spec.numbers.formats import Format
from torchlean_spec.numbers.rounding import Dyadic, elementary, nearest
from torchlean_spec.numbers.summation import BLOCK, LANES

Rounding = Callable[[float], float]
Roundings = Callable[[Iterable[float]], Sequence[float]]

CODES = {"float16": "e", "float32": "f"}
"""The formats that the struct module can round to, and their codes."""


def suits(number_format: Format) -> bool:
    """Whether binary64 arithmetic, rounded again, is the format's own."""
    narrow = number_format.precision <= 25 and number_format.exponent_bits <= 8
    return narrow or _is_float64(number_format)


def _is_float64(number_format: Format) -> bool:
    return number_format.precision == 53 and number_format.exponent_bits == 11


def _rounding(number_format: Format) -> Rounding:
    """From a float to the nearest number of the format, ties to even."""
    if _is_float64(number_format):
        return float
    if number_format.name in CODES:
        return _packed_rounding(CODES[number_format.name])
    return _shifted_rounding(number_format)


def _packed_rounding(code: str) -> Rounding:
    """By writing the bytes of the shorter format, and reading them."""
    layout = struct.Struct("<" + code)
    pack, unpack = layout.pack, layout.unpack

    def rounded(value: float) -> float:
        try:
            found: float = unpack(pack(value))[0]
        except OverflowError:
            return math.copysign(math.inf, value)
        return found

    return rounded


def _shifters(number_format: Format) -> dict[int, float]:
    """For each exponent, the number whose last bit is the last one to keep.

    Adding 1.5 * 2^(k + 52) to a smaller float rounds it to a multiple of 2^k, ties
    to even; subtracting it again is exact.
    """
    precision, least = number_format.precision, number_format.least_exponent
    return {
        exponent: math.ldexp(1.5, max(exponent - precision, least) + 52)
        for exponent in range(-1074, 970 + precision)
    }


def _shifted_rounding(number_format: Format) -> Rounding:
    """By adding a large number and subtracting it again."""
    shifters = _shifters(number_format)
    largest = float(number_format.largest)
    beyond = math.inf if number_format.infinities else math.nan

    def rounded(value: float) -> float:
        shifter = shifters.get(math.frexp(value)[1], math.inf)
        found = (value + shifter) - shifter
        if abs(found) <= largest:
            return math.copysign(found, value)
        return value if value != value else math.copysign(beyond, value)

    return rounded


def _all_rounding(number_format: Format, rounded: Rounding) -> Roundings:
    """The same for many numbers at once, which may lose the sign of a zero."""
    if _is_float64(number_format):
        return list
    if number_format.name in CODES:
        return _all_packed(CODES[number_format.name], rounded)
    shifters = _shifters(number_format)
    largest = float(number_format.largest)

    def all_rounded(values: Iterable[float]) -> Sequence[float]:
        listed = list(values)
        sizes = list(map(abs, listed))
        if math.isnan(sum(sizes)) or max(sizes, default=0.0) > largest:
            return list(map(rounded, listed))
        pairs = [(value, shifters[math.frexp(value)[1]]) for value in listed]
        return [(value + shifter) - shifter for value, shifter in pairs]

    return all_rounded


def _all_packed(code: str, rounded: Rounding) -> Roundings:
    def all_rounded(values: Iterable[float]) -> Sequence[float]:
        listed = list(values)
        layout = f"<{len(listed)}{code}"
        try:
            return struct.unpack(layout, struct.pack(layout, *listed))
        except OverflowError:
            return list(map(rounded, listed))

    return all_rounded


class FloatEngine:
    """The operations of a format; a number is a Python float.

    >>> from torchlean_spec.numbers.formats import FORMATS
    >>> FloatEngine(FORMATS["float32"]).add(1.0, 2.0**-24)
    1.0
    """

    def __init__(self, number_format: Format) -> None:
        self.format = number_format
        self.rounded = _rounding(number_format)
        self.all_rounded = _all_rounding(number_format, self.rounded)
        self._integers = IntegerEngine(number_format)

    # ENCODING

    def from_dyadic(self, value: Dyadic) -> float:
        """The nearest number; zero is positive."""
        mantissa, exponent = nearest(self.format, *value)
        try:
            return self.rounded(math.ldexp(mantissa, exponent))
        except OverflowError:
            return self.rounded(math.copysign(math.inf, mantissa))

    def from_float(self, value: float) -> float:
        """The nearest number; the sign of a zero is kept."""
        return self.rounded(value)

    def to_float(self, x: float) -> float:
        """The number itself."""
        return x

    def from_bits(self, bits: int) -> float:
        """The number of a bit pattern."""
        return self._integers.to_float(bits)

    def to_bits(self, x: float) -> int:
        """The bit pattern."""
        return self._integers.from_float(x)

    # ARITHMETIC

    def add(self, x: float, y: float) -> float:
        """The sum."""
        return self.rounded(x + y)

    def subtract(self, x: float, y: float) -> float:
        """The difference."""
        return self.rounded(x - y)

    def multiply(self, x: float, y: float) -> float:
        """The product."""
        return self.rounded(x * y)

    def divide(self, x: float, y: float) -> float:
        """The quotient; a nonzero number by zero is an infinity."""
        return self.rounded(x / y if y else floating.divide(x, y))

    def negate(self, x: float) -> float:
        """The number with the other sign."""
        return -x

    def absolute(self, x: float) -> float:
        """The number without its sign."""
        return abs(x)

    def sqrt(self, x: float) -> float:
        """Square root; `sqrt(-0)` is -0."""
        return self.rounded(floating.sqrt(x))

    def fused_multiply_add(self, x: float, y: float, z: float) -> float:
        """`x * y + z` with one rounding; its sum is exact in integers."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return self.rounded(x * y + z)
        if not math.isfinite(z):
            return z
        a, b, c = _dyadic(x), _dyadic(y), _dyadic(z)
        exponent = a[1] + b[1]
        low = min(exponent, c[1])
        total = (a[0] * b[0] << (exponent - low)) + (c[0] << (c[1] - low))
        # An exact zero has the sign that the unfused operations give it.
        return self.from_dyadic((total, low)) if total else x * y + z

    def elementary(self, name: str, x: float) -> float:
        """An elementary function, correctly rounded."""
        if not math.isfinite(x):
            at_minus, at_plus = AT_INFINITY[name]
            limit = at_plus if x > 0 else at_minus
            return self.rounded(math.nan if math.isnan(x) else limit)
        mantissa, exponent = _dyadic(x)
        negative = math.copysign(1.0, x) < 0
        edge = at_edge(name, Finite(negative, abs(mantissa), exponent))
        if edge is not None:
            return self.rounded(edge)
        return self.from_dyadic(elementary(self.format, name, mantissa, exponent))

    # ORDER

    def less(self, x: float, y: float) -> bool:
        """Whether x < y."""
        return x < y

    def less_equal(self, x: float, y: float) -> bool:
        """Whether x <= y."""
        return x <= y

    def equal(self, x: float, y: float) -> bool:
        """Whether x == y."""
        return x == y

    def maximum(self, x: float, y: float) -> float:
        """The larger; a NaN wins, and +0 exceeds -0."""
        return floating.maximum(x, y)

    def minimum(self, x: float, y: float) -> float:
        """The smaller; a NaN wins, and -0 is below +0."""
        return floating.minimum(x, y)

    # SUMS

    def sum(self, values: Sequence[float]) -> float:
        """The sum in the strict order."""
        return self._sums(values, len(values), 1)[0]

    def inner_products(
        self, rows: Sequence[Sequence[float]], columns: Sequence[Sequence[float]]
    ) -> list[float]:
        """The dot product of each row with each column, rows outermost.

        One row meets all columns at once: the products stand term by term, those
        of all columns side by side, so that each addition of the tree is one
        addition of long vectors.
        """
        width = len(columns)
        terms = [term for term in zip(*columns, strict=True)]
        found: list[float] = []
        for row in rows:
            products = [
                factor * value
                for factor, line in zip(row, terms, strict=True)
                for value in line
            ]
            found += self._sums(self.all_rounded(products), len(row), width)
        return found

    def _sums(self, terms: Sequence[float], count: int, width: int) -> list[float]:
        """The strict sums of `width` runs of `count` numbers, side by side."""
        if count > BLOCK:
            blocks: list[float] = []
            for start in range(0, count, BLOCK):
                stop = min(start + BLOCK, count)
                part = terms[start * width : stop * width]
                blocks += self._sums(part, stop - start, width)
            return self._sums(blocks, len(blocks) // width, width)
        lanes: Sequence[float] = terms[: LANES * width]
        for start in range(LANES, count, LANES):
            lanes = self._plus(lanes, terms[start * width : (start + LANES) * width])
        half = LANES // 2
        while half:
            lanes = self._plus(lanes[: half * width], lanes[half * width :])
            half //= 2
        # Lanes start at +0, so no sum is -0; adding it at the end does the same.
        return [lane + 0.0 for lane in lanes] or [0.0] * width

    def _plus(self, left: Sequence[float], right: Sequence[float]) -> Sequence[float]:
        """Add two vectors; what the second lacks is +0."""
        both = self.all_rounded(map(add, left, right))
        return both if len(right) == len(left) else [*both, *left[len(right) :]]


def _dyadic(x: float) -> Dyadic:
    numerator, denominator = x.as_integer_ratio()
    return numerator, 1 - denominator.bit_length()
