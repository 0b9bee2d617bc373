"""Adadelta: its equations, exactly.

Where an equation has a root, the numbers are chosen so that it is rational.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import (
    Adadelta,
    update_at,
)
from torchlean_spec.optimizers.common import BufferOf

State = tuple[Fraction, ...]
F = Fraction


def reaching(beta2: Fraction, second: Fraction, gradient: Fraction) -> Fraction:
    """The second moment before a step that brings it to `second`."""
    return (second - (1 - beta2) * gradient * gradient) / beta2


@pytest.mark.parametrize("change_of", ["gradients", "steps"])
def test_adadelta_is_the_textbooks(change_of: BufferOf) -> None:
    """A quotient of roots times the gradient; the change is gathered after it."""
    optimizer = Adadelta("0.5", "0.75", "0.25", change_of=change_of)
    gradient, change = F(2), F(4) - F(1, 4)
    second = reaching(F(3, 4), F(9) - F(1, 4), gradient)
    after, state = update_at(optimizer, RATIONAL, 1, F(1), gradient, (second, change))
    direction = F(2, 3) * gradient
    gathered = direction / 2 if change_of == "steps" else direction
    assert after == 1 - direction / 2
    assert state == (F(35, 4), F(3, 4) * change + F(1, 4) * gathered**2)
