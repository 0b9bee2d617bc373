"""Padded batches: one size for all, and a mask that says what counts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.engine import Data, Engine
from torchlean_spec import batches
from torchlean_spec import training as spec
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, Sequential, Tanh
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.numbers.bounded import bounded
from torchlean_spec.optimizers import SGD
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

COUNT = 11
POINTS = data.tensor_dataset(np.arange(COUNT, dtype=np.float64)[:, None], range(COUNT))
CLASSES = 3
IGNORED = -1


@given(
    batch_size=st.integers(1, COUNT),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 3),
)
def test_padded_batches_are_the_specs(
    batch_size: int, shuffle: bool, seed: int, epoch: int
) -> None:
    """Every row and every mask, as the spec pads the batches of its loader."""
    loader = data.batch_loader(
        POINTS, batch_size, shuffle=shuffle, seed=seed, last="pad"
    )
    wanted = Loader(COUNT, batch_size, shuffle, False, seed).batches(epoch)
    assert len(loader) == len(wanted)
    for batch, samples in zip(loader.epoch(epoch), wanted, strict=True):
        places, mask = batches.padded(samples, batch_size)
        assert batch.targets.tolist() == batch.inputs[:, 0].tolist() == list(places)
        assert batch.mask.tolist() == list(mask)
        assert batch.samples()[1].tolist() == list(samples)
        assert batch.count == len(samples)


def test_a_padded_pass_goes_on_where_it_was_left() -> None:
    """Batch by batch, the rest of an epoch, and from a position: the same rows."""
    loader = data.batch_loader(POINTS, 4, seed=1, last="pad")
    whole = [batch.targets.tolist() for batch in loader.epoch(0)]
    first, behind = loader.next_batch()
    rest, following = behind.rest_of_epoch()
    assert [first.targets.tolist(), *(each.targets.tolist() for each in rest)] == whole
    assert behind.position == data.Position(0, 1)
    assert following.position == data.Position(1, 0)
    last, _ = loader.at(0, 2).next_batch()
    assert last.targets.tolist() == whole[2]
    assert (loader.dataset, loader.batch_size) == (POINTS, 4)


@given(st.lists(st.fractions(-8, 8, max_denominator=1), min_size=4, max_size=4))
def test_the_mean_is_over_samples(losses: list[Fraction]) -> None:
    """Numbers of the padding, NaN too, are of no consequence."""
    batch, _ = data.batch_loader(POINTS, 4, last="pad").at(0, 2).next_batch()
    given = [float(each) for each in losses[:3]] + [float("nan")]
    assert batch.mean(given) == sum(given[:3]) / 3


def points() -> Data:
    """Seven samples of three classes."""
    inputs = np.random.default_rng(3).normal(size=(7, 2))
    return data.tensor_dataset(inputs, np.arange(7) % CLASSES, classes=CLASSES)


def run_of(batch_size: int, ignored: int | None = None) -> TrainingRun:
    """Ten steps on one batch of all samples."""
    model = Sequential(Linear(2, 5), Tanh(), Linear(5, CLASSES))
    task = Task(model, CrossEntropy(ignore_index=ignored))
    return TrainingRun(task, SGD(0.1), Loader(batch_size, batch_size, False), 10)


def test_steps_on_the_samples_have_the_bits_of_the_short_batch() -> None:
    """Padding that is taken off again leaves no trace in any number."""
    given = points()
    padded = [*data.batch_loader(given, 4, shuffle=False, last="pad").epoch(0)]
    short = [*data.batch_loader(given, 4, shuffle=False, last="short").epoch(0)]
    found = []
    for inputs, labels in (padded[1].samples(), short[1]):
        batch = data.tensor_dataset(inputs, labels, classes=CLASSES)
        engine = Engine(run_of(3), batch)
        losses = engine.run(10)
        arrays = engine.state().parameters.values()
        found.append([losses.tobytes(), *(each.tobytes() for each in arrays)])
    assert found[0] == found[1]


def test_steps_on_ignored_padding_are_within_the_bounds_of_the_short_batch() -> None:
    """Loss and gradients lie where the spec says an honest short batch may lie."""
    given = points()
    last, _ = (
        data.batch_loader(given, 5, shuffle=False, last="pad").at(0, 1).next_batch()
    )
    inputs, labels = last.ignoring(IGNORED)
    padded = data.tensor_dataset(inputs, labels, classes=CLASSES, ignore_index=IGNORED)
    engine = Engine(run_of(5, IGNORED), padded)
    short = data.tensor_dataset(*last.samples(), classes=CLASSES)
    system, run = bounded("float32"), run_of(2)
    for number in range(1, 4):
        recorded = engine.record_arrays()
        parameters = {
            name: tensor.map(system.from_float)
            for name, tensor in recorded.before.to_spec().parameters.items()
        }
        batch = spec.batch_of(system, run, short.to_spec(), number)
        loss, gradients = spec.backward(system, run, parameters, batch, number)
        assert loss.admits(recorded.loss)
        for name, allowed in gradients.items():
            computed = recorded.gradients[name].ravel().tolist()
            pairs = zip(allowed.values, computed, strict=True)
            assert all(each.admits(value) for each, value in pairs)


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: data.PaddedLoader(data.BatchLoader(POINTS, 4)),
        Reason.CONTRADICTION,
        "expected a loader with drop_last=False, whose last batch can be padded, "
        "got drop_last=True",
    ),
    (
        lambda: next(
            data.batch_loader(data.tensor_dataset([[0.0]], [0.5]), 1, last="pad").epoch(
                0
            )
        ).ignoring(-1),
        Reason.CONTRADICTION,
        "expected class indices, of which one can be ignored, got targets of float64",
    ),
    (
        lambda: next(data.batch_loader(POINTS, 4, last="pad").epoch(0)).mean([1.0]),
        Reason.SHAPE_MISMATCH,
        "expected a mask of 1 numbers, got 4",
    ),
]


@pytest.mark.parametrize(("make", "reason", "message"), REFUSED)
def test_refusals(make: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert str(refused.value) == message
    assert refused.value.reason is reason
