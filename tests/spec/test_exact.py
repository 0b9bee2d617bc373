"""Exact hyperparameters, and powers, roots and cosines of stated precision."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    EXACT,
    EXACT_BITS,
    LARGEST_EXPONENT,
    PRECISION,
    Hyperparameter,
    Range,
    cosine_of_half_turns,
    decimal,
    exact,
    positive,
    power,
    square_root,
    whole,
    within,
)

ERROR = Fraction(1, 2**PRECISION)
TENTH = Fraction(1, 10)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0.1, TENTH),
        (1e-8, Fraction(1, 10**8)),
        (5e-324, Fraction(5, 10**324)),
        (-0.0, Fraction(0)),
        (3, Fraction(3)),
        (Decimal("0.10"), TENTH),
        (TENTH, TENTH),
        ("1e-3", Fraction(1, 1000)),
        ("2/3", Fraction(2, 3)),
    ],
    ids=str,
)
def test_a_hyperparameter_means_the_decimal_that_is_written(
    written: Hyperparameter, meant: Fraction
) -> None:
    """A float means the decimal that its repr shows; everything else, itself."""
    assert exact(written) == meant


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        "x",
        "1/0",
        True,
    ],
    ids=str,
)
def test_what_is_no_finite_number_is_refused(value: Hyperparameter) -> None:
    """NaNs, infinities, other words and bools are no hyperparameters."""
    with pytest.raises(TorchLeanError) as refusal:
        exact(value)
    assert str(refusal.value) == f"expected a finite number, got {value}"
    assert refusal.value.reason == Reason.HYPERPARAMETER


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0.500"), "0.5"),
        (1e2, "100"),
        (Fraction(-1, 8), "-0.125"),
        ("1e-30", "1E-30"),
        (0, "0"),
        (Decimal("0." + 40 * "1"), "0." + 40 * "1"),
    ],
    ids=str,
)
def test_a_decimal_has_one_form(value: Hyperparameter, written: str) -> None:
    """Equal hyperparameters are written alike, however many digits they have."""
    assert str(decimal(value)) == written
    assert exact(decimal(value)) == exact(value)


def test_a_number_without_a_finite_decimal_is_refused() -> None:
    """Records hold decimals, and a third is none."""
    with pytest.raises(TorchLeanError) as refusal:
        decimal(Fraction(1, 3))
    assert str(refusal.value) == "expected a finite decimal, got 1/3"
    assert refusal.value.reason == Reason.HYPERPARAMETER


@pytest.mark.parametrize(
    ("value", "wanted", "message"),
    [
        (1, "in [0, 1)", "expected rate in [0, 1), got 1"),
        (-0.5, "in [0, 1)", "expected rate in [0, 1), got -0.5"),
        ("-1", "at least 0", "expected rate at least 0, got -1"),
        (0, "above 0", "expected rate above 0, got 0"),
        (float("nan"), "above 0", "rate: expected a finite number, got nan"),
    ],
)
def test_a_range_names_what_it_refuses(
    value: Hyperparameter, wanted: Range, message: str
) -> None:
    """The error names the hyperparameter, its range and the value."""
    with pytest.raises(TorchLeanError) as refusal:
        within("rate", value, wanted)
    assert str(refusal.value) == message
    assert refusal.value.reason == Reason.HYPERPARAMETER


def test_a_range_includes_the_ends_that_it_names() -> None:
    """`[0, 1)` and `at least 0` contain 0."""
    assert within("rate", 0, "in [0, 1)") == within("rate", 0, "at least 0") == 0


@pytest.mark.parametrize("value", [2, True, 3.0], ids=str)
def test_a_count_is_an_int_that_is_large_enough(value: int) -> None:
    """A smaller count, a bool or a float is refused."""
    assert whole("count", 3, 3) == 3
    with pytest.raises(TorchLeanError) as refusal:
        whole("count", value, 3)
    assert str(refusal.value) == f"expected count of at least 3, got {value}"


BASES = [Fraction(9, 10), Fraction(999, 1000), Fraction(7, 3), 1 - Fraction(1, 10**12)]


@pytest.mark.parametrize("base", BASES, ids=str)
def test_short_powers_are_exact_and_long_ones_nearly(base: Fraction) -> None:
    """Up to `EXACT_BITS` bits a power is exact; then its error is as stated."""
    widest = max(base.numerator, base.denominator).bit_length()
    last = EXACT_BITS // widest
    for exponent in (0, 1, 2, 3, last - 1, last):
        assert power(base, exponent) == base**exponent
    for exponent in (last + 1, last + 2, 1000 + last, 4095, 4096):
        true, found = base**exponent, power(base, exponent)
        assert true != found
        assert abs(found - true) < true * ERROR


@pytest.mark.parametrize("exponent", [10**6 + 1, 10**12])
def test_the_error_does_not_grow_with_the_exponent(exponent: int) -> None:
    """A power of a square is the power of twice the exponent, and a square itself."""
    base = 1 - Fraction(1, 10**12)
    doubled = power(base, 2 * exponent)
    assert abs(power(base * base, exponent) - doubled) < 3 * ERROR * doubled
    # (1 + e)^2 / (1 + e') with |e|, |e'| < ERROR differs from 1 by less than 4 ERROR.
    assert abs(power(base, exponent) ** 2 - doubled) < 4 * ERROR * doubled


def test_powers_at_the_edges() -> None:
    """0 to the 0 is 1; what no format can hold is 0 or refused."""
    assert power(0, 0) == power(1, 10**30) == power(Fraction(0), 0) == 1
    assert power(0, 10**30) == 0
    assert power(Fraction(1, 2), 10**30) == 0
    assert power(2, LARGEST_EXPONENT - 1) == 2 ** (LARGEST_EXPONENT - 1)
    least = Fraction(1, 2**LARGEST_EXPONENT)
    assert power(Fraction(1, 2), LARGEST_EXPONENT) == least
    assert power(Fraction(1, 2), LARGEST_EXPONENT + 1) == 0
    with pytest.raises(TorchLeanError) as refusal:
        power(2, 10**30)
    assert str(refusal.value) == (
        f"expected a power below 2^32768, got (2) ** {10**30}"
    )
    assert refusal.value.reason == Reason.DOMAIN


@pytest.mark.parametrize(("base", "exponent"), [(-1, 2), (2, -1)])
def test_negative_bases_and_exponents_are_refused(base: int, exponent: int) -> None:
    """Powers are of hyperparameters, which are not negative, to a count."""
    with pytest.raises(TorchLeanError) as refusal:
        power(base, exponent)
    assert str(refusal.value) == (
        "expected a power of a non-negative base and exponent, "
        f"got ({base}) ** ({exponent})"
    )


@pytest.mark.parametrize(
    "x", [0, 1, 4, Fraction(9, 16), 10**80, Fraction(1, 10**80)], ids=str
)
def test_roots_of_squares_are_exact(x: int | Fraction) -> None:
    """The root of a rational's square is that rational."""
    assert square_root(x) ** 2 == x


@pytest.mark.parametrize(
    "x", [2, 3, TENTH, Fraction(10**80, 7), Fraction(3, 10**201), 10**201], ids=str
)
def test_other_roots_are_truncated(x: int | Fraction) -> None:
    """The root lies below the true one by less than the stated share of it."""
    root = square_root(x)
    assert root * root < x < (root / (1 - ERROR)) ** 2


def test_the_root_of_a_negative_number_is_refused() -> None:
    """There is no root below zero."""
    with pytest.raises(TorchLeanError) as refusal:
        square_root(-1)
    assert str(refusal.value) == "expected the square root of at least 0, got -1"
    assert refusal.value.reason == Reason.DOMAIN


@pytest.mark.parametrize(
    ("x", "doubled_twice"),
    [
        (Fraction(1, 4), 2 * square_root(2)),
        (Fraction(1, 5), 1 + square_root(5)),
        (Fraction(2, 5), square_root(5) - 1),
        (Fraction(1, 6), 2 * square_root(3)),
        (Fraction(1, 8), 2 * square_root(2 + square_root(2))),
    ],
    ids=str,
)
def test_cosines_that_are_roots(x: Fraction, doubled_twice: Fraction) -> None:
    """Four times the cosine is what geometry says it is."""
    # Roots and cosine err by less than ERROR each, on terms of at most 4.
    assert abs(4 * cosine_of_half_turns(x) - doubled_twice) < 8 * ERROR


@pytest.mark.parametrize("parts", [7, 64, 1000, 10**9 + 7], ids=str)
def test_a_doubled_angle(parts: int) -> None:
    """`cos 2a = 2 (cos a)^2 - 1`, near the cosine's zero as well."""
    for share in (1, 2, 3, parts // 2, parts // 2 + 1, parts - 1):
        angle = Fraction(share, parts)
        single, double = cosine_of_half_turns(angle), cosine_of_half_turns(2 * angle)
        # |2c^2| errs by less than 2c^2 (2 ERROR + ERROR^2), |cos 2a| by ERROR of it.
        allowed = abs(double) + 5 * single * single
        assert abs(2 * single * single - 1 - double) < allowed * ERROR


def test_the_cosine_falls_from_one_to_minus_one_and_comes_back() -> None:
    """It falls strictly on a half turn, is even, and repeats after two half turns."""
    angles = [Fraction(share, 96) for share in range(97)]
    cosines = [cosine_of_half_turns(angle) for angle in angles]
    assert all(later < sooner for sooner, later in pairwise(cosines))
    for angle, cosine in zip(angles, cosines, strict=True):
        assert cosine_of_half_turns(-angle) == cosine
        assert cosine_of_half_turns(2 - angle) == cosine
        assert cosine_of_half_turns(angle + 10) == cosine
        assert cosine_of_half_turns(1 - angle) == -cosine


def test_rational_cosines_are_exact() -> None:
    """The cosine of a rational angle is rational at thirds and halves alone (Niven)."""
    found = [cosine_of_half_turns(Fraction(share, 6)) for share in (0, 2, 3, 4, 6)]
    assert found == [1, Fraction(1, 2), 0, Fraction(-1, 2), -1]


def test_the_relative_error_holds_near_the_cosines_zero() -> None:
    """`cos(pi/2 - pi e)` is `pi e` up to its cube, far below 2^-256 for a tiny e."""
    tiny = Fraction(1, 10**100)
    near = cosine_of_half_turns(Fraction(1, 2) - tiny) / tiny
    nearer = cosine_of_half_turns(Fraction(1, 2) - tiny / 2) / (tiny / 2)
    assert abs(near - nearer) < 3 * nearer * ERROR
    assert 3 + Fraction(1415926535897932, 10**16) < near
    assert near < 3 + Fraction(1415926535897933, 10**16)


def test_the_arithmetic_of_fractions_is_that_of_the_functions() -> None:
    """`EXACT` selects, compares and counts as rationals do."""
    two, seven = EXACT.constant(2), EXACT.constant(7)
    assert EXACT.power(TENTH, two) == power(TENTH, 2)
    assert EXACT.square_root(two) == square_root(2)
    assert EXACT.cosine_of_half_turns(TENTH) == cosine_of_half_turns(TENTH)
    assert [EXACT.quotient(EXACT.constant(n), 3) for n in range(7)] == (
        [0, 0, 0, 1, 1, 1, 2]
    )
    assert EXACT.minimum(two, seven) == two
    assert EXACT.maximum(two, seven) == seven
    assert EXACT.less(two, seven)
    assert not EXACT.less(two, two)
    assert EXACT.where(EXACT.less(two, seven), two, seven) == two
    assert EXACT.where(EXACT.less(seven, two), two, seven) == seven


@pytest.mark.parametrize("base", ["2", "10000000", "1/3", "100001/100000", "7e-40"])
@pytest.mark.parametrize("exponent", [1, 3, 199])
@pytest.mark.parametrize("root", [2, 7, 100])
def test_powers_to_fractions_are_precise(base: str, exponent: int, root: int) -> None:
    """To the power of the root, they are the power to the exponent."""
    real = exact(base)
    found = power(real, exponent, root)
    off = abs(found**root / real**exponent - 1)
    assert off < root * ERROR * 2


def test_rational_roots_are_exact() -> None:
    """Where root and power are rational, so is the answer, in lowest terms too."""
    assert power(8, 2, 3) == 4
    assert power(Fraction(1, 32), 3, 5) == Fraction(1, 8)
    assert power(Fraction(4, 9), 3, 6) == Fraction(2, 3)
    assert power(10**8, 5, 8) == 10**5
    assert power(7, 12, 4) == 343
    assert [int(power(base, 1, 3)) for base in (0, 1)] == [0, 1]


def test_enormous_roots_are_near_one() -> None:
    """A root far larger than the base's size takes no longer than another."""
    root = 2**61 - 1
    logarithm = (power(2, 1, root) - 1) * root
    assert Fraction(6931471805, 10**10) < logarithm < Fraction(6931471806, 10**10)


def test_a_root_below_one_is_refused() -> None:
    """As is a negative power, in the same words."""
    with pytest.raises(TorchLeanError) as refusal:
        power(2, 1, 0)
    assert refusal.value.reason is Reason.DOMAIN
    with pytest.raises(TorchLeanError) as refusal:
        power(-2, 1, 3)
    assert str(refusal.value) == (
        "expected a power of a non-negative base and exponent, got (-2) ** (1/3)"
    )


def test_positive_hyperparameters_may_be_fractions() -> None:
    """Unlike those that must have a finite decimal."""
    assert positive("ratio", "10/3") == Fraction(10, 3)
    with pytest.raises(TorchLeanError) as refusal:
        positive("ratio", -1)
    assert str(refusal.value) == "expected ratio above 0, got -1"
