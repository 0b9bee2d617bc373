"""Newton and Schulz's steps: on diagonals, on both sides, at the edges."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FLOAT, bounded
from torchlean_spec.optimizers.orthogonal import QUINTIC, orthogonalized
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

NOTHING = Fraction(0)


def tensor(extents: tuple[int, int], values: tuple[float, ...]) -> Tensor[float, Shape]:
    """A matrix of floats."""
    return Tensor(shape_of(extents), values)


def by_hand(value: float, steps: int) -> float:
    """The quintic, applied to one singular value in the order of the equations."""
    a, b, c = map(float, QUINTIC)
    for _ in range(steps):
        square = value * value
        value = a * value + (b * square + c * (square * square)) * value
    return value


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_diagonal_matrix_is_taken_element_by_element(steps: int) -> None:
    """The polynomial acts on each singular value by itself."""
    diagonal = tensor((2, 2), (3.0, 0.0, 0.0, -4.0))
    found = orthogonalized(FLOAT, diagonal, steps, NOTHING)
    expected = (by_hand(3 / 5, steps), 0.0, 0.0, -by_hand(4 / 5, steps))
    assert tuple(abs(x) for x in found.values) == tuple(abs(x) for x in expected)
    assert found.values[0] > 0 > found.values[3]


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02, 0.003])
def test_five_steps_bring_singular_values_near_one(share: float) -> None:
    """Values from 0.003 to 1 come to lie between 0.68 and 1.21."""
    other = math.sqrt(1 - share * share)
    found = orthogonalized(FLOAT, tensor((2, 2), (share, 0.0, 0.0, other)), 5, NOTHING)
    assert 0.68 < found.values[0] < 1.21


def test_a_transposed_matrix_gives_the_transpose() -> None:
    """Of the two sides, the shorter one is multiplied; the answer is one."""
    wide = tensor((2, 3), (1.0, 2.0, -1.0, 0.5, 1.0, 3.0))
    tall = tensor((3, 2), (1.0, 0.5, 2.0, 1.0, -1.0, 3.0))
    found = orthogonalized(FLOAT, wide, 5, NOTHING)
    turned = orthogonalized(FLOAT, tall, 5, NOTHING)
    assert turned.values == tuple(v for c in range(3) for v in found.values[c::3])


@pytest.mark.parametrize("epsilon", ["1e-7", "0.5"])
def test_zeros_stay_zeros(epsilon: str) -> None:
    """A norm of zero is epsilon."""
    zeros = tensor((2, 3), (0.0,) * 6)
    assert orthogonalized(FLOAT, zeros, 5, Fraction(epsilon)) == zeros


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_not_hidden(value: float) -> None:
    """One NaN or infinity makes every element a NaN, and every answer admissible."""
    x = tensor((2, 2), (1.0, value, 2.0, 3.0))
    found = orthogonalized(FLOAT, x, 5, NOTHING)
    assert any(math.isnan(each) for each in found.values)
    system = bounded("float32")
    sets = orthogonalized(system, x.map(system.from_float), 5, NOTHING)
    pairs = zip(sets.values, found.values, strict=True)
    assert all(allowed.admits(each) for allowed, each in pairs)
