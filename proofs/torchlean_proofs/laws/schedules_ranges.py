"""Laws of schedules that rise and fall: ranges, ends, periods, borders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from torchlean_proofs.laws.law import Draws, Evidence, law, repeat
from torchlean_proofs.laws.schedules import (
    WRONG,
    Moment,
    Rate,
    moments,
    one_late,
    upside_down,
)
from torchlean_proofs.laws.schedules_recurrences import (
    halving,
    one_cycle,
    periodic_cosine,
    shrinking,
    triangular,
)
from torchlean_spec.exact import EXACT, exact
from torchlean_spec.schedules import (
    Cosine,
    Cyclic,
    OneCycle,
    PeriodicCosine,
    Schedule,
    WarmUp,
    rate_at,
    warm_up_cosine,
)
from torchlean_spec.schedules.cycles import Anneal, annealed

# COSINES


@law(
    "schedules.periodic_cosine",
    objects="schedules.PeriodicCosine schedules.rate_at exact.cosine_of_half_turns",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants=WRONG
    | {
        "stays at the minimum": lambda schedule, base, update: rate_at(
            Cosine(schedule.half_period, schedule.minimum), base, update
        )
    },
    cases=moments(periodic_cosine),
)
def periodic(rate: Rate, at: Moment) -> bool:
    """A periodic cosine falls as a cosine does, rises as it fell, and repeats."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, PeriodicCosine)
    half, minimum = schedule.half_period, exact(schedule.minimum)
    once, within = Cosine(half, schedule.minimum), update % half
    falls = rate(schedule, base, within) == rate_at(once, base, within)
    rises = rate(schedule, base, half + within) == rate_at(once, base, half - within)
    repeats = rate(schedule, base, update + 2 * half) == rate(schedule, base, update)
    ends = (rate(schedule, base, 0), rate(schedule, base, half)) == (base, minimum)
    return falls and rises and repeats and ends


@dataclass(frozen=True)
class Warmed:
    """A warm-up with a cosine: updates, total, and a base rate."""

    updates: int
    total: int
    minimum: Fraction
    base: Fraction


def warmed(draws: Draws) -> Iterator[Warmed]:
    """Some warm-ups with cosines."""

    def one() -> Warmed:
        updates = draws.integer(1, 12)
        minimum = Fraction(draws.integer(0, 2), 100)
        total = updates + draws.integer(2, 20)
        return Warmed(updates, total, minimum, draws.positive())

    return repeat(40, one)


@law(
    "schedules.warm_up_cosine",
    objects="schedules.warm_up_cosine schedules.WarmUp schedules.Cosine",
    evidence=Evidence.SEARCHED,
    subject=warm_up_cosine,
    mutants={
        "the total after the warm-up": lambda updates, total, minimum: WarmUp(
            updates, then=Cosine(total, minimum)
        ),
        "rises again": lambda updates, total, minimum: WarmUp(
            updates, then=PeriodicCosine(total - updates, minimum)
        ),
        "the minimum forgotten": lambda updates, total, minimum: warm_up_cosine(
            updates, total
        ),
    },
    cases=warmed,
)
def warm_up_and_cosine(make: Callable[..., Schedule], case: Warmed) -> bool:
    """The rate is the base after the warm-up, and the minimum from the total on."""
    schedule = make(case.updates, case.total, case.minimum)
    ends = (case.total, case.total + 1, 2 * case.total, 1000 * case.total)
    last = {rate_at(schedule, case.base, update) for update in ends}
    top = rate_at(schedule, case.base, case.updates)
    before = rate_at(schedule, case.base, case.total - 1)
    start = rate_at(schedule, case.base, 0)
    risen = start == 0 and top == case.base
    return risen and before != case.minimum and last == {case.minimum}


# CYCLES


@law(
    "schedules.triangular",
    objects="schedules.Cyclic schedules.rate_at",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG
    | {
        "half as high every time": lambda schedule, base, update: rate_at(
            replace(schedule, mode="triangular2"), base, update
        )
    },
    cases=moments(triangular),
)
def triangles(rate: Rate, at: Moment) -> bool:
    """A cycle leads from the base to the maximum and back by equal steps; it repeats.

    So the rate stays between the base rate and the maximum.
    """
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, Cyclic)
    size, maximum = schedule.step_size, exact(schedule.maximum)
    start = 2 * size * (at.update % 5)
    rates = [rate(schedule, base, start + k) for k in range(2 * size + 1)]
    step = (maximum - base) / size
    steps = [later - earlier for earlier, later in pairwise(rates)]
    ends = (rates[0], rates[size], rates[-1]) == (base, maximum, base)
    inside = all(min(base, maximum) <= each <= max(base, maximum) for each in rates)
    return ends and inside and steps == [step] * size + [-step] * size


@law(
    "schedules.triangular2",
    objects="schedules.Cyclic schedules.rate_at exact.power",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG
    | {
        "always as high": lambda schedule, base, update: rate_at(
            replace(schedule, mode="triangular"), base, update
        )
    },
    cases=moments(halving),
)
def halved_triangles(rate: Rate, at: Moment) -> bool:
    """The first cycle is a triangle, and each is half as high as the one before."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, Cyclic)
    period = 2 * schedule.step_size
    above = rate(schedule, base, update) - base
    first = update % period
    plain = rate_at(replace(schedule, mode="triangular"), base, first)
    begins = rate(schedule, base, first) == plain
    return begins and rate(schedule, base, update + period) - base == above / 2


@law(
    "schedules.exp_range",
    objects="schedules.Cyclic schedules.rate_at exact.power",
    evidence=Evidence.IDENTITY_TESTED,
    subject=rate_at,
    mutants=WRONG
    | {
        "without the factor": lambda schedule, base, update: rate_at(
            replace(schedule, gamma=1), base, update
        )
    },
    cases=moments(shrinking),
)
def shrinking_triangles(rate: Rate, at: Moment) -> bool:
    """What a triangle adds to the base rate, times the factor of all updates so far."""
    schedule, base, update = at.schedule, at.base, at.update
    assert isinstance(schedule, Cyclic)
    plain = rate_at(replace(schedule, mode="triangular", gamma=1), base, update)
    shrunk = (plain - base) * exact(schedule.gamma) ** update
    return rate(schedule, base, update) == base + shrunk


def other(**fields: object) -> Rate:
    """The wrong rate of a cycle with other fields."""

    def wrong(schedule: Schedule, base: Fraction, update: int) -> Fraction:
        return rate_at(replace(schedule, **fields), base, update)  # type: ignore[type-var]

    return wrong


def whole_cycle(draws: Draws) -> OneCycle:
    """One cycle whose borders are whole numbers."""
    share = Fraction(draws.integer(2, 8), 20)
    return replace(one_cycle(draws), total=20 * draws.integer(1, 2), rise=share)


@law(
    "schedules.one_cycle_borders",
    objects="schedules.OneCycle schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants=WRONG
    | {
        "the maximum divided": other(final_of="maximum"),
        "an update later": other(final_at="total"),
        "two phases": other(three_phase=False),
    },
    cases=moments(whole_cycle),
)
def one_cycle_borders(rate: Rate, at: Moment) -> bool:
    """One cycle has its border rates at whole borders, and the last for ever."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, OneCycle)
    initial = base / exact(schedule.initial_divisor)
    divided = initial if schedule.final_of == "initial" else base
    final = divided / exact(schedule.final_divisor)
    early = 1 if schedule.final_at == "last-update" else 0
    last, top = schedule.total - early, exact(schedule.rise) * schedule.total - early
    wanted = {Fraction(0): initial, top: base}
    wanted |= {2 * top: initial} if schedule.three_phase else {}
    wanted |= {Fraction(last + k): final for k in (0, 1, at.update)}
    return all(
        rate(schedule, base, int(border)) == value
        for border, value in wanted.items()
        if border.denominator == 1
    )


@law(
    "schedules.one_cycle_range",
    objects="schedules.OneCycle schedules.rate_at",
    evidence=Evidence.SEARCHED,
    subject=rate_at,
    mutants={
        "what the base rate loses": upside_down,
        "the next update's rate": one_late,
        "a longer rise": lambda schedule, base, update: rate_at(
            replace(schedule, rise=exact(schedule.rise) + Fraction(1, 20)), base, update
        ),
    },
    cases=moments(one_cycle, 200),
)
def one_cycle_range(rate: Rate, at: Moment) -> bool:
    """One cycle rises to its top, falls after it, and never leaves its border rates."""
    schedule, base = at.schedule, at.base
    assert isinstance(schedule, OneCycle)
    initial = base / exact(schedule.initial_divisor)
    divided = initial if schedule.final_of == "initial" else base
    final = divided / exact(schedule.final_divisor)
    early = 1 if schedule.final_at == "last-update" else 0
    top = exact(schedule.rise) * schedule.total - early
    two = not schedule.three_phase or at.update + 1 <= 2 * top
    now, later = (rate(schedule, base, at.update + k) for k in (0, 1))
    lowest = min(initial, final)
    inside = lowest <= now <= base and lowest <= later <= base
    if at.update + 1 <= top:
        return inside and now < later
    if at.update >= top and two and at.update + 1 <= schedule.total - early:
        end = initial if schedule.three_phase else final
        return inside and (now > later) == (end < base)
    return inside


def curve(anneal: Anneal, first: Fraction, last: Fraction, share: Fraction) -> Fraction:
    """What lies a share of the way between two values, exactly."""
    return annealed(anneal, EXACT, first, last, share)


ANNEALS: tuple[Anneal, ...] = ("linear", "cosine")


@law(
    "schedules.annealed",
    objects="schedules.cycles.annealed",
    evidence=Evidence.SEARCHED,
    subject=curve,
    mutants={
        "backwards": lambda anneal, first, last, share: curve(
            anneal, last, first, share
        ),
        "along a line": lambda anneal, *given: curve("linear", *given),
        "along a cosine": lambda anneal, *given: curve("cosine", *given),
    },
    cases=lambda draws: repeat(
        40,
        lambda: (
            draws.choice(ANNEALS),
            draws.fraction(),
            draws.fraction(),
            draws.share(),
        ),
    ),
)
def between(
    curve: Callable[[Anneal, Fraction, Fraction, Fraction], Fraction],
    case: tuple[Anneal, Fraction, Fraction, Fraction],
) -> bool:
    """A curve leads from the first value to the last, even about its middle.

    A line moves by the share; a cosine by less before the middle, and more after.
    """
    kind, first, last, share = case

    def at(x: Fraction) -> Fraction:
        return curve(kind, first, last, x)

    ends = (at(Fraction(0)), at(Fraction(1))) == (first, last)
    even = at(share) + at(1 - share) == first + last
    moved, line = at(share) - first, (last - first) * share
    middle = share in (0, Fraction(1, 2)) or first == last
    if kind == "linear" or middle:
        return ends and even and moved == line
    return ends and even and (abs(moved) < abs(line)) == (share < Fraction(1, 2))
