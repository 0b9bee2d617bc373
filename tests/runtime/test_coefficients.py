"""The table of coefficients holds the spec's bits, whatever optimizer and schedule."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean import coefficients
from torchlean.coefficients import coefficient_table
from torchlean.rounding import nearest
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import EXACT, exact
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Muon,
    ProjectedSGD,
    RatedOptimizer,
    RMSProp,
    exact_coefficients,
)
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
    warm_up_cosine,
)
from torchlean_spec.training import NumberFormat

OPTIMIZERS: list[RatedOptimizer] = [
    SGD("0.1"),
    SGD("0.1", momentum="0.9", dampening="0.3", first_buffer="gradient"),
    SGD("0.05", momentum="0.9", nesterov=True, weight_decay="1e-4"),
    Adam(),
    Adam("0.003", beta1="0.5", beta2="0.9999", amsgrad=True),
    Adam("0.003", epsilon_place="uncorrected", weight_decay="0.1"),
    Adam(beta1=0, beta2="0.3"),
    AdamW("1/8", weight_decay="0.05"),
    RMSProp(),
    RMSProp(momentum="0.9", centered=True),
    AdaGrad(learning_rate_decay="0.01"),
    AdaGrad("0.7", learning_rate_decay=1),
    Adadelta(),
    Muon(),
    ProjectedSGD("0.02"),
]
SCHEDULES: list[Schedule] = [
    Constant(),
    StepDecay(7, "0.3"),
    Exponential("0.999"),
    Exponential("1.0001"),
    Cosine(150, "1e-5"),
    Cosine(90),
    WarmUp(40, "1e-6", Cosine(100)),
    WarmUp(3, 0, StepDecay(10)),
    PerEpoch(WarmUp(2, 0, Exponential("0.5")), 31),
    warm_up_cosine(30, 170, "1e-6"),
    PeriodicCosine(77, "1e-4"),
    PeriodicCosine(60),
    RateFinder(210, "1e5"),
    RateFinder(8, Fraction(1, 256)),
    RateFinder(1000, Fraction(10, 3)),
    Cyclic("0.7", 13),
    Cyclic("0.7", 20, "triangular2"),
    Cyclic("0.01", 9, "exp_range", "0.999"),
    OneCycle(250),
    OneCycle(90, "0.25", anneal="linear", final_at="total", final_of="maximum"),
    OneCycle(120, "0.4", 10, 1000, three_phase=True),
    OneCycle(77, "0.3", anneal="linear", three_phase=True),
    Table((1, "0.25", Fraction(1, 3), 0.1)),
    Custom(lambda update: Fraction(1, update + 1)),
    WarmUp(5, "0.2", Custom(lambda update: Fraction(update % 7, 49))),
]
STARTS = [1, 2, 990, 123_456, 10_000_000]
FORMATS: list[NumberFormat] = ["float32", "float64"]


def spec_table(
    optimizer: RatedOptimizer,
    schedule: Schedule,
    first: int,
    count: int,
    number_format: NumberFormat,
) -> NDArray[Any]:
    """The coefficients by the spec alone, one step at a time."""
    rows = []
    for step in range(first, first + count):
        base = exact(optimizer.learning_rate)
        rate = schedule.rate(EXACT, base, EXACT.constant(step - 1))
        found = exact_coefficients(optimizer, step, rate)
        rows.append(
            [
                nearest(found[name], number_format)
                for name in optimizer.coefficient_names
            ]
        )
    return np.array(rows, number_format)


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: each.name)
def test_every_optimizer(
    optimizer: RatedOptimizer, number_format: NumberFormat
) -> None:
    """Each optimizer's table equals the spec's, under a schedule that warms up."""
    schedule = WarmUp(20, "1e-6", Cosine(60, "1e-4"))
    for first in STARTS:
        wanted = spec_table(optimizer, schedule, first, 100, number_format)
        given = coefficient_table(optimizer, schedule, first, 100, number_format)
        assert given.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda each: each.name)
def test_every_schedule(schedule: Schedule, number_format: NumberFormat) -> None:
    """Each schedule's rates equal the spec's, also long after its end."""
    optimizer = SGD("0.1")
    for first in STARTS[:-1]:
        wanted = spec_table(optimizer, schedule, first, 300, number_format)
        given = coefficient_table(optimizer, schedule, first, 300, number_format)
        assert given.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("number_format", FORMATS)
def test_a_long_run(number_format: NumberFormat) -> None:
    """Three thousand steps of Adam in one table equal the spec's."""
    wanted = spec_table(Adam(), Exponential("0.9999"), 1, 3000, number_format)
    given = coefficient_table(Adam(), Exponential("0.9999"), 1, 3000, number_format)
    assert given.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("number_format", FORMATS)
def test_the_spec_is_hardly_asked(
    monkeypatch: pytest.MonkeyPatch, number_format: NumberFormat
) -> None:
    """Enclosures settle nearly every rounding: the spec is asked for few steps."""
    asked: list[object] = []
    ask = coefficients._spec_row

    def counted(*arguments: Any) -> list[float]:
        asked.append(arguments)
        return ask(*arguments)

    monkeypatch.setattr(coefficients, "_spec_row", counted)
    for optimizer, schedule in itertools.product(OPTIMIZERS, SCHEDULES):
        coefficient_table(optimizer, schedule, 1, 1000, number_format)
    # Of more than 300 000 steps; the last steps of a cosine lie too near to zero.
    assert len(asked) <= 60


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda each: each.name)
def test_intervals_are_narrow_enough(
    monkeypatch: pytest.MonkeyPatch, schedule: Schedule
) -> None:
    """To binary32, intervals settle nearly every step without enclosures."""
    asked: list[int] = []
    ask = coefficients._by_enclosures

    def counted(optimizer: Any, schedule: Any, steps: Any, table: Any) -> Any:
        asked.append(len(steps))
        return ask(optimizer, schedule, steps, table)

    monkeypatch.setattr(coefficients, "_by_enclosures", counted)
    for optimizer in OPTIMIZERS:
        coefficient_table(optimizer, schedule, 1, 1000, "float32")
    # Of 15 000 steps; powers that have become tiny lie too near to zero.
    assert sum(asked) <= 130


@pytest.mark.parametrize("number_format", FORMATS)
def test_long_tables_are_made_in_parts(number_format: NumberFormat) -> None:
    """Where one part of a table ends and the next begins, nothing is lost."""
    together = coefficients.TOGETHER[number_format]
    schedule = WarmUp(40, "1e-6", Cosine(9000))
    whole = coefficient_table(Adam(), schedule, 1, 2 * together + 5, number_format)
    for first in (together - 3, 2 * together - 3):
        wanted = spec_table(Adam(), schedule, first + 1, 8, number_format)
        assert whole[first : first + 8].tobytes() == wanted.tobytes()


def test_the_table_does_not_depend_on_where_it_begins() -> None:
    """Tables of overlapping steps agree where they overlap."""
    schedule = WarmUp(40, "1e-6", Cosine(100))
    whole = coefficient_table(Adam(), schedule, 1, 500, "float64")
    for first in (1, 2, 77, 300):
        part = coefficient_table(Adam(), schedule, first, 100, "float64")
        assert part.tobytes() == whole[first - 1 : first + 99].tobytes()


def test_a_rate_that_outgrows_every_format_is_refused() -> None:
    """The spec's own refusal comes through, in its own words."""
    with pytest.raises(TorchLeanError) as refusal:
        coefficient_table(SGD(1), Exponential(2), 40_000, 2, "float32")
    assert refusal.value.reason is Reason.DOMAIN
    assert str(refusal.value) == "expected a power below 2^32768, got (2) ** 39999"


def test_an_empty_table() -> None:
    """A table of no steps has no rows and every column."""
    assert coefficient_table(Adam(), Constant(), 1, 0, "float32").shape == (0, 8)
