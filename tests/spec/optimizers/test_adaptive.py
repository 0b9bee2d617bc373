"""RMSProp, AdaGrad and Adadelta: their equations, exactly.

Where an equation has a root, the numbers are chosen so that it is rational.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.optimizers import (
    Adadelta,
    AdaGrad,
    Optimizer,
    RMSProp,
    coefficients_at,
    exact_coefficients,
    trajectory,
)
from torchlean_spec.optimizers.common import BufferOf, EpsilonPlace

State = tuple[Fraction, ...]
F = Fraction


def run(
    optimizer: Optimizer, gradients: list[Fraction], parameter: int = 1
) -> list[tuple[Fraction, State]]:
    """The parameter and the state after each update."""
    return trajectory(optimizer, RATIONAL, F(parameter), gradients)


def parameters(
    optimizer: Optimizer, gradients: list[Fraction], parameter: int = 1
) -> list[Fraction]:
    """The parameter after each update."""
    return [after for after, _ in run(optimizer, gradients, parameter)]


def step_of(
    optimizer: Optimizer,
    step: int,
    parameter: Fraction,
    gradient: Fraction,
    state: State,
) -> tuple[Fraction, State]:
    """One update over the rationals."""
    coefficient = coefficients_at(optimizer, RATIONAL, step)
    return optimizer.update(RATIONAL, coefficient, parameter, gradient, state)


def reaching(beta2: Fraction, second: Fraction, gradient: Fraction) -> Fraction:
    """The second moment before a step that brings it to `second`."""
    return (second - (1 - beta2) * gradient * gradient) / beta2


@pytest.mark.parametrize("place", ["outside-root", "inside-root"])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_is_the_textbooks(place: EpsilonPlace, centered: bool) -> None:
    """The gradient over the root of the mean square, or of the variance."""
    optimizer = RMSProp("0.1", "0.75", "0.5", centered=centered, epsilon_place=place)
    gradient, mean = F(2), F(2, 3)
    after_mean = F(3, 4) * mean + F(1, 4) * gradient
    under = F(9) if place == "outside-root" else F(9, 4) - F(1, 2)
    divisor = 3 + F(1, 2) if place == "outside-root" else F(3, 2)
    moment = under + (after_mean**2 if centered else 0)
    second = reaching(F(3, 4), moment, gradient)
    state = (second, mean) if centered else (second,)
    after, found = step_of(optimizer, 1, F(1), gradient, state)
    assert found == ((moment, after_mean) if centered else (moment,))
    assert after == 1 - F(1, 10) * gradient / divisor


def test_rmsprop_with_momentum_gathers_directions_or_steps() -> None:
    """Without memory of squares, both kinds of buffer can be followed by hand."""
    directions = RMSProp("0.5", 0, "0.5", momentum="0.25")
    steps = replace(directions, buffer_of="steps")
    gradients = [F(1), F(-2), F(1, 2)]
    normal = [g / (abs(g) + F(1, 2)) for g in gradients]
    buffer, parameter = F(0), F(0)
    for step, (after, state) in enumerate(run(directions, gradients, 0)):
        buffer = buffer / 4 + normal[step]
        parameter -= buffer / 2
        assert (after, state) == (parameter, (gradients[step] ** 2, buffer))
    assert parameters(steps, gradients, 0) == parameters(directions, gradients, 0)
    assert run(steps, gradients, 0)[0][1] == (F(1), normal[0] / 2)


def test_rounding_makes_no_nan_of_a_variance() -> None:
    """A variance that rounds to less than 0 counts as 0."""
    optimizer = RMSProp("0.5", "0.9", 1, centered=True)
    coefficient = coefficients_at(optimizer, FLOAT, 1)
    before = (0.0099999999999999, 0.1)
    after, (second, mean) = optimizer.update(FLOAT, coefficient, 0.0, 0.1, before)
    assert second - mean * mean < 0
    assert after == -0.05


@pytest.mark.parametrize("place", ["outside-root", "inside-root"])
def test_adagrad_is_the_textbooks(place: EpsilonPlace) -> None:
    """The gradient over the root of all squares, at a falling rate."""
    optimizer = AdaGrad("0.5", 0, "0.25", "0.2", place)
    total = F(5) if place == "outside-root" else F(5) - F(1, 4)
    after, state = step_of(optimizer, 6, F(1), F(2), (total,))
    assert state == (total + 4,)
    divisor = 3 + F(1, 4) if place == "outside-root" else F(3)
    assert after == 1 - F(1, 2) / 2 * 2 / divisor


def test_adagrad_starts_from_its_accumulator() -> None:
    """The initial accumulator is the state before the first step."""
    assert AdaGrad(initial_accumulator="0.1").initial_state(RATIONAL) == (F(1, 10),)
    rates = [
        exact_coefficients(AdaGrad(1, 0, 0, 2), step)["rate"] for step in (1, 2, 3)
    ]
    assert rates == [1, F(1, 3), F(1, 5)]


@pytest.mark.parametrize("change_of", ["gradients", "steps"])
def test_adadelta_is_the_textbooks(change_of: BufferOf) -> None:
    """A quotient of roots times the gradient; the change is gathered after it."""
    optimizer = Adadelta("0.5", "0.75", "0.25", change_of=change_of)
    gradient, change = F(2), F(4) - F(1, 4)
    second = reaching(F(3, 4), F(9) - F(1, 4), gradient)
    after, state = step_of(optimizer, 1, F(1), gradient, (second, change))
    direction = F(2, 3) * gradient
    gathered = direction / 2 if change_of == "steps" else direction
    assert after == 1 - direction / 2
    assert state == (F(35, 4), F(3, 4) * change + F(1, 4) * gathered**2)
