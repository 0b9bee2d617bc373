"""Exact rationals, and what they refuse."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import RATIONAL


def refused(action: Callable[[], object]) -> tuple[Reason, str]:
    """The reason and the message of a refusal."""
    with pytest.raises(TorchLeanError) as caught:
        action()
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    ("name", "zero"),
    [("exp", 0), ("expm1", 0), ("log", 1), ("log1p", 0), ("tanh", 0), ("erf", 0)],
)
def test_irrational_answers_are_refused(name: str, zero: int) -> None:
    """Away from its one rational point a function is refused, with that point."""
    function = getattr(RATIONAL, name)
    assert refused(lambda: function(Fraction(1, 2))) == (
        Reason.IRRATIONAL,
        f"expected {zero}, the one argument at which {name} is known to be rational, "
        "got 1/2",
    )


def test_roots_of_squares_are_exact_and_others_refused() -> None:
    """A square root is rational where numerator and denominator are squares."""
    assert RATIONAL.sqrt(Fraction(49, 4)) == Fraction(7, 2)
    assert refused(lambda: RATIONAL.sqrt(Fraction(1, 2))) == (
        Reason.IRRATIONAL,
        "expected the square of a rational, got 1/2",
    )


def test_arguments_outside_a_domain_are_refused() -> None:
    """Roots and logarithms of negative numbers are not real."""
    assert refused(lambda: RATIONAL.sqrt(Fraction(-1))) == (
        Reason.DOMAIN,
        "expected an argument of sqrt of at least 0, got -1",
    )
    assert refused(lambda: RATIONAL.log(Fraction(0))) == (
        Reason.DOMAIN,
        "expected an argument of log above 0, got 0",
    )
    assert refused(lambda: RATIONAL.log1p(Fraction(-1))) == (
        Reason.DOMAIN,
        "expected an argument of log1p above -1, got -1",
    )


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_only_finite_floats_come_in(value: float) -> None:
    """There is no rational for an infinity or a NaN."""
    assert refused(lambda: RATIONAL.from_float(value)) == (
        Reason.NOT_FINITE,
        f"expected a finite number, got {value}",
    )


def test_numbers_are_not_rounded() -> None:
    """A float comes in exactly, and a sum of tenths is exact."""
    assert RATIONAL.from_float(0.1) == Fraction(3602879701896397, 2**55)
    assert RATIONAL.sum([Fraction(1, 10)] * 10) == 1
