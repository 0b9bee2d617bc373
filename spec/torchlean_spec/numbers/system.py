"""What a number must do for a training run to have a meaning over it.

Every equation of the spec is written once, over a `NumberSystem[A]`: values of
type `A` are added, subtracted, multiplied and divided by Python's operators,
and everything else is asked of the system. The same source text then runs over
exact rationals, IEEE binary numbers, numbers with a rigorous error bound, dual
numbers, Python floats and, in the proofs, symbols.

Two rules make that possible:

* no `if` on a value inside arithmetic. A choice is `system.where(condition,
  chosen, otherwise)`, which evaluates both sides; arguments are guarded.
* an exact constant is rounded once, by `system.constant`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, Self, TypeVar

Exact = int | Fraction | Decimal
"""An exact real: a hyperparameter, or a constant in an equation."""


class Number(Protocol):
    """What a value must do by itself."""

    def __add__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __mul__(self, other: Self, /) -> Self: ...
    def __truediv__(self, other: Self, /) -> Self: ...
    def __neg__(self) -> Self: ...


class Condition(Protocol):
    """The outcome of a comparison.

    A `bool` over decided numbers; over bounded numbers it may be undecided,
    and over symbols it is itself a symbol. Only `where` may look at it.
    """

    def __and__(self, other: Self, /) -> Self: ...
    def __or__(self, other: Self, /) -> Self: ...


A = TypeVar("A", bound=Number)


class NumberSystem(Protocol[A]):
    """A number system: the instances of `torchlean_spec.numbers`.

    A system may refuse a function with a `TorchLeanError` (`Rational` refuses
    irrational results); it never answers with less than it promises.
    """

    @property
    def name(self) -> str:
        """The system's name, such as `binary32`."""
        ...

    def constant(self, value: Exact, /) -> A:
        """The number nearest to an exact real: one rounding."""
        ...

    def from_float(self, value: float, /) -> A:
        """The number that a binary value stands for; data comes in by this door."""
        ...

    def to_float(self, value: A, /) -> float:
        """The nearest Python float (of a bounded number: of its centre)."""
        ...

    def sqrt(self, x: A, /) -> A:
        """Square root; NaN below zero where the system has a NaN."""
        ...

    def exp(self, x: A, /) -> A:
        """Exponential function."""
        ...

    def expm1(self, x: A, /) -> A:
        """`exp(x) - 1`, accurate near zero."""
        ...

    def log(self, x: A, /) -> A:
        """Natural logarithm; minus infinity at zero, NaN below."""
        ...

    def log1p(self, x: A, /) -> A:
        """`log(1 + x)`, accurate near zero."""
        ...

    def tanh(self, x: A, /) -> A:
        """Hyperbolic tangent."""
        ...

    def erf(self, x: A, /) -> A:
        """Error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0."""
        ...

    def absolute(self, x: A, /) -> A:
        """Absolute value; clears the sign of a zero."""
        ...

    def maximum(self, x: A, y: A, /) -> A:
        """IEEE 754 maximum: a NaN on either side wins, and +0 exceeds -0."""
        ...

    def minimum(self, x: A, y: A, /) -> A:
        """IEEE 754 minimum: a NaN on either side wins, and -0 is below +0."""
        ...

    def less(self, x: A, y: A, /) -> Condition:
        """Whether x < y; false where either is a NaN."""
        ...

    def less_equal(self, x: A, y: A, /) -> Condition:
        """Whether x <= y; false where either is a NaN."""
        ...

    def equal(self, x: A, y: A, /) -> Condition:
        """Whether x == y; false where either is a NaN."""
        ...

    def where(self, condition: Condition, chosen: A, otherwise: A, /) -> A:
        """`chosen` if the condition holds, else `otherwise`; a total selection."""
        ...

    def sum(self, values: Sequence[A], /) -> A:
        """The sum by the spec's tree (`numbers/summation.py`); +0 of nothing.

        Over bounded numbers: the hull over every order of summation.
        """
        ...

    def dot(self, left: Sequence[A], right: Sequence[A], /) -> A:
        """`sum(left[i] * right[i])`: each product rounded, then `sum`."""
        ...

    def inner_products(
        self, rows: Sequence[Sequence[A]], columns: Sequence[Sequence[A]], /
    ) -> list[A]:
        """`dot(row, column)` for each row and each column, rows outermost."""
        ...
