"""Bounds of Newton and Schulz's steps: narrow enough to refuse, wide enough to hold."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from torchlean_spec.numbers import BINARY32, BINARY64, bounded
from torchlean_spec.numbers.bounded import BoundedSystem
from torchlean_spec.numbers.bounded_number import Bounded
from torchlean_spec.optimizers.orthogonal import QUINTIC, orthogonalized
from torchlean_spec.optimizers.orthogonal_bounds import enclosed, slope, spread
from torchlean_spec.shape import Shape, matrix
from torchlean_spec.tensor import Tensor

SINGLE, DOUBLE = bounded("float32"), bounded("float64")
EPSILON = Fraction(1, 10**7)


def given(rows: int, columns: int) -> Tensor[float, Shape]:
    """A matrix of eighths, which every format holds."""
    shape: Shape = matrix(rows, columns)
    count = rows * columns
    return Tensor(shape, tuple((i * i * 7 % 23 - 11) / 8 for i in range(count)))


def sets(system: BoundedSystem, x: Tensor[float, Shape]) -> tuple[Bounded, ...]:
    """What the spec allows of five steps."""
    return orthogonalized(system, x.map(system.from_float), 5, EPSILON).values


SHAPES = [(1, 1), (2, 3), (3, 2), (4, 4), (5, 8)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bits_of_both_formats_are_allowed(shape: tuple[int, int]) -> None:
    """The spec's own roundings, and those of twice as many digits, are honest."""
    x = given(*shape)
    for system, allowed in ((BINARY32, SINGLE), (BINARY64, SINGLE), (BINARY64, DOUBLE)):
        found = orthogonalized(system, x.map(system.from_float), 5, EPSILON)
        pairs = zip(sets(allowed, x), found.values, strict=True)
        assert all(each.admits(system.to_float(value)) for each, value in pairs)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_little_more_is_refused(shape: tuple[int, int]) -> None:
    """Of small matrices the sets are narrow: below a half percent in binary32."""
    x = given(*shape)
    for allowed, most in ((SINGLE, 0.004), (DOUBLE, 1e-11)):
        for each in sets(allowed, x):
            assert 0 < float(each.radius) < most
            assert not each.admits(float(each.centre) + 2 * most)


def test_another_polynomial_is_refused() -> None:
    """One coefficient that is off by a hundredth is noticed."""
    x = given(3, 3)
    start = [[DOUBLE.from_float(v) for v in row] for row in x.rows()]
    norm = DOUBLE.constant(8)
    right = enclosed(DOUBLE, start, norm, QUINTIC, 5)
    for place in range(3):
        factors = [Fraction(101, 100) if i == place else Fraction(1) for i in range(3)]
        a, b, c = (q * f for q, f in zip(QUINTIC, factors, strict=True))
        wrong = enclosed(DOUBLE, start, norm, (a, b, c), 5)
        lines = zip(right, wrong, strict=True)
        pairs = [pair for both in lines for pair in zip(*both, strict=True)]
        assert not all(one.admits(float(other.centre)) for one, other in pairs)


def allows_anything(lines: list[list[Bounded]]) -> bool:
    """Whether every element may be anything."""
    values = (0.0, 1e30, math.inf, -math.inf, math.nan)
    return all(
        each.admits(value) for line in lines for each in line for value in values
    )


def test_where_roundings_may_leave_the_interval_nothing_is_claimed() -> None:
    """In half precision a matrix of 9 by 9 has roundings beyond what is bounded."""
    for system, claimed in ((bounded("float16"), False), (SINGLE, True)):
        start = [[system.from_float(v) for v in row] for row in given(9, 9).rows()]
        norm = system.constant(16)
        found = enclosed(system, start, norm, QUINTIC, 5)
        assert allows_anything(found) != claimed


@pytest.mark.parametrize("norm", [0.9, 0.0, math.inf, math.nan])
def test_a_norm_that_is_no_bound_bounds_nothing(norm: float) -> None:
    """The matrix must be at most as long as the norm, but for roundings."""
    one = [[DOUBLE.constant(1)]]
    assert allows_anything(enclosed(DOUBLE, one, DOUBLE.from_float(norm), QUINTIC, 1))
    assert not allows_anything(enclosed(DOUBLE, one, DOUBLE.constant(1), QUINTIC, 1))


def test_an_error_of_the_norm_alone_costs_less() -> None:
    """One factor for all elements is bounded by spreads, not by slopes."""
    start = [[DOUBLE.from_float(v) for v in row] for row in given(3, 3).rows()]
    exactly, wide = DOUBLE.constant(8), DOUBLE.constant(8)
    wide = type(wide)(wide.centre, DOUBLE.constant(Fraction(1, 10**6)).centre)
    radii = [
        float(enclosed(DOUBLE, start, norm, QUINTIC, 5)[0][0].radius)
        for norm in (exactly, wide)
    ]
    cost = 1e-6 / 8 * math.sqrt(3) * spread(5)
    assert radii[0] < 1e-10
    assert cost < radii[1] < 1.001 * cost
    assert spread(5) < slope(5, QUINTIC) / 40


def test_slopes_grow_by_the_slope_at_zero() -> None:
    """One step may be steeper at the end of the interval; more steps are not."""
    assert slope(1, QUINTIC) == 4.25
    for steps in (2, 3, 7):
        exact = QUINTIC[0] ** steps
        assert (
            exact < Fraction(slope(steps, QUINTIC)) < exact * (1 + Fraction(1, 10**6))
        )
