r"""Dual numbers: a value and its derivative, carried forward together.

\[ f(a + b\varepsilon) = f(a) + f'(a)\, b\, \varepsilon, \qquad \varepsilon^2 = 0 \]

Over any base system, another dual system included, so that second derivatives
cost a second layer. Where a function has no derivative, the convention is:

* `absolute` has the derivative 0 at 0;
* `maximum` and `minimum` of two equal numbers take half of each derivative;
* `where` takes the derivative of the branch that it takes, so an equation that
  chooses by `where` states its own convention.

Source: Griewank and Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Generic, Self

from torchlean_spec.numbers.system import A, Condition, Exact, NumberSystem

TWO_OVER_ROOT_PI = Decimal(
    "1.12837916709551257389615890312154517168810125865799771368817144342"
)
"""`2 / sqrt(pi)`, the slope of `erf` at 0, to 65 digits."""


class DualNumber(Generic[A]):
    """A value and its derivative with respect to one chosen variable."""

    __slots__ = ("derivative", "value")

    def __init__(self, value: A, derivative: A) -> None:
        self.value = value
        self.derivative = derivative

    def __add__(self, other: Self, /) -> Self:
        return type(self)(self.value + other.value, self.derivative + other.derivative)

    def __sub__(self, other: Self, /) -> Self:
        return type(self)(self.value - other.value, self.derivative - other.derivative)

    def __mul__(self, other: Self, /) -> Self:
        return type(self)(
            self.value * other.value,
            self.derivative * other.value + self.value * other.derivative,
        )

    def __truediv__(self, other: Self, /) -> Self:
        quotient = self.value / other.value
        return type(self)(
            quotient, (self.derivative - quotient * other.derivative) / other.value
        )

    def __neg__(self) -> Self:
        return type(self)(-self.value, -self.derivative)

    def __repr__(self) -> str:
        return f"DualNumber({self.value!r}, {self.derivative!r})"


class Dual(Generic[A]):
    """The dual numbers over a base system.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> system = Dual(Floating())
    >>> x = system.variable(3.0)
    >>> x * x + system.constant(1)
    DualNumber(10.0, 6.0)
    """

    __slots__ = ("base",)

    def __init__(self, base: NumberSystem[A]) -> None:
        self.base = base
        """The system of the values and of the derivatives."""

    @property
    def name(self) -> str:
        """`dual` and the base's name, such as `dual(float)`."""
        return f"dual({self.base.name})"

    def variable(self, value: A, /) -> DualNumber[A]:
        """The variable that derivatives are taken by: its own derivative is 1."""
        return DualNumber(value, self.base.constant(1))

    def _fixed(self, value: A) -> DualNumber[A]:
        return DualNumber(value, self.base.constant(0))

    def constant(self, value: Exact, /) -> DualNumber[A]:
        """The base's number nearest to an exact real; its derivative is 0."""
        return self._fixed(self.base.constant(value))

    def from_float(self, value: float, /) -> DualNumber[A]:
        """The base's number for a binary value; its derivative is 0."""
        return self._fixed(self.base.from_float(value))

    def to_float(self, value: DualNumber[A], /) -> float:
        """The nearest Python float to the value, without its derivative."""
        return self.base.to_float(value.value)

    def sqrt(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Square root; its derivative is half its reciprocal."""
        root = self.base.sqrt(x.value)
        return DualNumber(root, x.derivative / (root + root))

    def exp(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Exponential function, its own derivative."""
        power = self.base.exp(x.value)
        return DualNumber(power, power * x.derivative)

    def expm1(self, x: DualNumber[A], /) -> DualNumber[A]:
        """`exp(x) - 1`; the derivative is `exp(x)`."""
        value = self.base.expm1(x.value)
        return DualNumber(value, self.base.exp(x.value) * x.derivative)

    def log(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Natural logarithm; the derivative is `1 / x`."""
        return DualNumber(self.base.log(x.value), x.derivative / x.value)

    def log1p(self, x: DualNumber[A], /) -> DualNumber[A]:
        """`log(1 + x)`; the derivative is `1 / (1 + x)`."""
        shifted = self.base.constant(1) + x.value
        return DualNumber(self.base.log1p(x.value), x.derivative / shifted)

    def tanh(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Hyperbolic tangent; its derivative is 1 less its square."""
        value = self.base.tanh(x.value)
        slope = self.base.constant(1) - value * value
        return DualNumber(value, slope * x.derivative)

    def erf(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Error function; the derivative is `2/sqrt(pi) exp(-x^2)`."""
        bell = self.base.exp(-(x.value * x.value))
        slope = self.base.constant(TWO_OVER_ROOT_PI) * bell
        return DualNumber(self.base.erf(x.value), slope * x.derivative)

    def absolute(self, x: DualNumber[A], /) -> DualNumber[A]:
        """Absolute value; the derivative is the sign, and 0 at 0."""
        zero = self.base.constant(0)
        size = self.base.absolute(x.value)
        slope = self.base.where(
            self.base.less(x.value, zero), -x.derivative, x.derivative
        )
        flat = self.base.equal(x.value, zero)
        return DualNumber(size, self.base.where(flat, zero, slope))

    def _extreme(
        self, extreme: A, x: DualNumber[A], y: DualNumber[A], first_wins: Condition
    ) -> DualNumber[A]:
        half = self.base.constant(Fraction(1, 2))
        shared = half * x.derivative + half * y.derivative
        winner = self.base.where(first_wins, x.derivative, y.derivative)
        tie = self.base.equal(x.value, y.value)
        return DualNumber(extreme, self.base.where(tie, shared, winner))

    def maximum(self, x: DualNumber[A], y: DualNumber[A], /) -> DualNumber[A]:
        """The larger; of two equal numbers, half of each derivative."""
        larger = self.base.maximum(x.value, y.value)
        return self._extreme(larger, x, y, self.base.less(y.value, x.value))

    def minimum(self, x: DualNumber[A], y: DualNumber[A], /) -> DualNumber[A]:
        """The smaller; of two equal numbers, half of each derivative."""
        smaller = self.base.minimum(x.value, y.value)
        return self._extreme(smaller, x, y, self.base.less(x.value, y.value))

    def less(self, x: DualNumber[A], y: DualNumber[A], /) -> Condition:
        """Whether the value of x is below that of y."""
        return self.base.less(x.value, y.value)

    def less_equal(self, x: DualNumber[A], y: DualNumber[A], /) -> Condition:
        """Whether the value of x is at most that of y."""
        return self.base.less_equal(x.value, y.value)

    def equal(self, x: DualNumber[A], y: DualNumber[A], /) -> Condition:
        """Whether the values are equal."""
        return self.base.equal(x.value, y.value)

    def where(
        self,
        condition: Condition,
        chosen: DualNumber[A],
        otherwise: DualNumber[A],
        /,
    ) -> DualNumber[A]:
        """The chosen value, with its derivative."""
        return DualNumber(
            self.base.where(condition, chosen.value, otherwise.value),
            self.base.where(condition, chosen.derivative, otherwise.derivative),
        )

    def sum(self, values: Sequence[DualNumber[A]], /) -> DualNumber[A]:
        """The base's sum of the values, and of the derivatives."""
        return DualNumber(
            self.base.sum([each.value for each in values]),
            self.base.sum([each.derivative for each in values]),
        )

    def dot(
        self, left: Sequence[DualNumber[A]], right: Sequence[DualNumber[A]], /
    ) -> DualNumber[A]:
        """The base's dot product, and its derivative by the product rule."""
        return self.inner_products([left], [right])[0]

    def inner_products(
        self,
        rows: Sequence[Sequence[DualNumber[A]]],
        columns: Sequence[Sequence[DualNumber[A]]],
        /,
    ) -> list[DualNumber[A]]:
        """The dot product of each row with each column, rows outermost."""
        row_values, row_slopes = _parts(rows)
        column_values, column_slopes = _parts(columns)
        values = self.base.inner_products(row_values, column_values)
        by_rows = self.base.inner_products(row_slopes, column_values)
        by_columns = self.base.inner_products(row_values, column_slopes)
        return [
            DualNumber(value, first + second)
            for value, first, second in zip(values, by_rows, by_columns, strict=True)
        ]


def _parts(
    vectors: Sequence[Sequence[DualNumber[A]]],
) -> tuple[list[list[A]], list[list[A]]]:
    values = [[each.value for each in vector] for vector in vectors]
    slopes = [[each.derivative for each in vector] for vector in vectors]
    return values, slopes
