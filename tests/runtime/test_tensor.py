"""Arrays with a shape as their witness: checked once, then as NumPy has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.tensor import Tensor
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import matrix, shape_of, sizes


@given(extents=st.lists(st.integers(0, 4), max_size=4).map(tuple))
def test_a_tensor_has_the_shape_of_its_array(extents: tuple[int, ...]) -> None:
    """Rank and sizes agree, zeros and scalars included."""
    array = np.zeros(extents, np.float32)
    assert sizes(Tensor.of(array).shape) == extents
    assert Tensor(array, shape_of(extents)).array.shape == extents


@given(
    extents=st.lists(st.integers(0, 3), max_size=3),
    others=st.lists(st.integers(0, 3), max_size=3),
)
def test_another_shape_is_refused(extents: list[int], others: list[int]) -> None:
    """Unless all sizes agree, the sentence names both shapes."""
    array = np.zeros(extents)
    if extents == others:
        assert Tensor(array, shape_of(others)).array.shape == tuple(extents)
        return
    with pytest.raises(TorchLeanError) as refused:
        Tensor(array, shape_of(others))
    assert str(refused.value) == (f"expected an array of shape {others}, got {extents}")
    assert refused.value.reason is Reason.SHAPE_MISMATCH


def test_a_shape_is_refined_by_a_check() -> None:
    """A tensor of unknown shape becomes one of a known shape, or is refused."""
    anything = Tensor.of(np.zeros((2, 3)))
    assert anything.with_shape(matrix(2, 3)).shape == matrix(2, 3)
    with pytest.raises(TorchLeanError, match=r"of shape \[3, 2\], got \[2, 3\]"):
        anything.with_shape(matrix(3, 2))


def test_numpy_reads_a_tensor() -> None:
    """NumPy's functions take it, in its dtype or in another."""
    numbers = Tensor.of(np.array([1.5, 2.5], np.float32))
    assert np.asarray(numbers).dtype == np.float32
    assert np.asarray(numbers, np.float64).tolist() == [1.5, 2.5]
    assert float(np.dot(numbers, numbers)) == 8.5


def test_a_tensor_cannot_be_written_to_but_its_copy_can() -> None:
    """The view is read-only; the caller's array stays as it was."""
    array = np.zeros(2)
    numbers = Tensor.of(array)
    with pytest.raises(ValueError, match="read-only"):
        numbers.array[0] = 1
    array[0] = 2
    copied = np.array(numbers)
    copied[1] = 3
    assert numbers.array.tolist() == [2.0, 0.0]


def test_the_spec_reads_a_tensor() -> None:
    """Row by row, the same numbers."""
    table = Tensor(np.arange(6.0).reshape(2, 3), matrix(2, 3))
    assert table.to_spec().rows() == [(0.0, 1.0, 2.0), (3.0, 4.0, 5.0)]
