"""Other orders of evaluation: equal over the rationals, different over floats."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
    Update,
    alternative_coefficients_at,
    coefficients_at,
)
from torchlean_spec.optimizers.common import (
    AdamEpsilonPlace,
    BufferOf,
    EpsilonPlace,
    MaximumOf,
)

State = tuple[Fraction, ...]
F = Fraction
# 1 - beta2^t is a square at t = 1 (1/4) for 3/4 and at t = 2 (16/25) for 3/5.
SQUARES = [(1, Decimal("0.75")), (2, Decimal("0.6"))]


KINDS: list[tuple[AdamEpsilonPlace, MaximumOf | None]] = [
    ("outside-root", None),
    ("inside-root", None),
    ("uncorrected", None),
    ("outside-root", "second"),
    ("inside-root", "second"),
    ("uncorrected", "second"),
    ("outside-root", "unbiased-second"),
    ("inside-root", "unbiased-second"),
]


def reaching(beta2: Fraction, second: Fraction, gradient: Fraction) -> Fraction:
    """The second moment before a step that brings it to `second`."""
    return (second - (1 - beta2) * gradient * gradient) / beta2


def agreeing(
    optimizer: ElementOptimizer, step: int, gradient: Fraction, state: State
) -> list[str]:
    """The names of the alternatives, each equal to the update over the rationals."""
    coefficient = alternative_coefficients_at(optimizer, RATIONAL, step)
    plain = coefficients_at(optimizer, RATIONAL, step)
    wanted = optimizer.update(RATIONAL, plain, F(2), gradient, state)
    for name, alternative in optimizer.alternatives():
        found = alternative(RATIONAL, coefficient, F(2), gradient, state)
        assert (name, found) == (name, wanted)
    return [name for name, _ in optimizer.alternatives()]


@pytest.mark.parametrize(("place", "amsgrad"), KINDS)
@pytest.mark.parametrize("decay", ["none", "coupled", "decoupled"])
@pytest.mark.parametrize(("step", "beta2"), SQUARES)
def test_adams_alternatives_are_equal_over_the_rationals(
    step: int,
    beta2: Decimal,
    place: AdamEpsilonPlace,
    amsgrad: MaximumOf | None,
    decay: str,
) -> None:
    """Every order of evaluation gives the same parameter and state, exactly."""
    make = AdamW if decay == "decoupled" else Adam
    optimizer = make(
        "0.1",
        "0.8",
        beta2,
        "0.5",
        weight_decay=0 if decay == "none" else "0.25",
        amsgrad=amsgrad is not None,
        epsilon_place=place,
        maximum_of=amsgrad or "second",
    )
    gradient = F(-3, 2)
    coupled = gradient + (F(1, 2) if decay == "coupled" else 0)
    correction = F(1) if place == "uncorrected" else 1 - F(beta2) ** step
    under = F(9) if place != "inside-root" else F(9, 4) - F(1, 2)
    second = reaching(F(beta2), under * correction, coupled)
    state: State = (F(1, 3), second)
    if amsgrad is not None:
        state = (*state, F(1, 100))
    names = agreeing(optimizer, step, gradient, state)
    assert ("optax" in names) == (place != "uncorrected")
    assert {"paper", "hoisted", "torch", "torch-fused", "keras", "lean"} <= set(names)


@pytest.mark.parametrize(
    "optimizer",
    [
        AdamW("0.1", weight_decay="0.3"),
        RMSProp("0.1", centered=True),
        AdaGrad("0.1"),
        Adadelta("0.1"),
        SGD("0.1", weight_decay="0.3"),
    ],
    ids=str,
)
def test_alternatives_differ_in_their_roundings(optimizer: ElementOptimizer) -> None:
    """Each is an order of its own: over floats, some element tells it from the rest."""
    coefficient = alternative_coefficients_at(optimizer, FLOAT, 3)
    updates: list[Update] = [optimizer.update]
    updates += [alternative for _, alternative in optimizer.alternatives()]
    answers: list[list[object]] = [[] for _ in updates]
    for index in range(1, 40):
        state = (1e-4 * index, 1e-6 / index)[: len(optimizer.state_names)]
        for update, found in zip(updates, answers, strict=True):
            found.append(update(FLOAT, coefficient, 0.01 / index, 0.1 * index, state))
    assert len({str(found) for found in answers}) == len(updates)


@pytest.mark.parametrize("momentum", ["0", "0.5"])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("buffer_of", ["gradients", "steps"])
@pytest.mark.parametrize("place", ["outside-root", "inside-root"])
def test_rmsprops_alternatives_are_equal_over_the_rationals(
    momentum: str, centered: bool, buffer_of: BufferOf, place: EpsilonPlace
) -> None:
    """Every order of evaluation gives the same parameter and state, exactly."""
    optimizer = RMSProp(
        "0.1",
        "0.75",
        "0.5",
        momentum,
        centered,
        place,
        buffer_of,
    )
    gradient, mean = F(2), F(2, 3)
    under = F(9) if place == "outside-root" else F(9, 4) - F(1, 2)
    if centered:
        under += (F(3, 4) * mean + F(1, 4) * gradient) ** 2
    values = {
        "second": reaching(F(3, 4), under, gradient),
        "mean": mean,
        "buffer": F(5),
    }
    state = tuple(values[name] for name in optimizer.state_names)
    assert agreeing(optimizer, 1, gradient, state) == (
        ["paper", "torch", "torch-quotient-first", "optax", "lean"]
    )


def test_the_other_alternatives_are_equal_over_the_rationals() -> None:
    """AdaGrad's, Adadelta's and plain descent's, exactly."""
    adagrad = ["torch-quotient-first", "optax", "lean"]
    assert agreeing(AdaGrad("0.5", 0, "0.25"), 2, F(2), (F(5),)) == adagrad
    inside = AdaGrad("0.5", 0, "0.25", epsilon_place="inside-root")
    assert agreeing(inside, 2, F(2), (F(5) - F(1, 4),)) == adagrad
    delta = Adadelta("0.5", "0.75", "0.25")
    second = reaching(F(3, 4), F(9) - F(1, 4), F(2))
    for optimizer in (delta, replace(delta, change_of="steps")):
        assert agreeing(optimizer, 1, F(2), (second, F(15, 4))) == (
            ["paper", "torch", "keras"]
        )
    assert agreeing(SGD("0.1", weight_decay="0.5"), 1, F(3), ()) == ["kept-parameter"]
    assert agreeing(SGD("0.1"), 1, F(3), ()) == []
    heavy = SGD("0.1", momentum="0.5", weight_decay="0.5")
    assert agreeing(heavy, 1, F(3), (F(1),)) == []


def test_the_coefficients_of_the_alternatives_are_the_naive_fractions() -> None:
    """Corrections, hoisted rate and decay are what their names say."""
    optimizer = AdamW("0.1", "0.8", "0.6", weight_decay="0.5")
    found = alternative_coefficients_at(optimizer, RATIONAL, 2)
    others = {n: x for n, x in found.items() if n not in optimizer.coefficient_names}
    assert others == {
        "correction1": F(9, 25),
        "correction2": F(16, 25),
        "root_correction2": F(4, 5),
        "step_size": F(1, 10) * F(25, 9),
        "decay": F(1, 2),
        "decay_step": F(1, 20),
    }
