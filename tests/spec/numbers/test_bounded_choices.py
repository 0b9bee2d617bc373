"""Bounded numbers where a choice is open: comparisons, hulls, and their words."""

import decimal
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import (
    BINARY32,
    Bounded,
    BoundedSystem,
    Ternary,
    bounded,
)

FORMATS = ["float16", "bfloat16", "float32", "float64"]


SYSTEM = bounded("float32")


def finite(number: Bounded) -> tuple[Fraction, Fraction]:
    """The finite answers of a number."""
    interval = number.all_outcomes().finite
    assert interval is not None
    return interval


def radius_of(number: Bounded) -> Fraction:
    """The radius, exactly."""
    return number.carrier.to_fraction(number.radius)


def test_undecided_comparisons_admit_both_branches() -> None:
    """Where x may be on either side of 0, a relu may pass it or not."""
    zero, ten = SYSTEM.constant(0), SYSTEM.constant(10)
    third = SYSTEM.constant(Fraction(1, 3))
    x = third * SYSTEM.constant(3) - SYSTEM.constant(1)
    assert SYSTEM.less(zero, x) is Ternary.UNDECIDED
    chosen = SYSTEM.where(SYSTEM.less(zero, x), ten, zero)
    assert (chosen.admits(10.0), chosen.admits(0.0), chosen.admits(11.0)) == (
        True,
        True,
        False,
    )
    assert SYSTEM.where(SYSTEM.less(zero, ten), ten, zero) is ten
    assert SYSTEM.where(SYSTEM.less(ten, zero), ten, zero) is zero


def test_comparisons_of_exact_numbers_are_decided() -> None:
    """Equal numbers are equal, and not less."""
    one, two = SYSTEM.constant(1), SYSTEM.constant(2)
    third = SYSTEM.constant(Fraction(1, 3))
    assert SYSTEM.less(one, one) is Ternary.NO
    assert SYSTEM.less_equal(one, one) is Ternary.YES
    assert SYSTEM.equal(one, one) is Ternary.YES
    assert SYSTEM.equal(one, two) is Ternary.NO
    assert SYSTEM.less(one, two) is Ternary.YES
    assert SYSTEM.less_equal(two, one) is Ternary.NO
    assert SYSTEM.equal(third, third) is Ternary.UNDECIDED
    assert SYSTEM.less_equal(third, third) is Ternary.UNDECIDED


def test_extremes_of_overlapping_numbers_cover_both() -> None:
    """The maximum of two close numbers lies between the larger ends."""
    third = SYSTEM.constant(Fraction(1, 3))
    product = third * third / third
    low, high = finite(SYSTEM.maximum(third, product))
    assert low <= Fraction(1, 3) <= high
    assert finite(product)[1] <= high
    low, high = finite(SYSTEM.minimum(third, product))
    assert low <= finite(product)[0]
    assert SYSTEM.maximum(third, SYSTEM.constant(1)) is SYSTEM.constant(1)


def test_the_absolute_value_of_an_open_sign_is_not_negative() -> None:
    """|x| of a number around zero reaches from zero to the larger end."""
    third = SYSTEM.constant(Fraction(1, 3))
    x = third * SYSTEM.constant(3) - SYSTEM.constant(1)
    low, high = finite(SYSTEM.absolute(x))
    assert low == 0
    assert high >= max(abs(end) for end in finite(x))
    assert finite(SYSTEM.absolute(-third)) == finite(third)


def test_a_hull_admits_the_answers_of_both() -> None:
    """Two ways to write one thing are admitted together."""
    one, two = SYSTEM.from_float(1.0), SYSTEM.from_float(2.0)
    both = SYSTEM.hull(one, two)
    assert (both.admits(1.0), both.admits(2.0), both.admits(2.5)) == (True, True, False)
    wide = SYSTEM.hull(both, SYSTEM.from_float(1.5))
    assert wide is both
    assert SYSTEM.hull(SYSTEM.from_float(1.5), both) is both


def test_the_excess_counts_radii() -> None:
    """How many radii an answer is away; infinite for a difference from the exact."""
    x = SYSTEM.hull(SYSTEM.from_float(-1.0), SYSTEM.from_float(1.0))
    assert x.excess(0.0) == 0.0
    assert x.excess(0.5) < 1
    assert 1 < x.excess(3.0) <= 3
    exact = SYSTEM.from_float(2.0)
    assert (exact.excess(2.0), exact.excess(2.5)) == (0.0, math.inf)
    assert (exact.excess(math.nan), exact.excess(math.inf)) == (math.inf, math.inf)


def test_numbers_show_centre_and_radius() -> None:
    """The representation tells what is admitted."""
    assert repr(SYSTEM.from_float(2.0)) == "Bounded(2.0, 0.0)"
    assert repr(SYSTEM.from_float(math.inf)) == (
        "Bounded(Outcomes(finite=None, plus=True, minus=False, undefined=False))"
    )


def test_the_caller_s_decimal_context_is_left_alone() -> None:
    """The decimal carrier computes in a context of its own."""
    with decimal.localcontext(prec=3) as context:
        system = bounded("float64")
        number = system.exp(system.constant(Fraction(1, 3)) * system.constant(2))
        assert number.admits(math.exp(2 / 3))
        assert finite(number)[1] - finite(number)[0] < Fraction(1, 2**48)
        assert decimal.getcontext() is context


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: bounded("float31"),
            Reason.UNKNOWN_NAME,
            "expected a number format among float16, bfloat16, float32, float64, "
            "float128, float8_e5m2, float8_e4m3fn, got float31",
        ),
        (
            lambda: bounded("float8_e4m3fn"),
            Reason.UNSUPPORTED,
            "expected a format with infinities, which stand for overflow, "
            "got float8_e4m3fn",
        ),
        (
            lambda: bounded("float32", {"sin": 1.0}),
            Reason.UNKNOWN_NAME,
            "expected operations among divide, sqrt, exp, expm1, log, log1p, tanh, "
            "erf, got sin",
        ),
        (
            lambda: bounded("float32", {"exp": 0.25}),
            Reason.HYPERPARAMETER,
            "expected at least 0.5 ulps for exp, got 0.25",
        ),
    ],
)
def test_unknown_names_and_impossible_errors_are_refused(
    make: Callable[[], BoundedSystem], reason: Reason, message: str
) -> None:
    """The message says what exists, or what is possible."""
    with pytest.raises(TorchLeanError) as caught:
        make()
    assert (caught.value.reason, str(caught.value)) == (reason, message)


def test_a_condition_has_no_truth_of_its_own() -> None:
    """Only `where` may look at a comparison of bounded numbers."""
    condition = SYSTEM.less(SYSTEM.constant(0), SYSTEM.constant(1))
    with pytest.raises(TypeError) as caught:
        bool(condition)
    assert str(caught.value) == (
        "expected the system's `where` to look at a condition, got a truth test"
    )


def test_the_bits_of_strict_mode_are_honest() -> None:
    """The strict tree over binary32 is one of the orders."""
    generator = np.random.default_rng(8)
    for count in (1, 31, 1025):
        values = generator.normal(size=count).astype(np.float32)
        allowed = SYSTEM.sum([SYSTEM.from_float(float(each)) for each in values])
        strict = BINARY32.sum([BINARY32.from_float(float(each)) for each in values])
        assert allowed.admits(float(strict))
