"""Binary formats: bytes one by one, constants, conversion, and what is refused."""

import math
import operator
from bisect import bisect_left
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    BINARY128,
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    Binary,
    BinaryNumber,
)

QUICK = {
    "binary16": BINARY16,
    "binary32": BINARY32,
    "binary64": BINARY64,
    "bfloat16": BFLOAT16,
    "float8_e5m2": FLOAT8_E5M2,
    "float8_e4m3fn": FLOAT8_E4M3FN,
}


BY_INTEGERS = Binary(5, 11, by_integers=True)
"""Binary16 without Python floats."""


def finite_values(system: Binary) -> tuple[list[Fraction], list[BinaryNumber]]:
    """All finite numbers of a small format, in order, without -0."""
    width = system.format.exponent_bits + system.format.precision
    every = [system.from_bits(bits) for bits in range(1 << width)]
    kept = [x for x in every if math.isfinite(float(x)) and str(float(x)) != "-0.0"]
    kept.sort(key=float)
    return [Fraction(float(x)) for x in kept], kept


@pytest.mark.parametrize("system", [FLOAT8_E5M2, FLOAT8_E4M3FN], ids=lambda s: s.name)
def test_every_pair_of_bytes_is_rounded_to_nearest(system: Binary) -> None:
    """Sums, products and quotients of all 8-bit pairs, found by search in a table."""
    values, table = finite_values(system)
    step = values[-1] - values[-2]
    beyond = math.inf if system.format.infinities else math.nan
    for operation in (operator.add, operator.mul, operator.truediv):
        for x, left in zip(values[::3], table[::3], strict=True):
            for y, right in zip(values[::2], table[::2], strict=True):
                if operation is operator.truediv and y == 0:
                    continue
                exact: Fraction = operation(x, y)
                found = operation(left, right)
                if abs(exact) >= values[-1] + step / 2 and (
                    abs(exact) > values[-1] + step / 2 or table[-1].bits % 2
                ):
                    limit = math.copysign(beyond, exact)
                    assert found == system.from_float(limit)
                    continue
                above = min(bisect_left(values, exact), len(values) - 1)
                nearby = range(max(above - 1, 0), above + 1)
                best = min(
                    nearby, key=lambda i: (abs(values[i] - exact), table[i].bits % 2)
                )
                assert Fraction(float(found)) == values[best]


def test_e4m3fn_has_no_infinity() -> None:
    """What overflows, and what would be infinite, is NaN; 448 is the largest."""
    system = FLOAT8_E4M3FN
    largest = system.from_bits(0x7E)
    assert float(largest) == 448.0
    assert system.from_float(464.0) == largest
    nan = system.from_bits(0x7F)
    for answer in (
        system.from_float(465.0),
        system.from_float(math.inf),
        largest + largest,
        system.constant(1) / system.constant(0),
        system.log(system.constant(0)),
        system.exp(largest),
        system.from_bits(0xFF),
    ):
        assert answer == nan
    assert float(system.from_bits(1)) == 2.0**-9


@pytest.mark.parametrize("name", QUICK)
def test_constants_are_rounded_once(name: str) -> None:
    """An exact real half way between two numbers, and a hair beside it."""
    system = QUICK[name]
    half_ulp = Fraction(1, 2**system.format.precision)
    hair = Fraction(1, 10**30)
    one, next_one = system.from_float(1.0), system.from_float(1 + float(2 * half_ulp))
    assert system.constant(1 + half_ulp) == one
    assert system.constant(1 + half_ulp + hair) == next_one
    assert system.constant(1 + half_ulp - hair) == one
    assert system.constant(-1 - half_ulp - hair) == -next_one
    assert system.constant(1 + 3 * half_ulp) == system.constant(1 + 4 * half_ulp)


def test_binary128_adds_what_binary64_loses() -> None:
    """113 bits: conversion to binary64 and back, and a sum of distant numbers."""
    one = BINARY128.constant(1)
    small = BINARY128.constant(Fraction(1, 2**112))
    assert (one + small).bits == one.bits + 1
    assert float(BINARY64.convert(one + small)) == 1.0
    assert BINARY128.convert(BINARY64.constant(Fraction(1, 3))) == (
        BINARY128.from_float(1 / 3)
    )
    third = BINARY128.constant(Fraction(1, 3))
    assert one / BINARY128.constant(3) == third
    assert hex(third.bits) == "0x3ffd5555555555555555555555555555"
    assert hex(BINARY128.exp(one).bits) == "0x40005bf0a8b1457695355fb8ac404e7a"


def test_conversion_keeps_signs_and_specials() -> None:
    """-0, tiny negative numbers, infinities and NaN go from format to format."""
    for value in (-0.0, -1e-300, math.inf, -math.inf, math.nan):
        wide = BINARY64.from_float(value)
        expected = BINARY16.from_float(value)
        assert BINARY16.convert(wide) == expected
        assert BY_INTEGERS.convert(wide) == expected
        assert BINARY16.convert(BINARY128.from_float(value)) == expected


def test_equality_is_of_values_held() -> None:
    """NaN equals itself here, zeros differ, and formats are told apart."""
    nan, zero = BINARY32.from_float(math.nan), BINARY32.from_float(0.0)
    assert nan == BINARY32.from_float(math.nan)
    assert zero != -zero
    assert hash(zero) != hash(-zero)
    assert zero != BINARY64.from_float(0.0)
    assert zero != 0.0
    assert not BINARY32.equal(nan, nan)
    assert BINARY32.equal(zero, -zero)
    assert repr(zero) == "binary32(0.0)"


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: Binary(1, 24),
            Reason.HYPERPARAMETER,
            "expected 2 to 15 exponent bits and a precision of 3 to 240 bits, "
            "got 1 and 24",
        ),
        (
            lambda: BINARY16.from_bits(2**16),
            Reason.DOMAIN,
            "expected a pattern of 16 bits, got 65536",
        ),
        (
            lambda: BINARY16.from_bits(-1),
            Reason.DOMAIN,
            "expected a pattern of 16 bits, got -1",
        ),
    ],
)
def test_formats_and_patterns_that_do_not_exist_are_refused(
    make: Callable[[], object], reason: Reason, message: str
) -> None:
    """The message says what is possible."""
    with pytest.raises(TorchLeanError) as caught:
        make()
    assert (caught.value.reason, str(caught.value)) == (reason, message)
