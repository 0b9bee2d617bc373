"""Laws of schedules: closed forms and recurrences, ends, ranges, compositions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec.errors import Reason
from torchlean_spec.exact import exact
from torchlean_spec.schedules import (
    Constant,
    Cosine,
    Exponential,
    PerEpoch,
    Schedule,
    StepDecay,
    WarmUp,
    rate_at,
)

Rate = Callable[[Schedule, Fraction, int], Fraction]


@dataclass(frozen=True)
class Moment:
    """A schedule, the base rate, and an update's index."""

    schedule: Schedule
    base: Fraction
    update: int


def one_late(schedule: Schedule, base: Fraction, update: int) -> Fraction:
    """The wrong rate of the next update."""
    return rate_at(schedule, base, update + 1)


def upside_down(schedule: Schedule, base: Fraction, update: int) -> Fraction:
    """The wrong rate that the base rate loses."""
    return base - rate_at(schedule, base, update)


WRONG = {"the next update's rate": one_late, "what the base rate loses": upside_down}


def factor(draws: Draws) -> Fraction:
    """A factor with a finite decimal, in (0, 1)."""
    return Fraction(draws.integer(1, 19), 20)


def moments(
    make: Callable[[Draws], Schedule], count: int = 60
) -> Callable[[Draws], Iterator[Moment]]:
    """Some moments of schedules of one kind."""
    return lambda draws: repeat(
        count, lambda: Moment(make(draws), draws.positive(), draws.integer(0, 40))
    )


@law(
    "schedules.constant",
    objects="schedules.Constant schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={"what the base rate loses": upside_down},
    cases=moments(lambda draws: Constant()),
)
def constant(rate: Rate, at: Moment) -> bool:
    """A constant schedule gives the base rate at every update."""
    return rate(at.schedule, at.base, at.update) == at.base


def step_decay(draws: Draws) -> StepDecay:
    """A step schedule."""
    return StepDecay(draws.integer(1, 7), factor(draws))


@law(
    "schedules.step_recurrence",
    objects="schedules.StepDecay schedules.rate_at exact.power",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG,
    cases=moments(step_decay),
)
def step_recurrence(rate: Rate, at: Moment) -> bool:
    """A step schedule starts at the base, stays for a step, then takes its factor."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, StepDecay)
    now, next_one = rate(schedule, base, update), rate(schedule, base, update + 1)
    falls = (update + 1) % schedule.step_size == 0
    expected = now * exact(schedule.gamma) if falls else now
    return rate(schedule, base, 0) == base and next_one == expected


@law(
    "schedules.exponential_recurrence",
    objects="schedules.Exponential schedules.rate_at exact.power",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG,
    cases=moments(lambda draws: Exponential(factor(draws))),
)
def exponential_recurrence(rate: Rate, at: Moment) -> bool:
    """An exponential schedule starts at the base and takes its factor every update."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, Exponential)
    now, next_one = rate(schedule, base, update), rate(schedule, base, update + 1)
    return rate(schedule, base, 0) == base and next_one == now * exact(schedule.gamma)


def cosine(draws: Draws) -> Cosine:
    """A cosine schedule whose minimum is small."""
    return Cosine(draws.integer(1, 24), Fraction(draws.integer(0, 2), 100))


@law(
    "schedules.cosine_ends",
    objects="schedules.Cosine schedules.rate_at exact.cosine_of_half_turns",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants=WRONG,
    cases=moments(cosine),
)
def cosine_ends(rate: Rate, at: Moment) -> bool:
    """A cosine schedule leads from the base rate to the minimum, and stays there."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, Cosine)
    last = [rate(schedule, base, schedule.total + k) for k in (0, at.update)]
    return rate(schedule, base, 0) == base and set(last) == {exact(schedule.minimum)}


@law(
    "schedules.cosine_symmetry",
    objects="schedules.Cosine schedules.rate_at exact.cosine_of_half_turns",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={"the next update's rate": one_late},
    cases=moments(cosine),
    premise=lambda at: (
        isinstance(at.schedule, Cosine) and at.update <= at.schedule.total
    ),
)
def cosine_symmetry(rate: Rate, at: Moment) -> bool:
    """What a cosine has fallen after k updates is left k updates before its end."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, Cosine)
    mirrored = rate(schedule, base, schedule.total - at.update)
    return rate(schedule, base, at.update) + mirrored == base + exact(schedule.minimum)


@law(
    "schedules.cosine_falls",
    objects="schedules.Cosine schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={"what the base rate loses": upside_down},
    cases=moments(cosine),
    premise=lambda at: (
        isinstance(at.schedule, Cosine) and at.base > exact(at.schedule.minimum)
    ),
)
def cosine_falls(rate: Rate, at: Moment) -> bool:
    """A cosine schedule never rises, and stays between the minimum and the base."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, Cosine)
    now, next_one = (rate(schedule, base, at.update + k) for k in (0, 1))
    falls = now > next_one or at.update >= schedule.total
    return falls and exact(schedule.minimum) <= next_one <= now <= base


def settled(draws: Draws) -> Schedule:
    """A schedule to come after a warm-up."""
    found: list[Schedule] = [Constant(), step_decay(draws), cosine(draws)]
    return draws.choice(found)


def without_floor(draws: Draws) -> Schedule:
    """A schedule whose rates are multiples of the base rate."""
    found: list[Schedule] = [
        step_decay(draws),
        Exponential(factor(draws)),
        Cosine(draws.integer(1, 24)),
        WarmUp(draws.integer(1, 12), 0, step_decay(draws)),
    ]
    return draws.choice(found)


def warm_up(draws: Draws) -> WarmUp:
    """A warm-up and what comes after it."""
    start = Fraction(draws.integer(0, 5), 10)
    return WarmUp(draws.integer(1, 12), start, settled(draws))


@law(
    "schedules.warm_up",
    objects="schedules.WarmUp schedules.rate_at",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG,
    cases=moments(warm_up),
)
def warming_up(rate: Rate, at: Moment) -> bool:
    """A warm-up rises from its start by equal steps, then the other schedule starts."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, WarmUp)
    start, updates = exact(schedule.start), schedule.updates
    begins = rate(schedule, base, 0) == start
    warm = [rate(schedule, base, k) for k in range(updates)]
    rises = (
        later - earlier == (base - start) / updates for earlier, later in pairwise(warm)
    )
    follows = rate(schedule, base, updates + update) == rate_at(
        schedule.then, base, update
    )
    return begins and all(rises) and follows


@law(
    "schedules.per_epoch",
    objects="schedules.PerEpoch schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={"the next update's rate": one_late},
    cases=moments(lambda draws: PerEpoch(cosine(draws), draws.integer(1, 9))),
)
def per_epoch(rate: Rate, at: Moment) -> bool:
    """A schedule per epoch keeps its rate for the epoch's updates."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, PerEpoch)
    epoch = at.update // schedule.updates_per_epoch
    return rate(schedule, base, at.update) == rate_at(schedule.schedule, base, epoch)


@law(
    "schedules.proportional",
    objects="schedules.StepDecay schedules.Exponential schedules.Cosine "
    "schedules.WarmUp schedules.Schedule",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants={
        "a rate of at least 1/10": lambda schedule, base, update: max(
            rate_at(schedule, base, update), Fraction(1, 10)
        )
    },
    cases=moments(without_floor),
)
def proportional(rate: Rate, at: Moment) -> bool:
    """Where nothing has a floor, twice the base rate is twice the rate throughout."""
    single = rate(at.schedule, at.base, at.update)
    return rate(at.schedule, 2 * at.base, at.update) == 2 * single


@law(
    "schedules.refusals",
    objects="schedules.rate_at schedules.StepDecay schedules.Exponential "
    "schedules.Cosine schedules.WarmUp schedules.PerEpoch exact.whole exact.within",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record, fields: record(**fields),
    mutants={"ranges unchecked": lambda record, fields: object.__new__(record)},
    cases=lambda draws: BAD,
)
def schedule_refusals(
    make: Callable[[type, Mapping[str, object]], object],
    case: tuple[type, Mapping[str, object]],
) -> bool:
    """A field outside its range is refused, and so is a negative update."""
    return refuses(Reason.HYPERPARAMETER, lambda: make(*case)) and refuses(
        Reason.DOMAIN, lambda: rate_at(Constant(), "0.1", -1)
    )


BAD: tuple[tuple[type, Mapping[str, object]], ...] = (
    (StepDecay, {"step_size": 0}),
    (StepDecay, {"step_size": 2, "gamma": 0}),
    (Exponential, {"gamma": "-0.5"}),
    (Cosine, {"total": 0}),
    (Cosine, {"total": 3, "minimum": -1}),
    (WarmUp, {"updates": 0}),
    (WarmUp, {"updates": 3, "start": "-0.1"}),
    (PerEpoch, {"schedule": Constant(), "updates_per_epoch": 0}),
)
"""Classes, and fields out of range."""
