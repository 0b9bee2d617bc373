"""Bounded numbers where an answer may be infinite or NaN."""

import math
from fractions import Fraction

import pytest

from torchlean_spec.numbers import Bounded, Ternary, bounded

SYSTEM = bounded("float32")
INFINITY = SYSTEM.from_float(math.inf)
NAN = SYSTEM.from_float(math.nan)
ZERO = SYSTEM.constant(0)
ONE = SYSTEM.constant(1)
LARGE = SYSTEM.from_float(2.0**127)
MAYBE_ZERO = SYSTEM.constant(Fraction(1, 3)) * SYSTEM.constant(3) - ONE


def admitted(number: Bounded) -> list[float]:
    """Which of some telling answers are admitted."""
    tried = [-math.inf, -2.0, -1.0, 0.0, 1.0, 2.0, math.inf]
    found = [answer for answer in tried if number.admits(answer)]
    return [*found, 99.0] if number.admits(math.nan) else found


NAN_TOO = 99.0
"""Stands for NaN in lists of answers, which must be comparable."""

ALL = [-math.inf, -2.0, -1.0, 0.0, 1.0, 2.0]
"""Minus infinity, and each finite answer that is tried."""


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        (INFINITY, [math.inf]),
        (-INFINITY, [-math.inf]),
        (NAN, [NAN_TOO]),
        (INFINITY + ONE, [math.inf]),
        (INFINITY - INFINITY, [NAN_TOO]),
        (INFINITY * ZERO, [NAN_TOO]),
        (INFINITY * -ONE, [-math.inf]),
        (ONE / INFINITY, [0.0]),
        (ONE / ZERO, [-math.inf, math.inf]),
        (ZERO / ZERO, [NAN_TOO]),
        (ZERO / ONE, [0.0]),
        (LARGE + LARGE, [math.inf]),
        (-(LARGE * LARGE), [-math.inf]),
        (LARGE + LARGE - (LARGE + LARGE), [*ALL, math.inf, NAN_TOO]),
        (SYSTEM.exp(SYSTEM.constant(1000)), [math.inf]),
        (SYSTEM.exp(SYSTEM.constant(-1000)), [0.0]),
        (SYSTEM.exp(-INFINITY), [0.0]),
        (SYSTEM.exp(INFINITY), [math.inf]),
        (SYSTEM.exp(NAN), [NAN_TOO]),
        (SYSTEM.log(ZERO), [-math.inf]),
        (SYSTEM.log(-ONE), [NAN_TOO]),
        (SYSTEM.log(INFINITY), [math.inf]),
        (SYSTEM.log1p(-ONE), [-math.inf]),
        (SYSTEM.log1p(SYSTEM.constant(-2)), [NAN_TOO]),
        (SYSTEM.sqrt(ZERO), [0.0]),
        (SYSTEM.sqrt(-ONE), [NAN_TOO]),
        (SYSTEM.sqrt(INFINITY), [math.inf]),
        (SYSTEM.tanh(-INFINITY), [-1.0]),
        (SYSTEM.erf(INFINITY), [1.0]),
        (SYSTEM.expm1(-INFINITY), [-1.0]),
        (SYSTEM.absolute(-INFINITY), [math.inf]),
        (SYSTEM.absolute(NAN), [NAN_TOO]),
        (SYSTEM.maximum(NAN, ONE), [NAN_TOO]),
        (SYSTEM.minimum(ONE, NAN), [NAN_TOO]),
        (SYSTEM.maximum(-INFINITY, ONE), [1.0]),
        (SYSTEM.minimum(-INFINITY, ONE), [-math.inf]),
        (SYSTEM.sum([INFINITY, ONE, ONE]), [math.inf]),
        (SYSTEM.sum([INFINITY, -INFINITY]), [NAN_TOO]),
        (SYSTEM.sum([NAN, ONE]), [NAN_TOO]),
        (SYSTEM.dot([INFINITY, ONE], [ZERO, ONE]), [NAN_TOO]),
        (SYSTEM.dot([ONE, ONE], [INFINITY, ONE]), [math.inf]),
        (SYSTEM.from_float(1e300), [math.inf]),
        (SYSTEM.constant(-(10**100)), [-math.inf]),
        (SYSTEM.hull(INFINITY, ONE), [1.0, math.inf]),
        (SYSTEM.hull(NAN, ONE), [1.0, NAN_TOO]),
    ],
)
def test_infinities_and_nan_follow_ieee_754(
    number: Bounded, answers: list[float]
) -> None:
    """Operations on specials admit what IEEE 754 gives, and nothing else."""
    assert admitted(number) == answers


def test_a_divisor_that_may_be_zero_admits_anything() -> None:
    """1/x with x on both sides of zero may be any number and either infinity."""
    assert admitted(ONE / MAYBE_ZERO) == [*ALL, math.inf]
    assert (MAYBE_ZERO / MAYBE_ZERO).admits(math.nan)


def test_arguments_on_an_edge_admit_both_sides() -> None:
    """A root or a logarithm of a number around zero may be NaN or small."""
    root = SYSTEM.sqrt(MAYBE_ZERO)
    assert admitted(root) == [0.0, NAN_TOO]
    assert root.admits(2.0**-13)
    assert not root.admits(2.0**-10)
    logarithm = SYSTEM.log(MAYBE_ZERO)
    assert admitted(logarithm) == [-math.inf, NAN_TOO]
    assert logarithm.admits(-16.0)
    assert not logarithm.admits(-14.0)


def test_an_overflow_keeps_its_finite_answers_apart() -> None:
    """A wider intermediate may stay finite; wrong finite answers stay refused."""
    square = LARGE * SYSTEM.from_float(4.0)
    quotient = square / SYSTEM.from_float(2.0**120)
    assert quotient.admits(math.inf)
    assert quotient.admits(2.0**9)
    assert not quotient.admits(2.0**9 + 1)
    assert not quotient.admits(math.nan)


def test_partial_sums_may_overflow() -> None:
    """Terms that cancel may have met an infinity on the way, in some order."""
    total = SYSTEM.sum([LARGE, LARGE, -LARGE, -LARGE])
    assert admitted(total) == [*ALL, math.inf, NAN_TOO]
    assert not total.admits(2.0**126)
    three = [LARGE, LARGE, -LARGE]
    assert admitted(SYSTEM.dot(three, [ONE, ONE, ONE])) == [math.inf]


def test_comparisons_with_specials() -> None:
    """Infinities are ordered; with a NaN nothing is less or equal."""
    assert SYSTEM.less(ONE, INFINITY) is Ternary.YES
    assert SYSTEM.less(INFINITY, ONE) is Ternary.NO
    assert SYSTEM.less(INFINITY, INFINITY) is Ternary.NO
    assert SYSTEM.less_equal(INFINITY, INFINITY) is Ternary.YES
    assert SYSTEM.equal(INFINITY, INFINITY) is Ternary.YES
    assert SYSTEM.equal(INFINITY, ONE) is Ternary.NO
    for compare in (SYSTEM.less, SYSTEM.less_equal, SYSTEM.equal):
        assert compare(NAN, ONE) is Ternary.NO
        assert compare(ONE, NAN) is Ternary.NO
    perhaps = SYSTEM.hull(NAN, ONE)
    assert SYSTEM.less(perhaps, SYSTEM.constant(2)) is Ternary.UNDECIDED
    assert SYSTEM.less(perhaps, ONE) is Ternary.NO
    assert SYSTEM.less_equal(perhaps, ONE) is Ternary.UNDECIDED
    assert SYSTEM.equal(perhaps, ONE) is Ternary.UNDECIDED


def test_specials_turn_back_into_floats() -> None:
    """The centre of a number that is surely special is that special."""
    assert SYSTEM.to_float(INFINITY) == math.inf
    assert SYSTEM.to_float(-INFINITY) == -math.inf
    assert math.isnan(SYSTEM.to_float(NAN))


def test_specials_of_the_decimal_carrier() -> None:
    """The same rules hold for float64, whose centres are decimals."""
    system = bounded("float64")
    one, infinity = system.constant(1), system.from_float(math.inf)
    assert admitted(infinity - infinity) == [NAN_TOO]
    assert admitted(-(infinity - infinity)) == [NAN_TOO]
    assert admitted(-infinity) == [-math.inf]
    assert admitted(one / infinity) == [0.0]
    assert admitted(system.exp(system.constant(1000))) == [math.inf]
    assert admitted(system.exp(system.constant(-1000))) == [0.0]
    assert admitted(system.log(system.constant(0))) == [-math.inf]
    assert admitted(system.log1p(system.constant(-1))) == [-math.inf]
    assert admitted(system.tanh(infinity)) == [1.0]
    assert admitted(system.erf(-infinity)) == [-1.0]
    assert admitted(system.expm1(-infinity)) == [-1.0]
    assert admitted(system.sqrt(-one)) == [NAN_TOO]
    large = system.from_float(2.0**1023)
    assert admitted(large + large) == [math.inf]
    assert admitted(system.sum([large, large, -large, -large])) == [
        *ALL,
        math.inf,
        NAN_TOO,
    ]


def test_the_excess_beside_special_answers_counts_radii_too() -> None:
    """Finite answers are measured by the finite interval, however far they are."""
    third = SYSTEM.constant(Fraction(1, 3)) * SYSTEM.from_float(2.0**-130)
    perhaps = SYSTEM.hull(NAN, third)
    assert perhaps.excess(math.nan) == 0.0
    assert perhaps.excess(math.inf) == math.inf
    assert perhaps.excess(float(third.centre)) <= 1
    assert 1 < perhaps.excess(2.0**-131) < 2.0**40
    assert perhaps.excess(1e308) == math.inf
    certain = SYSTEM.hull(INFINITY, ONE)
    assert (certain.excess(1.0), certain.excess(1.5)) == (0.0, math.inf)
    assert NAN.excess(1.0) == math.inf
