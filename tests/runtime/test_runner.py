"""Runners: a mode that decides whether random layers act, predictions and scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.runtime.runs import CLASSES, INPUTS, NUMBERS, SHARES, SOME_CLASSES

from torchlean import metrics
from torchlean.data import BatchLoader, tensor_dataset
from torchlean.module import Module
from torchlean.options import Options
from torchlean.runner import (
    Runner,
    instantiate,
    instantiate_with_options,
    one_hot_classes,
    run,
)
from torchlean.stepper import stepper
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy, MeanSquaredError
from torchlean_spec.metrics import Count
from torchlean_spec.optimizers import Adam
from torchlean_spec.task import Task

MODEL = Sequential(Linear(6, 8), Dropout("0.5"), Linear(8, 3))
REGRESSION = Task(MODEL, MeanSquaredError())
CLASSIFIER = Task(MODEL, CrossEntropy())
ONE_HOT = np.eye(3)[CLASSES.targets]


def test_the_first_mode_is_eval_and_modes_can_be_set() -> None:
    """Three ways to set it, and one to ask."""
    runner = instantiate(REGRESSION)
    assert (runner.mode, runner.is_training) == ("eval", False)
    runner.train_mode()
    assert (runner.mode, runner.is_training) == ("train", True)
    runner.eval_mode()
    assert runner.mode == "eval"
    runner.set_mode("train")
    assert runner.is_training
    with pytest.raises(TorchLeanError) as refused:
        runner.set_mode("test")  # type: ignore[arg-type]
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == "expected mode 'train' or 'eval', got 'test'"
    assert runner.is_training


def test_a_mode_for_a_block_is_taken_back_even_after_errors() -> None:
    """Nested blocks too; what is raised is raised unchanged."""
    runner = instantiate(REGRESSION)
    seen = [runner.mode]
    with runner.with_mode("train"):
        seen.append(runner.mode)
        with runner.with_mode("eval"):
            seen.append(runner.mode)
        seen.append(runner.mode)
    seen.append(runner.mode)
    assert seen == ["eval", "train", "eval", "train", "eval"]
    error = RuntimeError("in the block")
    with pytest.raises(RuntimeError) as raised, runner.with_mode("train"):
        raise error
    assert raised.value is error
    assert runner.mode == "eval"


def test_random_layers_act_in_training_alone() -> None:
    """Predictions, losses and scores follow the mode; the draw is the next step's."""
    runner = instantiate(REGRESSION)
    resting = runner.predict_batch(INPUTS)
    loss = runner.mean_loss(NUMBERS)
    with runner.with_mode("train"):
        acting = runner.predict_batch(INPUTS)
        assert acting.tobytes() != resting.tobytes()
        assert runner.predict_batch(INPUTS).tobytes() == acting.tobytes()
        assert runner.mean_loss(NUMBERS) != loss
        told = runner.module.forward(NUMBERS.inputs, NUMBERS.targets)
        stepping = stepper(runner, Adam())
        assert stepping.step(NUMBERS.inputs, NUMBERS.targets) == told
        runner.set_parameters(instantiate(REGRESSION).parameters)
        assert runner.predict_batch(INPUTS).tobytes() != acting.tobytes()
    assert runner.predict_batch(INPUTS).tobytes() == resting.tobytes()
    assert runner.mean_loss(NUMBERS) == loss


def test_gradients_are_those_of_training_in_any_mode() -> None:
    """By name, with random layers active; the mode is train afterwards."""
    runner = instantiate(REGRESSION)
    batch = NUMBERS.inputs[:8], NUMBERS.targets[:8]
    gradients = runner.backward(*batch)
    assert runner.is_training
    again = Module(REGRESSION).backward(*batch)
    assert list(gradients) == [each.name for each in MODEL.parameters()]
    for name, array in gradients.items():
        assert array.tobytes() == again[name].tobytes()


def test_predictions_are_the_trained_models() -> None:
    """One sample, a batch, a class: as `Trained` answers with these parameters."""
    trainer = Trainer(MODEL, loss=CrossEntropy(), optimizer=Adam("0.01"), seed=4)
    trained = trainer.train(CLASSES, batch_size=5, epochs=2)
    runner = instantiate(CLASSIFIER, Options(seed=4))
    runner.set_parameters(trained.parameters)
    predicted = trained.predict(INPUTS)
    assert runner.predict_batch(INPUTS).tobytes() == predicted.tobytes()
    one = runner.predict(INPUTS[3])
    assert one.shape == (3,)
    assert one.tobytes() == trained.predict(INPUTS[3:4])[0].tobytes()
    classes = [runner.predict_class(each) for each in INPUTS]
    assert classes == trained.predict_class(INPUTS).tolist()
    assert runner.accuracy(CLASSES) == trained.evaluate(CLASSES).count
    assert runner.mean_loss(CLASSES) == trained.evaluate(CLASSES).loss


def test_a_new_runner_has_the_trainers_initial_parameters() -> None:
    """The seed of the options is the trainer's."""
    trainer = Trainer(MODEL, loss=MeanSquaredError(), optimizer=Adam(), seed=9)
    trained = trainer.train(NUMBERS, batch_size=5, steps=0)
    runner = instantiate_with_options(REGRESSION, Options(seed=9))
    assert runner.task is REGRESSION
    for name, array in trained.parameters.items():
        assert runner.parameters[name].tobytes() == array.tobytes()


def test_accuracies_count_the_same() -> None:
    """Class indices or one-hot rows, of a data set, a loader, or batches."""
    runner = instantiate(CLASSIFIER)
    rows = tensor_dataset(INPUTS, ONE_HOT)
    predicted = metrics.classes(runner.predict_batch(INPUTS))
    wanted = Count(int((predicted == CLASSES.targets).sum()), 20)
    assert runner.accuracy(CLASSES) == wanted
    assert runner.accuracy(BatchLoader(CLASSES, 8)) == wanted
    assert runner.accuracy_one_hot(rows) == wanted
    loader = BatchLoader(rows, 8, drop_last=False)
    assert runner.accuracy_one_hot_batched(loader.epoch(0)) == wanted
    assert runner.accuracy_one_hot_batched(loader) == wanted


def test_ignored_samples_do_not_count() -> None:
    """The label that the loss ignores is neither right nor wrong."""
    runner = instantiate(Task(MODEL, CrossEntropy(ignore_index=-1)))
    counted = SOME_CLASSES.targets != -1
    found = runner.accuracy(SOME_CLASSES)
    assert found.total == int(counted.sum()) < 20
    with pytest.raises(TorchLeanError) as refused:
        runner.accuracy([(INPUTS[:2], [-1, -1])])
    assert refused.value.reason is Reason.EMPTY_DATA
    assert str(refused.value) == "expected at least 1 sample that counts, got none"


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda runner: runner.accuracy(NUMBERS),
            Reason.CONTRADICTION,
            "expected class indices as targets for an accuracy, "
            "got float64 of shape [20, 3]",
        ),
        (
            lambda runner: runner.accuracy_one_hot(CLASSES),
            Reason.CONTRADICTION,
            "expected one-hot rows as targets, which accuracy_one_hot counts, "
            "got int64 of shape [20]",
        ),
        (
            lambda runner: runner.accuracy_one_hot([(INPUTS[:2], [[0.0, 1], [0, 0]])]),
            Reason.CLASS_OUT_OF_RANGE,
            "expected a row with a single 1 and zeros otherwise, got [0.0, 0.0]",
        ),
        (
            lambda runner: runner.accuracy([(INPUTS[:2], [1])]),
            Reason.SHAPE_MISMATCH,
            "expected one target for each of the 2 predictions, got 1 targets",
        ),
        (
            lambda runner: runner.mean_loss([]),
            Reason.EMPTY_DATA,
            "expected at least 1 batch to evaluate, got none",
        ),
        (
            lambda runner: runner.predict([1.0, 2.0]),
            Reason.SHAPE_MISMATCH,
            "Linear(6, 8): expected an input of shape [batch, .., 6], got [1, 2]",
        ),
    ],
)
def test_refusals(call: Callable[[Runner], Any], reason: Reason, message: str) -> None:
    """One sentence each."""
    with pytest.raises(TorchLeanError) as refused:
        call(instantiate(CLASSIFIER))
    assert (refused.value.reason, str(refused.value)) == (reason, message)


def test_shares_are_no_one_hot_rows() -> None:
    """A row that sums to one is not enough, nor are two ones and a minus one."""
    for rows in (SHARES.targets, np.array([[1.0, 1.0, -1.0]])):
        with pytest.raises(TorchLeanError) as refused:
            one_hot_classes(rows)
        assert refused.value.reason is Reason.CLASS_OUT_OF_RANGE


def test_a_program_reads_its_flags_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The options are printed, the runner is made of them, the rest is passed on."""
    words = ["--dtype", "float64", "--lr", "0.1", "--strict", "--seed=3"]
    task = Task(Sequential(Linear(6, 3), ReLU()), MeanSquaredError())

    def go_on(runner: Runner, rest: list[str]) -> tuple[Options, list[str], str]:
        return runner.options, rest, str(runner.predict_batch(INPUTS).dtype)

    options, rest, dtype = run(task, words, go_on)
    assert options == Options(dtype="float64", strict=True, seed=3)
    assert rest == ["--lr", "0.1"]
    assert dtype == "float64"
    assert capsys.readouterr().out.splitlines() == list(options.lines())


def test_runners_of_one_module_share_its_parameters() -> None:
    """And have a mode each."""
    module = Module(REGRESSION)
    first, second = Runner(module), Runner(module)
    stepper(first, Adam()).step(NUMBERS.inputs, NUMBERS.targets)
    assert (first.mode, second.mode) == ("train", "eval")
    for name, array in first.parameters.items():
        assert second.parameters[name].tobytes() == array.tobytes()
