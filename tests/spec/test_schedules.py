"""Schedules: closed forms, recurrences, ends, nesting, refusals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import PRECISION
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

BASE = Fraction(3, 10)
ERROR = Fraction(1, 2**PRECISION)


def rates(schedule: Schedule, count: int) -> list[Fraction]:
    """The rates of the first updates."""
    return [rate_at(schedule, BASE, update) for update in range(count)]


def test_a_constant_rate_is_the_base_rate() -> None:
    """Every update has the base rate."""
    assert rates(Constant(), 5) == [BASE] * 5


@pytest.mark.parametrize("step_size", [1, 2, 7])
def test_step_decay_multiplies_at_every_multiple(step_size: int) -> None:
    """The closed form is the recurrence that decays after each `step_size` updates."""
    gamma = Fraction(1, 4)
    found = rates(StepDecay(step_size, "0.25"), 30)
    assert found[0] == BASE
    for update, (before, after) in enumerate(pairwise(found), start=1):
        assert after == (before * gamma if update % step_size == 0 else before)


def test_exponential_decay_multiplies_every_time() -> None:
    """The closed form is the recurrence `rate <- rate * gamma`."""
    found = rates(Exponential("0.9"), 30)
    assert found[0] == BASE
    assert all(after == before * Fraction(9, 10) for before, after in pairwise(found))


def test_exponential_decay_is_step_decay_of_one() -> None:
    """A decay every update is a decay after each update."""
    assert rates(Exponential(0.7), 20) == rates(StepDecay(1, 0.7), 20)


def test_the_cosine_starts_at_the_base_and_ends_at_the_minimum() -> None:
    """It falls strictly from the base rate to the minimum, half way at half time."""
    found = rates(Cosine(total=10, minimum="0.1"), 11)
    assert found[0] == BASE
    assert found[5] == Fraction(2, 10)
    assert found[10] == Fraction(1, 10)
    assert all(after < before for before, after in pairwise(found))


def test_the_cosine_is_symmetric_about_its_middle() -> None:
    """Rates equally far from both ends add up to base and minimum."""
    found = rates(Cosine(total=9, minimum="0.1"), 10)
    assert {
        sooner + later for sooner, later in zip(found, found[::-1], strict=True)
    } == ({BASE + Fraction(1, 10)})


def test_the_cosine_follows_its_recurrence() -> None:
    """`cos(a + b) + cos(a - b) = 2 cos(a) cos(b)`, within the cosines' precision."""
    total = 12
    cosines = [2 * rate / BASE - 1 for rate in rates(Cosine(total), total + 1)]
    for before, here, after in zip(cosines, cosines[1:], cosines[2:], strict=False):
        # Four cosines of at most 1, the product doubled.
        assert abs(before + after - 2 * here * cosines[1]) < 8 * ERROR


def test_the_cosine_stays_at_its_minimum() -> None:
    """After the end the rate does not rise again, as it does in the original."""
    cosine = Cosine(total=4, minimum="0.05")
    warm = WarmUp(updates=3, then=cosine)
    assert {rate_at(cosine, BASE, update) for update in (4, 5, 8, 10**9)} == (
        {Fraction(1, 20)}
    )
    assert {rate_at(warm, BASE, update) for update in (7, 8, 11, 10**9)} == (
        {Fraction(1, 20)}
    )


def test_the_minimum_may_lie_above_the_base_rate() -> None:
    """The cosine then rises to it."""
    assert rate_at(Cosine(total=2, minimum=1), 0, 1) == Fraction(1, 2)


@pytest.mark.parametrize(
    "then", [Constant(), Cosine(5), StepDecay(2), Exponential(0.5)]
)
def test_a_warm_up_is_a_line_and_then_the_other_schedule(then: Schedule) -> None:
    """It rises evenly to the base rate, where the other schedule starts to count."""
    found = rates(WarmUp(updates=4, start="0.1", then=then), 12)
    assert found[0] == Fraction(1, 10)
    steps = [after - before for before, after in pairwise(found[:5])]
    assert steps == [(BASE - Fraction(1, 10)) / 4] * 4
    assert found[4:] == rates(then, 8)


def test_warm_ups_nest() -> None:
    """A warm-up may follow a warm-up, and is its own schedule there."""
    nested = WarmUp(updates=2, then=WarmUp(updates=2, start=1))
    assert rates(nested, 5) == [0, BASE / 2, 1, (1 + BASE) / 2, BASE]


def test_per_epoch_holds_the_rate_for_an_epoch() -> None:
    """The other schedule sees the number of whole epochs before the update."""
    inner = WarmUp(updates=2, then=Exponential(0.5))
    found = rates(PerEpoch(inner, updates_per_epoch=3), 15)
    assert found == [rate for rate in rates(inner, 5) for _ in range(3)]


def test_names_tell_what_is_nested() -> None:
    """A schedule's name is made of the names of its parts."""
    nested = PerEpoch(WarmUp(updates=2, then=Cosine(5)), updates_per_epoch=3)
    assert nested.name == "warm-up-cosine-per-epoch"
    parts: list[Schedule] = [Constant(), StepDecay(1), Exponential(1)]
    assert [part.name for part in parts] == ["constant", "step", "exponential"]


def test_fields_are_exact() -> None:
    """Equal schedules are equal records, however their numbers were written."""
    assert StepDecay(3, 0.5) == StepDecay(3, "0.50")
    assert Cosine(3, 0.1) == Cosine(3, Fraction(1, 10))
    assert hash(WarmUp(3, 0.1)) == hash(WarmUp(3, "0.1"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "expected step_size of at least 1, got 0"),
        (lambda: StepDecay(1, 0), "expected gamma above 0, got 0"),
        (lambda: Exponential(-1), "expected gamma above 0, got -1"),
        (lambda: Cosine(0), "expected total of at least 1, got 0"),
        (lambda: Cosine(1, -1), "expected minimum at least 0, got -1"),
        (lambda: WarmUp(0), "expected updates of at least 1, got 0"),
        (lambda: WarmUp(1, "-0.1"), "expected start at least 0, got -0.1"),
        (
            lambda: PerEpoch(Constant(), 0),
            "expected updates_per_epoch of at least 1, got 0",
        ),
    ],
)
def test_bad_fields_are_refused(make: Callable[[], Schedule], message: str) -> None:
    """Each refusal names the field, its range and the value."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == Reason.HYPERPARAMETER


def test_updates_count_from_zero() -> None:
    """There is no update before update 0."""
    with pytest.raises(TorchLeanError) as refusal:
        rate_at(Constant(), BASE, -1)
    assert str(refusal.value) == "expected an update counted from 0, got -1"
    assert refusal.value.reason == Reason.DOMAIN


def test_a_rate_that_no_format_can_hold_is_refused() -> None:
    """A growing rate is refused before it is too large to write down."""
    with pytest.raises(TorchLeanError) as refusal:
        rate_at(Exponential(2), BASE, 10**9)
    assert str(refusal.value) == (
        "expected a power below 2^32768, got (2) ** 1000000000"
    )
    assert refusal.value.reason == Reason.DOMAIN
