"""Rounding exact numbers to a format: to nearest, ties to even.

A finite number is a pair of integers, `mantissa * 2^exponent`, the sign in the
mantissa. Rounding keeps at most as many bits as the format has, fewer among the
subnormal numbers, and knows no largest number: overflow is the caller's to see.
"""

from __future__ import annotations

import math
from fractions import Fraction

from torchlean_spec.numbers.elementary import ENCLOSURES
from torchlean_spec.numbers.formats import Format

Dyadic = tuple[int, int]
"""`(mantissa, exponent)`: the number `mantissa * 2^exponent`."""

FIRST_BITS = 12
"""How many bits beyond the precision are tried first; each try doubles them."""


def nearest(number_format: Format, mantissa: int, exponent: int) -> Dyadic:
    """The format's number nearest to `mantissa * 2^exponent`, ties to even.

    Source: IEEE 754-2019, section 4.3.1.

    >>> from torchlean_spec.numbers.formats import FORMATS
    >>> nearest(FORMATS["float16"], 2**12 + 6, 0)
    (1026, 2)
    """
    size = abs(mantissa)
    length = size.bit_length()
    quantum = max(
        length + exponent - number_format.precision, number_format.least_exponent
    )
    drop = quantum - exponent
    if drop <= 0:
        return mantissa, exponent
    if drop > length + 1:
        return 0, quantum
    kept = (size + (1 << (drop - 1)) - 1 + (size >> drop & 1)) >> drop
    return (kept if mantissa >= 0 else -kept), quantum


def quotient(numerator: int, denominator: int, bits: int) -> Dyadic:
    """A dyadic number that rounds as `numerator / denominator` does.

    It has at least two bits more than `bits`, and the last is set where anything
    nonzero was dropped, so that a tie is a tie and nothing else is.
    """
    size = abs(numerator)
    places = max(bits + 3 - size.bit_length() + denominator.bit_length(), 0)
    whole, rest = divmod(size << places, denominator)
    whole = whole << 1 | (rest != 0)
    return (whole if numerator >= 0 else -whole), -places - 1


def root(mantissa: int, exponent: int, bits: int) -> Dyadic:
    """A dyadic number that rounds as the square root does; the last bit is sticky."""
    places = max(2 * bits + 4 - mantissa.bit_length(), 0)
    places += (exponent - places) % 2
    shifted = mantissa << places
    whole = math.isqrt(shifted)
    sticky = whole * whole != shifted
    return whole << 1 | sticky, (exponent - places) // 2 - 1


def nearest_fraction(number_format: Format, value: Fraction) -> Dyadic:
    """The format's number nearest to a rational, ties to even."""
    precision = number_format.precision
    return nearest(
        number_format, *quotient(value.numerator, value.denominator, precision)
    )


def elementary(
    number_format: Format, name: str, mantissa: int, exponent: int
) -> Dyadic:
    """An elementary function, correctly rounded.

    Args:
        number_format: The format to round to.
        name: `exp`, `expm1`, `log`, `log1p`, `tanh` or `erf`.
        mantissa: The argument's; the argument is not zero, lies inside the
            domain, and its image is not zero.
        exponent: The argument's.

    Returns:
        The nearest number; for an overflow, a number beyond the largest.
    """
    magnitude = mantissa.bit_length() + exponent
    if name in ("exp", "expm1") and magnitude > number_format.exponent_bits + 1:
        if mantissa > 0:
            return 1, number_format.bias + 2
        if name == "exp":
            return 0, number_format.least_exponent
    enclosure = ENCLOSURES[name]
    extra = FIRST_BITS
    while True:
        lower, upper, scale = enclosure(
            mantissa, exponent, number_format.precision + extra
        )
        below = nearest(number_format, lower, scale)
        above = nearest(number_format, upper, scale)
        if below == above or same(below, above):
            return below
        extra *= 2


def same(x: Dyadic, y: Dyadic) -> bool:
    """Whether two pairs are the same number.

    >>> same((4, 0), (1, 2))
    True
    """
    low = min(x[1], y[1])
    return x[0] << (x[1] - low) == y[0] << (y[1] - low)
