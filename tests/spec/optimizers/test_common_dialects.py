"""Dialects of optimizers, and what their records refuse."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Dialect,
    ElementOptimizer,
    RMSProp,
)

DIALECTS: dict[Dialect, list[ElementOptimizer]] = {
    "torch": [
        SGD("0.001", first_buffer="gradient"),
        Adam(),
        AdamW(),
        RMSProp(),
        AdaGrad(),
        Adadelta(),
    ],
    "keras": [
        SGD("0.01", buffer_of="steps"),
        Adam(epsilon="1e-7", epsilon_place="uncorrected"),
        AdamW(epsilon="1e-7", epsilon_place="uncorrected", weight_decay="0.004"),
        RMSProp("0.001", "0.9", "1e-7", 0, False, "inside-root", "steps"),
        AdaGrad("0.001", "0.1", "1e-7", 0, "inside-root"),
        Adadelta("0.001", "0.95", "1e-7"),
    ],
    "optax": [
        SGD("0.1"),
        Adam("0.1", maximum_of="unbiased-second"),
        AdamW("0.1", weight_decay="0.0001", maximum_of="unbiased-second"),
        RMSProp("0.1", "0.9", "1e-8", 0, False, "inside-root", "steps"),
        AdaGrad("0.1", "0.1", "1e-7", 0, "inside-root"),
        Adadelta("0.1"),
    ],
    "lean": [
        SGD("0.1"),
        Adam("0.1"),
        AdamW("0.1"),
        RMSProp("0.1", "0.9", "1e-6"),
        AdaGrad("0.1", epsilon="1e-6"),
        Adadelta("0.1", change_of="steps"),
    ],
}
Make = Callable[[Dialect, str | None], ElementOptimizer]
MAKERS: list[Make] = [
    SGD.with_dialect,
    Adam.with_dialect,
    AdamW.with_dialect,
    RMSProp.with_dialect,
    AdaGrad.with_dialect,
    Adadelta.with_dialect,
]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_fills_in_a_librarys_choices(dialect: Dialect) -> None:
    """Each preset is the record with the library's defaults."""
    given = "0.1" if dialect in ("optax", "lean") else None
    presets = [make(dialect, given) for make in MAKERS]
    assert presets == DIALECTS[dialect]
    rates = [make(dialect, "0.7").learning_rate for make in MAKERS]
    assert rates == [Decimal("0.7")] * len(MAKERS)


@pytest.mark.parametrize("make", MAKERS)
def test_a_dialect_without_a_default_rate_needs_one(
    make: Make,
) -> None:
    """Optax and the original have no default rate."""
    with pytest.raises(TorchLeanError) as refusal:
        make("optax", None)
    assert str(refusal.value) == (
        "expected a learning_rate, since the dialect optax has no default, got none"
    )
    assert refusal.value.reason == Reason.HYPERPARAMETER


@pytest.mark.parametrize("make", MAKERS)
def test_an_unknown_dialect_is_refused(
    make: Make,
) -> None:
    """The error lists the dialects."""
    with pytest.raises(TorchLeanError) as refusal:
        make("jax", None)  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "expected dialect to be one of torch, keras, optax, lean, got jax"
    )
    assert refusal.value.reason == Reason.UNKNOWN_NAME


# Refusals.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-1), "expected learning_rate at least 0, got -1"),
        (lambda: SGD(1, momentum=1), "expected momentum in [0, 1), got 1"),
        (lambda: SGD(1, 0.9, 1.5), "expected dampening in [0, 1), got 1.5"),
        (lambda: SGD(1, weight_decay=-1), "expected weight_decay at least 0, got -1"),
        (
            lambda: SGD(float("nan")),
            "learning_rate: expected a finite number, got nan",
        ),
        (lambda: Adam(-0.1), "expected learning_rate at least 0, got -0.1"),
        (lambda: Adam(beta1=1.5), "expected beta1 in [0, 1), got 1.5"),
        (lambda: Adam(beta2=-0.5), "expected beta2 in [0, 1), got -0.5"),
        (lambda: Adam(epsilon=-1), "expected epsilon at least 0, got -1"),
        (lambda: AdamW(beta1=1), "expected beta1 in [0, 1), got 1"),
        (lambda: AdamW(weight_decay=-1), "expected weight_decay at least 0, got -1"),
        (lambda: RMSProp(decay=1), "expected decay in [0, 1), got 1"),
        (lambda: RMSProp(momentum=2), "expected momentum in [0, 1), got 2"),
        (
            lambda: AdaGrad(initial_accumulator=-1),
            "expected initial_accumulator at least 0, got -1",
        ),
        (
            lambda: AdaGrad(learning_rate_decay=-1),
            "expected learning_rate_decay at least 0, got -1",
        ),
        (lambda: Adadelta(decay="x"), "decay: expected a finite number, got x"),
        (
            lambda: Adadelta(epsilon=Fraction(1, 3)),
            "epsilon: expected a finite decimal, got 1/3",
        ),
        (lambda: Adadelta(epsilon=0), "expected epsilon above 0, got 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(
    make: Callable[[], ElementOptimizer], message: str
) -> None:
    """The error names the hyperparameter, its range and the value."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == Reason.HYPERPARAMETER


def test_options_that_are_not_used_may_be_set() -> None:
    """What AMSGrad compares matters only with AMSGrad."""
    optimizer = Adam(epsilon_place="uncorrected", maximum_of="unbiased-second")
    assert optimizer.variant == "adam_uncorrected"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SGD(1, nesterov=True),
            "expected momentum above 0 with nesterov, got 0",
        ),
        (
            lambda: SGD(1, dampening=0.5),
            "expected momentum above 0 with dampening, got 0",
        ),
        (
            lambda: SGD(1, 0.9, 0.5, nesterov=True),
            "expected dampening 0 with nesterov, got 0.5",
        ),
        (
            lambda: SGD(1, 0.9, 0.5, buffer_of="steps"),
            "expected dampening 0 with a buffer of steps, got 0.5",
        ),
        (
            lambda: Adam(
                amsgrad=True, epsilon_place="uncorrected", maximum_of="unbiased-second"
            ),
            "expected maximum_of second where moments are uncorrected, "
            "got unbiased-second",
        ),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    make: Callable[[], ElementOptimizer], message: str
) -> None:
    """Nothing that was asked for is silently ignored."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == Reason.CONTRADICTION


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SGD(1, first_buffer="x"),  # type: ignore[arg-type]
            "expected first_buffer to be one of zero, gradient, got x",
        ),
        (
            lambda: AdamW(epsilon_place="x"),  # type: ignore[arg-type]
            "expected epsilon_place to be one of outside-root, inside-root, "
            "uncorrected, got x",
        ),
        (
            lambda: RMSProp(epsilon_place="uncorrected"),  # type: ignore[arg-type]
            "expected epsilon_place to be one of outside-root, inside-root, "
            "got uncorrected",
        ),
        (
            lambda: Adadelta(change_of="x"),  # type: ignore[arg-type]
            "expected change_of to be one of gradients, steps, got x",
        ),
    ],
)
def test_unknown_words_are_refused(
    make: Callable[[], ElementOptimizer], message: str
) -> None:
    """The error lists the words that there are."""
    with pytest.raises(TorchLeanError) as refusal:
        make()
    assert str(refusal.value) == message
    assert refusal.value.reason == Reason.UNKNOWN_NAME
