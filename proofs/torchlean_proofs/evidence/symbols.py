"""The number system of symbols: the spec's functions and the kernels run over it.

>>> from torchlean_proofs.evidence.term import real
>>> x = real("x")
>>> print(SYMBOLS.maximum(x, SYMBOLS.constant(0)))
maximum(x, 0)
>>> from torchlean_spec.optimizers import sgd
>>> parameter, _ = sgd(SYMBOLS, {"rate": real("rate")}, x, real("g"), ())
>>> print(parameter)
x - (rate * g)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from torchlean_proofs.evidence.term import (
    Term,
    equal,
    less,
    less_equal,
    number,
    term,
    where,
)
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact
from torchlean_spec.numbers.summation import tree_sum
from torchlean_spec.numbers.system import Condition, Exact


@dataclass(frozen=True, slots=True)
class Symbols:
    """Terms as numbers; a `NumberSystem`, and an arithmetic for kernels."""

    name: str = "symbols"
    strict: bool = True

    @property
    def wide(self) -> Symbols:
        """Wider symbols are the same symbols."""
        return self

    def constant(self, value: Exact | float | Term, /) -> Term:
        """A constant: the decimal that a float shows; a symbol stands for itself."""
        return value if isinstance(value, Term) else number(exact(value))

    def from_float(self, value: float, /) -> Term:
        """The number that a binary value stands for."""
        return number(Fraction(value))

    def to_float(self, value: Term, /) -> float:
        """The nearest float of a constant.

        Raises:
            TorchLeanError: `UNSUPPORTED` for what is no constant.
        """
        if isinstance(value.number, Fraction):
            return float(value.number)
        raise TorchLeanError(
            Reason.UNSUPPORTED, f"expected a constant, got the symbol {value}"
        )

    def sqrt(self, x: Term, /) -> Term:
        """Square root."""
        return term("sqrt", x)

    def exp(self, x: Term, /) -> Term:
        """Exponential function."""
        return term("exp", x)

    def expm1(self, x: Term, /) -> Term:
        """`exp(x) - 1`."""
        return term("expm1", x)

    def log(self, x: Term, /) -> Term:
        """Natural logarithm."""
        return term("log", x)

    def log1p(self, x: Term, /) -> Term:
        """`log(1 + x)`."""
        return term("log1p", x)

    def tanh(self, x: Term, /) -> Term:
        """Hyperbolic tangent."""
        return term("tanh", x)

    def erf(self, x: Term, /) -> Term:
        """Error function."""
        return term("erf", x)

    def absolute(self, x: Term, /) -> Term:
        """Absolute value."""
        return term("absolute", x)

    def maximum(self, x: Term, y: Term, /) -> Term:
        """The larger of two."""
        return term("maximum", x, y)

    def minimum(self, x: Term, y: Term, /) -> Term:
        """The smaller of two."""
        return term("minimum", x, y)

    def less(self, x: Term, y: Term, /) -> Term:
        """`x < y`."""
        return less(x, y)

    def less_equal(self, x: Term, y: Term, /) -> Term:
        """`x <= y`."""
        return less_equal(x, y)

    def equal(self, x: Term, y: Term, /) -> Term:
        """`x == y`."""
        return equal(x, y)

    def where(self, condition: Condition, chosen: Term, otherwise: Term, /) -> Term:
        """A selection, decided or not."""
        if isinstance(condition, bool):
            return chosen if condition else otherwise
        return where(cast(Term, condition), chosen, otherwise)

    def multiply_add(self, x: Term, y: Term, z: Term, /) -> Term:
        """`x y + z`, as two operations: over the reals there is no other."""
        return x * y + z

    def add_any_order(self, total: Term, each: Term, /) -> Term:
        """`total + each`."""
        return total + each

    def sum(self, values: Sequence[Term], /) -> Term:
        """The sum by the spec's tree."""
        return tree_sum(self.constant(0), values)

    def dot(self, left: Sequence[Term], right: Sequence[Term], /) -> Term:
        """The sum of the products."""
        return self.sum([x * y for x, y in zip(left, right, strict=True)])

    def inner_products(
        self, rows: Sequence[Sequence[Term]], columns: Sequence[Sequence[Term]], /
    ) -> list[Term]:
        """`dot(row, column)` for each row and each column, rows outermost."""
        return [self.dot(row, column) for row in rows for column in columns]


SYMBOLS = Symbols()
"""The one system of symbols."""
