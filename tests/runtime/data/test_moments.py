"""Moments of whole data sets: the spec's bits, whatever the slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from torchlean import data
from torchlean.data import arrays
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.transforms import moments

SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)
DOUBLE = st.floats(-1e140, 1e140)


@given(
    table=st.one_of(
        arrays_of.arrays(
            np.float64, arrays_of.array_shapes(min_dims=2, max_dims=3), elements=DOUBLE
        ),
        arrays_of.arrays(
            np.float32, arrays_of.array_shapes(min_dims=2, max_dims=2), elements=SINGLE
        ),
    ),
    most=st.integers(1, 20),
)
def test_moments_are_the_specs(table: arrays.Inputs, most: int) -> None:
    """Of each place, bit for bit, from the least number to the largest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "SLICE", most)
        means, deviations = data.moments(table)
    columns = table.reshape(len(table), -1).T.tolist()
    wanted = [moments(column) for column in columns]
    found = zip(means.ravel().tolist(), deviations.ravel().tolist(), strict=True)
    assert list(map(repr, found)) == list(map(repr, wanted))
    assert means.shape == deviations.shape == table.shape[1:]


def test_many_slices_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """More slices than are added before they become Python's integers."""
    table = np.random.default_rng(0).normal(size=(1200, 2))
    monkeypatch.setattr(arrays, "SLICE", 2)
    means, deviations = data.moments(table)
    wanted = [moments(column) for column in table.T.tolist()]
    assert list(zip(means.tolist(), deviations.tolist(), strict=True)) == wanted


def test_full_parts_are_added_exactly() -> None:
    """The largest sums that one slice can have: all bits set, in every row."""
    number = float(2**53 - 1)
    table = np.full((2**17, 1), number)
    means, deviations = data.moments(table)
    assert (means.tolist(), deviations.tolist()) == ([number], [0.0])
    table[::2] *= -1
    means, deviations = data.moments(table)
    assert (means.tolist(), deviations.tolist()) == ([0.0], [number])


def test_mapped_numbers_have_the_same_moments(tmp_path: Path) -> None:
    """From a file as from memory."""
    table = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", table)
    mapped = data.moments(data.read_npy(tmp_path / "x.npy", mapped=True))
    pairs = zip(mapped, data.moments(table), strict=True)
    assert all(ours.tobytes() == theirs.tobytes() for ours, theirs in pairs)


def test_a_nan_has_no_moments() -> None:
    """The place of the first number that is not finite is named."""
    with pytest.raises(TorchLeanError) as refused:
        data.moments(np.array([[0.0], [float("nan")]]))
    assert str(refused.value) == (
        "inputs, row 1, place 0: expected a finite number, got nan "
        "(allow_non_finite=True admits it)"
    )
    assert refused.value.reason is Reason.NOT_FINITE
