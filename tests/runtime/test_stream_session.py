"""Runs over streams: the batches come one by one, and the steps are the trainer's."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean.callbacks import Callbacks
from torchlean.data import BatchLoader, tensor_dataset, two_moons
from torchlean.evaluation import Evaluation
from torchlean.loading import load
from torchlean.log import TrainLog
from torchlean.stream import GivenBatch, StepBatchStream
from torchlean.trained import Trained
from torchlean.trainer import Interrupted, NonFiniteLoss, Trainer
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, ReLU, Sequential
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Cosine

MOONS = two_moons(60)
MODEL = Sequential(Linear(2, 8), ReLU(), Dropout("0.25"), Linear(8, 2))
TRAINER = Trainer(
    MODEL,
    task="classification",
    optimizer=Adam("0.05"),
    schedule=Cosine(20),
    clipping=ClipGlobalNorm(1),
    seed=3,
)


def bits(trained: Trained) -> dict[str, bytes]:
    """Parameters and optimizer state, to the bit."""
    found = {"": trained.parameters, **trained.optimizer_state}
    return {
        f"{slot}.{name}": array.tobytes()
        for slot, arrays in found.items()
        for name, array in arrays.items()
    }


def of_loader(index: int) -> GivenBatch:
    """The batch that the trainer's loader gives in a step."""
    loader = BatchLoader(MOONS, 10, seed=3)
    (inputs, labels), _ = loader.at(*divmod(index, len(loader))).next_batch()
    return inputs, labels


@pytest.mark.parametrize("backend", ["compiled", "eager"])
def test_a_stream_of_a_loaders_batches_is_the_loaders_run(backend: str) -> None:
    """To the bit: parameters, optimizer state, losses."""
    trainer = replace(TRAINER, backend="eager" if backend == "eager" else "compiled")
    streamed = trainer.train_stream(of_loader, 20, evaluation=MOONS)
    known = trainer.train(MOONS, batch_size=10, steps=20)
    assert bits(streamed) == bits(known)
    assert streamed.losses.tobytes() == known.losses.tobytes()
    assert (streamed.before, streamed.after) == (known.before, known.after)


@pytest.mark.parametrize(
    ("steps", "every", "points"),
    [
        (7, 3, [0, 3, 6, 7]),
        (6, 3, [0, 3, 6]),
        (3, 0, [0, 1, 2, 3]),
        (104, 0, [0, *range(2, 105, 2)]),
        (0, 0, [0]),
    ],
)
def test_a_stream_is_evaluated_now_and_then(
    steps: int, every: int, points: list[int]
) -> None:
    """Before, every so many steps, and after the last; random layers rest."""
    told: list[tuple[int, Evaluation]] = []

    def on_evaluation(step: int, found: Evaluation) -> None:
        told.append((step, found))

    trained = TRAINER.train_stream(
        of_loader, steps, evaluation=MOONS, every=every, on_evaluation=on_evaluation
    )
    assert list(trained.evaluations.steps) == points
    assert [step for step, _ in told] == points
    assert told[-1][1] == trained.after == trained.evaluate(MOONS)
    assert trained.evaluations.values == tuple(found.loss for _, found in told)


def test_a_stream_may_have_smaller_batches() -> None:
    """Each is a step of its own size; none is larger than the first."""
    sizes = [10, 3, 10, 1, 7]

    def ragged(index: int) -> GivenBatch:
        inputs, labels = MOONS.inputs, MOONS.targets
        return inputs[: sizes[index]], labels[: sizes[index]]

    trained = TRAINER.train_stream(ragged, 5, evaluation=MOONS)
    assert len(trained.losses) == 5
    sizes[3] = 11
    assert refused(
        Reason.BATCH_SIZE, lambda: TRAINER.train_stream(ragged, 5, evaluation=MOONS)
    ) == ("expected a batch of at most 10 samples, got 11")


def test_a_stream_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """From a file or from hand: the next index is asked for, the bits are the same."""
    asked: list[int] = []

    def noted(index: int) -> GivenBatch:
        asked.append(index)
        return of_loader(index)

    whole = TRAINER.train_stream(of_loader, 20, evaluation=MOONS)
    path = tmp_path / "file"
    first = TRAINER.train_stream(noted, 8, evaluation=MOONS, save=path)
    assert asked == list(range(8))
    for source in (first, path, load(path)):
        asked.clear()
        resumed = TRAINER.train_stream(noted, 20, evaluation=MOONS, resume=source)
        assert bits(resumed) == bits(whole)
        assert asked == list(range(8, 20))
        assert resumed.losses.tobytes() == whole.losses[8:].tobytes()


def test_a_stream_is_told_of_and_logged(tmp_path: Path) -> None:
    """Each step, one epoch at the end; the log has losses and evaluations."""
    seen: list[object] = []
    hooks = Callbacks(
        on_train_start=lambda event: seen.append(event.training_run.steps),
        on_step=lambda event: seen.append(event.step),
        on_epoch_end=lambda event: seen.append((event.epoch, event.steps)),
        on_train_end=lambda report: seen.append(report.steps),
    )
    path = tmp_path / "log.json"
    trained = TRAINER.train_stream(
        of_loader, 4, evaluation=MOONS, every=2, callbacks=hooks, log=path
    )
    assert seen == [4, 1, 2, 3, 4, (0, 4), 4]
    losses, evaluated, accuracy = TrainLog.read_json(path).series
    assert losses.values == tuple(trained.losses.tolist())
    start, middle, end = trained.evaluations.values
    assert evaluated.values == (start, middle, middle, end)
    assert accuracy.name == "held_out_accuracy"


def test_a_fixed_stream_learns() -> None:
    """A stream may be a value, too: one batch, over and over."""
    line = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
    stream = StepBatchStream.fixed(line.inputs, line.targets)
    trainer = Trainer(Linear(1, 1), task="regression", optimizer=SGD("0.1"))
    trained = trainer.train_stream(stream, 50, evaluation=line)
    known = trainer.train(line, batch_size=4, shuffle=False, steps=50)
    assert bits(trained) == bits(known)


def refused(reason: Reason, action: Callable[[], object]) -> str:
    """The sentence of a refusal."""
    with pytest.raises(TorchLeanError) as found:
        action()
    assert found.value.reason is reason
    return str(found.value)


def test_what_a_stream_is_not(tmp_path: Path) -> None:
    """It has no loader and no certificate, and is no run over a data set."""
    path = tmp_path / "file"
    trained = TRAINER.train_stream(of_loader, 4, evaluation=MOONS)
    assert refused(Reason.CONTRADICTION, lambda: trained.loader) == (
        "expected a run over a data set, got one over a stream"
    )
    TRAINER.train(MOONS, batch_size=10, steps=4, save=path)
    stream_loader = "Loader(count=10, batch_size=10, shuffle=False)"
    assert refused(
        Reason.CONTRADICTION,
        lambda: TRAINER.train_stream(of_loader, 9, evaluation=MOONS, resume=path),
    ) == (
        f"{path}: expected a run with the loader {stream_loader}, "
        "got one with Loader(count=60, batch_size=10, seed=3)"
    )
    ten = tensor_dataset(MOONS.inputs[:10], MOONS.targets[:10])
    assert refused(
        Reason.CONTRADICTION,
        lambda: replace(TRAINER, seed=3).train(
            BatchLoader(ten, 10, shuffle=False), steps=9, resume=trained
        ),
    ) == (
        f"resume: expected a run on the data with the digest {ten.digest()}, "
        "got one on a stream"
    )


def numbers(*shape: int) -> NDArray[np.float64]:
    """Zeros."""
    return np.zeros(shape)


REFUSED: list[tuple[GivenBatch, Reason, str]] = [
    (
        (numbers(0, 2), numbers(0)),
        Reason.EMPTY_DATA,
        "expected a data set of at least 1 sample, got 0",
    ),
    (
        (numbers(4, 3), [0, 1, 0, 1]),
        Reason.SHAPE_MISMATCH,
        "Linear(2, 8): expected an input of shape [batch, .., 2], got [4, 3]",
    ),
    (
        (numbers(4, 2), [0, 1]),
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [4] that are class indices, "
        "got [2] that are class indices",
    ),
    (
        (numbers(2, 2), [0, 2]),
        Reason.CLASS_OUT_OF_RANGE,
        "sample 1: expected a class from 0 to 1, got 2",
    ),
    (
        (["a"], [0]),
        Reason.DOMAIN,
        "inputs: expected numbers, got an array of <U1",
    ),
]


@pytest.mark.parametrize(("batch", "reason", "message"), REFUSED)
def test_batches_that_are_refused(
    batch: GivenBatch, reason: Reason, message: str
) -> None:
    """One sentence says what was expected and what was given."""
    stream = StepBatchStream.fixed(*batch)
    found = refused(reason, lambda: TRAINER.train_stream(stream, 3, evaluation=MOONS))
    assert found == message


def test_a_negative_pace_is_refused() -> None:
    """Steps between evaluations are counted from 0."""
    assert refused(
        Reason.HYPERPARAMETER,
        lambda: TRAINER.train_stream(of_loader, 3, evaluation=MOONS, every=-1),
    ) == ("expected a number of steps between evaluations of at least 0, got -1")


def test_ctrl_c_stops_a_stream() -> None:
    """Between two steps, in the state of a shorter stream."""

    def press(event: object) -> None:
        if getattr(event, "step", 0) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as stopped:
        TRAINER.train_stream(
            of_loader, 10**9, evaluation=MOONS, callbacks=Callbacks(on_step=press)
        )
    assert str(stopped.value) == "interrupted after step 3"
    shorter = TRAINER.train_stream(of_loader, 3, evaluation=MOONS)
    found = stopped.value.trained
    assert found.losses.tobytes() == shorter.losses.tobytes()
    assert bits(found) == bits(shorter)


def test_a_loss_that_is_not_finite_stops_a_stream() -> None:
    """The step is named, its loss kept, its update not made."""
    line = tensor_dataset([[0.0], [1.0]], [1.0, 3.0])
    wild = Trainer(Linear(1, 1), task="regression", optimizer=SGD("1e20"))
    stream = StepBatchStream.fixed(line.inputs, line.targets)
    with pytest.raises(NonFiniteLoss) as stopped:
        wild.train_stream(stream, 50, evaluation=line)
    history = stopped.value.trained.trained_by
    assert str(stopped.value) == (
        f"step {history.steps}: expected a finite loss, got {history.losses[-1]}"
    )
    assert history.updates == history.steps - 1
