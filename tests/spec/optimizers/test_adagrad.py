"""AdaGrad: its equations, exactly.

Where an equation has a root, the numbers are chosen so that it is rational.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import (
    AdaGrad,
    exact_coefficients,
    update_at,
)
from torchlean_spec.optimizers.common import EpsilonPlace

State = tuple[Fraction, ...]
F = Fraction


@pytest.mark.parametrize("place", ["outside-root", "inside-root"])
def test_adagrad_is_the_textbooks(place: EpsilonPlace) -> None:
    """The gradient over the root of all squares, at a falling rate."""
    optimizer = AdaGrad("0.5", 0, "0.25", "0.2", place)
    total = F(5) if place == "outside-root" else F(5) - F(1, 4)
    after, state = update_at(optimizer, RATIONAL, 6, F(1), F(2), (total,))
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
