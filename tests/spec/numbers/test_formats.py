"""The limits of the formats, and which numbers they hold."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest

from torchlean_spec.numbers import FORMATS, Binary, format_named

TYPES: dict[str, type[np.floating]] = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}


@pytest.mark.parametrize("name", TYPES)
def test_the_limits_are_those_of_numpy(name: str) -> None:
    """Largest, least normal and least positive number, and the unit roundoff."""
    limits = np.finfo(TYPES[name])
    wanted = format_named(name)
    assert wanted.largest == Fraction(float(limits.max))
    assert wanted.smallest_normal == Fraction(float(limits.tiny))
    assert wanted.smallest == Fraction(float(limits.smallest_subnormal))
    assert wanted.unit_roundoff == Fraction(float(limits.eps)) / 2
    assert wanted.half_smallest == wanted.smallest / 2


@pytest.mark.parametrize(
    ("name", "largest", "smallest"),
    [
        ("bfloat16", (2 - Fraction(1, 2**7)) * 2**127, Fraction(1, 2**133)),
        ("float8_e5m2", Fraction(57344), Fraction(1, 2**16)),
        ("float8_e4m3fn", Fraction(448), Fraction(1, 2**9)),
        ("float128", (2 - Fraction(1, 2**112)) * 2**16383, Fraction(1, 2**16494)),
    ],
)
def test_the_limits_of_the_others_are_those_of_their_documents(
    name: str, largest: Fraction, smallest: Fraction
) -> None:
    """IEEE 754-2019 table 3.5 and the OCP 8-bit specification, table 1."""
    assert format_named(name).largest == largest
    assert format_named(name).smallest == smallest


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_holds_what_rounding_leaves_alone(name: str) -> None:
    """A float is held exactly where conversion gives it back."""
    wanted = FORMATS[name]
    system = Binary(
        wanted.exponent_bits, wanted.precision, infinities=wanted.infinities
    )
    chance = random.Random(name)
    values = [0.0, -0.0, 1.5, 2.0**-149, 2.0**-1074, 448.0, 480.0, 65504.0, 65520.0]
    values += [
        chance.getrandbits(4) * 2.0 ** chance.randint(-20, 20) for _ in range(99)
    ]
    values += [chance.gauss(0, 1) for _ in range(20)]
    for value in values:
        same = float(system.from_float(value)) == value
        assert wanted.holds_float(value) == same
        assert wanted.holds(Fraction(value)) == same


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_holds_an_infinity_or_nan_as_a_finite_number(name: str) -> None:
    """These are answers of their own kind."""
    for value in (math.inf, -math.inf, math.nan):
        assert not FORMATS[name].holds_float(value)
