"""Loops over loaders and streams: the trainer's steps, in one vocabulary."""

from __future__ import annotations

import gc
import signal
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from tests.runtime.module_runs import (
    BATCHES,
    MODEL,
    TASK,
    assert_same,
    loader_of,
)
from tests.runtime.runs import CLASSES, INPUTS, NUMBERS

from torchlean.callbacks import (
    Callbacks,
    EpochEvent,
    StepEvent,
    TrainReport,
    TrainStart,
    on_epoch_end,
    on_step,
)
from torchlean.data import BatchLoader, tensor_dataset
from torchlean.module import Module
from torchlean.module_loops import (
    mean_loss_module_loader,
    train_module_loader,
    train_module_loader_steps,
    train_module_loader_steps_curve,
    train_module_stream_steps,
)
from torchlean.options import Options
from torchlean.runner import Runner
from torchlean.step_loops import Updates
from torchlean.stepper import stepper
from torchlean.stream import GivenBatch, StepBatchStream
from torchlean.trainer import Trainer
from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.optimizers import SGD, Adam, Optimizer
from torchlean_spec.schedules import Cosine
from torchlean_spec.task import Task


@pytest.mark.parametrize("drop_last", [True, False])
def test_a_loader_is_trained_on_as_by_the_trainer(drop_last: bool) -> None:
    """Losses, parameters and both evaluations have the trainer's bits."""
    trainer = Trainer(
        MODEL,
        loss=MeanSquaredError(),
        optimizer=Adam("0.01"),
        schedule=Cosine(5),
        clipping=ClipGlobalNorm("0.1"),
        seed=3,
    )
    trained = trainer.train(NUMBERS, batch_size=8, epochs=3, drop_last=drop_last)
    module, losses = Module(TASK, Options(seed=3)), list[float]()
    report, advanced = train_module_loader(
        module,
        Adam("0.01"),
        3,
        loader_of(drop_last=drop_last),
        on_step(lambda event: losses.append(event.loss)),
        schedule=Cosine(5),
        clipping=ClipGlobalNorm("0.1"),
    )
    assert losses == trained.losses.tolist()
    assert_same(module.parameters, trained.parameters)
    assert (report.before, report.after) == (trained.before, trained.after)
    assert report.steps == len(losses)
    assert advanced == loader_of(drop_last=drop_last, position=Position(3, 0))


def test_a_loader_goes_on_where_it_stands() -> None:
    """Cut anywhere and taken up again, the samples are those of one long run."""
    optimizer = SGD("0.1")
    task = Task(Linear(6, 3), MeanSquaredError())
    whole, parts = Module(task), Module(task)
    train_module_loader_steps(whole, optimizer, 11, loader_of(drop_last=False))
    loader = loader_of(drop_last=False)
    places = []
    for steps in (2, 5, 0, 4):
        report, loader = train_module_loader_steps(parts, optimizer, steps, loader)
        assert report.steps == steps
        places.append((loader.position.epoch, loader.position.batch))
    assert places == [(0, 2), (2, 1), (2, 1), (3, 2)]
    assert_same(parts.parameters, whole.parameters)


def test_the_rest_of_an_epoch_is_the_first_of_the_epochs() -> None:
    """From the middle of an epoch, two epochs end where the second next one ends."""
    module = Module(TASK)
    loader = loader_of(drop_last=False, position=Position(4, 1))
    events: list[EpochEvent] = []
    report, advanced = train_module_loader(
        module, Adam(), 2, loader, on_epoch_end(events.append)
    )
    assert (report.steps, advanced.position) == (5, Position(6, 0))
    assert [(each.epoch, each.step, each.steps) for each in events] == [
        (4, 2, 2),
        (5, 5, 3),
    ]
    again, there = train_module_loader(module, Adam(), 0, loader)
    assert (again.steps, there) == (0, loader)
    assert again.before == again.after


def events_of(run: Callable[[Callbacks], object]) -> list[tuple[object, ...]]:
    """What the hooks are told, shortened to what counts."""
    seen: list[tuple[object, ...]] = []

    def start(event: TrainStart) -> None:
        seen.append(("start", event.before.loss))

    def step(event: StepEvent) -> None:
        seen.append(("step", event.epoch, event.step))

    def epoch(event: EpochEvent) -> None:
        seen.append(("epoch", event.epoch, event.step, event.steps))

    def end(report: TrainReport) -> None:
        seen.append(("end", report.steps, report.before.loss))

    run(
        Callbacks(
            on_train_start=start, on_step=step, on_epoch_end=epoch, on_train_end=end
        )
    )
    return seen


def test_events_count_alike() -> None:
    """Steps from 1, epochs from 0, an epoch's own steps, also of one cut short."""
    loss = Module(TASK).mean_loss(NUMBERS)
    found = events_of(
        lambda hooks: train_module_loader_steps(
            Module(TASK), Adam(), 5, loader_of(), hooks
        )
    )
    assert found == [
        ("start", loss),
        ("step", 0, 1),
        ("step", 0, 2),
        ("epoch", 0, 2, 2),
        ("step", 1, 3),
        ("step", 1, 4),
        ("epoch", 1, 4, 2),
        ("step", 2, 5),
        ("epoch", 2, 5, 1),
        ("end", 5, loss),
    ]
    first = Module(TASK).mean_loss(BATCHES[:1])
    stream = StepBatchStream.cycle(BATCHES)
    found = events_of(
        lambda hooks: train_module_stream_steps(Module(TASK), Adam(), 3, stream, hooks)
    )
    assert found == [
        ("start", first),
        ("step", 0, 1),
        ("step", 0, 2),
        ("step", 0, 3),
        ("epoch", 0, 3, 3),
        ("end", 3, first),
    ]


@pytest.mark.parametrize("kind", ["loader", "stream"])
def test_no_steps_are_no_epoch(kind: str) -> None:
    """Start and end, and nothing between; the parameters stay."""
    module = Module(TASK)
    start = module.parameters
    stream = StepBatchStream.cycle(BATCHES)

    def run(hooks: Callbacks) -> None:
        if kind == "loader":
            train_module_loader_steps(module, Adam(), 0, loader_of(), hooks)
        else:
            train_module_stream_steps(module, Adam(), 0, stream, hooks)

    assert [each[0] for each in events_of(run)] == ["start", "end"]
    assert_same(module.parameters, start)


def test_before_and_after_are_of_the_same_samples_in_evaluation() -> None:
    """A rate of 0 moves nothing, so both are equal: no mask, no other samples."""
    module = Module(TASK)
    report, advanced = train_module_loader(module, SGD(0), 3, loader_of())
    assert report.before == report.after == module.evaluate(NUMBERS)
    assert report.before.loss == mean_loss_module_loader(module, advanced)
    streamed = train_module_stream_steps(
        module, SGD(0), 3, StepBatchStream.cycle(BATCHES)
    )
    assert streamed.before == streamed.after == module.evaluate(BATCHES[:1])


def test_a_stream_is_trained_on_as_by_a_stepper() -> None:
    """The same bits, whatever the sizes of its batches."""
    sizes = [3, 8, 1, 20, 5]
    batches: list[GivenBatch] = [
        (NUMBERS.inputs[:count], NUMBERS.targets[:count]) for count in sizes
    ]
    module, twin, losses = Module(TASK), Module(TASK), list[float]()
    report = train_module_stream_steps(
        module,
        Adam("0.01"),
        12,
        StepBatchStream.cycle(batches),
        on_step(lambda event: losses.append(event.loss)),
        schedule=Cosine(9),
        clipping=ClipGlobalNorm("0.1"),
    )
    stepping = stepper(twin, Adam("0.01"), Cosine(9), ClipGlobalNorm("0.1"))
    assert losses == [stepping.step(*batches[i % 5]) for i in range(12)]
    assert_same(module.parameters, twin.parameters)
    assert report.after == twin.evaluate(batches[:1])


def test_a_stream_is_asked_for_each_batch_once() -> None:
    """In order, also where nothing but the evaluation needs it."""
    for steps, wanted in ((4, [0, 1, 2, 3]), (0, [0])):
        asked: list[int] = []

        def function(index: int, asked: list[int] = asked) -> GivenBatch:
            asked.append(index)
            return BATCHES[index]

        stream = StepBatchStream.of_function(function)
        train_module_stream_steps(Module(TASK), Adam(), steps, stream)
        assert asked == wanted


@pytest.mark.parametrize("optimizer", [SGD("0.1"), SGD("0.1", momentum="0.9"), Adam()])
def test_every_optimizer_tells_of_the_same_steps(optimizer: Optimizer) -> None:
    """The losses before the updates, with the rate of each."""
    seen: list[StepEvent] = []
    loader = loader_of()
    train_module_loader_steps(
        Module(TASK), optimizer, 3, loader, on_step(seen.append), schedule=Cosine(2)
    )
    (first, *_), _ = loader.rest_of_epoch()
    assert seen[0].loss == Module(TASK).forward(*first)
    base = float(optimizer.learning_rate)
    rates = [each.learning_rate for each in seen]
    assert rates == [base, base / 2, 0.0]
    streamed: list[StepEvent] = []
    train_module_stream_steps(
        Module(TASK),
        optimizer,
        3,
        StepBatchStream.cycle(BATCHES),
        on_step(streamed.append),
        schedule=Cosine(2),
    )
    assert [each.learning_rate for each in streamed] == rates


def test_what_a_hook_raises_ends_the_loop_and_keeps_what_was_made() -> None:
    """Raised unchanged; the module has the parameters of the last step made."""
    error = RuntimeError("enough")

    def refuse(event: EpochEvent) -> None:
        raise error

    def stop(event: StepEvent) -> None:
        if event.step == 2:
            raise error

    module, twin = Module(TASK), Module(TASK)
    with pytest.raises(RuntimeError) as raised:
        train_module_loader(module, Adam(), 3, loader_of(), on_epoch_end(refuse))
    assert raised.value is error
    train_module_loader(twin, Adam(), 1, loader_of())
    assert_same(module.parameters, twin.parameters)
    module, twin = Module(TASK), Module(TASK)
    stream = StepBatchStream.cycle(BATCHES)
    with pytest.raises(RuntimeError):
        train_module_stream_steps(module, Adam(), 5, stream, on_step(stop))
    train_module_stream_steps(twin, Adam(), 2, stream)
    assert_same(module.parameters, twin.parameters)


def test_an_interrupt_ends_a_stream_between_two_steps() -> None:
    """Ctrl-C in a hook; the step that was under way is whole."""

    def press(event: StepEvent) -> None:
        if event.step == 2:
            signal.raise_signal(signal.SIGINT)

    module, twin = Module(TASK), Module(TASK)
    stream = StepBatchStream.cycle(BATCHES)
    # A process in the background may have been started deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train_module_stream_steps(module, Adam(), 5, stream, on_step(press))
    finally:
        signal.signal(signal.SIGINT, before)
    train_module_stream_steps(twin, Adam(), 2, stream)
    assert_same(module.parameters, twin.parameters)


def test_a_loss_that_is_not_finite_ends_the_loop() -> None:
    """With step and loss; the parameters are those before that step."""
    far = tensor_dataset(INPUTS, NUMBERS.targets * 1e30)
    task = Task(Linear(6, 3), MeanSquaredError())
    for run in (
        lambda module: train_module_loader(module, SGD(1), 1, BatchLoader(far, 20)),
        lambda module: train_module_stream_steps(
            module, SGD(1), 1, StepBatchStream.fixed(far.inputs, far.targets)
        ),
    ):
        module = Module(task)
        start = module.parameters
        with pytest.raises(TorchLeanError) as refused:
            run(module)
        assert refused.value.reason is Reason.NOT_FINITE
        assert str(refused.value) == "step 1: expected a finite loss, got inf"
        assert_same(module.parameters, start)


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda module: train_module_loader(module, Adam(), -1, loader_of()),
            Reason.HYPERPARAMETER,
            "expected a number of epochs of at least 0, got -1",
        ),
        (
            lambda module: train_module_loader_steps(module, Adam(), -1, loader_of()),
            Reason.HYPERPARAMETER,
            "expected a number of steps of at least 0, got -1",
        ),
        (
            lambda module: train_module_stream_steps(
                module, Adam(), -1, StepBatchStream.cycle(BATCHES)
            ),
            Reason.HYPERPARAMETER,
            "expected a number of steps of at least 0, got -1",
        ),
        (
            lambda module: train_module_loader(
                module, Adam(), 1, BatchLoader(CLASSES, 4)
            ),
            Reason.SHAPE_MISMATCH,
            "expected targets of shape [20, 3] that are numbers, "
            "got [20] that are class indices",
        ),
        (
            lambda module: train_module_stream_steps(
                module, Adam(), 1, StepBatchStream.fixed(np.zeros((0, 6)), [])
            ),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..] of at least 1 sample, "
            "got [0, 6]",
        ),
    ],
)
def test_refusals(
    call: Callable[[Module], object], reason: Reason, message: str
) -> None:
    """One sentence each."""
    with pytest.raises(TorchLeanError) as refused:
        call(Module(TASK))
    assert (refused.value.reason, str(refused.value)) == (reason, message)


def test_updates_say_more_than_an_optimizer() -> None:
    """Schedule and clipping, whether or not a loop has arguments for them."""
    updates = Updates(Adam("0.01"), Cosine(5), ClipGlobalNorm("0.1"))
    wanted, module, other = Module(TASK), Module(TASK), Module(TASK)
    train_module_loader_steps(
        wanted,
        Adam("0.01"),
        4,
        loader_of(),
        schedule=Cosine(5),
        clipping=ClipGlobalNorm("0.1"),
    )
    train_module_loader_steps_curve(module, updates, 4, loader_of())
    assert_same(module.parameters, wanted.parameters)
    given = Updates(Adam("0.01"), clipping=ClipGlobalNorm("0.1"))
    train_module_loader_steps(other, given, 4, loader_of(), schedule=Cosine(5))
    assert_same(other.parameters, wanted.parameters)


def test_a_loop_lets_go_of_its_data() -> None:
    """A module keeps its parameters, and nothing of what it was trained on."""
    module = Module(TASK)
    data = tensor_dataset(INPUTS, NUMBERS.targets)
    train_module_loader(module, Adam(), 1, BatchLoader(data, 5))
    kept = weakref.ref(data)
    del data
    gc.collect()
    assert kept() is None
    assert module.steps == 4


def test_loops_leave_a_runners_mode_alone() -> None:
    """A runner lends its module."""
    runner = Runner(Module(TASK))
    train_module_loader(runner, Adam(), 1, loader_of())
    train_module_stream_steps(runner, Adam(), 1, StepBatchStream.cycle(BATCHES))
    assert runner.mode == "eval"
