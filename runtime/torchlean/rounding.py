"""Exact numbers rounded once to the number format of a run.

>>> nearest(Fraction(1, 10), "float32"), nearest(Fraction(1, 10), "float64")
(0.10000000149011612, 0.1)
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

from torchlean_spec.numbers.floating import nearest_float
from torchlean_spec.training import NumberFormat


def nearest(value: Fraction, number_format: NumberFormat) -> float:
    """The number of the format that is nearest to an exact real, ties to even.

    Binary32 is reached through binary64 rounded to odd: what is cut off leaves a
    mark in the last bit, so that the second rounding cannot mistake it for a tie.

    Source: Boldo, Melquiond, "Emulation of FMA and Correctly Rounded Sums: Proved
    Algorithms Using Rounding to Odd", IEEE Transactions on Computers 57(4), 2008.

    Args:
        value: An exact real.
        number_format: `float32` or `float64`.

    >>> nearest(Fraction(2**24 + 1) + Fraction(1, 2**60), "float32")
    16777218.0
    """
    rounded = nearest_float(value)
    if number_format == "float64":
        return rounded
    if math.isfinite(rounded) and rounded != value:
        if abs(Fraction(rounded)) > abs(value):
            rounded = math.nextafter(rounded, 0.0)
        (word,) = struct.unpack("<Q", struct.pack("<d", rounded))
        (rounded,) = struct.unpack("<d", struct.pack("<Q", word | 1))
    return _binary32(rounded)


def _binary32(value: float) -> float:
    """The nearest binary32 number; infinite past the largest."""
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return math.copysign(math.inf, value)
    return float(rounded)
