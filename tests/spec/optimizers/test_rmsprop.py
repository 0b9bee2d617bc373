"""RMSProp: its equations, exactly.

Where an equation has a root, the numbers are chosen so that it is rational.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.optimizers import (
    ElementOptimizer,
    RMSProp,
    coefficients_at,
    trajectory,
    update_at,
)
from torchlean_spec.optimizers.common import EpsilonPlace

State = tuple[Fraction, ...]
F = Fraction


def run(
    optimizer: ElementOptimizer, gradients: list[Fraction], parameter: int = 1
) -> list[tuple[Fraction, State]]:
    """The parameter and the state after each update."""
    return trajectory(optimizer, RATIONAL, F(parameter), gradients)


def parameters(
    optimizer: ElementOptimizer, gradients: list[Fraction], parameter: int = 1
) -> list[Fraction]:
    """The parameter after each update."""
    return [after for after, _ in run(optimizer, gradients, parameter)]


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
    after, found = update_at(optimizer, RATIONAL, 1, F(1), gradient, state)
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
