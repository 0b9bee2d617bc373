"""A stepper: an optimizer that steps a module's parameters, batch by batch.

>>> from torchlean.module import Module
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.task import Task
>>> module = Module(Task(Linear(1, 1), MeanSquaredError()))
>>> module.set_parameters({"weight": [[0.0]], "bias": [0.0]})
>>> walking = stepper(module, SGD("0.25"))
>>> walking.step([[1.0]], [[2.0]])
4.0
>>> module.parameters["bias"].tolist(), walking.step_count
([1.0], 1)
"""

from __future__ import annotations

from collections.abc import Iterable

from numpy.typing import ArrayLike

from torchlean.engine import Engine
from torchlean.engine_data import as_batch
from torchlean.module import GivenBatch, Module
from torchlean.runner import Runner
from torchlean.state import State
from torchlean_spec.clipping import Clipping
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import Optimizer
from torchlean_spec.schedules import Constant, Schedule, rate_at


class Stepper:
    """An optimizer with its state, and the module whose parameters it steps.

    Each step is one forward and one backward pass and one update, the step of
    `Trainer.train` to the bit: the stepper counts its steps from 1, for the
    optimizer's corrections, the schedule and the draws of random layers, whose seed
    is the module's. A new stepper begins anew, from the parameters as they are.

    The original's step runs the network three times (`docs/deviations.md`, B25).
    Source: `NN/API/TorchLean/Runtime.lean:861-997`.
    """

    def __init__(
        self,
        runner: Runner | Module,
        optimizer: Optimizer,
        schedule: Schedule | None = None,
        clipping: Clipping | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.schedule: Schedule = Constant() if schedule is None else schedule
        self.clipping = clipping
        self._runner = runner if isinstance(runner, Runner) else None
        self.module = runner.module if isinstance(runner, Runner) else runner
        self._engine: Engine | None = None
        self._set_train_mode()

    @property
    def step_count(self) -> int:
        """How many steps were made."""
        return 0 if self._engine is None else self._engine.step

    def step(self, inputs: ArrayLike, targets: ArrayLike) -> float:
        """Make one step with a batch, and turn the runner's mode to `train`.

        Args:
            inputs: `[samples, ..]`.
            targets: One for each of them.

        Returns:
            The loss of the batch before the update.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH`, `CLASS_OUT_OF_RANGE` or `DOMAIN` for
                what does not fit the task, and for inputs of other sizes than the
                stepper's first; `NOT_FINITE` for a loss that is not, naming step and
                loss: the update is then not made.
        """
        batch = as_batch(inputs, targets)
        engine = self._engine_for(batch[0].shape)
        engine.feed(*batch)
        self.module.hand_to(engine)
        self._set_train_mode()
        return float(engine.run(1)[0])

    def epoch(self, batches: Iterable[GivenBatch]) -> list[float]:
        """Make one step with each batch; the batches are asked for one by one.

        Returns:
            The loss of each batch before its update.

        Raises:
            TorchLeanError: `EMPTY_DATA` for no batches, else as `step`.
        """
        losses = [self.step(inputs, targets) for inputs, targets in batches]
        if not losses:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected an epoch of at least 1 batch, got none"
            )
        return losses

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1.

        Raises:
            TorchLeanError: `DOMAIN` for a step below 1.
        """
        return float(rate_at(self.schedule, self.optimizer.learning_rate, step - 1))

    def state(self) -> State | None:
        """Copies of parameters and optimizer state; none before the first step."""
        return None if self._engine is None else self._engine.state()

    def _engine_for(self, sizes: tuple[int, ...]) -> Engine:
        """The engine of the steps; made anew, with its state, for a larger batch."""
        known = self._engine
        batch, sample = (sizes[0], sizes[1:]) if sizes else (0, ())
        if known is not None and batch <= known.capacity:
            return known
        made = self.module.new_engine(
            known.sample if known is not None else sample,
            max(1, batch),
            self.optimizer,
            self.schedule,
            self.clipping,
        )
        if known is not None:
            # What the module holds now counts, and not what these steps left behind.
            made.set_state(known.state())
        self._engine = made
        return made

    def _set_train_mode(self) -> None:
        if self._runner is not None:
            self._runner.train_mode()


def stepper(
    runner: Runner | Module,
    optimizer: Optimizer,
    schedule: Schedule | None = None,
    clipping: Clipping | None = None,
) -> Stepper:
    """A stepper that has made no steps; the runner's mode becomes `train`.

    Args:
        runner: Whose parameters are stepped.
        optimizer: The rule of the updates.
        schedule: The learning rate of each step, by default the optimizer's own.
        clipping: What is done to the gradients before an update, if anything.
    """
    return Stepper(runner, optimizer, schedule, clipping)


def step(stepping: Stepper, inputs: ArrayLike, targets: ArrayLike) -> float:
    """Make one step; see `Stepper.step`."""
    return stepping.step(inputs, targets)


def epoch(stepping: Stepper, batches: Iterable[GivenBatch]) -> list[float]:
    """Make one step with each batch; see `Stepper.epoch`."""
    return stepping.epoch(batches)
