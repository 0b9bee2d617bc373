"""Laws of schedules as recurrences: at every update, the closed form's rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses, repeat
from torchlean_spec.errors import Reason
from torchlean_spec.exact import ExactArithmetic, Hyperparameter
from torchlean_spec.numbers.system import A
from torchlean_spec.schedules import (
    Constant,
    Cosine,
    Custom,
    Cyclic,
    Exponential,
    OneCycle,
    PerEpoch,
    PeriodicCosine,
    RateFinder,
    Schedule,
    StepDecay,
    Table,
    WarmUp,
    rate_at,
)
from torchlean_spec.schedules.recurrences import Recurrence, Scheduler, recurrence_of

COUNT = 40
"""So many updates are walked through."""


@dataclass(frozen=True)
class Walk:
    """A schedule and the base rate of its recurrence."""

    schedule: Schedule
    base: Fraction


Rates = Callable[[Schedule, Fraction], list[Fraction]]
Make = Callable[[Draws], Schedule]


def walked(schedule: Schedule, base: Fraction) -> list[Fraction]:
    """The rates of the first updates, by the recurrence."""
    scheduler, rates = Scheduler.of(schedule, base), []
    for _ in range(COUNT):
        rates.append(scheduler.rate)
        scheduler = scheduler.step()
    return rates


def one_ahead(schedule: Schedule, base: Fraction) -> list[Fraction]:
    """The wrong rates that are read after the step."""
    scheduler, rates = Scheduler.of(schedule, base).step(), []
    for _ in range(COUNT):
        rates.append(scheduler.rate)
        scheduler = scheduler.step()
    return rates


def stuck(schedule: Schedule, base: Fraction) -> list[Fraction]:
    """The wrong rates of a state that is never advanced."""
    return [Scheduler.of(schedule, base).rate] * COUNT


def every_other(schedule: Schedule, base: Fraction) -> list[Fraction]:
    """The wrong rates of a state that is advanced twice an update."""
    recurrence = recurrence_of(schedule, base)
    state, rates = recurrence.initial, []
    for _ in range(COUNT):
        rates.append(recurrence.rate(state))
        state = recurrence.following(recurrence.following(state))
    return rates


MOVING: dict[str, Rates] = {
    "read after the step": one_ahead,
    "never advanced": stuck,
    "advanced twice": every_other,
}
"""What is wrong of every schedule whose rate changes."""


def changed(**fields: object) -> Rates:
    """The wrong rates of a record with other fields."""

    def wrong(schedule: Schedule, base: Fraction) -> list[Fraction]:
        return walked(replace(schedule, **fields), base)  # type: ignore[type-var]

    return wrong


def of_record(make: Callable[[Schedule], Schedule]) -> Rates:
    """The wrong rates of another record."""
    return lambda schedule, base: walked(make(schedule), base)


def decimal(draws: Draws) -> Fraction:
    """A number with a finite decimal, in (0, 1)."""
    return Fraction(draws.integer(1, 19), 20)


def step_decay(draws: Draws) -> StepDecay:
    """A step schedule that decays within the walk."""
    return StepDecay(draws.integer(1, 7), decimal(draws))


def rate_finder(draws: Draws) -> RateFinder:
    """A rate finder whose rates are rational: its ratio is a power of its total."""
    total = draws.integer(1, 24)
    return RateFinder(total, draws.choice((Fraction(3, 2), Fraction(2, 3))) ** total)


def cosine(draws: Draws) -> Cosine:
    """A cosine that ends within the walk."""
    return Cosine(draws.integer(2, 24), Fraction(draws.integer(0, 2), 100))


def periodic_cosine(draws: Draws) -> PeriodicCosine:
    """A cosine that rises again within the walk."""
    return PeriodicCosine(draws.integer(2, 24), Fraction(draws.integer(0, 2), 100))


def triangular(draws: Draws) -> Cyclic:
    """Cycles of one height."""
    return Cyclic(5 + decimal(draws), draws.integer(1, 9))


def halving(draws: Draws) -> Cyclic:
    """Cycles of halving heights."""
    return Cyclic(5 + decimal(draws), draws.integer(1, 9), "triangular2")


def shrinking(draws: Draws) -> Cyclic:
    """Cycles whose height shrinks at every update."""
    return Cyclic(5 + decimal(draws), draws.integer(1, 9), "exp_range", decimal(draws))


def one_cycle(draws: Draws) -> OneCycle:
    """A cycle of two or three phases that ends within the walk."""
    return OneCycle(
        draws.integer(12, 36),
        Fraction(draws.integer(10, 40), 100),
        draws.integer(2, 30),
        draws.integer(2, 99),
        draws.choice(("initial", "maximum")),
        draws.choice(("cosine", "linear")),
        bool(draws.integer(0, 1)),
        draws.choice(("last-update", "total")),
    )


def warm_up(draws: Draws) -> WarmUp:
    """A warm-up, and any schedule after it."""
    kinds: tuple[Make, ...] = (step_decay, cosine, halving, one_cycle)
    then = draws.choice(kinds)(draws)
    return WarmUp(draws.integer(1, 12), Fraction(draws.integer(0, 5), 10), then)


def per_epoch(draws: Draws) -> PerEpoch:
    """Any schedule, for epochs of some updates."""
    kinds: tuple[Make, ...] = (step_decay, cosine, triangular, warm_up)
    inner = draws.choice(kinds)(draws)
    return PerEpoch(inner, draws.integer(2, 9))


def table(draws: Draws) -> Table:
    """A table that ends within the walk."""
    count = draws.integer(3, 30)
    return Table(tuple(Fraction(draws.integer(0, 9), k + 1) for k in range(count)))


def custom(draws: Draws) -> Custom:
    """A function whose values hardly repeat."""
    first, second = draws.integer(1, 9), draws.integer(1, 9)
    return Custom(lambda update: Fraction(first + update, second + update * update))


def follows(
    name: str,
    record: str,
    make: Make,
    sentence: str,
    mutants: Mapping[str, Rates],
) -> Law:
    """The law that a schedule's recurrence gives the closed form's rates."""

    def walks(draws: Draws) -> Iterator[Walk]:
        return repeat(25, lambda: Walk(make(draws), draws.positive()))

    def agrees(rates: Rates, walk: Walk) -> bool:
        closed = [rate_at(walk.schedule, walk.base, update) for update in range(COUNT)]
        return rates(walk.schedule, walk.base) == closed

    agrees.__doc__ = sentence
    made: Law = law(
        f"schedules.{name}_steps",
        objects=f"schedules.{record} schedules.recurrences.recurrence_of "
        "schedules.recurrences.Scheduler",
        evidence=Evidence.SEARCHED,
        subject=walked,
        mutants=mutants,
        cases=walks,
    )(agrees)
    return made


RECURRENCES: tuple[Law, ...] = (
    follows(
        "constant",
        "Constant",
        lambda draws: Constant(),
        "A constant schedule's state is its rate, and stays.",
        {"half of it": of_record(lambda schedule: StepDecay(3, "0.5"))},
    ),
    follows(
        "step_decay",
        "StepDecay",
        step_decay,
        "A step schedule's rate takes its factor whenever no update is left with it.",
        MOVING | {"a factor every update": changed(step_size=1)},
    ),
    follows(
        "exponential",
        "Exponential",
        lambda draws: Exponential(decimal(draws)),
        "An exponential schedule's rate takes its factor at every update.",
        MOVING,
    ),
    follows(
        "rate_finder",
        "RateFinder",
        rate_finder,
        "A rate finder's rate takes the root of its ratio until its last update.",
        MOVING
        | {
            "without an end": of_record(
                lambda schedule: Exponential(
                    cast(RateFinder, schedule).ratio
                    if cast(RateFinder, schedule).total == 1
                    else 2
                )
            )
        },
    ),
    follows(
        "cosine",
        "Cosine",
        cosine,
        "A cosine schedule turns by equal angles until half a turn.",
        MOVING
        | {
            "rises again": of_record(
                lambda schedule: PeriodicCosine(
                    cast(Cosine, schedule).total, cast(Cosine, schedule).minimum
                )
            ),
            "the minimum forgotten": changed(minimum=0),
        },
    ),
    follows(
        "periodic_cosine",
        "PeriodicCosine",
        periodic_cosine,
        "A periodic cosine turns by equal angles for ever.",
        MOVING
        | {
            "stays at the minimum": of_record(
                lambda schedule: Cosine(
                    cast(PeriodicCosine, schedule).half_period,
                    cast(PeriodicCosine, schedule).minimum,
                )
            )
        },
    ),
    follows(
        "triangular",
        "Cyclic",
        triangular,
        "A cycle goes up and down by equal steps, again and again.",
        MOVING | {"half as high every time": changed(mode="triangular2")},
    ),
    follows(
        "triangular2",
        "Cyclic",
        halving,
        "A halving cycle's height is halved where a cycle begins.",
        MOVING | {"always as high": changed(mode="triangular")},
    ),
    follows(
        "exp_range",
        "Cyclic",
        shrinking,
        "A shrinking cycle's height takes its factor at every update.",
        MOVING | {"without the factor": changed(gamma=1)},
    ),
    follows(
        "one_cycle",
        "OneCycle",
        one_cycle,
        "One cycle counts the updates since its phase began, and carries over borders.",
        MOVING
        | {
            "along a line": changed(anneal="linear"),
            "the maximum divided": changed(final_of="maximum"),
            "two phases": changed(three_phase=False),
            "an update later": changed(final_at="total"),
        },
    ),
    follows(
        "warm_up",
        "WarmUp",
        warm_up,
        "A warm-up adds its slope while updates are left, and then steps the other.",
        MOVING | {"from nothing": changed(start=0)},
    ),
    follows(
        "per_epoch",
        "PerEpoch",
        per_epoch,
        "A schedule per epoch steps the other whenever no update is left in the epoch.",
        MOVING
        | {
            "every update": of_record(
                lambda schedule: cast(PerEpoch, schedule).schedule
            )
        },
    ),
    follows(
        "table",
        "Table",
        table,
        "A table drops a rate at every update, but never its last.",
        MOVING,
    ),
    follows(
        "custom",
        "Custom",
        custom,
        "A function is asked for update after update.",
        MOVING,
    ),
)
"""One law for each recurrence."""


@dataclass(frozen=True)
class Foreign:
    """A schedule that is not of the spec."""

    @property
    def name(self) -> str:
        """`foreign`."""
        return "foreign"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The update's index."""
        return update


STRANGE: tuple[Schedule, ...] = (
    Foreign(),
    PerEpoch(Foreign(), 2),
    WarmUp(2, 0, Foreign()),
)
"""It, alone and inside others."""


@law(
    "schedules.foreign_steps",
    objects="schedules.recurrences.recurrence_of",
    evidence=Evidence.EXHAUSTIVE,
    subject=recurrence_of,
    mutants={"constant instead": lambda schedule, base: recurrence_of(Constant(), 1)},
    cases=lambda draws: STRANGE,
)
def foreign(
    make: Callable[[Schedule, Hyperparameter], Recurrence], schedule: Schedule
) -> bool:
    """A schedule that is not of the spec has no recurrence, alone or inside another."""
    return refuses(Reason.UNSUPPORTED, lambda: make(schedule, Fraction(1)))
