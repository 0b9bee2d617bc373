"""Rigorous enclosures of the elementary functions."""

import math
import random
from decimal import Context, Decimal
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.elementary import enclose

ORACLE = Context(prec=150, Emin=-99999, Emax=99999)
NAMES = ["exp", "expm1", "log", "log1p", "tanh", "erf", "sqrt"]


def exactly(x: Fraction) -> Decimal:
    """A rational as a decimal of 150 digits."""
    return ORACLE.divide(Decimal(x.numerator), Decimal(x.denominator))


def oracle(name: str, x: Fraction) -> Decimal:
    """An elementary function by the decimal module, to more than 100 digits."""
    value, one = exactly(x), Decimal(1)
    if name == "exp":
        return ORACLE.exp(value)
    if name == "expm1":
        return ORACLE.subtract(ORACLE.exp(value), one)
    if name == "log":
        return ORACLE.ln(value)
    if name == "log1p":
        return ORACLE.ln(ORACLE.add(one, value))
    if name == "sqrt":
        return ORACLE.sqrt(value)
    if name == "tanh":
        power = ORACLE.exp(ORACLE.add(value, value))
        return ORACLE.divide(ORACLE.subtract(power, one), ORACLE.add(power, one))
    return error_function(value)


def error_function(x: Decimal) -> Decimal:
    """The power series of erf at 0, which alternates, summed in 150 digits."""
    term, total, index = x, x, 0
    square = ORACLE.multiply(x, x)
    while term.copy_abs() > Decimal("1e-140"):
        index += 1
        term = ORACLE.divide(
            ORACLE.multiply(term.copy_negate(), square), Decimal(index)
        )
        total = ORACLE.add(total, ORACLE.divide(term, Decimal(2 * index + 1)))
    root = ORACLE.sqrt(four_arctangents())
    return ORACLE.divide(ORACLE.multiply(Decimal(2), total), root)


def four_arctangents() -> Decimal:
    """Pi, by Euler's formula: 20 arctan(1/7) + 8 arctan(3/79)."""
    total = Decimal(0)
    for factor, n in ((20, Fraction(1, 7)), (8, Fraction(3, 79))):
        partial, power = Fraction(0), n
        for index in range(120):
            partial += (-1) ** index * power / (2 * index + 1)
            power *= n * n
        total = ORACLE.add(total, exactly(factor * partial))
    return total


def arguments(name: str, count: int) -> list[Fraction]:
    """Random rationals of all magnitudes, dyadic or not, inside the domain."""
    chance = random.Random(name)
    found: list[Fraction] = []
    while len(found) < count:
        size = 2.0 ** chance.randint(-45, 6 if name != "erf" else 2)
        value = Fraction(chance.choice([chance.uniform(-1, 1) * size, 1 + size / 64]))
        value = value / chance.randint(1, 99) if chance.random() < 0.5 else value
        if name in ("log", "sqrt"):
            value = abs(value)
        if name != "log1p" or value > -1:
            found.append(value)
    return found


@pytest.mark.parametrize("bits", [12, 40, 130])
@pytest.mark.parametrize("name", NAMES)
def test_the_value_lies_between_close_bounds(name: str, bits: int) -> None:
    """The bounds hold the value, and are relatively closer than 2^-bits."""
    for x in arguments(name, 120):
        lower, upper = enclose(name, x, bits)
        value = oracle(name, x)
        assert exactly(lower) <= value <= exactly(upper)
        assert upper - lower <= min(abs(lower), abs(upper)) * Fraction(1, 2**bits)


@pytest.mark.parametrize("name", NAMES)
def test_more_bits_give_nested_bounds(name: str) -> None:
    """Far out and close to zero too, more bits narrow the same value down."""
    chance = random.Random(9)
    for _ in range(60):
        exponent = chance.randint(-1074, 20)
        x = Fraction(chance.randint(1, 2**53)) * Fraction(2) ** (exponent - 53)
        if name not in ("log", "sqrt", "log1p") and chance.random() < 0.5:
            x = -x
        wide, narrow = enclose(name, x, 30), enclose(name, x, 90)
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def test_rational_values_are_exact() -> None:
    """Where the value is rational the two bounds are that value."""
    zero, one, root = Fraction(0), Fraction(1), Fraction(7, 8)
    assert enclose("exp", zero, 20) == (one, one)
    assert enclose("log", one, 20) == (zero, zero)
    for name in ("expm1", "log1p", "tanh", "erf", "sqrt"):
        assert enclose(name, zero, 20) == (zero, zero)
    assert enclose("sqrt", Fraction(49, 64), 20) == (root, root)


def test_saturated_values_stay_below_their_limit() -> None:
    """Beyond what the bits can tell, tanh and erf are bounded by 1 from below."""
    for name in ("tanh", "erf"):
        lower, upper = enclose(name, Fraction(10**30), 50)
        assert 0 < 1 - lower <= Fraction(1, 2**50)
        assert upper == 1
        assert enclose(name, Fraction(-(10**30)), 50) == (-upper, -lower)
    lower, upper = enclose("expm1", Fraction(-(10**30)), 50)
    assert lower == -1
    assert 0 < upper + 1 <= Fraction(1, 2**50)


def test_the_bounds_agree_with_the_library_to_an_ulp() -> None:
    """The platform's functions lie within two ulps of the narrow bounds."""
    for name in NAMES:
        library = getattr(math, name)
        for x in arguments(name, 50):
            argument = float(x)
            lower, upper = enclose(name, Fraction(argument), 80)
            found = Fraction(library(argument))
            ulps = 2 * Fraction(math.ulp(float(lower)))
            assert lower - ulps <= found <= upper + ulps


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [
        ("log", 0, "expected an argument inside the domain of log, got 0"),
        ("log", -2, "expected an argument inside the domain of log, got -2"),
        ("log1p", -1, "expected an argument inside the domain of log1p, got -1"),
        ("sqrt", -1, "expected an argument inside the domain of sqrt, got -1"),
        (
            "exp",
            2**24,
            "expected an argument of exp below 2^24 in size, got 16777216.0",
        ),
        (
            "expm1",
            2**24,
            "expected an argument of expm1 below 2^24, got 16777216.0",
        ),
    ],
)
def test_arguments_outside_the_domain_are_refused(
    name: str, x: int, message: str
) -> None:
    """Neither poles nor values too large to write down are answered."""
    with pytest.raises(TorchLeanError) as caught:
        enclose(name, Fraction(x), 20)
    assert caught.value.reason is Reason.DOMAIN
    assert str(caught.value) == message
