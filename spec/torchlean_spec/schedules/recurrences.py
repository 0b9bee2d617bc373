"""Schedules as recurrences: a state that is read, and advanced once an update.

A recurrence of a schedule is a triple: the state at update 0, the rate of a state,
and the state after it. Its rates are those of the closed form, `rate_at`, at every
update; where the closed form has an irrational ratio, within the precision of
`torchlean_spec.exact`. A `Scheduler` carries the state along.

>>> from torchlean_spec.schedules import Exponential
>>> scheduler = Scheduler.of(Exponential("0.9"), base_rate=1)
>>> str(scheduler.rate), str(scheduler.step().step().rate)
('1', '81/100')

Source: the records of the original's `NN/Runtime/Optim/Schedulers.lean`, whose
`getLr` reads and whose `step` advances, from a count of updates throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import EXACT, Hyperparameter, exact, power
from torchlean_spec.schedules.common import Schedule
from torchlean_spec.schedules.compositions import PerEpoch, WarmUp
from torchlean_spec.schedules.cosine import Cosine, PeriodicCosine
from torchlean_spec.schedules.cycles import Cyclic, OneCycle, annealed
from torchlean_spec.schedules.decay import (
    Constant,
    Exponential,
    RateFinder,
    StepDecay,
)
from torchlean_spec.schedules.tables import Custom, Table

State = tuple[Fraction, ...]
"""What is carried from update to update; which numbers, the schedule says."""

ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A schedule at one base rate, as a recurrence."""

    initial: State
    """The state at update 0."""
    rate: Callable[[State], Fraction]
    """The rate of a state's update."""
    following: Callable[[State], State]
    """The state of the next update."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A recurrence at one of its updates.

    >>> from torchlean_spec.schedules import Cosine
    >>> scheduler, rates = Scheduler.of(Cosine(total=3), base_rate=1), []
    >>> for _ in range(5):
    ...     rates.append(str(scheduler.rate))
    ...     scheduler = scheduler.step()
    >>> rates
    ['1', '3/4', '1/4', '0', '0']
    """

    recurrence: Recurrence
    state: State

    @staticmethod
    def of(schedule: Schedule, base_rate: Hyperparameter) -> Scheduler:
        """A schedule at update 0."""
        recurrence = recurrence_of(schedule, base_rate)
        return Scheduler(recurrence, recurrence.initial)

    @property
    def rate(self) -> Fraction:
        """The rate of this update."""
        return self.recurrence.rate(self.state)

    def step(self) -> Scheduler:
        """The same at the next update."""
        return replace(self, state=self.recurrence.following(self.state))


def recurrence_of(schedule: Schedule, base_rate: Hyperparameter) -> Recurrence:
    """The recurrence of a schedule.

    Args:
        schedule: One of the spec's records.
        base_rate: The optimizer's learning rate.

    Raises:
        TorchLeanError: `UNSUPPORTED` for a schedule that is not of the spec.
    """
    base = exact(base_rate)
    for kind, make in _MADE.items():
        if isinstance(schedule, kind):
            return make(schedule, base)
    raise TorchLeanError(
        Reason.UNSUPPORTED,
        f"expected a schedule of the spec such as Cosine, got {schedule!r}",
    )


def _first(state: State) -> Fraction:
    return state[0]


def _constant(schedule: Schedule, base: Fraction) -> Recurrence:
    """The rate."""
    return Recurrence((base,), _first, lambda state: state)


def _step_decay(schedule: Schedule, base: Fraction) -> Recurrence:
    """The rate, and the updates that are left with it."""
    assert isinstance(schedule, StepDecay)
    gamma, size = exact(schedule.gamma), Fraction(schedule.step_size)

    def following(state: State) -> State:
        rate, left = state
        return (rate, left - 1) if left > 1 else (rate * gamma, size)

    return Recurrence((base, size), _first, following)


def _exponential(schedule: Schedule, base: Fraction) -> Recurrence:
    """The rate."""
    assert isinstance(schedule, Exponential)
    gamma = exact(schedule.gamma)
    return Recurrence((base,), _first, lambda state: (state[0] * gamma,))


def _rate_finder(schedule: Schedule, base: Fraction) -> Recurrence:
    """The rate, and the updates that are left before the last."""
    assert isinstance(schedule, RateFinder)
    ratio = power(exact(schedule.ratio), 1, schedule.total)

    def following(state: State) -> State:
        rate, left = state
        return (rate * ratio, left - 1) if left > 0 else state

    return Recurrence((base, Fraction(schedule.total)), _first, following)


def _cosine(schedule: Schedule, base: Fraction) -> Recurrence:
    """The angle, in half turns."""
    assert isinstance(schedule, Cosine)
    minimum, turn = exact(schedule.minimum), Fraction(1, schedule.total)
    return Recurrence(
        (Fraction(0),),
        lambda state: annealed("cosine", EXACT, base, minimum, state[0]),
        lambda state: (min(state[0] + turn, ONE),),
    )


def _periodic_cosine(schedule: Schedule, base: Fraction) -> Recurrence:
    """The angle, in half turns, below a whole turn."""
    assert isinstance(schedule, PeriodicCosine)
    minimum, turn = exact(schedule.minimum), Fraction(1, schedule.half_period)
    return Recurrence(
        (Fraction(0),),
        lambda state: annealed("cosine", EXACT, base, minimum, state[0]),
        lambda state: ((state[0] + turn) % 2,),
    )


def _cyclic(schedule: Schedule, base: Fraction) -> Recurrence:
    """How far into the cycle, in halves of it; and the height above the base rate."""
    assert isinstance(schedule, Cyclic)
    share, gamma = Fraction(1, schedule.step_size), exact(schedule.gamma)

    def following(state: State) -> State:
        x, height = state
        later = (x + share) % 2
        if schedule.mode == "exp_range":
            return later, height * gamma
        again = schedule.mode == "triangular2" and later == 0
        return later, height / 2 if again else height

    return Recurrence(
        (Fraction(0), exact(schedule.maximum) - base),
        lambda state: base + state[1] * min(state[0], 2 - state[0]),
        following,
    )


def _one_cycle(schedule: Schedule, base: Fraction) -> Recurrence:
    """The phase, counted from 0, and the updates since it began."""
    assert isinstance(schedule, OneCycle)
    borders = schedule.borders
    lengths = [end - begin for begin, end in pairwise(borders)]
    rates = [base * multiple for multiple in schedule.multiples]

    def following(state: State) -> State:
        phase, since = state[0], state[1] + 1
        while phase < len(lengths) and since >= lengths[int(phase)]:
            since -= lengths[int(phase)]
            phase += 1
        return phase, since

    def rate(state: State) -> Fraction:
        phase = int(state[0])
        if phase == len(lengths):
            return rates[-1]
        share = state[1] / lengths[phase]
        ends = rates[phase], rates[phase + 1]
        return annealed(schedule.anneal, EXACT, *ends, share)

    return Recurrence((Fraction(0), Fraction(0)), rate, following)


def _warm_up(schedule: Schedule, base: Fraction) -> Recurrence:
    """The line's rate, the updates left on it, and the other schedule's state."""
    assert isinstance(schedule, WarmUp)
    then = recurrence_of(schedule.then, base)
    start, updates = exact(schedule.start), Fraction(schedule.updates)
    slope = (base - start) / updates

    def following(state: State) -> State:
        rising, left, *rest = state
        if left > 0:
            return (rising + slope, left - 1, *rest)
        return (rising, left, *then.following(tuple(rest)))

    return Recurrence(
        (start, updates, *then.initial),
        lambda state: state[0] if state[1] > 0 else then.rate(state[2:]),
        following,
    )


def _per_epoch(schedule: Schedule, base: Fraction) -> Recurrence:
    """The updates left in the epoch, and the other schedule's state."""
    assert isinstance(schedule, PerEpoch)
    inner = recurrence_of(schedule.schedule, base)
    updates = Fraction(schedule.updates_per_epoch)

    def following(state: State) -> State:
        left, *rest = state
        if left > 1:
            return (left - 1, *rest)
        return (updates, *inner.following(tuple(rest)))

    return Recurrence(
        (updates, *inner.initial), lambda state: inner.rate(state[1:]), following
    )


def _table(schedule: Schedule, base: Fraction) -> Recurrence:
    """The rates that are left, the first of them this update's."""
    assert isinstance(schedule, Table)
    return Recurrence(
        tuple(map(exact, schedule.rates)),
        _first,
        lambda state: state[1:] or state,
    )


def _custom(schedule: Schedule, base: Fraction) -> Recurrence:
    """The update's index."""
    assert isinstance(schedule, Custom)
    return Recurrence(
        (Fraction(0),),
        lambda state: schedule.rate(EXACT, base, state[0]),
        lambda state: (state[0] + 1,),
    )


_MADE: dict[type, Callable[[Schedule, Fraction], Recurrence]] = {
    Constant: _constant,
    StepDecay: _step_decay,
    Exponential: _exponential,
    RateFinder: _rate_finder,
    Cosine: _cosine,
    PeriodicCosine: _periodic_cosine,
    Cyclic: _cyclic,
    OneCycle: _one_cycle,
    WarmUp: _warm_up,
    PerEpoch: _per_epoch,
    Table: _table,
    Custom: _custom,
}
"""What makes each schedule's recurrence; its docstring says what the state is."""
