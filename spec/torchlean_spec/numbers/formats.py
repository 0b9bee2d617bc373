"""IEEE 754 binary formats as plain records: how wide, how far, how fine.

>>> FORMATS["float32"].largest == (2 - Fraction(1, 2**23)) * 2**127
True
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from torchlean_spec.errors import Reason, TorchLeanError


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Source: IEEE 754-2019, section 3.3. A format without infinities is laid out
    as the OCP 8-bit specification (revision 1.0, section 5) lays out E4M3: the
    largest exponent holds numbers too, and the one pattern of ones is NaN.
    """

    name: str
    """Such as `float32`."""
    exponent_bits: int
    """The width of the exponent field."""
    precision: int
    """Bits of a normal number's significand, the hidden one included."""
    infinities: bool = True
    """Whether the format has infinities."""

    @cached_property
    def bias(self) -> int:
        """What the exponent field adds to the exponent."""
        return (1 << (self.exponent_bits - 1)) - 1

    @cached_property
    def least_exponent(self) -> int:
        """The exponent of the least positive number, which is subnormal."""
        return 2 - self.bias - self.precision

    @cached_property
    def smallest(self) -> Fraction:
        """The least positive number."""
        return Fraction(2) ** self.least_exponent

    @cached_property
    def smallest_normal(self) -> Fraction:
        """The least number of full precision."""
        return Fraction(2) ** (1 - self.bias)

    @cached_property
    def largest(self) -> Fraction:
        """The largest finite number."""
        if self.infinities:
            significand = 2 - Fraction(2) ** (1 - self.precision)
            return significand * Fraction(2) ** self.bias
        significand = 2 - Fraction(2) ** (2 - self.precision)
        return significand * Fraction(2) ** (self.bias + 1)

    @cached_property
    def unit_roundoff(self) -> Fraction:
        """The largest relative error of one rounding: `2^-precision`."""
        return Fraction(2) ** -self.precision

    @cached_property
    def half_smallest(self) -> Fraction:
        """The largest absolute error of one rounding among subnormal numbers."""
        return self.smallest / 2

    def holds(self, value: Fraction) -> bool:
        """Whether the format holds a number exactly.

        >>> FORMATS["float16"].holds(Fraction(2049)), FORMATS["float16"].holds(
        ...     Fraction(2050)
        ... )
        (False, True)
        """
        if abs(value) > self.largest:
            return False
        scaled = value / self.smallest
        if scaled.denominator != 1:
            return False
        odd = scaled.numerator // (scaled.numerator & -scaled.numerator or 1)
        return abs(odd).bit_length() <= self.precision

    def holds_float(self, value: float) -> bool:
        """Whether the format holds a Python float exactly, as a finite number."""
        if not abs(value) <= self._largest_float:
            return False
        _, exponent = math.frexp(value)
        places = self.precision - exponent
        if places > -self.least_exponent:
            places = -self.least_exponent
        return math.ldexp(value, places).is_integer()

    @cached_property
    def _largest_float(self) -> float:
        """The largest finite number that is a Python float too."""
        return float(min(self.largest, Fraction(sys.float_info.max)))


FORMATS = {
    each.name: each
    for each in (
        Format("float16", 5, 11),
        Format("bfloat16", 8, 8),
        Format("float32", 8, 24),
        Format("float64", 11, 53),
        Format("float128", 15, 113),
        Format("float8_e5m2", 5, 3),
        Format("float8_e4m3fn", 4, 4, infinities=False),
    )
}
"""The formats that the spec names."""


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`, with the names that exist.
    """
    if name not in FORMATS:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a number format among {', '.join(FORMATS)}, got {name}",
        )
    return FORMATS[name]
