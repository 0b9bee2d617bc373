"""Kernels that move numbers: what they write is what the spec says, exactly."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call

Array = NDArray[Any]


def strided(x: Array, view: Array) -> Array:
    """Copy a strided view of x by the kernel."""
    steps = [step // x.itemsize for step in view.strides]
    table = numpy.array([*view.shape, *steps], numpy.int64)
    out = numpy.empty(view.size, x.dtype)
    start = (view.ctypes.data - x.ctypes.data) // x.itemsize
    rest = x.ravel()[start:]
    call(
        "strided_copy",
        x=rest,
        table=table,
        out=out,
        rank=view.ndim,
        rows=view.size // max(view.shape[-1], 1),
        width=view.shape[-1],
        span=rest.size,
    )
    return out.reshape(view.shape)


@pytest.fixture
def cube() -> Array:
    """Sixty different numbers in three axes."""
    return numpy.arange(60, dtype=numpy.float32).reshape(3, 4, 5)


@pytest.mark.parametrize(
    "permutation", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_strided_copies_transpose(
    cube: Array, permutation: tuple[int, int, int]
) -> None:
    """Every order of three axes."""
    view = cube.transpose(permutation)
    assert numpy.array_equal(strided(cube, view), view)


def test_strided_copies_slice_and_broadcast(cube: Array) -> None:
    """A part of an axis, and an axis that is repeated."""
    assert numpy.array_equal(strided(cube, cube[:, 1:3]), cube[:, 1:3])
    assert numpy.array_equal(strided(cube, cube[..., 2:]), cube[..., 2:])
    repeated = numpy.broadcast_to(cube[:, :1, :], (2, 3, 4, 5))
    assert numpy.array_equal(strided(cube, repeated), repeated)
    column = numpy.broadcast_to(cube[..., :1], cube.shape)
    assert numpy.array_equal(strided(cube, column), column)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 16), (17, 33), (40, 7)])
def test_a_matrix_is_transposed(shape: tuple[int, int]) -> None:
    """Around the size of the squares that it is done by."""
    x = numpy.arange(shape[0] * shape[1], dtype=numpy.float32).reshape(shape)
    out = numpy.empty(shape[::-1], numpy.float32)
    call("transpose_matrix", x=x, out=out, rows=shape[0], columns=shape[1])
    assert numpy.array_equal(out, x.T)


def test_runs_are_laid_end_to_end(cube: Array) -> None:
    """Two copies of runs make a concatenation along the middle axis."""
    other = cube[:, :2] + 100
    out = numpy.full((3, 6, 5), -1, numpy.float32)
    flat = out.reshape(-1)
    first, second = flat[: 2 * 30 + 20], flat[20:]
    call("copy_runs", x=cube, out=first, outer=3, inner=20, stride=30)
    other = numpy.ascontiguousarray(other)
    call("copy_runs", x=other, out=second, outer=3, inner=10, stride=30)
    assert numpy.array_equal(out, numpy.concatenate([cube, other], axis=1))


def test_copies_and_fills(cube: Array) -> None:
    """Numbers, integers and a constant."""
    out = numpy.empty_like(cube)
    call("copy", x=cube, out=out, size=60)
    assert numpy.array_equal(out, cube)
    value = numpy.array([7], numpy.float32)
    call("fill", value=value, out=out, size=60)
    assert numpy.all(out == 7)
    integers, copied = numpy.arange(9), numpy.zeros(9, numpy.int64)
    call("copy_indices", x=integers, out=copied, size=9)
    assert copied.tolist() == list(range(9))
