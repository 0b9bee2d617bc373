"""Shapes: sizes, axes, permutation, concatenation, broadcasting, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import (
    Dim,
    Scalar,
    axis_of,
    broadcast_axes,
    concatenate,
    matrix,
    permute,
    rank,
    require_same,
    shape_of,
    size,
    sizes,
    strides,
    vector,
    without_axis,
)

SMALL = [
    list(extents)
    for count in range(4)
    for extents in itertools.product([0, 1, 2, 3], repeat=count)
]


@pytest.mark.parametrize("extents", SMALL, ids=str)
def test_shape_agrees_with_an_array_of_numpy(extents: list[int]) -> None:
    """Size, rank, sizes and strides are those of NumPy's row-major array."""
    shape, array = shape_of(extents), np.zeros(extents, np.int8)
    assert (size(shape), rank(shape), sizes(shape)) == (
        array.size,
        array.ndim,
        array.shape,
    )
    if array.size:
        assert strides(shape) == array.strides


@pytest.mark.parametrize("source", SMALL, ids=str)
def test_broadcasting_agrees_with_numpy(source: list[int]) -> None:
    """A shape can be broadcast to a target exactly when NumPy does it."""
    for target in SMALL:
        try:
            np.broadcast_to(np.zeros(source), target)
        except ValueError:
            with pytest.raises(TorchLeanError) as refused:
                broadcast_axes(shape_of(source), shape_of(target))
            assert str(refused.value) == (
                f"expected a shape that can be broadcast to {target}, got {source}"
            )
        else:
            broadcast_axes(shape_of(source), shape_of(target))


def test_leading_alignment_is_refused() -> None:
    """Deviation B29: (2,) is not broadcast to (2, 3), as it is in the original."""
    with pytest.raises(TorchLeanError) as refused:
        broadcast_axes(vector(2), matrix(2, 3))
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert str(refused.value) == (
        "expected a shape that can be broadcast to [2, 3], got [2]"
    )


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
def test_permutation_agrees_with_numpy(permutation: tuple[int, ...]) -> None:
    """Axis i of the permuted shape is axis permutation[i]."""
    transposed = np.zeros((2, 3, 4)).transpose(permutation).shape
    assert sizes(permute(shape_of([2, 3, 4]), permutation)) == transposed


@pytest.mark.parametrize("permutation", [(0, 1), (0, 1, 1), (0, 1, 3), (-1, 0, 1)])
def test_what_is_no_permutation_is_refused(permutation: tuple[int, ...]) -> None:
    """A permutation names each axis once."""
    with pytest.raises(TorchLeanError) as refused:
        permute(shape_of([2, 3, 4]), permutation)
    assert str(refused.value) == (
        f"expected a permutation of the 3 axes of [2, 3, 4], got {list(permutation)}"
    )


def test_concatenation_adds_one_axis_only() -> None:
    """The sizes along the axis are added; the others must agree."""
    assert sizes(concatenate(shape_of([2, 3]), shape_of([2, 5]), axis=-1)) == (2, 8)
    for other in ([3, 5], [2, 3, 1], []):
        with pytest.raises(TorchLeanError) as refused:
            concatenate(shape_of([2, 3]), shape_of(other), axis=1)
        assert str(refused.value) == (
            f"expected shapes that agree beside axis 1, got [2, 3] and {other}"
        )


def test_axes_count_from_either_end() -> None:
    """A negative axis counts from the innermost; others are refused."""
    shape = shape_of([2, 3, 4])
    assert [axis_of(shape, axis) for axis in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    assert sizes(without_axis(shape, -2)) == (2, 4)
    with pytest.raises(TorchLeanError) as refused:
        axis_of(shape, 3)
    assert str(refused.value) == "expected an axis of [2, 3, 4] from -3 to 2, got 3"


def test_a_negative_size_is_refused() -> None:
    """Zero is a size, -1 is none."""
    assert size(Dim(0, Scalar())) == 0
    with pytest.raises(TorchLeanError) as refused:
        Dim(-1, Scalar())
    assert str(refused.value) == "expected a size of at least 0, got -1"


def test_unequal_shapes_are_both_named() -> None:
    """`require_same` says what, which was expected, and which was given."""
    require_same("input", vector(3), shape_of([3]))
    with pytest.raises(TorchLeanError) as refused:
        require_same("input", matrix(32, 64), matrix(17, 64))
    assert str(refused.value) == "input: expected shape [32, 64], got [17, 64]"
