"""Parts of data sets, and data sets put together: inputs keep their targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from torchlean import data
from torchlean_spec import data as spec
from torchlean_spec.data import Loader, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape

COUNT = 7
POINTS = data.tensor_dataset(np.arange(COUNT, dtype=np.float64)[:, None], range(COUNT))


def labels(dataset: data.TensorDataset[Shape, Targets]) -> list[int]:
    """Which samples a part has; input and label of each agree."""
    found: list[int] = dataset.targets.tolist()
    assert dataset.inputs[:, 0].tolist() == found
    return found


@given(st.integers(1, COUNT - 1), st.integers(0, 2**64 - 1))
def test_parts_are_the_whole(count: int, seed: int) -> None:
    """First samples, drawn samples, and their complements."""
    first, rest = data.split_at(POINTS, count)
    assert labels(first) + labels(rest) == list(range(COUNT))
    assert labels(data.prefix(POINTS, count)) == labels(first)
    drawn, others = data.random_split(POINTS, count, seed)
    assert len(drawn) == count
    assert sorted(labels(drawn) + labels(others)) == list(range(COUNT))
    other, same = data.split(POINTS, COUNT - count, seed)
    assert labels(drawn) == labels(other)
    assert labels(others) == labels(same)
    assert labels(data.append(first, rest)) == list(range(COUNT))


def test_parts_of_a_mapped_file_stay_mapped(tmp_path: Path) -> None:
    """Neighbours are a view of the file."""
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(6, 2))
    inputs = data.read_npy(tmp_path / "x.npy", mapped=True)
    points = data.tensor_dataset(inputs, [0, 1] * 3)
    for part in (*data.split_at(points, 2), data.prefix(points, 3)):
        assert part.mapped


@given(st.integers(0, 2**64 - 1))
def test_a_shuffle_is_the_first_epochs(seed: int) -> None:
    """The order that a loader with the same seed begins with."""
    wanted = Loader(COUNT, 1, seed=seed).order(0)
    assert labels(data.shuffled(POINTS, seed)) == list(wanted)


@given(st.integers(1, 20))
def test_after_the_last_comes_the_first(count: int) -> None:
    """Sample i of a cycle is sample i modulo the count."""
    wanted = [place % COUNT for place in range(count)]
    assert labels(data.cycled(POINTS, count)) == wanted
    assert [data.cycle(range(COUNT), place) for place in range(count)] == wanted


@given(st.lists(st.integers(), max_size=9), st.integers(1, 4))
def test_chunks_are_full(values: list[int], size: int) -> None:
    """End to end they are the values but for a short rest."""
    found = data.chunks(values, size)
    joined = [value for chunk in found for value in chunk]
    assert all(len(chunk) == size for chunk in found)
    assert joined == values[: len(joined)]
    assert 0 <= len(values) - len(joined) < size


def test_batches_as_they_come() -> None:
    """Full batches in order; the first of them alone."""
    found = [batch[1].tolist() for batch in data.batched(POINTS, 3)]
    assert found == [[0, 1, 2], [3, 4, 5]]
    assert data.first_batch(POINTS, 3)[1].tolist() == [0, 1, 2]


def test_samples_one_by_one() -> None:
    """Each input with its target."""
    found = [(x.tolist(), int(y)) for x, y in data.samples(POINTS)]
    assert found == [([float(i)], i) for i in range(COUNT)]


@pytest.mark.parametrize("classes", [4, None])
def test_data_put_together_are_the_specs(classes: int | None) -> None:
    """Numbers, labels and names; the parts come apart again."""
    inputs = np.random.default_rng(0).normal(size=(5, 2))
    targets: ArrayLike = [0, 3, 1, 2, 3] if classes else inputs[:, :1]
    whole = data.tensor_dataset(inputs, targets, classes=classes)
    first, second = data.split_at(whole, 2)
    together = data.append(second, first)
    assert together.to_spec() == spec.append(second.to_spec(), first.to_spec())
    assert data.split_at(together, 3)[0].digest() == second.digest()


def test_what_is_admitted_stays_admitted() -> None:
    """Numbers that are not finite come along from either part."""
    odd = data.tensor_dataset([[float("nan")]], [6], classes=7, allow_non_finite=True)
    assert len(data.append(POINTS, odd)) == COUNT + 1


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.split_at(POINTS, 7),
        Reason.EMPTY_DATA,
        "expected from 1 to 6 of the 7 samples in the first part, got 7",
    ),
    (
        lambda: data.random_split(POINTS, 0),
        Reason.EMPTY_DATA,
        "expected from 1 to 6 of the 7 samples in the first part, got 0",
    ),
    (
        lambda: data.prefix(POINTS, 8),
        Reason.DOMAIN,
        "expected a sample from 0 to 6, got 7",
    ),
    (
        lambda: data.append(POINTS, data.tensor_dataset([[1.0]], [0], classes=2)),
        Reason.SHAPE_MISMATCH,
        "expected inputs of shape [1] and 7 classes, got [1] and 2 classes",
    ),
    (
        lambda: data.cycle([], 0),
        Reason.EMPTY_DATA,
        "expected at least 1 value to cycle through, got none",
    ),
    (
        lambda: data.chunks([1], 0),
        Reason.BATCH_SIZE,
        "expected groups of at least 1 value, got 0",
    ),
    (
        lambda: data.first_batch(POINTS, 8),
        Reason.BATCH_SIZE,
        "expected a batch size from 1 to the 7 samples of the data set, got 8",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason
