"""Adam, AMSGrad and AdamW: their equations and identities, exactly.

Where an equation has a root, the numbers are chosen so that it is rational.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from torchlean_spec.exact import square_root
from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.optimizers import (
    Adam,
    AdamW,
    ElementOptimizer,
    RMSProp,
    coefficients_at,
    exact_coefficients,
    trajectory,
    update_at,
)
from torchlean_spec.optimizers.common import AdamEpsilonPlace

State = tuple[Fraction, ...]
F = Fraction
SOME = [F(1), F(-2), F(1, 3), F(0), F(5, 7)]
# 1 - beta2^t is a square at t = 1 (1/4) for 3/4 and at t = 2 (16/25) for 3/5.
SQUARES = [(1, Decimal("0.75")), (2, Decimal("0.6"))]


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


@pytest.mark.parametrize("place", ["outside-root", "inside-root", "uncorrected"])
@pytest.mark.parametrize(("step", "beta2"), SQUARES)
@pytest.mark.parametrize("decay", ["0", "0.25"])
def test_adam_is_the_textbooks(
    step: int, beta2: Decimal, place: AdamEpsilonPlace, decay: str
) -> None:
    """Algorithm 1 of the paper, and its two other places of epsilon."""
    optimizer = Adam("0.1", "0.8", beta2, "0.5", decay, epsilon_place=place)
    parameter, gradient, first = F(2), F(-3, 2), F(1, 3)
    coupled = gradient + F(decay) * parameter
    correction1, correction2 = 1 - F(4, 5) ** step, 1 - F(beta2) ** step
    # The root of what stands under it is 3 or, with epsilon inside, 3/2.
    under = F(9) if place != "inside-root" else F(9, 4) - F(1, 2)
    moment = under if place == "uncorrected" else under * correction2
    second = reaching(F(beta2), moment, coupled)
    after, state = update_at(
        optimizer, RATIONAL, step, parameter, gradient, (first, second)
    )
    mean = F(4, 5) * first + F(1, 5) * coupled
    assert state == (mean, moment)
    root = square_root(correction2)
    move = {
        "outside-root": F(1, 10) * (mean / correction1) / (3 + F(1, 2)),
        "inside-root": F(1, 10) * (mean / correction1) / F(3, 2),
        "uncorrected": F(1, 10) * root / correction1 * mean / (3 + F(1, 2)),
    }
    assert after == parameter - move[place]


@pytest.mark.parametrize("gradient", [F(3), F(-1, 4)])
def test_bias_correction_is_exact_for_a_constant_gradient(gradient: Fraction) -> None:
    """The corrected moments of a constant gradient are it and its square, always."""
    optimizer = Adam(1, epsilon=0)
    after = run(optimizer, [gradient] * 60, 0)
    for step, (parameter, (first, second)) in enumerate(after, start=1):
        coefficient = exact_coefficients(optimizer, step)
        assert first * coefficient["unbias1"] == gradient
        assert second * coefficient["unbias2"] == gradient * gradient
        assert parameter == -step * gradient / abs(gradient)


def test_adam_without_memory_normalises_the_gradient() -> None:
    """With both betas 0 the move is `rate * g / (|g| + epsilon)`."""
    optimizer = Adam(1, 0, 0, "0.5")
    moves = [gradient / (abs(gradient) + F(1, 2)) for gradient in SOME]
    total = [-sum(moves[: count + 1]) for count in range(len(SOME))]
    assert parameters(optimizer, SOME, 0) == total


def test_adam_does_not_notice_the_gradients_scale() -> None:
    """Without epsilon, gradients ten times as large make the same moves."""
    optimizer = Adam("0.1", 0, 0, 0)
    gradients = [g for g in SOME if g != 0]
    scaled = [10 * g for g in gradients]
    assert parameters(optimizer, gradients) == parameters(optimizer, scaled)


def test_adam_is_odd() -> None:
    """The opposite gradients move the opposite way, and give opposite first moments."""
    optimizer = Adam("0.1", "0.5", 0)
    there = run(optimizer, SOME, 0)
    back = run(optimizer, [-gradient for gradient in SOME], 0)
    for (parameter, (first, second)), (other, (mirrored, same)) in zip(
        there, back, strict=True
    ):
        assert (parameter, first, second) == (-other, -mirrored, same)


def test_adam_with_no_first_moment_is_rmsprop_at_step_one_rates() -> None:
    """With beta1 0 and uncorrected moments Adam is RMSProp with a corrected rate."""
    step, beta2 = SQUARES[1]
    adam = Adam("0.1", 0, beta2, "0.5", epsilon_place="uncorrected")
    rmsprop = RMSProp("0.08", beta2, "0.5")
    gradient, second = F(1), reaching(F(beta2), F(9), F(1))
    after, _ = update_at(adam, RATIONAL, step, F(2), gradient, (F(7), second))
    other, _ = update_at(rmsprop, RATIONAL, step, F(2), gradient, (second,))
    assert after == other


@pytest.mark.parametrize(
    "epsilon_place", ["outside-root", "inside-root", "uncorrected"]
)
def test_without_decay_adamw_is_adam(epsilon_place: AdamEpsilonPlace) -> None:
    """The variant, the coefficients and so the bits are Adam's."""
    adam = Adam(epsilon_place=epsilon_place)
    adamw = AdamW(weight_decay=0, epsilon_place=epsilon_place)
    assert adam.variant == adamw.variant
    assert exact_coefficients(adam, 9) == exact_coefficients(adamw, 9)
    state = (0.25, 0.5)
    coefficient = coefficients_at(adam, FLOAT, 9)
    assert adam.update(FLOAT, coefficient, 1.5, -0.5, state) == (
        adamw.update(FLOAT, coefficient, 1.5, -0.5, state)
    )


def test_adamw_is_adam_from_a_smaller_parameter() -> None:
    """Decoupled decay takes `rate * w * p` off, and does not touch the moments."""
    adam, adamw = Adam("0.5", 0, 0), AdamW("0.5", 0, 0, weight_decay="0.25")
    zero = (F(0), F(0))
    for parameter in (F(8), F(-3), F(0)):
        after, state = update_at(adamw, RATIONAL, 1, parameter, F(2), zero)
        plain, same = update_at(adam, RATIONAL, 1, parameter, F(2), zero)
        assert state == same
        assert after == plain - F(1, 2) * F(1, 4) * parameter
    assert exact_coefficients(adamw, 1, "0.1")["keep_parameter"] == F(39, 40)


def test_adam_couples_and_adamw_decouples() -> None:
    """Where the gradient is 0, Adam's decay is normalised and AdamW's is not."""
    zero = (F(0), F(0))
    coupled = Adam(1, 0, 0, 0, weight_decay="0.25")
    decoupled = AdamW(1, 0, 0, "0.5", weight_decay="0.25")
    assert update_at(coupled, RATIONAL, 1, F(8), F(0), zero)[0] == 7
    assert update_at(decoupled, RATIONAL, 1, F(8), F(0), zero)[0] == 6


def test_amsgrad_keeps_the_largest_second_moment() -> None:
    """Its denominator never shrinks; while moments grow it is Adam."""
    optimizer = Adam(1, 0, 0, "0.5", amsgrad=True)
    states = [state for _, state in run(optimizer, [F(1), F(3), F(2), F(4)])]
    assert [state[1] for state in states] == [1, 9, 4, 16]
    assert [state[2] for state in states] == [1, 9, 9, 16]
    moves = parameters(optimizer, [F(1), F(3), F(2), F(4)], 0)
    assert moves[2] - moves[1] == -2 / (3 + F(1, 2))
    growing = [F(1), F(2), F(5)]
    adam = replace(optimizer, amsgrad=False)
    assert parameters(optimizer, growing) == parameters(adam, growing)


@pytest.mark.parametrize(("step", "beta2"), SQUARES)
def test_amsgrad_compares_moments_before_or_after_correction(
    step: int, beta2: Decimal
) -> None:
    """The largest moment is corrected when used, or was corrected when compared."""
    raw = Adam("0.1", 0, beta2, "0.5", amsgrad=True)
    unbiased = replace(raw, maximum_of="unbiased-second")
    correction = 1 - F(beta2) ** step
    gradient, largest = F(1), F(16)
    for optimizer, wanted in ((raw, F(16) / correction), (unbiased, F(16))):
        before = (F(0), reaching(F(beta2), F(4), gradient), largest)
        after, state = update_at(optimizer, RATIONAL, step, F(0), gradient, before)
        assert state == (F(1), F(4), largest)
        assert after == -F(1, 10) / (square_root(wanted) + F(1, 2))
    before = (F(0), reaching(F(beta2), F(25), gradient), largest)
    _, state = update_at(unbiased, RATIONAL, step, F(0), gradient, before)
    assert state[2] == 25 / correction
