"""Orders of evaluation that agree over the reals and differ in their roundings.

Libraries write the same equation in different orders. Each order here is a spec
expression of its own, so that a judge can bound its roundings.
"""

from __future__ import annotations

from typing import Literal

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers.common import EpsilonPlace

AverageForm = Literal["weighted", "interpolated"]
"""`keep * mean + take * value`, or `mean + take * (value - mean)`."""

SquareForm = Literal["weighted", "scaled", "interpolated"]
"""As for averages, of `g * g`; scaled is `keep * mean + (take * g) * g`."""

QuotientForm = Literal["product-first", "quotient-first", "adaptive-rate", "reciprocal"]
"""`(rate * x) / d`, `rate * (x / d)`, `(rate / d) * x`, or `rate * (x * (1 / d))`."""


def average(form: AverageForm, keep: A, take: A, mean: A, value: A) -> A:
    """The running mean after one more value; `take` is `1 - keep`."""
    if form == "interpolated":
        return mean + take * (value - mean)
    return keep * mean + take * value


def average_of_squares(form: SquareForm, keep: A, take: A, mean: A, value: A) -> A:
    """The running mean of squares after one more value; `take` is `1 - keep`."""
    if form == "scaled":
        return keep * mean + (take * value) * value
    squared = value * value
    if form == "interpolated":
        return mean + take * (squared - mean)
    return keep * mean + take * squared


def rated_quotient(
    system: NumberSystem[A], form: QuotientForm, rate: A, x: A, divisor: A
) -> A:
    """The move `rate * x / divisor`."""
    if form == "quotient-first":
        return rate * (x / divisor)
    if form == "adaptive-rate":
        return (rate / divisor) * x
    if form == "reciprocal":
        return rate * (x * (system.constant(1) / divisor))
    return (rate * x) / divisor


def root_with_epsilon(
    system: NumberSystem[A], place: EpsilonPlace, square: A, epsilon: A
) -> A:
    """The divisor: `sqrt(square) + epsilon`, or epsilon under the root."""
    if place == "inside-root":
        return system.sqrt(square + epsilon)
    return system.sqrt(square) + epsilon
