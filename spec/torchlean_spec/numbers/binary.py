"""IEEE 754 binary numbers: the bits that a strict implementation must give.

`+ - * /`, the square root, the fused multiply-add, conversions, and the elementary
functions are correctly rounded: the exact result, rounded once to nearest, ties
to even. Subnormal numbers, signed zeros, infinities and NaN are those of IEEE
754-2019; there is one NaN, without sign or payload. `FLOAT8_E4M3FN` has no
infinities: what overflows is NaN, the non-saturating conversion of the OCP 8-bit
specification (revision 1.0, section 5.2), and so are `1 / 0` and `log(0)`.

>>> third = BINARY32.constant(1) / BINARY32.constant(3)
>>> third, hex(third.bits)
(binary32(0.3333333432674408), '0x3eaaaaab')
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar, Protocol, Self, cast

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.binary_floats import FloatEngine, suits
from torchlean_spec.numbers.binary_integers import IntegerEngine
from torchlean_spec.numbers.formats import FORMATS, Format
from torchlean_spec.numbers.rounding import Dyadic, nearest_fraction
from torchlean_spec.numbers.summation import (
    require_same_length,
    tree_inner_products,
    tree_sum,
)
from torchlean_spec.numbers.system import Condition, Exact

CACHED_CONSTANTS = 4096
"""How many constants a system remembers."""


_IEEE_NAMES = {f"float{width}": f"binary{width}" for width in (16, 32, 64, 128)}


class _Engine(Protocol):
    """The operations of a format on payloads: floats, or integers.

    (To the type checker an int is a float, which is all that this module needs
    to know of payloads.)
    """

    def add(self, x: float, y: float) -> float: ...
    def subtract(self, x: float, y: float) -> float: ...
    def multiply(self, x: float, y: float) -> float: ...
    def divide(self, x: float, y: float) -> float: ...
    def negate(self, x: float) -> float: ...
    def absolute(self, x: float) -> float: ...
    def sqrt(self, x: float) -> float: ...
    def fused_multiply_add(self, x: float, y: float, z: float) -> float: ...
    def elementary(self, name: str, x: float) -> float: ...
    def maximum(self, x: float, y: float) -> float: ...
    def minimum(self, x: float, y: float) -> float: ...
    def less(self, x: float, y: float) -> bool: ...
    def less_equal(self, x: float, y: float) -> bool: ...
    def equal(self, x: float, y: float) -> bool: ...
    def from_dyadic(self, value: Dyadic) -> float: ...
    def from_float(self, value: float) -> float: ...
    def to_float(self, x: float) -> float: ...
    def from_bits(self, bits: int) -> float: ...
    def to_bits(self, x: float) -> int: ...


class BinaryNumber:
    """A number of one format; two are equal if their bits are.

    So NaN equals itself and +0 differs from -0: this is equality of values held,
    as a set or a test needs it. The system's `equal` compares as IEEE 754 does.
    """

    __slots__ = ("payload",)

    engine: ClassVar[_Engine]
    format: ClassVar[Format]
    system_name: ClassVar[str]

    def __init__(self, payload: float) -> None:
        self.payload = payload
        """A float or a bit pattern, as the engine wants it."""

    def __add__(self, other: Self, /) -> Self:
        return type(self)(self.engine.add(self.payload, other.payload))

    def __sub__(self, other: Self, /) -> Self:
        return type(self)(self.engine.subtract(self.payload, other.payload))

    def __mul__(self, other: Self, /) -> Self:
        return type(self)(self.engine.multiply(self.payload, other.payload))

    def __truediv__(self, other: Self, /) -> Self:
        return type(self)(self.engine.divide(self.payload, other.payload))

    def __neg__(self) -> Self:
        return type(self)(self.engine.negate(self.payload))

    @property
    def bits(self) -> int:
        """The bit pattern, sign first."""
        return self.engine.to_bits(self.payload)

    def __float__(self) -> float:
        return self.engine.to_float(self.payload)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BinaryNumber):
            return NotImplemented
        return self.format == other.format and self.bits == other.bits

    def __hash__(self) -> int:
        return hash((self.format, self.bits))

    def __repr__(self) -> str:
        return f"{self.system_name}({float(self)!r})"


class Binary:
    """The number system of a binary format.

    >>> system = Binary(5, 11)
    >>> system.name, float(system.exp(system.constant(1)))
    ('binary16', 2.71875)
    """

    def __init__(
        self,
        exponent_bits: int,
        precision: int,
        *,
        infinities: bool = True,
        by_integers: bool = False,
    ) -> None:
        """Describe a format.

        Args:
            exponent_bits: The width of the exponent field, 2 to 15.
            precision: Bits of the significand, the hidden one included, 3 to 240.
            infinities: Whether the largest exponent is kept for infinities.
            by_integers: Whether to use bit patterns and integers throughout, even
                where Python floats give the same bits sooner.

        Raises:
            TorchLeanError: `HYPERPARAMETER` for widths outside these ranges.
        """
        if not (2 <= exponent_bits <= 15 and 3 <= precision <= 240):
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                "expected 2 to 15 exponent bits and a precision of 3 to 240 bits, "
                f"got {exponent_bits} and {precision}",
            )
        self.format = _format(exponent_bits, precision, infinities)
        """The format."""
        self._quick = None if by_integers else _quick(self.format)
        engine = self._quick or IntegerEngine(self.format)
        self._engine = cast(_Engine, engine)
        self._number = cast(
            type[BinaryNumber],
            type(
                "BinaryNumber",
                (BinaryNumber,),
                {
                    "__slots__": (),
                    "engine": engine,
                    "format": self.format,
                    "system_name": self.name,
                },
            ),
        )
        self._zero = self.from_float(0.0)
        self._constant = lru_cache(CACHED_CONSTANTS)(self._rounded)

    @property
    def name(self) -> str:
        """Such as `binary32`, `bfloat16`, `float8_e5m2` or `binary(6, 9)`."""
        return _IEEE_NAMES.get(self.format.name, self.format.name)

    # NUMBERS FROM OUTSIDE

    def constant(self, value: Exact, /) -> BinaryNumber:
        """The number nearest to an exact real, ties to even."""
        return self._constant(value)

    def _rounded(self, value: Exact) -> BinaryNumber:
        rounded = nearest_fraction(self.format, Fraction(value))
        return self._number(self._engine.from_dyadic(rounded))

    def from_float(self, value: float, /) -> BinaryNumber:
        """The number nearest to a Python float, ties to even."""
        return self._number(self._engine.from_float(value))

    def to_float(self, value: BinaryNumber, /) -> float:
        """The nearest Python float."""
        return float(value)

    def from_bits(self, bits: int, /) -> BinaryNumber:
        """The number of a bit pattern, sign first.

        Raises:
            TorchLeanError: `DOMAIN` if the format has no such pattern.
        """
        width = self.format.exponent_bits + self.format.precision
        if not 0 <= bits < 1 << width:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected a pattern of {width} bits, got {bits}"
            )
        return self._number(self._engine.from_bits(bits))

    def convert(self, value: BinaryNumber, /) -> BinaryNumber:
        """The number nearest to one of another format, ties to even.

        >>> float(BFLOAT16.convert(BINARY32.from_float(3.14159)))
        3.140625
        """
        if suits(value.format):
            # Every number of the source is a Python float.
            return self.from_float(float(value))
        source = IntegerEngine(value.format)
        decoded = source.decode(value.bits)
        if isinstance(decoded, float):
            return self.from_float(decoded)
        if decoded.size == 0:
            return self.from_float(-0.0 if decoded.negative else 0.0)
        dyadic = (decoded.mantissa, decoded.exponent)
        rounded = self._number(self._engine.from_dyadic(dyadic))
        if decoded.negative and rounded == self._zero:
            return -rounded
        return rounded

    # FUNCTIONS

    def sqrt(self, x: BinaryNumber, /) -> BinaryNumber:
        """Square root; NaN below zero, -0 at -0."""
        return self._number(self._engine.sqrt(x.payload))

    def fused_multiply_add(
        self, x: BinaryNumber, y: BinaryNumber, z: BinaryNumber, /
    ) -> BinaryNumber:
        """`x * y + z` with one rounding."""
        return self._number(
            self._engine.fused_multiply_add(x.payload, y.payload, z.payload)
        )

    def exp(self, x: BinaryNumber, /) -> BinaryNumber:
        """Exponential function."""
        return self._number(self._engine.elementary("exp", x.payload))

    def expm1(self, x: BinaryNumber, /) -> BinaryNumber:
        """`exp(x) - 1`."""
        return self._number(self._engine.elementary("expm1", x.payload))

    def log(self, x: BinaryNumber, /) -> BinaryNumber:
        """Natural logarithm; minus infinity at zero, NaN below."""
        return self._number(self._engine.elementary("log", x.payload))

    def log1p(self, x: BinaryNumber, /) -> BinaryNumber:
        """`log(1 + x)`; minus infinity at -1, NaN below."""
        return self._number(self._engine.elementary("log1p", x.payload))

    def tanh(self, x: BinaryNumber, /) -> BinaryNumber:
        """Hyperbolic tangent."""
        return self._number(self._engine.elementary("tanh", x.payload))

    def erf(self, x: BinaryNumber, /) -> BinaryNumber:
        """Error function."""
        return self._number(self._engine.elementary("erf", x.payload))

    def absolute(self, x: BinaryNumber, /) -> BinaryNumber:
        """Absolute value; clears the sign of a zero."""
        return self._number(self._engine.absolute(x.payload))

    def maximum(self, x: BinaryNumber, y: BinaryNumber, /) -> BinaryNumber:
        """IEEE 754 maximum: a NaN on either side wins, and +0 exceeds -0."""
        return self._number(self._engine.maximum(x.payload, y.payload))

    def minimum(self, x: BinaryNumber, y: BinaryNumber, /) -> BinaryNumber:
        """IEEE 754 minimum: a NaN on either side wins, and -0 is below +0."""
        return self._number(self._engine.minimum(x.payload, y.payload))

    # COMPARISON AND CHOICE

    def less(self, x: BinaryNumber, y: BinaryNumber, /) -> bool:
        """Whether x < y; false where either is a NaN."""
        return self._engine.less(x.payload, y.payload)

    def less_equal(self, x: BinaryNumber, y: BinaryNumber, /) -> bool:
        """Whether x <= y; false where either is a NaN."""
        return self._engine.less_equal(x.payload, y.payload)

    def equal(self, x: BinaryNumber, y: BinaryNumber, /) -> bool:
        """Whether x == y; false where either is a NaN, true of +0 and -0."""
        return self._engine.equal(x.payload, y.payload)

    def where(
        self,
        condition: Condition,
        chosen: BinaryNumber,
        otherwise: BinaryNumber,
        /,
    ) -> BinaryNumber:
        """`chosen` if the condition holds, else `otherwise`."""
        return chosen if condition else otherwise

    # SUMS

    def sum(self, values: Sequence[BinaryNumber], /) -> BinaryNumber:
        """The sum in the strict order, each addition rounded."""
        if self._quick:
            return self._number(self._quick.sum([each.payload for each in values]))
        return tree_sum(self._zero, values)

    def dot(
        self, left: Sequence[BinaryNumber], right: Sequence[BinaryNumber], /
    ) -> BinaryNumber:
        """The sum of the rounded products in the strict order."""
        return self.inner_products([left], [right])[0]

    def inner_products(
        self,
        rows: Sequence[Sequence[BinaryNumber]],
        columns: Sequence[Sequence[BinaryNumber]],
        /,
    ) -> list[BinaryNumber]:
        """The dot product of each row with each column, rows outermost."""
        for row in rows[: len(columns)]:
            require_same_length(row, columns[0])
        for column in columns[: len(rows)]:
            require_same_length(rows[0], column)
        if self._quick:
            found = self._quick.inner_products(_payloads(rows), _payloads(columns))
            return list(map(self._number, found))
        return tree_inner_products(self._zero, rows, columns)


def _payloads(vectors: Sequence[Sequence[BinaryNumber]]) -> list[list[float]]:
    return [[each.payload for each in vector] for vector in vectors]


def _quick(number_format: Format) -> FloatEngine | None:
    return FloatEngine(number_format) if suits(number_format) else None


def _format(exponent_bits: int, precision: int, infinities: bool) -> Format:
    """The named format with these widths, or one named after them."""
    for known in FORMATS.values():
        widths = (known.exponent_bits, known.precision, known.infinities)
        if widths == (exponent_bits, precision, infinities):
            return known
    name = f"binary({exponent_bits}, {precision})"
    return Format(name, exponent_bits, precision, infinities)


BINARY16 = Binary(5, 11)
"""IEEE 754 binary16, half precision."""

BFLOAT16 = Binary(8, 8)
"""The upper half of a binary32 number."""

BINARY32 = Binary(8, 24)
"""IEEE 754 binary32, single precision."""

BINARY64 = Binary(11, 53)
"""IEEE 754 binary64, double precision."""

BINARY128 = Binary(15, 113)
"""IEEE 754 binary128, quadruple precision."""

FLOAT8_E5M2 = Binary(5, 3)
"""OCP 8-bit, two fraction bits, with infinities."""

FLOAT8_E4M3FN = Binary(4, 4, infinities=False)
"""OCP 8-bit, three fraction bits, without infinities; the largest number is 448."""
