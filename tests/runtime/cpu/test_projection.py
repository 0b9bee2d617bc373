"""The kernel that makes a basis: the spec's bits if strict, else honest ones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import STEP
from torchlean_spec.numbers import BINARY32, BINARY64, bounded
from torchlean_spec.optimizers.projection import orthonormal_rows

Array = NDArray[Any]
SYSTEMS: dict[Dtype, Any] = {Dtype.FLOAT32: BINARY32, Dtype.FLOAT64: BINARY64}
SHAPES = [(1, 1), (1, 40), (3, 5), (4, 70), (5, 3)]


def refreshed(sums: Array, step: int, mode: Mode, dtype: Dtype) -> Array:
    """The basis after a step with an interval of 4, where it was all sevens."""
    control = numpy.zeros(16, numpy.int64)
    control[STEP] = step
    basis = numpy.full_like(sums, 7)
    call(
        "refresh_basis",
        mode=mode,
        dtype=dtype,
        sums=sums,
        threshold=numpy.array([0.001], dtype.value),
        control=control,
        along=numpy.empty(len(sums), dtype.value),
        shadow=numpy.empty(sums.shape[1], dtype.value),
        basis=basis,
        count=len(sums),
        length=sums.shape[1],
        interval=4,
    )
    return basis


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", list(Dtype))
def test_strict_bases_have_the_bits_of_the_spec(
    shape: tuple[int, int], dtype: Dtype, numbers: Callable[..., Array]
) -> None:
    """Every row, also one that repeats another and one of zeros."""
    system = SYSTEMS[dtype]
    sums = numbers(shape[0] * shape[1], 3).astype(dtype.value).reshape(shape)
    if len(sums) > 2:
        sums[1], sums[2] = sums[0], 0
    rows = [tuple(map(system.from_float, row)) for row in sums.tolist()]
    expected = orthonormal_rows(system, rows, Fraction(1, 1000))
    found = refreshed(sums, 8, Mode.STRICT, dtype)
    assert found.tolist() == [list(map(system.to_float, row)) for row in expected]


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_fast_bases_round_honestly(
    shape: tuple[int, int], numbers: Callable[..., Array]
) -> None:
    """Each row lies in the set that the rows before it allow."""
    system = bounded("float32")
    sums = numbers(shape[0] * shape[1], 4).astype(numpy.float32).reshape(shape)
    found = refreshed(sums, 0, Mode.FAST, Dtype.FLOAT32)
    enter = [
        [tuple(map(system.from_float, row)) for row in a.tolist()]
        for a in (sums, found)
    ]
    allowed = orthonormal_rows(system, enter[0], Fraction(1, 1000), enter[1])
    for sets, row in zip(allowed, found.tolist(), strict=True):
        assert all(each.admits(value) for each, value in zip(sets, row, strict=True))
        assert all(float(each.radius) < 1e-3 for each in sets)


@pytest.mark.parametrize(
    ("step", "is_new"), [(0, True), (1, False), (3, False), (4, True)]
)
def test_bases_are_made_in_the_first_step_of_an_interval(
    step: int, is_new: bool, numbers: Callable[..., Array]
) -> None:
    """In the other steps the basis stays as it is."""
    sums = numbers(10, 5).astype(numpy.float32).reshape(2, 5)
    found = refreshed(sums, step, Mode.FAST, Dtype.FLOAT32)
    assert (found == 7).all() == (not is_new)
