"""Loaders as values: where they stand, and what is left of an epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.data.loader import Batch
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError

COUNT = 11
POINTS = data.tensor_dataset(np.arange(COUNT, dtype=np.float64)[:, None], range(COUNT))


def seen(batches: Iterable[Batch]) -> list[tuple[int, ...]]:
    """Which samples some batches have; input and label of each agree."""
    found = []
    for inputs, labels in batches:
        assert inputs[:, 0].tolist() == labels.tolist()
        found.append(tuple(labels.tolist()))
    return found


@given(
    batch_size=st.integers(1, COUNT),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 3),
    cut=st.integers(0, COUNT),
)
def test_a_pass_goes_on_where_it_was_left(
    batch_size: int, shuffle: bool, drop_last: bool, seed: int, epoch: int, cut: int
) -> None:
    """Some batches one by one, then the rest: the spec's epoch, from any batch on."""
    spec = Loader(COUNT, batch_size, shuffle, drop_last, seed)
    loader = data.BatchLoader(POINTS, batch_size, shuffle, drop_last, seed).at(epoch)
    found = []
    for _ in range(min(cut, len(loader) - 1)):
        batch, loader = loader.next_batch()
        found += seen([batch])
    written = json.dumps(loader.position.to_json())
    where = data.Position.from_json(json.loads(written))
    resumed = data.BatchLoader(POINTS, batch_size, shuffle, drop_last, seed, where)
    rest, following = resumed.rest_of_epoch()
    assert found + seen(rest) == spec.batches(epoch)
    assert following.position == data.Position(epoch + 1)
    assert seen(following.epoch(epoch)) == spec.batches(epoch)


def test_batches_go_on_from_epoch_to_epoch() -> None:
    """Behind an epoch's last batch stands the next epoch's first."""
    spec = Loader(COUNT, 4, drop_last=False, seed=5)
    loader = data.batch_loader(POINTS, 4, seed=5, last="short")
    found: list[tuple[int, ...]] = []
    for _ in range(7):
        batch, loader = loader.next_batch()
        found += seen([batch])
    assert found == [spec.batch_of_step(step) for step in range(1, 8)]
    assert loader.position == data.Position(2, 1)


def test_a_loader_is_a_value() -> None:
    """Asking for batches leaves the loader where it stands."""
    loader = data.batch_loader(POINTS, 4, seed=5)
    first, second = loader.next_batch(), loader.next_batch()
    assert seen([first[0]]) == seen([second[0]])
    assert first[1] == second[1]
    assert loader.position == data.Position(0, 0)


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.batch_loader(POINTS, 4).at(0, 2),
        Reason.DOMAIN,
        "expected a batch from 0 to 1 of an epoch, got 2",
    ),
    (
        lambda: data.batch_loader(POINTS, 4).epoch(-1),
        Reason.DOMAIN,
        "expected an epoch of at least 0, got -1",
    ),
    (
        lambda: data.batch_loader(POINTS, 12),
        Reason.BATCH_SIZE,
        "expected a batch size from 1 to the 11 samples of the data set, got 12",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason
