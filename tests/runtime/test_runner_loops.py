"""Loops of a runner by a configuration: over a loader's epochs, or over samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.runtime.runs import CLASSES, NUMBERS

from torchlean import train
from torchlean.callbacks import StepEvent, on_step
from torchlean.data import BatchLoader
from torchlean.runner import instantiate
from torchlean.runner_loops import train_dataset, train_loader, train_samples
from torchlean.stepper import stepper
from torchlean.trainer import Trainer
from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipValue
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, Sequential
from torchlean_spec.losses import CrossEntropy, MeanSquaredError
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Exponential, PerEpoch
from torchlean_spec.task import Task

MODEL = Sequential(Linear(6, 8), Dropout("0.5"), Linear(8, 3))
TASK = Task(MODEL, MeanSquaredError())
CLASSIFIER = Task(MODEL, CrossEntropy())


@pytest.mark.parametrize("per_epoch", [True, False])
def test_a_schedule_counts_what_it_says(per_epoch: bool) -> None:
    """Epochs of the loader or updates: the trainer's bits with that schedule."""
    config = train.epochs(3, Adam(), log_every=0)
    attach = (
        train.exponential_epoch_learning_rate
        if per_epoch
        else train.exponential_learning_rate
    )
    runner = instantiate(TASK)
    loader = BatchLoader(NUMBERS, 5)
    report, advanced = train_loader(runner, attach(config, "0.05", "0.5"), loader)
    schedule = Exponential("0.5")
    trained = Trainer(
        MODEL,
        loss=MeanSquaredError(),
        optimizer=Adam("0.05"),
        schedule=PerEpoch(schedule, 4) if per_epoch else schedule,
    ).train(NUMBERS, batch_size=5, epochs=3)
    for name, array in trained.parameters.items():
        assert runner.parameters[name].tobytes() == array.tobytes()
    assert (report.before, report.after) == (trained.before, trained.after)
    assert (report.steps, advanced.position) == (12, Position(3, 0))


def test_a_loop_trains_in_training_mode_and_restores_it() -> None:
    """Hooks see mode train; afterwards, and after an error, it is what it was."""
    runner, seen = instantiate(TASK), list[str]()
    loader = BatchLoader(NUMBERS, 10)
    config = train.epochs(1, log_every=0)
    train_loader(runner, config, loader, on_step(lambda _: seen.append(runner.mode)))
    seen.append(runner.mode)
    assert seen == ["train", "train", "eval"]

    def refuse(event: StepEvent) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        train_loader(runner, config, loader, on_step(refuse))
    seen.append(runner.mode)
    runner.train_mode()
    train_dataset(runner, train.steps(2, log_every=0), NUMBERS)
    seen.append(runner.mode)
    assert seen[3:] == ["eval", "train"]


@pytest.mark.parametrize("optimizer", [SGD("0.1"), Adam()])
def test_losses_are_printed_whatever_the_optimizer(
    optimizer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each second step, before its update, counted over the whole run."""
    losses: list[str] = []
    hooks = on_step(lambda event: losses.append(str(np.float32(event.loss))))
    config = train.epochs(2, optimizer, log_every=2)
    train_loader(instantiate(TASK), config, BatchLoader(NUMBERS, 5), hooks)
    wanted = [f"step {number}: loss={losses[number - 1]}" for number in (2, 4, 6, 8)]
    assert capsys.readouterr().out.splitlines() == wanted
    train_loader(
        instantiate(TASK),
        train.epochs(2, optimizer, log_every=0),
        BatchLoader(NUMBERS, 5),
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", [1, 5, 8, 20])
def test_a_data_set_is_gone_through_in_order_over_and_over(size: int) -> None:
    """A step is one update on the mean of its batch, which may wrap around the end."""
    runner, twin = instantiate(CLASSIFIER), instantiate(CLASSIFIER)
    config = train.with_schedule(
        train.steps(23, Adam(), log_every=0, batch_size=size), Exponential("0.9")
    )
    report = train_dataset(runner, config, CLASSES)
    stepping = stepper(twin, Adam(), Exponential("0.9"))
    for number in range(23):
        places = [(number * size + place) % 20 for place in range(size)]
        stepping.step(CLASSES.inputs[places], CLASSES.targets[places])
    for name, array in twin.parameters.items():
        assert runner.parameters[name].tobytes() == array.tobytes()
    assert report.steps == 23
    assert report.before == instantiate(CLASSIFIER).module.evaluate(CLASSES)
    assert report.after == twin.module.evaluate(CLASSES)


def test_clipping_reaches_the_steps() -> None:
    """On every path."""
    for size in (5, 8):
        config = train.TrainConfig(
            3, size, SGD(1), clipping=ClipValue("0.001"), log_every=0
        )
        runner = instantiate(TASK)
        start = runner.parameters
        train_dataset(runner, config, NUMBERS)
        for name, array in runner.parameters.items():
            # Three updates of at most a thousandth, each rounded twice.
            moved = np.abs(array.astype(float) - start[name].astype(float))
            assert 0 < moved.max() <= 0.003 + 6 * 2.0**-24 * np.abs(array).max()


def test_samples_are_a_data_set_without_a_name() -> None:
    """One by one, or as arrays: the same bits."""
    config = train.steps(9, Adam(), log_every=0, batch_size=4)
    one, other = instantiate(TASK), instantiate(TASK)
    pairs = list(zip(NUMBERS.inputs, NUMBERS.targets, strict=True))
    assert train_samples(one, config, pairs) == train_dataset(other, config, NUMBERS)
    for name, array in one.parameters.items():
        assert array.tobytes() == other.parameters[name].tobytes()
    labels = list(zip(CLASSES.inputs, CLASSES.targets.tolist(), strict=True))
    classes = train_samples(instantiate(CLASSIFIER), config, labels)
    assert classes == train_dataset(instantiate(CLASSIFIER), config, CLASSES)


def test_refusals() -> None:
    """Nothing to train on, and batches that no data set fills."""
    runner = instantiate(TASK)
    for samples, config, reason, message in (
        (
            [],
            train.steps(1),
            Reason.EMPTY_DATA,
            "expected at least 1 sample to train on, got none",
        ),
        (
            list(zip(NUMBERS.inputs, NUMBERS.targets, strict=True)),
            train.steps(1, batch_size=21),
            Reason.BATCH_SIZE,
            "expected a batch size from 1 to the 20 samples of the data set, got 21",
        ),
    ):
        with pytest.raises(TorchLeanError) as refused:
            train_samples(runner, config, samples)
        assert (refused.value.reason, str(refused.value)) == (reason, message)
