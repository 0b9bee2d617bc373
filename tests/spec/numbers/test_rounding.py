"""Rounding exact numbers to a format."""

import math
import random
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FORMATS
from torchlean_spec.numbers.rounding import (
    elementary,
    nearest,
    nearest_fraction,
    quotient,
    root,
    same,
)


@pytest.mark.parametrize("name", ["float16", "float64", "float8_e5m2"])
def test_the_nearest_number_is_no_further_than_half_a_last_place(name: str) -> None:
    """Of two numbers as near, the one with an even mantissa is taken."""
    wanted = FORMATS[name]
    chance = random.Random(name)
    for _ in range(2000):
        bits = chance.choice([wanted.precision + 1, wanted.precision + 2, 80])
        mantissa = chance.getrandbits(bits) * chance.choice([-1, 1])
        exponent = chance.randint(wanted.least_exponent - 90, 5)
        kept, quantum = nearest(wanted, mantissa, exponent)
        exact = Fraction(mantissa) * Fraction(2) ** exponent
        error = abs(exact - Fraction(kept) * Fraction(2) ** quantum)
        half = Fraction(2) ** (quantum - 1)
        assert quantum >= min(wanted.least_exponent, exponent)
        assert abs(kept) <= 2**wanted.precision or error == 0
        assert error < half or (error == half and kept % 2 == 0)


def test_sticky_bits_tell_ties_from_what_is_beside_them() -> None:
    """Quotients and roots round as the exact values do."""
    wanted = FORMATS["float16"]
    chance = random.Random(1)
    for _ in range(500):
        numerator, denominator = chance.randint(1, 2**30), chance.randint(1, 2**30)
        found = nearest(wanted, *quotient(numerator, denominator, 11))
        precise = quotient(numerator, denominator, 400)
        assert same(found, nearest(wanted, *precise))
        found = nearest(wanted, *root(numerator, 0, 11))
        precise = root(numerator, 0, 400)
        assert same(found, nearest(wanted, *precise))
    tie = Fraction(2049)
    assert nearest_fraction(wanted, tie) == nearest(wanted, 2048, 0)
    assert same(nearest_fraction(wanted, tie + Fraction(1, 10**50)), (2050, 0))


@pytest.mark.parametrize(
    ("name", "mantissa", "exponent", "expected"),
    [
        # 1 + 2^-53 + 2^-107 + ... lies just above the tie between 1 and its upper
        # neighbour, 1 - 2^-54 + 2^-109 - ... just above the one below 1.
        ("exp", 1, -53, 1 + 2.0**-52),
        ("exp", -1, -54, 1.0),
        # x + x^2 / 2 + x^3 / 6 at 2^-52 lies just above a tie, and likewise
        # x - x^2 / 2 + x^3 / 3 at 2^-53.
        ("expm1", 1, -52, (1 + 2.0**-52) * 2.0**-52),
        ("log1p", 1, -53, 2.0**-53),
        ("tanh", 1, -30, math.tanh(2.0**-30)),
    ],
)
def test_hard_cases_are_decided_by_more_bits(
    name: str, mantissa: int, exponent: int, expected: float
) -> None:
    """Values whose distance from a tie is 2^-50 of an ulp round to the right side."""
    found = elementary(FORMATS["float64"], name, mantissa, exponent)
    assert math.ldexp(*found) == expected
