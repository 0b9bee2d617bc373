"""The loop of a run: slices of steps, and what happens between them.

The engine runs many steps in one call. The loop stops it at the ends of epochs, if
anybody wants to hear of them, and before each step that is recorded for a
certificate; where it stops changes no bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from torchlean.callbacks import Callbacks, EpochEvent, StepEvent, TrainStart
from torchlean.data.dataset import TensorDataset
from torchlean.engine import Engine
from torchlean.evaluation import Evaluation
from torchlean.execution import Execution, Floats
from torchlean.interrupt import DeferredInterrupt
from torchlean.state import RecordedStep
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape
from torchlean_spec.training import TrainingRun

FIRST_ROOM = 1024
"""Steps whose losses there is room for at first."""

Data = TensorDataset[Shape, Targets]


class NonFiniteStep(TorchLeanError):
    """The loss of a step is a NaN or an infinity."""


@dataclass(slots=True)
class Loop:
    """A run that is under way, and what it has left behind so far."""

    engine: Engine
    execution: Execution
    training_run: TrainingRun
    held_out: Data | None
    callbacks: Callbacks
    sampled: tuple[int, ...]
    """The steps to record, in order."""
    start: int = 0
    """How many steps the run had made before, where it is taken up again."""
    made: int = 0
    """How many steps of the run were made, those before included."""
    room: NDArray[np.float64] = field(default_factory=lambda: np.empty(FIRST_ROOM))
    """Where losses are kept; it doubles when it is full."""
    evaluations: list[tuple[int, Evaluation]] = field(default_factory=list)
    """Of the held-out samples, each after so many steps."""
    records: list[RecordedStep] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.made = self.start

    @property
    def losses(self) -> NDArray[np.float64]:
        """Of the batch of each step made here so far, before its update."""
        return self.room[: self.made - self.start]

    def run(self, before: Evaluation) -> None:
        """Make all steps.

        Args:
            before: The training samples, with the initial parameters.

        Raises:
            TorchLeanError: `NOT_FINITE` if a loss is, naming step and loss.
            KeyboardInterrupt: After a slice in which Ctrl-C was pressed.
        """
        held_out = self.evaluations[0][1] if self.evaluations else None
        self.callbacks.train_start(TrainStart(self.training_run, before, held_out))
        with DeferredInterrupt() as interrupt:
            remaining = iter(self.sampled)
            recorded = next(remaining, None)
            while self.made < self.training_run.steps:
                stop = self._next_stop()
                if recorded == self.made + 1:
                    self._record(interrupt)
                    recorded = next(remaining, None)
                else:
                    before_record = math.inf if recorded is None else recorded - 1
                    count = int(min(stop, before_record)) - self.made
                    self.engine.run(count, lambda part: self._take(part, interrupt))
                if self.made == stop:
                    self._end_epoch()
                    interrupt.check()

    def _record(self, interrupt: DeferredInterrupt) -> None:
        """Make one step that a certificate shall hold."""
        try:
            step = self.engine.record_arrays()
        except TorchLeanError as error:
            if error.reason is not Reason.NOT_FINITE:
                raise
            # Its update was not made; running it again tells the loss.
            self.engine.run(1, lambda part: self._take(part, interrupt))
            raise
        self.records.append(step)
        self._take([step.loss], interrupt)

    def _next_stop(self) -> int:
        """Where somebody wants to hear of an epoch's end, or the end of the run."""
        total = self.training_run.steps
        if self.held_out is None and not self.callbacks.epoch_end_hooks:
            return total
        per_epoch = self.training_run.loader.batches_per_epoch
        given = self.training_run.batches_before
        return min(total, ((given + self.made) // per_epoch + 1) * per_epoch - given)

    def _take(
        self, losses: Sequence[float] | Floats, interrupt: DeferredInterrupt
    ) -> None:
        """Take the losses of a slice, tell of its steps, and see whether to stop."""
        first, self.made = self.made, self.made + len(losses)
        while self.made - self.start > len(self.room):
            self.room = np.concatenate([self.room, np.empty(len(self.room))])
        fresh = self.room[first - self.start : self.made - self.start]
        fresh[:] = losses
        per_epoch = self.training_run.loader.batches_per_epoch
        if self.callbacks.step_hooks:
            for place, loss in enumerate(fresh.tolist(), first):
                epoch = (self.training_run.batches_before + place) // per_epoch
                self.callbacks.step(StepEvent(epoch, place + 1, loss, self._rate))
        if not np.isfinite(fresh).all():
            place = first + int(np.argmin(np.isfinite(fresh)))
            raise NonFiniteStep(
                Reason.NOT_FINITE,
                f"step {place + 1}: expected a finite loss, got {fresh[place - first]}",
            )
        interrupt.check()

    def _rate(self, step: int) -> float:
        return float(self.training_run.learning_rate(step))

    def _end_epoch(self) -> None:
        per_epoch = self.training_run.loader.batches_per_epoch
        given = self.training_run.batches_before
        epoch = (given + self.made - 1) // per_epoch
        # Of an epoch that began before this run, or was taken up, the steps made here.
        own = self.losses[max(epoch * per_epoch - given - self.start, 0) :]
        self.evaluate_held_out()
        found = self.evaluations[-1][1] if self.evaluations else None
        mean = math.fsum(own.tolist()) / len(own)
        self.callbacks.epoch_end(EpochEvent(epoch, self.made, len(own), mean, found))

    def evaluate_held_out(self) -> None:
        """Evaluate the held-out samples, if there are any, as things stand."""
        if self.held_out is not None:
            found = self.execution.evaluation(self.engine, self.held_out)
            self.evaluations.append((self.made, found))
