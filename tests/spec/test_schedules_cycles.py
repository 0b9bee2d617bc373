"""Cyclic, tabulated and other further schedules: values, ends, refusals, files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest

from torchlean_spec.data import Loader
from torchlean_spec.description import from_json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.optimizers import SGD
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
    tabulated,
    warm_up_cosine,
)
from torchlean_spec.schedules.recurrences import Scheduler, recurrence_of
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun


def rates(schedule: Schedule, count: int, base: int | str = 1) -> list[str]:
    """The rates of the first updates, written as fractions."""
    return [str(rate_at(schedule, base, update)) for update in range(count)]


def test_a_periodic_cosine_rises_again() -> None:
    """It is at the base at even multiples of the half period, as in PyTorch."""
    found = rates(PeriodicCosine(2, "0.5"), 9)
    assert found == ["1", "3/4", "1/2", "3/4", "1", "3/4", "1/2", "3/4", "1"]


def test_periodic_cosines_far_out_are_those_of_the_first_period() -> None:
    """After 10^12 periods nothing has been lost."""
    schedule = PeriodicCosine(7)
    for update in range(14):
        far = rate_at(schedule, 1, 14 * 10**12 + update)
        assert far == rate_at(schedule, 1, update)


def test_a_warm_up_cosine_counts_both_parts() -> None:
    """Three updates up, three down, and the minimum for ever."""
    schedule = warm_up_cosine(3, 6, "0.5", start="0.25")
    assert rates(schedule, 8) == ["1/4", "1/2", "3/4", "1", "7/8", "5/8", "1/2", "1/2"]


def test_a_rate_finder_goes_up_in_equal_factors_and_stays() -> None:
    """Rational roots are exact, and the rate after the last update is the last."""
    assert rates(RateFinder(3, 8), 6, "0.1") == ["1/10", "1/5", "2/5", *["4/5"] * 3]
    assert rates(RateFinder(2, "1/9"), 4) == ["1", "1/3", "1/9", "1/9"]
    half_way = rate_at(RateFinder(2, 2), 1, 1)
    assert float(half_way) == math.sqrt(2)


def test_the_three_modes_of_cycles() -> None:
    """One height, halved heights, and heights that shrink at every update."""
    assert rates(Cyclic(3, 2), 9) == ["1", "2", "3", "2"] * 2 + ["1"]
    halved = rates(Cyclic(3, 2, "triangular2"), 9)
    assert halved == ["1", "2", "3", "2", "1", "3/2", "2", "3/2", "1"]
    shrinking = rates(Cyclic(3, 1, "exp_range", "0.5"), 5)
    assert shrinking == ["1", "2", "1", "5/4", "1"]


def test_a_maximum_below_the_base_makes_cycles_go_down() -> None:
    """The equations say nothing else."""
    assert rates(Cyclic("0.5", 1), 4) == ["1", "1/2", "1", "1/2"]


def test_one_cycle_as_in_pytorch() -> None:
    """Ten updates, three tenths up: the top at update 2, the last rate at update 9."""
    linear = rates(OneCycle(10, "0.3", 25, 10, anneal="linear"), 12)
    assert linear[:3] == ["1/25", "13/25", "1"]
    assert linear[9:] == ["1/250"] * 3
    falls = {Fraction(b) - Fraction(a) for a, b in pairwise(linear[2:10])}
    assert falls == {Fraction(-249, 250) / 7}


def test_one_cycle_along_a_cosine() -> None:
    """Half way up and half way down the cosine is half way."""
    found = rates(OneCycle(8, "0.5", 2, 4, final_at="total"), 10)
    assert found[:1] + found[2:3] + found[4:5] == ["1/2", "3/4", "1"]
    assert found[6] == str((1 + Fraction(1, 8)) / 2)
    assert found[8:] == ["1/8", "1/8"]


def test_one_cycle_in_three_phases() -> None:
    """The fall stops at the initial rate, as long as the rise took."""
    schedule = OneCycle(
        10, "0.3", 2, 5, anneal="linear", three_phase=True, final_at="total"
    )
    assert list(map(int, schedule.borders)) == [0, 3, 6, 10]
    found = rates(schedule, 12)
    assert found[:7] == ["1/2", "2/3", "5/6", "1", "5/6", "2/3", "1/2"]
    assert found[10:] == ["1/10", "1/10"]


def test_the_originals_one_cycle() -> None:
    """Its final rate is a part of the maximum, and is reached at the total."""
    theirs = OneCycle(8, "0.25", 10, 100, "maximum", anneal="linear", final_at="total")
    found = rates(theirs, 10, 2)
    assert (found[0], found[2], found[8], found[9]) == ("1/5", "2", "1/50", "1/50")


def test_a_table_keeps_its_last_rate() -> None:
    """The base rate is not asked for."""
    table = Table((1, "0.25", Fraction(1, 3)))
    assert rates(table, 5, 99) == ["1", "1/4", "1/3", "1/3", "1/3"]


def test_a_function_of_the_update_is_a_schedule() -> None:
    """Floats mean the decimals that they show; inside others it counts as they do."""
    custom = Custom(lambda update: 0.1 * (update == 0) + update)
    assert rates(custom, 3) == ["1/10", "1", "2"]
    assert rates(WarmUp(2, then=custom), 5) == ["0", "1/2", "1/10", "1", "2"]
    assert rates(PerEpoch(custom, 2), 5) == ["1/10", "1/10", "1", "1", "2"]


def test_tables_hold_no_more_than_is_asked_for() -> None:
    """A function is never asked for an update beyond the run's last."""
    asked = []

    def function(update: int) -> int:
        asked.append(update)
        return update

    nested = WarmUp(4, then=PerEpoch(Custom(function), 3))
    assert tabulated(nested, 9) == WarmUp(4, then=PerEpoch(Table((0, 1)), 3))
    assert asked == [0, 1]
    assert tabulated(Custom(function), 0) == Table((0,))


def run_with(schedule: Schedule, steps: int) -> TrainingRun:
    """A run of so many steps."""
    task = Task(Linear(1, 1), MeanSquaredError())
    return TrainingRun(task, SGD("0.1"), Loader(4, 2), steps, schedule)


def test_a_run_with_a_function_is_written_with_its_table() -> None:
    """What is read back has the same rate in every step."""
    run = run_with(Custom(lambda update: Fraction(1, update + 1)), 5)
    read = from_json(json.loads(json.dumps(to_json(run))))
    assert isinstance(read, TrainingRun)
    assert isinstance(read.schedule, Table)
    assert [read.learning_rate(step) for step in range(1, 6)] == [
        run.learning_rate(step) for step in range(1, 6)
    ]
    assert to_json(read) == to_json(run)


def test_a_function_by_itself_is_not_written() -> None:
    """Nothing could be read back."""
    with pytest.raises(TorchLeanError) as refusal:
        to_json(Custom(lambda update: 1))
    assert refusal.value.reason is Reason.UNKNOWN_NAME
    assert str(refusal.value) == (
        "expected a schedule that can be written down, got a function; "
        "tabulated makes a table of its rates"
    )


WRITTEN: list[Schedule] = [
    PeriodicCosine(3, "0.1"),
    RateFinder(3, "10/3"),
    Cyclic("0.5", 3, "exp_range", "0.9"),
    OneCycle(30, three_phase=True, anneal="linear"),
    Table((1, "1/3")),
    warm_up_cosine(2, 9),
]


@pytest.mark.parametrize("schedule", WRITTEN, ids=lambda each: each.name)
def test_descriptions_are_written_and_read_back(schedule: Schedule) -> None:
    """To the last digit, fractions included."""
    assert from_json(json.loads(json.dumps(to_json(schedule)))) == schedule


RECURRENT: list[Schedule] = [
    *WRITTEN,
    Constant(),
    StepDecay(3),
    Exponential("0.9"),
    Cosine(7),
    OneCycle(23, "0.4", final_at="total", final_of="maximum"),
    PerEpoch(WarmUp(2, then=Cyclic(1, 2, "triangular2")), 3),
    Custom(lambda update: update % 3),
]


@pytest.mark.parametrize("schedule", RECURRENT, ids=lambda each: each.name)
def test_schedulers_step_through_the_rates(schedule: Schedule) -> None:
    """Each step gives the next rate; rational ones exactly."""
    scheduler = Scheduler.of(schedule, "0.3")
    for update in range(30):
        wanted = rate_at(schedule, "0.3", update)
        if isinstance(schedule, RateFinder):
            assert float(scheduler.rate) == float(wanted)
        else:
            assert scheduler.rate == wanted
        scheduler = scheduler.step()


def test_a_foreign_schedule_has_no_recurrence() -> None:
    """Its own equation is not known."""
    with pytest.raises(TorchLeanError) as refusal:
        recurrence_of(object(), 1)  # type: ignore[arg-type]
    assert refusal.value.reason is Reason.UNSUPPORTED
    assert str(refusal.value).startswith(
        "expected a schedule of the spec such as Cosine, got <object object at"
    )


def test_names_say_which_schedule() -> None:
    """Each record has a name of its own."""
    assert [schedule.name for schedule in WRITTEN] == [
        "periodic-cosine",
        "rate-finder",
        "cyclic",
        "one-cycle",
        "table",
        "warm-up-cosine",
    ]
    assert Custom(abs).name == "custom"


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (
            lambda: PeriodicCosine(0),
            Reason.HYPERPARAMETER,
            "expected half_period of at least 1, got 0",
        ),
        (
            lambda: RateFinder(3, 0),
            Reason.HYPERPARAMETER,
            "expected ratio above 0, got 0",
        ),
        (
            lambda: RateFinder(3, "x"),
            Reason.HYPERPARAMETER,
            "ratio: expected a finite number, got x",
        ),
        (
            lambda: Cyclic(1, 0),
            Reason.HYPERPARAMETER,
            "expected step_size of at least 1, got 0",
        ),
        (
            lambda: Cyclic(1, 1, gamma="0.5"),
            Reason.CONTRADICTION,
            "expected a gamma of 1 in the mode triangular, got 0.5",
        ),
        (
            lambda: Cyclic(1, 1, mode="square"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected mode to be one of triangular, triangular2, exp_range, got square",
        ),
        (
            lambda: OneCycle(10, "0.1"),
            Reason.HYPERPARAMETER,
            "expected phases whose borders rise from 0, got 0.0, 0.0, 9.0",
        ),
        (
            lambda: OneCycle(10, "0.6", three_phase=True),
            Reason.HYPERPARAMETER,
            "expected phases whose borders rise from 0, got 0.0, 5.0, 10.0, 9.0",
        ),
        (
            lambda: OneCycle(10, 1),
            Reason.HYPERPARAMETER,
            "expected rise in [0, 1), got 1",
        ),
        (
            lambda: Table(()),
            Reason.HYPERPARAMETER,
            "expected a rate for update 0, got no rates",
        ),
        (
            lambda: Table((1, "-0.5")),
            Reason.HYPERPARAMETER,
            "expected the rate of update 1 to be at least 0, got -0.5",
        ),
        (
            lambda: rate_at(Custom(lambda update: 2 - update), 1, 3),
            Reason.HYPERPARAMETER,
            "expected the rate of update 3 to be at least 0, got -1",
        ),
        (
            lambda: warm_up_cosine(5, 5),
            Reason.HYPERPARAMETER,
            "expected a total above the 5 updates of the warm-up, got 5",
        ),
    ],
)
def test_bad_fields_are_refused(
    make: Callable[[], object], reason: Reason, message: str
) -> None:
    """Each refusal names the field, its range and the value."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == reason
