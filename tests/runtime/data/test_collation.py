"""Batches and data sets from samples one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean_spec.errors import Reason, TorchLeanError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FINITE, FINITE, st.integers(0, 3)), min_size=1, max_size=5))
def test_samples_are_stacked(rows: list[tuple[float, float, int]]) -> None:
    """Row i of a batch is sample i, to the bit; what is put together comes apart."""
    pairs = [([x, y], label) for x, y, label in rows]
    inputs, targets = data.collate(pairs, len(rows))
    assert repr(inputs.tolist()) == repr([x for x, _ in pairs])
    assert targets.tolist() == [label for _, label in pairs]
    dataset = data.labeled(pairs, classes=4)
    again = [(x.tolist(), int(y)) for x, y in data.samples(dataset)]
    assert repr(again) == repr(pairs)


def test_whole_numbers_to_predict() -> None:
    """A supervised data set has numbers as targets, whole ones too."""
    found = data.supervised([([0.0], [1, 2]), ([1.0], [3, 4])])
    assert found.classes is None
    assert found.targets.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_one_sample() -> None:
    """A data set of one sample, of a class or of numbers."""
    assert data.singleton([0.5], 2).classes == 3
    assert data.singleton([0.5], [2.5]).targets.tolist() == [[2.5]]


def test_images_are_stacked() -> None:
    """Samples of any shape."""
    images = [np.full((1, 2, 3), float(i)) for i in range(4)]
    assert data.stack(images).shape == (4, 1, 2, 3)


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.collate([([0.0], 1)], 2),
        Reason.BATCH_SIZE,
        "expected batch size 2, got 1",
    ),
    (
        lambda: data.collate([]),
        Reason.EMPTY_DATA,
        "expected at least 1 of the inputs, got none",
    ),
    (
        lambda: data.collate([([0.0], 1), ([0.0, 1.0], 1)]),
        Reason.SHAPE_MISMATCH,
        "inputs, sample 1: expected the shape [1] of the first, got [2]",
    ),
    (
        lambda: data.collate([([0.0], [1.0]), ([0.0], [[1.0]])]),
        Reason.SHAPE_MISMATCH,
        "targets, sample 1: expected the shape [1] of the first, got [1, 1]",
    ),
    (
        lambda: data.labeled([([0.0], 2)], classes=2),
        Reason.CLASS_OUT_OF_RANGE,
        "targets, row 0: expected a class from 0 to 1, got 2",
    ),
    (
        lambda: data.labeled([([0.0], 0.5)], classes=2),
        Reason.CONTRADICTION,
        "expected whole numbers as targets of 2 classes, got float64",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason
