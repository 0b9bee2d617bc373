"""Callbacks: what is done at the start, at each step, at each epoch, at the end.

They form a monoid: `a + b` runs what a does and then what b does at each point, and
`Callbacks()` does nothing. Steps are run many at a time, so the events of a step
arrive in order, and at most a tenth of a second after it; an epoch's event arrives
before the next epoch begins. What a hook raises ends the training.

>>> seen = []
>>> log = Callbacks(on_step=lambda event: seen.append(event.step))
>>> both = log + Callbacks(on_step=lambda event: seen.append(event.loss))
>>> both.step(StepEvent(epoch=0, step=1, loss=0.5, rate=lambda step: 0.1))
>>> seen
[1, 0.5]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torchlean.evaluation import Evaluation
from torchlean_spec.training import TrainingRun


@dataclass(frozen=True, slots=True)
class TrainStart:
    """A run that is about to begin."""

    training_run: TrainingRun
    before: Evaluation
    """The training samples, with the initial parameters."""
    held_out: Evaluation | None
    """The held-out samples with them, if there are any."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One update."""

    epoch: int
    """Counted from 0."""
    step: int
    """Counted from 1, over the whole run."""
    loss: float
    """The batch's loss before the update."""
    rate: Callable[[int], float]
    """The learning rate of a step; see `learning_rate`."""

    @property
    def learning_rate(self) -> float:
        """The update's learning rate; computed when it is asked for."""
        return self.rate(self.step)


@dataclass(frozen=True, slots=True)
class EpochEvent:
    """One pass over the data; the last one of a run may be cut short."""

    epoch: int
    """Counted from 0."""
    step: int
    """How many updates were made since the run began."""
    steps: int
    """How many of them in this epoch."""
    mean_loss: float
    """The mean of the batches' losses, each before its update."""
    held_out: Evaluation | None
    """The held-out samples after the epoch, if there are any."""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A run that came to its end."""

    steps: int
    before: Evaluation
    """The training samples before the first update."""
    after: Evaluation
    """The same samples after the last one."""


StartHook = Callable[[TrainStart], None]
StepHook = Callable[[StepEvent], None]
EpochHook = Callable[[EpochEvent], None]
EndHook = Callable[[TrainReport], None]


@dataclass(frozen=True, slots=True, init=False)
class Callbacks:
    """What to do at four points of a run; each hook is optional.

    Args:
        on_train_start: Called once, before the first update.
        on_step: Called for each update, in order.
        on_epoch_end: Called after each epoch.
        on_train_end: Called once, if the run comes to its end.

    Source: the original's `NN/API/TorchLean/TrainCore.lean`, Callbacks, whose hooks
    count steps from 0 and epochs in three ways (`docs/deviations.md`, B39).

    >>> Callbacks() + Callbacks(on_step=print) == Callbacks(on_step=print)
    True
    """

    train_start_hooks: tuple[StartHook, ...]
    step_hooks: tuple[StepHook, ...]
    epoch_end_hooks: tuple[EpochHook, ...]
    train_end_hooks: tuple[EndHook, ...]

    def __init__(
        self,
        *,
        on_train_start: StartHook | None = None,
        on_step: StepHook | None = None,
        on_epoch_end: EpochHook | None = None,
        on_train_end: EndHook | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "train_start_hooks", (on_train_start,) if on_train_start else ())
        put(self, "step_hooks", (on_step,) if on_step else ())
        put(self, "epoch_end_hooks", (on_epoch_end,) if on_epoch_end else ())
        put(self, "train_end_hooks", (on_train_end,) if on_train_end else ())

    @staticmethod
    def empty() -> Callbacks:
        """The callbacks that do nothing: the unit of `+`."""
        return Callbacks()

    def append(self, other: Callbacks) -> Callbacks:
        """What these do and then what the others do, at each point: `+`."""
        return self + other

    def __add__(self, other: Callbacks) -> Callbacks:
        joined = Callbacks()
        for name in self.__slots__:
            hooks = getattr(self, name) + getattr(other, name)
            object.__setattr__(joined, name, hooks)
        return joined

    def train_start(self, event: TrainStart) -> None:
        """Run the hooks of the start."""
        for hook in self.train_start_hooks:
            hook(event)

    def step(self, event: StepEvent) -> None:
        """Run the hooks of a step."""
        for hook in self.step_hooks:
            hook(event)

    def epoch_end(self, event: EpochEvent) -> None:
        """Run the hooks of an epoch's end."""
        for hook in self.epoch_end_hooks:
            hook(event)

    def train_end(self, report: TrainReport) -> None:
        """Run the hooks of the end."""
        for hook in self.train_end_hooks:
            hook(report)


def on_train_start(hook: StartHook) -> Callbacks:
    """The callbacks that run one hook, before the first update."""
    return Callbacks(on_train_start=hook)


def on_step(hook: StepHook) -> Callbacks:
    """The callbacks that run one hook, for each update.

    >>> on_step(print) + on_step(print) == Callbacks(on_step=print) + on_step(print)
    True
    """
    return Callbacks(on_step=hook)


def on_epoch_end(hook: EpochHook) -> Callbacks:
    """The callbacks that run one hook, after each epoch."""
    return Callbacks(on_epoch_end=hook)


def on_train_end(hook: EndHook) -> Callbacks:
    """The callbacks that run one hook, if the run comes to its end."""
    return Callbacks(on_train_end=hook)
