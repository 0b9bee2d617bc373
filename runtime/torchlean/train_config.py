"""What a training loop is asked for: how many steps or epochs, at which rates.

A step is one update on one mini-batch, in every loop. Schedules count updates; those
of the `epoch` functions count epochs, and are resolved when the loader is known.

>>> from torchlean_spec.optimizers import Adam
>>> decaying = step_learning_rate(steps(100, Adam()), base="0.01", step_size=30)
>>> decaying.optimizer.learning_rate, decaying.schedule.step_size
(Decimal('0.01'), 30)
>>> halving = exponential_epoch_learning_rate(epochs(5), base=1, gamma="0.5")
>>> halving.schedule_for(updates_per_epoch=45)
PerEpoch(schedule=Exponential(gamma=Decimal('0.5')), updates_per_epoch=45)
"""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass, replace
from typing import Literal, TypeVar, cast

from torchlean_spec.clipping import Clipping
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.optimizers import SGD, Optimizer
from torchlean_spec.schedules import (
    Constant,
    Exponential,
    PerEpoch,
    Schedule,
    StepDecay,
)

Counted = Literal["updates", "epochs"]
"""What a schedule counts."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What a loop over samples is asked for.

    Args:
        steps: How many updates.
        batch_size: Samples in each step's batch.
        optimizer: The rule of the updates.
        schedule: The rate of each update, from the optimizer's own.
        clipping: What is done to the gradients before an update, if anything.
        log_every: Steps between two losses that are printed; 0 prints none.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of steps or of steps
            between two lines, `BATCH_SIZE` for a batch size below 1.

    Source: the original's `NN/API/TorchLean/Runtime.lean:552-648`, where a step is a
    group of updates on one sample each (`decisions/012-step.md`).
    """

    steps: int
    batch_size: int = 1
    optimizer: Optimizer = field(default_factory=lambda: SGD("0.01"))
    schedule: Schedule = field(default_factory=Constant)
    clipping: Clipping | None = None
    log_every: int = 1

    def __post_init__(self) -> None:
        _require_at_least_0("steps", self.steps)
        _require_at_least_0("log_every", self.log_every)
        if self.batch_size < 1:
            raise TorchLeanError(
                Reason.BATCH_SIZE,
                f"expected a batch size of at least 1, got {self.batch_size}",
            )


@dataclass(frozen=True, slots=True)
class LoaderTrainConfig:
    """What a loop over a loader's epochs is asked for.

    Args:
        epochs: How many passes over the data.
        optimizer: The rule of the updates.
        schedule: The rate of each update or each epoch, from the optimizer's own.
        schedule_counts: Which of the two it counts; see `schedule_for`. (The
            original counts either, depending on the loop: `docs/deviations.md`,
            B14.)
        clipping: What is done to the gradients before an update, if anything.
        log_every: Steps between two losses that are printed; 0 prints none.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of epochs or of steps
            between two lines, `UNKNOWN_NAME` for a schedule that counts otherwise.

    Source: the original's `NN/API/TorchLean/Runtime.lean:649-700`.
    """

    epochs: int
    optimizer: Optimizer = field(default_factory=lambda: SGD("0.01"))
    schedule: Schedule = field(default_factory=Constant)
    schedule_counts: Counted = "updates"
    clipping: Clipping | None = None
    log_every: int = 1

    def __post_init__(self) -> None:
        _require_at_least_0("epochs", self.epochs)
        _require_at_least_0("log_every", self.log_every)
        if self.schedule_counts not in ("updates", "epochs"):
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                "expected a schedule that counts 'updates' or 'epochs', "
                f"got {self.schedule_counts!r}",
            )

    def schedule_for(self, updates_per_epoch: int) -> Schedule:
        """The rate of each update, once it is known how many an epoch has.

        Args:
            updates_per_epoch: Batches of the loader in an epoch.
        """
        if self.schedule_counts == "updates":
            return self.schedule
        return PerEpoch(self.schedule, updates_per_epoch)


Config = TypeVar("Config", bound=TrainConfig | LoaderTrainConfig)


def steps(
    count: int,
    optimizer: Optimizer | None = None,
    log_every: int = 1,
    batch_size: int = 1,
) -> TrainConfig:
    """So many updates, by default plain descent with rate 0.01.

    Raises:
        TorchLeanError: As `TrainConfig`.

    >>> steps(200).optimizer.learning_rate
    Decimal('0.01')
    """
    rule = SGD("0.01") if optimizer is None else optimizer
    return TrainConfig(count, batch_size, rule, log_every=log_every)


def epochs(
    count: int, optimizer: Optimizer | None = None, log_every: int = 1
) -> LoaderTrainConfig:
    """So many passes over the data, by default plain descent with rate 0.01.

    Raises:
        TorchLeanError: As `LoaderTrainConfig`.
    """
    rule = SGD("0.01") if optimizer is None else optimizer
    return LoaderTrainConfig(count, rule, log_every=log_every)


def with_schedule(config: Config, schedule: Schedule) -> Config:
    """The configuration with a schedule that counts updates, from 0.

    The optimizer's own rate is its base.

    >>> with_schedule(epochs(3), StepDecay(10)).schedule.name
    'step'
    """
    if isinstance(config, LoaderTrainConfig):
        return replace(config, schedule=schedule, schedule_counts="updates")
    return replace(config, schedule=schedule)


def with_epoch_schedule(
    config: LoaderTrainConfig, schedule: Schedule
) -> LoaderTrainConfig:
    """The configuration with a schedule that counts epochs, from 0."""
    return replace(config, schedule=schedule, schedule_counts="epochs")


def constant_learning_rate(config: Config, rate: Hyperparameter) -> Config:
    """The configuration with one rate for all updates.

    Raises:
        TorchLeanError: What the optimizer refuses; `UNSUPPORTED` for groups of
            parameters, which have a rate each.

    >>> constant_learning_rate(steps(10), "0.5").optimizer.learning_rate
    Decimal('0.5')
    """
    return with_schedule(_based(config, rate), Constant())


def step_learning_rate(
    config: Config, base: Hyperparameter, step_size: int, gamma: Hyperparameter = "0.1"
) -> Config:
    """The configuration with a rate multiplied by gamma every `step_size` updates.

    Raises:
        TorchLeanError: As `constant_learning_rate`, and what `StepDecay` refuses.
    """
    return with_schedule(_based(config, base), StepDecay(step_size, gamma))


def exponential_learning_rate(
    config: Config, base: Hyperparameter, gamma: Hyperparameter
) -> Config:
    """The configuration with a rate multiplied by gamma every update.

    Raises:
        TorchLeanError: As `constant_learning_rate`, and what `Exponential` refuses.
    """
    return with_schedule(_based(config, base), Exponential(gamma))


def constant_epoch_learning_rate(
    config: LoaderTrainConfig, rate: Hyperparameter
) -> LoaderTrainConfig:
    """The configuration with one rate for all epochs.

    Raises:
        TorchLeanError: As `constant_learning_rate`.
    """
    return with_epoch_schedule(_based(config, rate), Constant())


def step_epoch_learning_rate(
    config: LoaderTrainConfig,
    base: Hyperparameter,
    step_size: int,
    gamma: Hyperparameter = "0.1",
) -> LoaderTrainConfig:
    """The configuration with a rate multiplied by gamma every `step_size` epochs.

    Raises:
        TorchLeanError: As `step_learning_rate`.
    """
    return with_epoch_schedule(_based(config, base), StepDecay(step_size, gamma))


def exponential_epoch_learning_rate(
    config: LoaderTrainConfig, base: Hyperparameter, gamma: Hyperparameter
) -> LoaderTrainConfig:
    """The configuration with a rate multiplied by gamma every epoch.

    Raises:
        TorchLeanError: As `exponential_learning_rate`.
    """
    return with_epoch_schedule(_based(config, base), Exponential(gamma))


def _based(config: Config, rate: Hyperparameter) -> Config:
    """The configuration whose optimizer has a rate of its own."""
    optimizer = config.optimizer
    if not is_dataclass(optimizer) or "learning_rate" not in (
        optimizer.__dataclass_fields__
    ):
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            "expected an optimizer with one learning rate, "
            f"got {type(optimizer).__name__}: set the rates of its groups",
        )
    changed = replace(optimizer, learning_rate=rate)  # type: ignore[call-arg]
    return replace(config, optimizer=cast("Optimizer", changed))


def _require_at_least_0(name: str, number: int) -> None:
    if number < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER, f"expected {name} of at least 0, got {number}"
        )
