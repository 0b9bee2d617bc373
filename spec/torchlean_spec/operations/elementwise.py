"""Elementwise arithmetic: numbers in, one number out, everywhere alike.

The operands have one shape; `broadcast` makes it so beforehand. The formula of
each operation is a function over a `NumberSystem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations.operation import (
    Attributes,
    DerivativeRule,
    Operands,
    Operation,
    Use,
    Value,
    register,
)
from torchlean_spec.shape import Shape, require_same
from torchlean_spec.tensor import Tensor


class Formula(Protocol):
    """The scalar formula of an elementwise operation."""

    def __call__(
        self, system: NumberSystem[A], attributes: Attributes, /, *values: A
    ) -> A:
        """The result's element, of the operands' elements."""
        ...


def elementwise(
    name: str,
    operands: str,
    formula: Formula,
    derivative: DerivativeRule | None,
    why_constant: str = "",
) -> None:
    """Register an operation that applies a formula to each element."""

    def shape(attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
        for other in shapes[1:]:
            require_same(name, shapes[0], other)
        return shapes[0]

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        columns = [operands.real(i).values for i in range(len(operands.tensors))]
        values = tuple(
            formula(system, attributes, *row) for row in zip(*columns, strict=True)
        )
        return Tensor(operands.real(0).shape, values)

    names = tuple(operands.split())
    register(Operation(name, names, shape, meaning, derivative, why_constant))


def add(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x + y`."""
    return values[0] + values[1]


def subtract(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x - y`."""
    return values[0] - values[1]


def multiply(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x y`."""
    return values[0] * values[1]


def divide(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x / y`."""
    return values[0] / values[1]


def maximum(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """The larger of two; a NaN on either side wins."""
    return system.maximum(values[0], values[1])


def minimum(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """The smaller of two; a NaN on either side wins."""
    return system.minimum(values[0], values[1])


def negate(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`-x`; flips the sign of a zero too."""
    return -values[0]


def absolute(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`|x|`; its derivative at 0 is 0."""
    return system.absolute(values[0])


def sign(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """-1 below zero, 1 above, +0 at zero; a NaN gives +0."""
    return sign_of(system, values[0])


def sign_of(system: NumberSystem[A], x: A) -> A:
    """-1 below zero, 1 above, +0 at zero; a NaN gives +0."""
    zero, one = system.constant(0), system.constant(1)
    above = system.where(system.less(zero, x), one, zero)
    return system.where(system.less(x, zero), -one, above)


def square(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x x`."""
    return values[0] * values[0]


def sqrt(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """Square root; NaN below zero."""
    return system.sqrt(values[0])


def reciprocal(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`1 / x`."""
    return system.constant(1) / values[0]


def exp(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`e^x`."""
    return system.exp(values[0])


def log(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """Natural logarithm; minus infinity at zero, NaN below."""
    return system.log(values[0])


def scale(system: NumberSystem[A], attributes: Attributes, /, *values: A) -> A:
    """`x factor`, where the factor is an exact constant, rounded once."""
    return values[0] * system.constant(attributes.exact("factor"))


def _add_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream, use.upstream]


def _subtract_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream, use.upstream.apply("negate")]


def _multiply_rule(use: Use) -> Sequence[Value | None]:
    x, y = use.operands
    return [use.upstream.apply("multiply", y), use.upstream.apply("multiply", x)]


def _divide_rule(use: Use) -> Sequence[Value | None]:
    y = use.operands[1]
    in_x = use.upstream.apply("divide", y)
    return [in_x, in_x.apply("multiply", use.result).apply("negate")]


def _sharing_rule(larger: int) -> DerivativeRule:
    """The winner takes the derivative; equal operands share it by halves.

    The share of the first operand is `(1 + sign(x - y)) / 2`, of the second
    `(1 - sign(x - y)) / 2`; for a minimum the other way about.
    """

    def rule(use: Use) -> Sequence[Value | None]:
        x, y = use.operands
        half = use.upstream.apply("scale", factor=Fraction(1, 2))
        lead = half.apply("multiply", x.apply("subtract", y).apply("sign"))
        shares = [half.apply("add", lead), half.apply("subtract", lead)]
        return shares if larger == 0 else shares[::-1]

    return rule


def _negate_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("negate")]


def _absolute_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("multiply", use.operands[0].apply("sign"))]


def _square_rule(use: Use) -> Sequence[Value | None]:
    doubled = use.operands[0].apply("scale", factor=Fraction(2))
    return [use.upstream.apply("multiply", doubled)]


def _sqrt_rule(use: Use) -> Sequence[Value | None]:
    doubled = use.result.apply("scale", factor=Fraction(2))
    return [use.upstream.apply("divide", doubled)]


def _reciprocal_rule(use: Use) -> Sequence[Value | None]:
    slope = use.result.apply("square").apply("negate")
    return [use.upstream.apply("multiply", slope)]


def _exp_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("multiply", use.result)]


def _log_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("divide", use.operands[0])]


def _scale_rule(use: Use) -> Sequence[Value | None]:
    return [use.upstream.apply("scale", factor=use.attributes.exact("factor"))]


elementwise("add", "x y", add, _add_rule)
elementwise("subtract", "x y", subtract, _subtract_rule)
elementwise("multiply", "x y", multiply, _multiply_rule)
elementwise("divide", "x y", divide, _divide_rule)
elementwise("maximum", "x y", maximum, _sharing_rule(0))
elementwise("minimum", "x y", minimum, _sharing_rule(1))
elementwise("negate", "x", negate, _negate_rule)
elementwise("absolute", "x", absolute, _absolute_rule)
elementwise("sign", "x", sign, None, "it is constant almost everywhere")
elementwise("square", "x", square, _square_rule)
elementwise("sqrt", "x", sqrt, _sqrt_rule)
elementwise("reciprocal", "x", reciprocal, _reciprocal_rule)
elementwise("exp", "x", exp, _exp_rule)
elementwise("log", "x", log, _log_rule)
elementwise("scale", "x", scale, _scale_rule)
