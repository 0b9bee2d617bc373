"""Every schedule of the original, written anew from its equations, has a record."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from torchlean_spec.exact import cosine_of_half_turns
from torchlean_spec.schedules import (
    Constant,
    Cosine,
    Custom,
    Cyclic,
    Exponential,
    OneCycle,
    PeriodicCosine,
    RateFinder,
    Schedule,
    StepDecay,
    WarmUp,
    rate_at,
    warm_up_cosine,
)

F = Fraction
BASE, LOW, TOP = F(3, 10), F(1, 100), F(9, 10)
"""The initial rate of all, and other rates."""

Rate = Callable[[int], Fraction]


def line(first: Fraction, last: Fraction, share: Fraction) -> Fraction:
    """`lin(a, b, f)`."""
    return first + share * (last - first)


def cosine_annealing(n: int) -> Fraction:
    """CosineAnnealing: 20 updates down to LOW."""
    turned = cosine_of_half_turns(F(min(n, 20), 20))
    return BASE + (1 - (1 + turned) / 2) * (LOW - BASE)


def linear_warm_up(n: int) -> Fraction:
    """LinearWarmup: 8 updates up from LOW."""
    return line(LOW, BASE, F(n, 8)) if n < 8 else BASE


def warm_up_and_cosine(n: int) -> Fraction:
    """WarmupCosine: 6 of 20 updates; right up to update 20 only."""
    if n < 6:
        return BASE * F(n, 6)
    return BASE * (1 + cosine_of_half_turns(F(n - 6, 14))) / 2


def cyclic(mode: str) -> Rate:
    """Cyclic: 5 updates up, 5 down."""

    def rate(n: int) -> Fraction:
        x, k = F(n % 10, 5), n // 10
        heights: dict[str, Fraction] = {
            "triangular": TOP,
            "triangular2": TOP - (TOP - BASE) * (1 - F(1, 2**k)),
            "exp_range": BASE + (TOP - BASE) * F(19, 20) ** n,
        }
        height = heights[mode]
        if n % 10 < 5:
            return BASE + (height - BASE) * x
        return height - (height - BASE) * (x - 1)

    return rate


def one_cycle(n: int) -> Fraction:
    """OneCycle: 20 updates, a quarter of them up."""
    initial, final = BASE / 10, BASE / 1000
    if n >= 20:
        return final
    share = F(n, 20)
    if share < F(1, 4):
        return line(initial, BASE, min(F(1), share / F(1, 4)))
    return line(BASE, final, min(F(1), (share - F(1, 4)) / F(3, 4)))


def rate_finder(n: int) -> Fraction:
    """LRFinder: a factor of 2^20 in 20 updates; right up to update 20 only."""
    return BASE * (1 << n)


def periodic_cosine(n: int) -> Fraction:
    """CosineAnnealingLR: 7 updates from one end to the other."""
    return LOW + (BASE - LOW) * (1 + cosine_of_half_turns(F(n, 7))) / 2


def one_cycle_lr(anneal: str, three_phase: bool) -> Rate:
    """OneCycleLR: 20 updates, three tenths of them up; right below update 20 only."""
    initial, least = BASE / 25, BASE / 25 / 100
    top, last = F(3, 10) * 20 - 1, F(19)

    def curve(first: Fraction, end: Fraction, share: Fraction) -> Fraction:
        if anneal == "linear":
            return line(first, end, share)
        return end + (first - end) / 2 * (1 + cosine_of_half_turns(share))

    def rate(n: int) -> Fraction:
        if three_phase and n > 2 * top:
            return curve(initial, least, (n - 2 * top) / (last - 2 * top))
        if n > top:
            end = initial if three_phase else least
            until = 2 * top if three_phase else last
            return curve(BASE, end, (n - top) / (until - top))
        return curve(initial, BASE, F(n) / top)

    return rate


CASES: list[tuple[str, Schedule, Rate, int]] = [
    ("Constant", Constant(), lambda n: BASE, 60),
    ("ExponentialDecay", Exponential("0.9"), lambda n: BASE * F(9, 10) ** n, 60),
    ("StepDecay", StepDecay(7, "0.5"), lambda n: BASE / 2 ** (n // 7), 60),
    ("StepLR", StepDecay(3), lambda n: BASE / 10 ** (n // 3), 60),
    ("CosineAnnealing", Cosine(20, LOW), cosine_annealing, 60),
    ("LinearWarmup", WarmUp(8, LOW), linear_warm_up, 60),
    ("WarmupCosine", warm_up_cosine(6, 20), warm_up_and_cosine, 21),
    ("Cyclic triangular", Cyclic(TOP, 5), cyclic("triangular"), 60),
    ("TriangularCycle", Cyclic(TOP, 5), cyclic("triangular"), 60),
    ("Cyclic triangular2", Cyclic(TOP, 5, "triangular2"), cyclic("triangular2"), 60),
    (
        "Cyclic exp_range",
        Cyclic(TOP, 5, "exp_range", "0.95"),
        cyclic("exp_range"),
        60,
    ),
    (
        "OneCycle",
        OneCycle(20, "0.25", 10, 1000, "maximum", "linear", final_at="total"),
        one_cycle,
        60,
    ),
    ("LRFinder", RateFinder(20, 2**20), rate_finder, 21),
    ("CosineAnnealingLR", PeriodicCosine(7, LOW), periodic_cosine, 60),
    *(
        (
            f"OneCycleLR {anneal}{' three phases' if three else ''}",
            OneCycle(20, "0.3", 25, 100, anneal=anneal, three_phase=three),
            one_cycle_lr(anneal, three),
            20,
        )
        for anneal in ("cosine", "linear")
        for three in (False, True)
    ),
    ("custom", Custom(lambda n: F(n, 7)), lambda n: F(n, 7), 60),
]


@pytest.mark.parametrize(
    ("name", "schedule", "rate", "count"), CASES, ids=[case[0] for case in CASES]
)
def test_the_originals_equation_is_the_records(
    name: str, schedule: Schedule, rate: Rate, count: int
) -> None:
    """At every update at which the original's equation is to be kept."""
    found = [rate_at(schedule, BASE, update) for update in range(count)]
    assert found == [rate(update) for update in range(count)]
