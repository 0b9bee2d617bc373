"""Loops that train a module, over a loader or a stream.

One vocabulary on every path: a step is one update on one mini-batch, steps count from
1, epochs from 0 (as the loader counts them), and an epoch's event has its own steps.
The losses before and after are those of evaluation, over the same samples: all of a
loader's data set, or the first batch of a stream. (The original's differ in all of
this: `docs/deviations.md`, B14, B21, B26, B39 to B43.)

>>> import numpy as np
>>> from torchlean.data import batch_loader, tensor_dataset
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.task import Task
>>> line = tensor_dataset(np.arange(8.0).reshape(8, 1) / 8, np.arange(8.0) / 4 + 1)
>>> module = Module(Task(Linear(1, 1), MeanSquaredError()))
>>> report, loader = train_module_loader(module, SGD("0.5"), 60, batch_loader(line, 4))
>>> report.steps, round(report.after.loss, 6), loader.position
(120, 0.0, Position(epoch=60, batch=0))
"""

from __future__ import annotations

from collections.abc import Sequence

from torchlean.allocator_watch import (
    Allocator,
    effective_memory_watch,
    memory_watch_callbacks,
)
from torchlean.callbacks import (
    Callbacks,
    StepEvent,
    TrainReport,
    TrainStart,
    on_step,
    on_train_end,
    on_train_start,
)
from torchlean.data.dataset import AnyDataset
from torchlean.data.loader import BatchLoader
from torchlean.log import Curve, LogDestination
from torchlean.module import Module
from torchlean.report_lines import (
    log_line,
    mean_loss_line,
    print_train_report,
)
from torchlean.runner import Runner
from torchlean.step_loops import Updates, run_loader, run_stream
from torchlean.stream import StepBatchStream
from torchlean.writable import require_writable
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import S_co, T_co, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.schedules import Schedule
from torchlean_spec.shape import Shape

AnyLoader = BatchLoader[Shape, Targets]


def train_module_loader(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    epochs: int,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks | None = None,
    *,
    schedule: Schedule | None = None,
    clipping: Clipping | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Train for some epochs on a loader's batches, from where it stands.

    What is left of the epoch that the loader stands in is the first of them.

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        epochs: How many passes over the data.
        loader: Which samples each batch has.
        callbacks: What to do meanwhile.
        schedule: The rate of each update, counted from 0 in this call.
        clipping: What is done to the gradients before an update, if anything.

    Returns:
        The report, and the loader at the start of the epoch that is next.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of epochs, else as
            `train_module_loader_steps`.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:525`.
    """
    return run_loader(
        module_of(module),
        _updates(optimizer, schedule, clipping),
        steps_of(epochs, loader),
        loader,
        callbacks or Callbacks(),
    )


def train_module_loader_steps(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks | None = None,
    *,
    schedule: Schedule | None = None,
    clipping: Clipping | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Train for exactly so many updates; new epochs begin as they are needed.

    The epoch that the last update cuts short has its event, with its own steps.

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        steps: How many updates.
        loader: Which samples each batch has, from where it stands.
        callbacks: What to do meanwhile.
        schedule: The rate of each update, counted from 0 in this call.
        clipping: What is done to the gradients before an update, if anything.

    Returns:
        The report, and the loader behind the last batch.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of steps,
            `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that do not fit the
            task, `NOT_FINITE` for a loss that is not, naming step and loss.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:572`.
    """
    updates = _updates(optimizer, schedule, clipping)
    hooks = callbacks or Callbacks()
    return run_loader(module_of(module), updates, steps, loader, hooks)


def train_module_stream_steps(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    stream: StepBatchStream,
    callbacks: Callbacks | None = None,
    *,
    schedule: Schedule | None = None,
    clipping: Clipping | None = None,
) -> TrainReport:
    """Train for so many updates, each on the stream's batch of its index.

    All steps are one epoch. Batch 0 is evaluated before and after. (The original
    evaluates another batch after than before, and with random layers active.)

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        steps: How many updates.
        stream: The batches, each asked for once; one is in memory at a time, beside
            batch 0.
        callbacks: What to do meanwhile.
        schedule: The rate of each update, counted from 0 in this call.
        clipping: What is done to the gradients before an update, if anything.

    Raises:
        TorchLeanError: As `train_module_loader_steps`.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:628`.
    """
    updates = _updates(optimizer, schedule, clipping)
    hooks = callbacks or Callbacks()
    return run_stream(module_of(module), updates, steps, stream, hooks)


def train_module_stream_steps_report(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    stream: StepBatchStream,
    callbacks: Callbacks | None = None,
    *,
    memory_watch: int = 0,
    allocator: Allocator | None = None,
) -> TrainReport:
    """Train as `train_module_stream_steps`, and print how it went.

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        steps: How many updates.
        stream: The batches.
        callbacks: What else to do meanwhile.
        memory_watch: Steps between two looks at a device's memory; see
            `effective_memory_watch`.
        allocator: Of the device, if there is one.

    Raises:
        TorchLeanError: As `train_module_stream_steps`.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:664`.
    """
    own = module_of(module)
    watch = _watch(own, memory_watch, steps, allocator)
    hooks = watch + (callbacks or Callbacks()) + on_train_end(_print_report)
    return train_module_stream_steps(own, optimizer, steps, stream, hooks)


def train_module_stream_steps_curve(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    stream: StepBatchStream,
    callbacks: Callbacks | None = None,
    *,
    memory_watch: int = 0,
    allocator: Allocator | None = None,
) -> tuple[TrainReport, Curve]:
    """Train and print as `train_module_stream_steps_report`, and keep the losses.

    Returns:
        The report, and the loss of each step's batch before its update.

    Raises:
        TorchLeanError: As `train_module_stream_steps`.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:688`.
    """
    points: list[tuple[int, float]] = []
    report = train_module_stream_steps_report(
        module,
        optimizer,
        steps,
        stream,
        _keeping(points) + (callbacks or Callbacks()),
        memory_watch=memory_watch,
        allocator=allocator,
    )
    return report, Curve.of(points)


def train_module_loader_steps_report(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks | None = None,
    *,
    memory_watch: int = 0,
    allocator: Allocator | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Train as `train_module_loader_steps`, and print the losses before and after.

    What is printed is what the report has. (The original prints other numbers:
    `docs/deviations.md`, B26.)

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        steps: How many updates.
        loader: Which samples each batch has, from where it stands.
        callbacks: What else to do meanwhile.
        memory_watch: Steps between two looks at a device's memory; see
            `effective_memory_watch`.
        allocator: Of the device, if there is one.

    Raises:
        TorchLeanError: As `train_module_loader_steps`.
    """
    own = module_of(module)
    hooks = (
        on_train_start(_print_before)
        + (callbacks or Callbacks())
        + _watch(own, memory_watch, steps, allocator)
        + on_train_end(_print_after)
    )
    return train_module_loader_steps(own, optimizer, steps, loader, hooks)


def train_module_loader_steps_curve(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks | None = None,
    *,
    memory_watch: int = 0,
    allocator: Allocator | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co], Curve]:
    """Train and print as `train_module_loader_steps_report`, and keep the losses.

    Returns:
        The report, the loader behind the last batch, and the loss of each step's
        batch before its update.

    Raises:
        TorchLeanError: As `train_module_loader_steps`.
    """
    points: list[tuple[int, float]] = []
    report, advanced = train_module_loader_steps_report(
        module,
        optimizer,
        steps,
        loader,
        _keeping(points) + (callbacks or Callbacks()),
        memory_watch=memory_watch,
        allocator=allocator,
    )
    return report, advanced, Curve.of(points)


def train_module_loader_steps_logged(
    module: Module | Runner,
    optimizer: Optimizer | Updates,
    steps: int,
    loader: BatchLoader[S_co, T_co],
    log: LogDestination,
    title: str,
    callbacks: Callbacks | None = None,
    *,
    notes: Sequence[str] = (),
    series_name: str = "loss",
    memory_watch: int = 0,
    allocator: Allocator | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Train as `train_module_loader_steps_curve`, and write the curve as a log.

    That the log can be written is found out before the first step.

    Args:
        module: Its parameters are stepped.
        optimizer: The rule of the updates; its state begins anew. An `Updates` says
            more: a schedule, and clipping.
        steps: How many updates.
        loader: Which samples each batch has, from where it stands.
        log: Where the log goes, if anywhere; the line that says so is printed.
        title: The log's title.
        callbacks: What else to do meanwhile.
        notes: The log's notes.
        series_name: What the losses are called in the log.
        memory_watch: Steps between two looks at a device's memory.
        allocator: Of the device, if there is one.

    Raises:
        TorchLeanError: As `train_module_loader_steps`; `FILE_ACCESS` if the log
            cannot be written.
    """
    if log.path is not None:
        require_writable(log.path)
    report, advanced, curve = train_module_loader_steps_curve(
        module,
        optimizer,
        steps,
        loader,
        callbacks,
        memory_watch=memory_watch,
        allocator=allocator,
    )
    log.write_train_log(curve.to_train_log(title, series_name, notes=notes))
    print(log_line(log))
    return report, advanced


def mean_loss_module_loader(module: Module | Runner, loader: AnyLoader) -> float:
    """The loss of a loader's data set, all samples as one batch, in evaluation.

    (The original's is the mean over whole batches, random layers active:
    `docs/deviations.md`, B21 and B26.)

    Raises:
        TorchLeanError: As `Module.mean_loss`.
    """
    return module_of(module).mean_loss(loader)


def mean_loss_batch_loader(runner: Runner, loader: AnyLoader) -> float:
    """The loss of a loader's data set, all samples as one batch, in the runner's mode.

    Raises:
        TorchLeanError: As `Module.mean_loss`.
    """
    return runner.mean_loss(loader)


def accuracy_one_hot_batch_loader(runner: Runner, loader: AnyLoader) -> Count:
    """How many predictions of a loader's data set have the class of their target.

    Raises:
        TorchLeanError: As `Runner.accuracy_one_hot`.
    """
    return runner.accuracy_one_hot(loader)


def mean_loss_dataset(runner: Runner, dataset: AnyDataset) -> float:
    """The loss of a data set, all samples as one batch, in the runner's mode.

    Raises:
        TorchLeanError: As `Module.mean_loss`.
    """
    return runner.mean_loss(dataset)


def module_of(module: Module | Runner) -> Module:
    """The module itself, or that of a runner."""
    return module.module if isinstance(module, Runner) else module


def _updates(
    optimizer: Optimizer | Updates, schedule: Schedule | None, clipping: Clipping | None
) -> Updates:
    given = optimizer if isinstance(optimizer, Updates) else Updates(optimizer)
    return Updates(
        given.optimizer,
        given.schedule if schedule is None else schedule,
        given.clipping if clipping is None else clipping,
    )


def steps_of(epochs: int, loader: BatchLoader[S_co, T_co]) -> int:
    """How many steps some epochs have, the rest of the present one the first.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of epochs.
    """
    if epochs < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a number of epochs of at least 0, got {epochs}",
        )
    return max(0, epochs * len(loader) - loader.position.batch) if epochs else 0


def _watch(
    module: Module, requested: int, steps: int, allocator: Allocator | None
) -> Callbacks:
    every = effective_memory_watch(module.options, steps, requested)
    return memory_watch_callbacks(module.options, every, steps, allocator)


def _keeping(points: list[tuple[int, float]]) -> Callbacks:
    """Callbacks that keep the loss of each step."""

    def keep(event: StepEvent) -> None:
        points.append((event.step, event.loss))

    return on_step(keep)


def _print_before(event: TrainStart) -> None:
    print(mean_loss_line("train(before)", event.before.loss))


def _print_after(report: TrainReport) -> None:
    print(mean_loss_line("train(after)", report.after.loss))


def _print_report(report: TrainReport) -> None:
    print_train_report(report)
