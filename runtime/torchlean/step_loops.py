"""The two loops below all others: over a loader's data set, and over a stream."""

from __future__ import annotations

from dataclasses import dataclass, field

from torchlean.callbacks import (
    Callbacks,
    EpochEvent,
    StepEvent,
    TrainReport,
    TrainStart,
)
from torchlean.data.loader import BatchLoader
from torchlean.engine_data import as_batch
from torchlean.interrupt import DeferredInterrupt
from torchlean.loops import Loop
from torchlean.module import Module
from torchlean.stepper import Stepper
from torchlean.stream import StepBatchStream
from torchlean_spec.batches import Position
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Loader, S_co, T_co
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.schedules import Constant, Schedule
from torchlean_spec.training import TrainingRun


@dataclass(frozen=True, slots=True)
class Updates:
    """How gradients become updates.

    Args:
        optimizer: The rule of the updates.
        schedule: The rate of each update, from the optimizer's own.
        clipping: What is done to the gradients before an update, if anything.
    """

    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Constant)
    clipping: Clipping | None = None

    def training_run(
        self, module: Module, loader: Loader, steps: int, position: Position
    ) -> TrainingRun:
        """The run of a module's task, as a value."""
        return TrainingRun(
            module.task,
            self.optimizer,
            loader,
            steps,
            self.schedule,
            self.clipping,
            module.options.seed,
            module.options.dtype,
            position,
        )


def run_loader(
    module: Module,
    updates: Updates,
    steps: int,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Make some steps on the batches of a loader, from where it stands.

    The batches are gathered where the samples lie, many steps in a call, as in
    `Trainer.train`. However the loop ends, the module has the parameters of the last
    step that was made.

    Args:
        module: Its parameters are stepped.
        updates: How.
        steps: How many updates; new epochs begin as they are needed.
        loader: Which samples each batch has.
        callbacks: What to do meanwhile.

    Returns:
        The report, and the loader behind the last batch.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of steps,
            `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for data that do not fit the
            task, `NOT_FINITE` for a loss that is not, naming step and loss.
        KeyboardInterrupt: After Ctrl-C, between two slices of steps.
    """
    run = updates.training_run(module, loader.loader, steps, loader.position)
    execution, data = module.execution, loader.dataset
    engine = execution.engine(run, data)
    module.hand_to(engine)
    try:
        before = execution.evaluation(engine, data)
        Loop(engine, execution, run, None, callbacks, ()).run(before)
        after = execution.evaluation(engine, data)
    finally:
        module.take_back()
    report = TrainReport(steps, before, after)
    callbacks.train_end(report)
    return report, loader.at(*divmod(run.batches_before + steps, len(loader)))


def run_stream(
    module: Module,
    updates: Updates,
    steps: int,
    stream: StepBatchStream,
    callbacks: Callbacks,
) -> TrainReport:
    """Make some steps on the batches of a stream, all of them one epoch.

    The stream is asked for each batch once, in order; its batch 0, which is kept, is
    what the losses before and after are of. A run of a stream describes itself with a
    loader of that one batch.

    Args:
        module: Its parameters are stepped.
        updates: How.
        steps: How many updates.
        stream: The batches.
        callbacks: What to do meanwhile.

    Raises:
        TorchLeanError: As `run_loader`.
        KeyboardInterrupt: After Ctrl-C, between two steps.
    """
    if steps < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a number of steps of at least 0, got {steps}",
        )
    first = as_batch(*stream.batch(0))
    before = module.evaluate([first])
    loader = Loader(len(first[0]), len(first[0]), shuffle=False)
    run = updates.training_run(module, loader, steps, Position())
    callbacks.train_start(TrainStart(run, before, None))
    stepping = Stepper(module, updates.optimizer, updates.schedule, updates.clipping)
    total = 0.0
    with DeferredInterrupt() as interrupt:
        for index in range(steps):
            batch = as_batch(*stream.batch(index)) if index else first
            loss = stepping.step(*batch)
            del batch
            total += loss
            callbacks.step(StepEvent(0, index + 1, loss, stepping.learning_rate))
            interrupt.check()
    if steps:
        callbacks.epoch_end(EpochEvent(0, steps, steps, total / steps, None))
    report = TrainReport(steps, before, module.evaluate([first]))
    callbacks.train_end(report)
    return report
