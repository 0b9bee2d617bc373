"""Gradient descent: its equations and identities, exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import (
    SGD,
    ElementOptimizer,
    coefficients_at,
    exact_coefficients,
    trajectory,
    update_at,
)

State = tuple[Fraction, ...]
F = Fraction
SOME = [F(1), F(-2), F(1, 3), F(0), F(5, 7)]


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


def test_plain_descent() -> None:
    """`p <- p - rate * g`."""
    assert parameters(SGD("0.1"), SOME[:3]) == [F(9, 10), F(11, 10), F(16, 15)]


def test_momentum_is_a_weighted_sum_of_gradients() -> None:
    """After n steps the buffer is the sum of `mu^(n-1-i) * g_i`."""
    keep = F(9, 10)
    for count, (_, (buffer,)) in enumerate(run(SGD(1, momentum="0.9"), SOME), start=1):
        past = SOME[:count]
        weighted = [g * keep ** (count - 1 - i) for i, g in enumerate(past)]
        assert buffer == sum(weighted)


def test_momentum_moves_along_the_buffer() -> None:
    """The parameter moves by the rate times the buffer, or by what Nesterov adds."""
    before = F(1)
    for after, (buffer,) in run(SGD("0.1", momentum="0.9"), SOME):
        assert after == before - buffer / 10
        before = after
    before = F(1)
    ahead = run(SGD("0.1", momentum="0.9", nesterov=True), SOME)
    for gradient, (after, (buffer,)) in zip(SOME, ahead, strict=True):
        assert after == before - (gradient + F(9, 10) * buffer) / 10
        before = after


@pytest.mark.parametrize("momentum", ["0.5", "0.9"])
def test_nesterov_is_a_gradient_step_and_a_momentum_step(momentum: str) -> None:
    """Nesterov's move is plain descent's and `mu` times momentum's."""
    plain = parameters(SGD(1), SOME, 0)
    heavy = parameters(SGD(1, momentum=momentum), SOME, 0)
    ahead = parameters(SGD(1, momentum=momentum, nesterov=True), SOME, 0)
    wanted = [p + F(momentum) * h for p, h in zip(plain, heavy, strict=True)]
    assert ahead == wanted


def test_dampening_scales_the_buffer() -> None:
    """From a zero buffer, dampening is a smaller rate."""
    dampened = SGD(1, momentum="0.9", dampening="0.75")
    assert parameters(dampened, SOME) == parameters(SGD("0.25", momentum="0.9"), SOME)


def test_the_first_buffer_may_be_the_gradient() -> None:
    """Then dampening starts with the second step; without dampening all is the same."""
    optimizer = SGD(1, momentum="0.5", dampening="0.75", first_buffer="gradient")
    buffers = [state for _, state in run(optimizer, [F(8), F(4), F(0)])]
    assert buffers == [(8,), (5,), (F(5, 2),)]
    assert exact_coefficients(optimizer, 1)["take"] == 1
    assert exact_coefficients(optimizer, 2)["take"] == F(1, 4)
    plain = SGD(1, momentum="0.5")
    assert run(plain, SOME) == run(replace(plain, first_buffer="gradient"), SOME)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_buffer_of_steps_differs_where_the_rate_changes(nesterov: bool) -> None:
    """With a constant rate it is the same run; with another, old steps keep theirs."""
    of_gradients = SGD("0.1", momentum="0.5", nesterov=nesterov)
    of_steps = replace(of_gradients, buffer_of="steps")
    assert parameters(of_gradients, SOME) == parameters(of_steps, SOME)
    moved = []
    for optimizer in (of_gradients, of_steps):
        parameter, state = update_at(optimizer, RATIONAL, 1, F(0), F(1), (F(0),))
        other = coefficients_at(optimizer, RATIONAL, 2, learning_rate=1)
        moved.append(optimizer.update(RATIONAL, other, parameter, F(0), state)[0])
    old, lookahead = F(1, 2), F(1, 4)
    drift = lookahead if nesterov else old
    first = F(-15, 100) if nesterov else F(-1, 10)
    assert moved == [first - drift, first - drift / 10]


def test_weight_decay_is_added_to_the_gradient() -> None:
    """Coupled decay is a gradient of `w * p` more, in the buffer as well."""
    decayed = SGD("0.1", momentum="0.5", weight_decay="0.25")
    plain = SGD("0.1", momentum="0.5")
    parameter = other = F(4)
    state: State = (F(0),)
    kept: State = (F(0),)
    for step, gradient in enumerate(SOME, start=1):
        more = gradient + other / 4
        parameter, state = update_at(
            decayed, RATIONAL, step, parameter, gradient, state
        )
        other, kept = update_at(plain, RATIONAL, step, other, more, kept)
        assert (parameter, state) == (other, kept)
