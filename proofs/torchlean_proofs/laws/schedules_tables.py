"""Laws of schedules whose rates are given by number: by ratio, table, function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.schedules import WRONG, Moment, Rate, moments, one_late
from torchlean_proofs.laws.schedules_recurrences import (
    cosine,
    custom,
    step_decay,
    table,
)
from torchlean_spec.errors import Reason
from torchlean_spec.exact import exact
from torchlean_spec.schedules import (
    Custom,
    Cyclic,
    OneCycle,
    PerEpoch,
    PeriodicCosine,
    RateFinder,
    Schedule,
    Table,
    WarmUp,
    rate_at,
    tabulated,
    warm_up_cosine,
)


@law(
    "schedules.rate_finder",
    objects="schedules.RateFinder schedules.rate_at exact.power",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants=WRONG
    | {
        "twice as fast": lambda schedule, base, update: rate_at(
            schedule, base, 2 * update
        )
    },
    cases=moments(
        lambda draws: RateFinder(
            draws.integer(2, 30), Fraction(draws.integer(2, 9), draws.integer(2, 9))
        )
    ),
    premise=lambda at: isinstance(at.schedule, RateFinder) and at.schedule.ratio != 1,
)
def rate_finder(rate: Rate, at: Moment) -> bool:
    """A rate finder leads from the base to its multiple, and stays there.

    Its rate after k updates, to the power of the total, is the power of the ratio to
    k, within the precision of powers.
    """
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, RateFinder)
    total, ratio = schedule.total, exact(schedule.ratio)
    elapsed = min(at.update, total)
    multiple = rate(schedule, base, at.update) / base
    off = abs(multiple**total / ratio**elapsed - 1)
    ends = [rate(schedule, base, k) for k in (0, total, total + at.update)]
    within = off < total * Fraction(1, 2**255)
    return within and ends == [base, base * ratio, base * ratio]


@law(
    "schedules.table",
    objects="schedules.Table schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={
        "the next update's rate": one_late,
        "times the base rate": lambda schedule, base, update: (
            base * rate_at(schedule, base, update)
        ),
        "round and round": lambda schedule, base, update: schedule.rates[
            update % len(schedule.rates)
        ],
    },
    cases=moments(table),
)
def tables(rate: Rate, at: Moment) -> bool:
    """A table's rates are those written, whatever the base; the last stays."""
    schedule = at.schedule
    assert isinstance(schedule, Table)
    place = min(at.update, len(schedule.rates) - 1)
    return rate(schedule, at.base, at.update) == schedule.rates[place]


@law(
    "schedules.custom",
    objects="schedules.Custom schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={
        "the next update's rate": one_late,
        "times the base rate": lambda schedule, base, update: (
            base * rate_at(schedule, base, update)
        ),
    },
    cases=moments(custom),
)
def customs(rate: Rate, at: Moment) -> bool:
    """The rates of a function are its values, whatever the base."""
    schedule = at.schedule
    assert isinstance(schedule, Custom)
    return rate(schedule, at.base, at.update) == exact(schedule.function(at.update))


def nested(draws: Draws) -> Schedule:
    """A function inside other schedules, or none at all."""
    found: list[Schedule] = [
        custom(draws),
        WarmUp(draws.integer(1, 6), 0, custom(draws)),
        PerEpoch(custom(draws), draws.integer(1, 5)),
        PerEpoch(WarmUp(2, "0.1", custom(draws)), draws.integer(1, 5)),
        cosine(draws),
        step_decay(draws),
    ]
    return draws.choice(found)


@law(
    "schedules.tabulated",
    objects="schedules.tabulated schedules.Table schedules.Custom",
    evidence=Evidence.SEARCHED,
    subject=tabulated,
    mutants={
        "one rate short": lambda schedule, count: tabulated(schedule, count - 1),
        "as it is": lambda schedule, count: schedule,
        "of the function alone": lambda schedule, count: (
            tabulated(schedule, count) if isinstance(schedule, Custom) else schedule
        ),
    },
    cases=lambda draws: repeat(
        60,
        lambda: (nested(draws), draws.integer(1, 20), draws.positive()),
    ),
)
def by_table(
    make: Callable[[Schedule, int], Schedule], case: tuple[Schedule, int, Fraction]
) -> bool:
    """A schedule without functions has the same rates for so many updates."""
    schedule, count, base = case
    found = make(schedule, count)
    same = all(
        rate_at(found, base, update) == rate_at(schedule, base, update)
        for update in range(count)
    )
    inner: object = found
    while isinstance(inner, WarmUp | PerEpoch):
        inner = inner.then if isinstance(inner, WarmUp) else inner.schedule
    return same and not isinstance(inner, Custom)


@law(
    "schedules.refused_rates",
    objects="schedules.Table schedules.Custom schedules.OneCycle schedules.Cyclic "
    "schedules.PeriodicCosine schedules.RateFinder schedules.warm_up_cosine "
    "exact.positive",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record, fields: record(**fields),
    mutants={"ranges unchecked": lambda record, fields: object()},
    cases=lambda draws: BAD,
)
def rates_refused(
    make: Callable[..., object],
    case: tuple[Callable[..., object], Mapping[str, object]],
) -> bool:
    """A field outside its range is refused, and so is a rate below 0."""
    negative = Custom(lambda update: -update)
    return refuses(Reason.HYPERPARAMETER, lambda: make(*case)) and refuses(
        Reason.HYPERPARAMETER, lambda: rate_at(negative, 1, 2)
    )


BAD: tuple[tuple[Callable[..., object], Mapping[str, object]], ...] = (
    (PeriodicCosine, {"half_period": 0}),
    (PeriodicCosine, {"half_period": 2, "minimum": -1}),
    (RateFinder, {"total": 0, "ratio": 2}),
    (RateFinder, {"total": 2, "ratio": 0}),
    (RateFinder, {"total": 2, "ratio": "nan"}),
    (Cyclic, {"maximum": -1, "step_size": 1}),
    (Cyclic, {"maximum": 1, "step_size": 0}),
    (Cyclic, {"maximum": 1, "step_size": 1, "mode": "exp_range", "gamma": 0}),
    (OneCycle, {"total": 0}),
    (OneCycle, {"total": 3, "rise": "0.1"}),
    (OneCycle, {"total": 30, "rise": "0.6", "three_phase": True}),
    (OneCycle, {"total": 30, "initial_divisor": 0}),
    (Table, {"rates": ()}),
    (Table, {"rates": (1, -1)}),
    (warm_up_cosine, {"updates": 3, "total": 3}),
)
"""Classes, and fields out of range."""
