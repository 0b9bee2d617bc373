"""Dual numbers: derivatives carried forward."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.numbers import (
    BINARY64,
    BINARY128,
    FLOAT,
    RATIONAL,
    Dual,
    DualNumber,
    bounded,
)

EXACT = Dual(RATIONAL)


def at(value: Fraction | int) -> DualNumber[Fraction]:
    """The variable at a rational point."""
    return EXACT.variable(Fraction(value))


@pytest.mark.parametrize(
    ("function", "point", "value", "derivative"),
    [
        (lambda x: x + x, 3, 6, 2),
        (lambda x: x - x * x, 3, -6, -5),
        (lambda x: x * x * x, 2, 8, 12),
        (lambda x: EXACT.constant(1) / x, 2, Fraction(1, 2), Fraction(-1, 4)),
        (lambda x: -x, 5, -5, -1),
        (EXACT.sqrt, 9, 3, Fraction(1, 6)),
        (EXACT.exp, 0, 1, 1),
        (EXACT.expm1, 0, 0, 1),
        (EXACT.log, 1, 0, 1),
        (EXACT.log1p, 0, 0, 1),
        (EXACT.tanh, 0, 0, 1),
        (EXACT.absolute, -2, 2, -1),
        (EXACT.absolute, 0, 0, 0),
        (EXACT.absolute, 2, 2, 1),
        (lambda x: EXACT.maximum(x, EXACT.constant(1)), 2, 2, 1),
        (lambda x: EXACT.maximum(x, EXACT.constant(2)), 2, 2, Fraction(1, 2)),
        (lambda x: EXACT.maximum(x, EXACT.constant(3)), 2, 3, 0),
        (lambda x: EXACT.minimum(x, EXACT.constant(1)), 2, 1, 0),
        (lambda x: EXACT.minimum(x, EXACT.constant(3)), 2, 2, 1),
        (lambda x: EXACT.where(EXACT.less(x, at(5)), x * x, x), 3, 9, 6),
        (lambda x: EXACT.sum([x, x, x * x]), 2, 8, 6),
        (lambda x: EXACT.dot([x, x], [x, EXACT.constant(7)]), 2, 18, 11),
    ],
)
def test_derivatives_over_the_rationals_are_exact(
    function: Callable[[DualNumber[Fraction]], DualNumber[Fraction]],
    point: int,
    value: Fraction | int,
    derivative: Fraction | int,
) -> None:
    """Value and derivative are those of the function, by hand."""
    found = function(at(point))
    assert (found.value, found.derivative) == (value, derivative)


@pytest.mark.parametrize(
    "name", ["sqrt", "exp", "expm1", "log", "log1p", "tanh", "erf"]
)
def test_each_function_has_its_difference_quotient_as_derivative(name: str) -> None:
    """The bounded derivative admits no other slope than the function's own.

    Each function here is concave or convex on the interval, so its slope at the
    middle lies between the slopes of two chords, computed in binary128.
    """
    point, reach = Fraction(3, 8), Fraction(1, 2**30)
    precise = getattr(BINARY128, name)
    before, middle, after = (
        _fraction(precise(BINARY128.constant(point + shift)).bits)
        for shift in (-reach, Fraction(0), reach)
    )
    chords = sorted([(middle - before) / reach, (after - middle) / reach])
    system = Dual(bounded("float64"))
    x = system.variable(bounded("float64").constant(point))
    slope = getattr(system, name)(x).derivative
    low, high = slope.all_outcomes().finite
    assert chords[0] < high
    assert low < chords[1]


def _fraction(bits: int) -> Fraction:
    """The value of a positive or negative normal binary128 pattern."""
    exponent = (bits >> 112) % 2**15 - 16383
    size = (1 + Fraction(bits % 2**112, 2**112)) * Fraction(2) ** exponent
    return -size if bits >> 127 else size


def test_second_derivatives_come_from_duals_of_duals() -> None:
    """A second layer differentiates the derivative: (x^3)'' = 6 x."""
    inner = Dual(FLOAT)
    outer = Dual(inner)
    x = outer.variable(inner.variable(5.0))
    assert (x * x * x).derivative.derivative == 30.0


def test_the_slope_of_the_error_function_at_zero_is_two_over_root_pi() -> None:
    """The constant has all digits that binary64 can hold."""
    system = Dual(BINARY64)
    slope = system.erf(system.variable(BINARY64.constant(0))).derivative
    assert float(slope) == 2 / math.sqrt(math.pi)


def test_a_dual_tells_its_two_parts() -> None:
    """The representation shows value and derivative."""
    assert repr(Dual(FLOAT).variable(2.0)) == "DualNumber(2.0, 1.0)"
    assert Dual(FLOAT).to_float(Dual(FLOAT).from_float(2.5)) == 2.5
