"""Engines that are fed: the bits of a loader's run, and nothing kept of a batch."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.runtime.runs import NUMBERS, RUNS, training_run

from torchlean.data import BatchLoader, tensor_dataset
from torchlean.engine import Data, Engine
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.schedules import Constant
from torchlean_spec.training import TrainingRun

BATCH = 8


def fed(run: TrainingRun, data: Data, **settings: Any) -> Engine:
    """An engine for a run's steps that waits to be fed batches of 8."""
    one_batch = replace(run, loader=Loader(BATCH, BATCH, shuffle=False))
    return Engine(one_batch, data.take(range(BATCH)), **settings)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("backend", ["compiled", "eager"])
@pytest.mark.parametrize("name", ["adam", "ignored classes", "dropout", "sequences"])
def test_fed_steps_have_the_bits_of_the_loaders(
    name: str, backend: Any, strict: bool
) -> None:
    """The same batches, from a loader or by hand, the short last one too."""
    run, data = RUNS[name]
    loader = BatchLoader(data, BATCH, drop_last=False, seed=3)
    whole = Engine(replace(run, loader=loader.loader), data, strict=strict)
    engine = fed(run, data, backend=backend, strict=strict)
    for epoch in range(2):
        for inputs, targets in loader.epoch(epoch):
            engine.feed(inputs, targets)
            assert engine.run(1).tobytes() == whole.run(1).tobytes()
    for name, array in whole.state().parameters.items():
        assert engine.state().parameters[name].tobytes() == array.tobytes()


def test_a_fed_batch_stays_until_the_next() -> None:
    """Several steps see it, whole or shorter than the engine's own."""
    for length in (BATCH, 5):
        several, one_by_one = fed(*RUNS["adam"]), fed(*RUNS["adam"])
        part = NUMBERS.take(range(10, 10 + length))
        several.feed(part.inputs, part.targets)
        losses = several.run(6)
        again = []
        for _ in range(6):
            one_by_one.feed(part.inputs, part.targets)
            again += one_by_one.run(1).tolist()
        assert losses.tolist() == again


def test_feeding_leaves_the_data_set_alone() -> None:
    """An engine that is fed writes over its own samples, and over nobody else's."""
    for number_format in ("float32", "float64"):
        data = NUMBERS.take(range(BATCH))
        run = replace(
            training_run(),
            loader=Loader(BATCH, BATCH, shuffle=False),
            number_format=number_format,
        )
        engine, other = Engine(run, data), Engine(run, data)
        engine.feed(np.zeros((BATCH, 6)), np.zeros((BATCH, 3)))
        assert data.inputs.tobytes() == NUMBERS.inputs[:BATCH].tobytes()
        assert other.run(3).tobytes() == Engine(run, data).run(3).tobytes()


def test_forward_and_backward_are_those_of_the_next_step() -> None:
    """Loss and gradients have its bits, and computing them changes nothing."""
    for name in ("dropout", "cross-entropy"):
        for backend in ("compiled", "eager"):
            run, data = RUNS[name]
            engine, twin = fed(run, data, backend=backend), fed(run, data)
            for _ in range(3):
                batch = data.inputs[:7], data.targets[:7]
                engine.feed(*batch)
                twin.feed(*batch)
                loss, (again, gradients) = engine.forward(), engine.backward()
                recorded = twin.record_arrays()
                assert loss == again == recorded.loss
                for each, array in recorded.gradients.items():
                    assert gradients[each].tobytes() == array.tobytes()
                assert engine.run(1).tolist() == [loss]


def test_a_loss_that_is_not_finite_is_told_and_has_no_gradients() -> None:
    """Forward says it, backward refuses, and the engine goes on."""
    engine = fed(*RUNS["adam"])
    huge = np.full((BATCH, 3), 1e30)
    engine.feed(NUMBERS.inputs[:BATCH], huge)
    assert engine.forward() == np.inf
    with pytest.raises(TorchLeanError) as refused:
        engine.backward()
    assert refused.value.reason is Reason.NOT_FINITE
    assert str(refused.value) == "step 1: expected a finite loss, got inf"
    engine.feed(NUMBERS.inputs[:BATCH], NUMBERS.targets[:BATCH])
    assert np.isfinite(engine.run(1)).all()


def refusal(engine: Engine, inputs: Any, targets: Any) -> tuple[Reason, str]:
    """Why a batch is refused, and in which words; the engine's own batch stays."""
    before = engine.forward()
    with pytest.raises(TorchLeanError) as refused:
        engine.feed(inputs, targets)
    assert engine.forward() == before
    return refused.value.reason, str(refused.value)


def test_a_batch_that_does_not_fit_is_refused() -> None:
    """Size, shapes, kinds and classes, each in one sentence; nothing is written."""
    run, data = RUNS["cross-entropy"]
    engine = fed(run, data)
    inputs, labels = data.inputs, data.targets
    assert refusal(engine, inputs[:9], labels[:9]) == (
        Reason.BATCH_SIZE,
        "expected a batch of at most 8 samples, got 9",
    )
    assert refusal(engine, inputs[:4, :5], labels[:4]) == (
        Reason.SHAPE_MISMATCH,
        "expected inputs of shape [samples, 6], got [4, 5]",
    )
    assert refusal(engine, inputs[:0], labels[:0]) == (
        Reason.SHAPE_MISMATCH,
        "expected inputs of shape [samples, 6], got [0, 6]",
    )
    assert refusal(engine, inputs[:4], labels[:3]) == (
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [4] that are class indices, "
        "got [3] that are class indices",
    )
    assert refusal(engine, inputs[:2], [0.0, 1.0]) == (
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [2] that are class indices, "
        "got [2] that are numbers",
    )
    assert refusal(engine, inputs[:3], [0, 1, 3]) == (
        Reason.CLASS_OUT_OF_RANGE,
        "sample 2: expected a class from 0 to 2, got 3",
    )
    assert refusal(engine, np.full((1, 6), "x"), [0]) == (
        Reason.DOMAIN,
        "inputs: expected numbers, got an array of <U1",
    )


def test_ignored_labels_may_be_fed() -> None:
    """The label that the loss ignores is no class, and no error."""
    run, data = RUNS["ignored classes"]
    engine = fed(run, data)
    engine.feed(data.inputs[:3], [-1, 2, -1])
    assert np.isfinite(engine.forward())


def test_an_engine_with_another_loader_is_not_fed() -> None:
    """It sees its data set's batches, and says so."""
    for loader, message in (
        (Loader(20, 8), "batches of 8 of 20 samples, shuffled"),
        (Loader(20, 20), "batches of 20 of 20 samples, shuffled"),
        (Loader(20, 5, shuffle=False), "batches of 5 of 20 samples"),
    ):
        engine = Engine(replace(training_run(), loader=loader), NUMBERS)
        with pytest.raises(TorchLeanError) as refused:
            engine.feed(NUMBERS.inputs[:5], NUMBERS.targets[:5])
        assert refused.value.reason is Reason.CONTRADICTION
        assert str(refused.value) == (
            "expected a loader of one batch in order for an engine that is fed, got "
            f"{message}"
        )


def big_engine() -> tuple[Engine, NDArray[np.float32], NDArray[np.int64]]:
    """An engine, and a batch whose inputs are larger than all that it computes."""
    inputs = np.random.default_rng(3).standard_normal((4000, 64)).astype(np.float32)
    labels = np.arange(4000) % 3
    run = training_run(Linear(64, 3), CrossEntropy(), count=4000, batch=4000)
    run = replace(run, loader=Loader(4000, 4000, shuffle=False), schedule=Constant())
    data = tensor_dataset(np.zeros_like(inputs), labels)
    return Engine(replace(run, steps=500), data), inputs, labels


def test_feeding_keeps_nothing_and_copies_once() -> None:
    """What is held does not grow, and nothing as large as the batch is made."""
    engine, inputs, labels = big_engine()

    def steps(count: int) -> tuple[int, int]:
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(count):
                engine.feed(inputs, labels)
                engine.run(1)
            gc.collect()
            held, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return held, peak

    steps(300)
    held, _ = steps(20)
    held_later, peak = steps(120)
    # Less than a pointer, 8 bytes, for each of the further steps.
    assert held_later - held < 8 * 100
    assert peak < inputs.nbytes
