"""What all optimizers share: names, records, coefficients, columns of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import EXACT, exact
from torchlean_spec.numbers import FLOAT, RATIONAL, Condition, Exact
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
    alternative_coefficients_at,
    coefficients_at,
    exact_coefficients,
    trajectory,
)
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

F = Fraction

Record = SGD | Adam | AdamW | RMSProp | AdaGrad | Adadelta
OPTIMIZERS: list[Record] = [
    SGD("0.1"),
    SGD("0.1", weight_decay="0.01"),
    SGD("0.1", momentum="0.9"),
    SGD("0.1", momentum="0.9", weight_decay="0.01"),
    SGD("0.1", momentum="0.9", dampening="0.5", first_buffer="gradient"),
    SGD("0.1", momentum="0.9", nesterov=True),
    SGD("0.1", momentum="0.9", buffer_of="steps"),
    SGD("0.1", momentum="0.9", nesterov=True, buffer_of="steps"),
    Adam(),
    Adam(weight_decay="0.01"),
    Adam(epsilon_place="inside-root"),
    Adam(epsilon_place="uncorrected"),
    Adam(amsgrad=True),
    Adam(amsgrad=True, epsilon_place="uncorrected"),
    Adam(amsgrad=True, maximum_of="unbiased-second"),
    Adam(amsgrad=True, maximum_of="unbiased-second", epsilon_place="inside-root"),
    AdamW(),
    AdamW(weight_decay=0),
    AdamW(amsgrad=True, epsilon_place="inside-root"),
    RMSProp(),
    RMSProp(centered=True),
    RMSProp(momentum="0.9", epsilon_place="inside-root"),
    RMSProp(centered=True, momentum="0.9", buffer_of="steps"),
    AdaGrad(),
    AdaGrad(learning_rate_decay="0.1", epsilon_place="inside-root"),
    Adadelta(),
    Adadelta(change_of="steps"),
]

VARIANTS = [
    "sgd",
    "sgd_decayed",
    "momentum",
    "momentum_decayed",
    "dampened",
    "nesterov",
    "momentum_of_steps",
    "nesterov_of_steps",
    "adam",
    "adam_decayed",
    "adam_inside_root",
    "adam_uncorrected",
    "adam_amsgrad",
    "adam_amsgrad_uncorrected",
    "adam_amsgrad_unbiased",
    "adam_amsgrad_unbiased_inside_root",
    "adamw",
    "adam",
    "adamw_amsgrad_inside_root",
    "rmsprop",
    "rmsprop_centered",
    "rmsprop_momentum_inside_root",
    "rmsprop_centered_momentum_of_steps",
    "adagrad",
    "adagrad_inside_root",
    "adadelta",
    "adadelta_of_steps",
]


def test_optimizers_have_names() -> None:
    """The name tells the kind of record, whatever its options are."""
    names = {type(optimizer).__name__: optimizer.name for optimizer in OPTIMIZERS}
    assert names == {
        "SGD": "sgd",
        "Adam": "adam",
        "AdamW": "adamw",
        "RMSProp": "rmsprop",
        "AdaGrad": "adagrad",
        "Adadelta": "adadelta",
    }


def test_a_trajectory_is_one_update_after_another() -> None:
    """Each step starts from the parameter and the state that the last one left."""
    optimizer, gradients = AdaGrad("0.5", 1, "0.25"), [0.5, -2.0]
    (first, state), (second, total) = trajectory(optimizer, FLOAT, 3.0, gradients)
    one, two = (coefficients_at(optimizer, FLOAT, step) for step in (1, 2))
    assert (first, state) == optimizer.update(FLOAT, one, 3.0, 0.5, (1.0,))
    assert (second, total) == optimizer.update(FLOAT, two, first, -2.0, state)


def test_the_variant_can_be_read_off_the_record() -> None:
    """Each combination of options has a name of its own."""
    assert [optimizer.variant for optimizer in OPTIMIZERS] == VARIANTS


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_state_and_coefficients_have_the_names_that_are_declared(
    optimizer: ElementOptimizer,
) -> None:
    """State and coefficients come in the declared order, and nothing else is read."""
    state = optimizer.initial_state(FLOAT)
    assert len(state) == len(optimizer.state_names)
    coefficient = coefficients_at(optimizer, FLOAT, 3)
    assert tuple(coefficient) == optimizer.coefficient_names
    parameter, after = optimizer.update(FLOAT, coefficient, 1.0, 0.5, state)
    assert len(after) == len(state)
    assert parameter < 1.0


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_fields_are_exact_and_plain(optimizer: Record) -> None:
    """Every field is a decimal, a bool or a word, and records can be compared."""
    for field in fields(optimizer):
        assert type(getattr(optimizer, field.name)) in (Decimal, bool, str)
    assert optimizer == replace(optimizer)
    assert hash(optimizer) == hash(replace(optimizer))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_rate_of_zero_moves_nothing(optimizer: ElementOptimizer) -> None:
    """With a scheduled rate of 0 the parameter stays, to the bit."""
    state = optimizer.initial_state(FLOAT)
    coefficient = coefficients_at(optimizer, FLOAT, 1, learning_rate=0)
    assert optimizer.update(FLOAT, coefficient, 0.3, -7.0, state)[0] == 0.3


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_coefficients_are_rounded_once(optimizer: ElementOptimizer) -> None:
    """A system's coefficient is the number nearest to the exact one."""
    exactly = exact_coefficients(optimizer, 7, "0.3")
    assert coefficients_at(optimizer, FLOAT, 7, "0.3") == (
        {name: FLOAT.constant(value) for name, value in exactly.items()}
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_the_rate_is_the_records_own_unless_another_is_given(
    optimizer: Record,
) -> None:
    """A scheduled rate replaces the record's in every coefficient."""
    changed = replace(optimizer, learning_rate="0.3")
    assert exact_coefficients(changed, 5) == exact_coefficients(optimizer, 5, "0.3")


@pytest.mark.parametrize("optimizer", [SGD(1), Adam()], ids=str)
def test_steps_count_from_one(optimizer: ElementOptimizer) -> None:
    """There is no step 0."""
    for function in (coefficients_at, alternative_coefficients_at):
        with pytest.raises(TorchLeanError) as refusal:
            function(optimizer, RATIONAL, 0)
        assert str(refusal.value) == "expected a step of at least 1, got 0"
        assert refusal.value.reason == Reason.DOMAIN


# Coefficients and rates over columns of steps.


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome of a comparison in each row; it cannot be asked as a whole."""

    rows: tuple[bool, ...]

    def __and__(self, other: Choice) -> Choice:
        raise AssertionError("unused")

    def __or__(self, other: Choice) -> Choice:
        raise AssertionError("unused")

    def __bool__(self) -> bool:
        raise AssertionError("a column has no single truth value")


@dataclass(frozen=True, slots=True)
class Column:
    """One rational for each step."""

    rows: tuple[Fraction, ...]

    def __add__(self, other: Column) -> Column:
        return each(lambda x, y: x + y, self, other)

    def __sub__(self, other: Column) -> Column:
        return each(lambda x, y: x - y, self, other)

    def __mul__(self, other: Column) -> Column:
        return each(lambda x, y: x * y, self, other)

    def __truediv__(self, other: Column) -> Column:
        return each(lambda x, y: x / y, self, other)

    def __neg__(self) -> Column:
        return each(lambda x: -x, self)

    def __bool__(self) -> bool:
        raise AssertionError("a column has no single truth value")


def each(function: Callable[..., Fraction], *columns: Column) -> Column:
    """Row by row."""
    rows = zip(*(column.rows for column in columns), strict=True)
    return Column(tuple(function(*row) for row in rows))


@dataclass(frozen=True, slots=True)
class Columns:
    """The exact arithmetic of columns with so many rows."""

    count: int

    def constant(self, value: Exact, /) -> Column:
        return Column((F(value),) * self.count)

    def power(self, base: Exact, exponent: Column, root: int = 1, /) -> Column:
        return each(lambda n: EXACT.power(base, n, root), exponent)

    def of_count(self, function: Callable[[int], Fraction], count: Column, /) -> Column:
        return each(lambda n: EXACT.of_count(function, n), count)

    def square_root(self, x: Column, /) -> Column:
        return each(EXACT.square_root, x)

    def cosine_of_half_turns(self, x: Column, /) -> Column:
        return each(EXACT.cosine_of_half_turns, x)

    def quotient(self, count: Column, divisor: int, /) -> Column:
        return each(lambda n: EXACT.quotient(n, divisor), count)

    def minimum(self, x: Column, y: Column, /) -> Column:
        return each(EXACT.minimum, x, y)

    def maximum(self, x: Column, y: Column, /) -> Column:
        return each(EXACT.maximum, x, y)

    def less(self, x: Column, y: Column, /) -> Choice:
        return Choice(tuple(a < b for a, b in zip(x.rows, y.rows, strict=True)))

    def where(
        self, condition: Condition, chosen: Column, otherwise: Column, /
    ) -> Column:
        assert isinstance(condition, Choice)
        rows = zip(condition.rows, chosen.rows, otherwise.rows, strict=True)
        return Column(tuple(a if holds else b for holds, a, b in rows))


SCHEDULES: list[Schedule] = [
    Constant(),
    PerEpoch(StepDecay(2), 3),
    WarmUp(3, then=Cosine(5)),
    WarmUp(2, start="0.01", then=Exponential("0.9")),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_equations_run_over_whole_columns_of_steps(
    optimizer: ElementOptimizer, schedule: Schedule
) -> None:
    """Rates and coefficients of all steps at once are those of each step."""
    count = 12
    columns = Columns(count)
    steps = Column(tuple(F(step) for step in range(1, count + 1)))
    base = columns.constant(exact(optimizer.learning_rate))
    rate = schedule.rate(columns, base, steps - columns.constant(1))
    table = optimizer.coefficients(columns, steps, rate)
    others = optimizer.alternative_coefficients(columns, steps, rate)
    assert others | table == others
    for row in range(count):
        scheduled = rate_at(schedule, optimizer.learning_rate, row)
        wanted = exact_coefficients(optimizer, row + 1, scheduled)
        assert {name: column.rows[row] for name, column in table.items()} == wanted


@pytest.mark.parametrize("step", [1, 2, 10, 100])
def test_adams_coefficients_are_the_naive_fractions(step: int) -> None:
    """Each coefficient is the exact real that its formula says."""
    found = exact_coefficients(AdamW("0.01", weight_decay="0.1"), step)
    beta1, beta2 = F(9, 10), F(999, 1000)
    assert found == {
        "keep1": beta1,
        "take1": F(1, 10),
        "keep2": beta2,
        "take2": F(1, 1000),
        "epsilon": F(1, 10**8),
        "rate": F(1, 100),
        "unbias1": 1 / (1 - beta1**step),
        "unbias2": 1 / (1 - beta2**step),
        "keep_parameter": F(999, 1000),
    }


def test_the_uncorrected_rate_holds_both_corrections() -> None:
    """It is the rate times the root of one correction over the other."""
    optimizer = Adam("0.1", "0.8", "0.6", epsilon_place="uncorrected")
    assert exact_coefficients(optimizer, 2)["corrected_rate"] == (
        F(1, 10) * F(4, 5) / (1 - F(16, 25))
    )
