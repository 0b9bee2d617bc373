"""Steppers: the steps of a trainer, batch by batch, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.runtime.runs import CLASSES, INPUTS, NUMBERS, RUNS, training_run

from torchlean import stepper as functions
from torchlean.data import BatchLoader
from torchlean.engine import Engine
from torchlean.inference import Inference
from torchlean.interpreter import Machine
from torchlean.module import Module
from torchlean.options import Options
from torchlean.runner import instantiate
from torchlean.stepper import Stepper, stepper
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, Sequential
from torchlean_spec.losses import CrossEntropy, MeanSquaredError
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Cosine
from torchlean_spec.task import Task

MODEL = Sequential(Linear(6, 8), Dropout("0.5"), Linear(8, 3))
TASK = Task(MODEL, MeanSquaredError())


@pytest.mark.parametrize("backend", ["compiled", "eager"])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ["adam", "no bias", "dropout", "ignored classes"])
def test_steps_are_the_trainers(name: str, strict: bool, backend: Any) -> None:
    """The same losses and parameters as `Trainer.train` on the same batches."""
    run, data = RUNS[name]
    trainer = Trainer(
        run.task.model,
        loss=run.task.loss,
        optimizer=run.optimizer,
        schedule=run.schedule,
        clipping=run.clipping,
        seed=7,
        strict=strict,
    )
    trained = trainer.train(data, batch_size=8, epochs=3, drop_last=False)
    runner = instantiate(run.task, Options(backend, seed=7, strict=strict))
    stepping = stepper(runner, run.optimizer, run.schedule, run.clipping)
    loader = BatchLoader(data, 8, drop_last=False, seed=7)
    losses = [loss for each in range(3) for loss in stepping.epoch(loader.epoch(each))]
    assert losses == trained.losses.tolist()
    for key, array in trained.parameters.items():
        assert runner.parameters[key].tobytes() == array.tobytes()
    assert stepping.step_count == 9
    state = stepping.state()
    assert state is not None
    for slot, arrays in trained.optimizer_state.items():
        for key, array in arrays.items():
            assert state.slots[slot][key].tobytes() == array.tobytes()


def test_a_step_runs_the_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of the plan for each step; nothing is evaluated and nothing copied."""
    runner = instantiate(TASK)
    stepping = stepper(runner, Adam())
    stepping.step(INPUTS[:8], NUMBERS.targets[:8])
    calls: list[tuple[int, int | None]] = []
    whole = Machine.run

    def counted(self: Machine, steps: int, rows: int | None = None) -> int:
        calls.append((steps, rows))
        return whole(self, steps, rows)

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Machine, "run", counted)
    monkeypatch.setattr(Inference, "_run", refuse)
    monkeypatch.setattr(Engine, "set_parameters", refuse)
    for _ in range(5):
        stepping.step(INPUTS[:8], NUMBERS.targets[:8])
    assert [steps for steps, _ in calls] == [1] * 5


def test_each_step_has_a_mask_of_its_own() -> None:
    """With a rate of 0 the losses differ by the masks alone, and repeat by the seed."""
    first, second, other = (
        [
            stepping.step(INPUTS[:8], NUMBERS.targets[:8])
            for stepping in [stepper(Module(TASK, Options(seed=seed)), SGD(0))]
            for _ in range(4)
        ]
        for seed in (1, 1, 2)
    )
    assert first == second != other
    assert len(set(first)) == 4


def test_the_mode_becomes_train_and_its_value_is_of_no_matter() -> None:
    """A stepper turns the mode, and steps alike where somebody turned it back."""
    runner, steady = instantiate(TASK), Module(TASK)
    stepping, other = stepper(runner, Adam()), stepper(steady, Adam())
    assert runner.is_training
    for _ in range(3):
        runner.eval_mode()
        batch = INPUTS[:8], NUMBERS.targets[:8]
        assert stepping.step(*batch) == other.step(*batch)
        assert runner.is_training


def test_a_new_stepper_begins_anew_and_several_take_turns() -> None:
    """Each has its own count and moments; the parameters are the module's."""
    module = Module(TASK)
    first = stepper(module, Adam())
    batch = INPUTS[:8], NUMBERS.targets[:8]
    first.epoch([batch] * 3)
    middle = module.parameters
    second, twin_module = stepper(module, Adam()), Module(TASK)
    assert second.step_count == 0 and second.state() is None
    twin_module.set_parameters(middle)
    twin = stepper(twin_module, Adam())
    assert [second.step(*batch) for _ in range(3)] == twin.epoch([batch] * 3)
    assert module.steps == 3
    first.step(*batch)
    assert (first.step_count, second.step_count, module.steps) == (4, 3, 4)


def test_parameters_set_between_steps_are_those_of_the_next() -> None:
    """The optimizer's state stays, the parameters are the new ones."""
    module = Module(Task(Linear(6, 3), MeanSquaredError()))
    stepping = stepper(module, SGD("0.1", momentum="0.9"))
    batch = INPUTS[:8], NUMBERS.targets[:8]
    start = module.parameters
    loss = stepping.step(*batch)
    module.set_parameters(start)
    assert stepping.step(*batch) == loss
    moved = {name: module.parameters[name] - array for name, array in start.items()}
    fresh = Module(Task(Linear(6, 3), MeanSquaredError()))
    stepper(fresh, SGD("0.1", momentum="0.9")).step(*batch)
    alone = {name: fresh.parameters[name] - array for name, array in start.items()}
    assert any(moved[name].tobytes() != alone[name].tobytes() for name in start)


def test_larger_batches_go_on_with_the_same_state() -> None:
    """The engine grows; the bits are those of one that had room from the start."""
    run = training_run(optimizer=Adam("0.01"))
    sizes = (3, 8, 5, 20, 12)

    def losses(first: int) -> list[float]:
        stepping = stepper(Module(run.task), run.optimizer)
        stepping.step(INPUTS[:3], NUMBERS.targets[:3])
        if first:
            with pytest.raises(TorchLeanError):
                stepping.step(np.zeros((first, 6)), np.zeros((first, 2)))
        return [stepping.step(INPUTS[:n], NUMBERS.targets[:n]) for n in sizes]

    assert losses(0) == losses(20)


def test_a_loss_that_is_not_finite_is_refused_and_no_update_made() -> None:
    """The sentence names step and loss; the stepper can go on."""
    module = Module(Task(Linear(6, 3), MeanSquaredError()))
    stepping = stepper(module, SGD("0.1"))
    stepping.step(INPUTS[:8], NUMBERS.targets[:8])
    before = module.parameters
    with pytest.raises(TorchLeanError) as refused:
        stepping.step(INPUTS[:8], np.full((8, 3), 1e30))
    assert refused.value.reason is Reason.NOT_FINITE
    assert str(refused.value) == "step 2: expected a finite loss, got inf"
    assert stepping.step_count == 1
    for name, array in module.parameters.items():
        assert array.tobytes() == before[name].tobytes()
    assert np.isfinite(stepping.step(INPUTS[:8], NUMBERS.targets[:8]))


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda stepping: stepping.epoch([]),
            Reason.EMPTY_DATA,
            "expected an epoch of at least 1 batch, got none",
        ),
        (
            lambda stepping: stepping.step(np.zeros((0, 6)), np.zeros((0, 3))),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, 6], got [0, 6]",
        ),
        (
            lambda stepping: stepping.step(np.zeros((2, 6)), np.zeros((2, 2))),
            Reason.SHAPE_MISMATCH,
            "expected targets of shape [2, 3] that are numbers, "
            "got [2, 2] that are numbers",
        ),
    ],
)
def test_refusals(
    call: Callable[[Stepper], object], reason: Reason, message: str
) -> None:
    """One sentence each, and no step is made."""
    stepping = stepper(Module(TASK), Adam())
    stepping.step(INPUTS[:8], NUMBERS.targets[:8])
    with pytest.raises(TorchLeanError) as refused:
        call(stepping)
    assert (refused.value.reason, str(refused.value)) == (reason, message)
    assert stepping.step_count == 1


def test_rates_follow_the_schedule() -> None:
    """The rate of step 1 is that of update 0."""
    stepping = stepper(Module(TASK), SGD("0.5"), Cosine(total=2))
    assert [stepping.learning_rate(step) for step in (1, 2, 3, 4)] == [0.5, 0.25, 0, 0]


def test_the_functions_are_the_methods() -> None:
    """`step` and `epoch` of the same names."""
    data = CLASSES
    task = Task(Linear(6, 3), CrossEntropy())
    one, other = stepper(Module(task), Adam()), stepper(Module(task), Adam())
    batch = data.inputs[:8], data.targets[:8]
    assert functions.step(one, *batch) == other.step(*batch)
    assert functions.epoch(one, [batch] * 2) == other.epoch([batch] * 2)


def test_steps_without_a_runner_have_the_engines_bits() -> None:
    """The engine of a run over the same data in order says the same."""
    run = replace(training_run(), steps=3)
    loader = replace(run.loader, count=8, batch_size=8, shuffle=False)
    engine = Engine(replace(run, loader=loader), NUMBERS.take(range(8)))
    module = Module(run.task, Options(seed=run.seed))
    stepping = stepper(module, run.optimizer, run.schedule, run.clipping)
    batch = INPUTS[:8], NUMBERS.targets[:8]
    assert engine.run(3).tolist() == stepping.epoch([batch] * 3)
