"""Hyperparameters as symbols: coefficients for all rates, decays and steps at once.

A record of hyperparameters is copied, each number of it that is not 0 replaced by a
variable; the spec's own equations of coefficients then run over terms. A power of a
hyperparameter to the step is a variable in [0, 1), of which nothing else is known.

>>> from torchlean_spec.optimizers import SGD
>>> coefficients = symbolic_coefficients(SGD("0.1", momentum="0.9"))
>>> {name: str(value) for name, value in coefficients.items()}
{'rate': 'learning_rate', 'keep': 'momentum'}
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction

from torchlean_proofs.evidence.rebinding import with_globals_throughout
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.term import (
    Term,
    as_term,
    less,
    less_equal,
    number,
    real,
    variables,
)
from torchlean_spec.numbers.system import Condition, Exact
from torchlean_spec.optimizers import ElementOptimizer

POWER = "^step"
"""What the name of a hyperparameter's power to the step ends with."""


@dataclass(frozen=True, slots=True)
class SymbolicExact:
    """The exact arithmetic of the spec over terms."""

    def constant(self, value: Exact | Term, /) -> Term:
        """A value that is exact, or a symbol of one."""
        return value if isinstance(value, Term) else number(Fraction(value))

    def power(self, base: Term, exponent: Term, root: int = 1, /) -> Term:
        """A power to the step: a variable of its own."""
        assert exponent is real("step") and root == 1, "a power to the step"
        return real(f"{base}{POWER}")

    def square_root(self, x: Term, /) -> Term:
        """Square root."""
        return SYMBOLS.sqrt(x)

    def minimum(self, x: Term, y: Term, /) -> Term:
        """The smaller."""
        return SYMBOLS.minimum(x, y)

    def maximum(self, x: Term, y: Term, /) -> Term:
        """The larger."""
        return SYMBOLS.maximum(x, y)

    def less(self, x: Term, y: Term, /) -> Term:
        """`x < y`."""
        return less(x, y)

    def where(self, condition: Condition, chosen: Term, otherwise: Term, /) -> Term:
        """A selection."""
        return SYMBOLS.where(condition, chosen, otherwise)


class _SymbolicRecord:
    """A record whose numbers are variables, except those that are 0."""

    def __init__(self, optimizer: ElementOptimizer) -> None:
        for each in fields(optimizer):  # type: ignore[arg-type]
            held = getattr(optimizer, each.name)
            symbol = isinstance(held, Decimal) and held != 0
            setattr(self, each.name, real(each.name) if symbol else held)
        self.coefficient_names = optimizer.coefficient_names
        self._methods = {
            name: with_globals_throughout(getattr(type(optimizer), name), exact=_exact)
            for name in ("coefficients", "alternative_coefficients")
        }

    def coefficients(self, *arguments: object) -> dict[str, Term]:
        """The record's equations, over terms."""
        found: dict[str, Term] = self._methods["coefficients"](self, *arguments)
        return found

    def alternative_coefficients(self, *arguments: object) -> dict[str, Term]:
        """Those of its alternatives, over terms."""
        method = self._methods["alternative_coefficients"]
        found: dict[str, Term] = method(self, *arguments)
        return found


def symbolic_coefficients(
    optimizer: ElementOptimizer, alternatives: bool = False
) -> dict[str, Term]:
    """The coefficients of a step as terms in the hyperparameters.

    Args:
        optimizer: The record.
        alternatives: Whether to give what its alternatives take beside them.
    """
    record = _SymbolicRecord(optimizer)
    given = SymbolicExact(), real("step"), real("learning_rate")
    if alternatives:
        return record.alternative_coefficients(*given)
    return record.coefficients(*given)


def _exact(value: object) -> object:
    """The spec's `exact`, where the value may be a symbol."""
    return value if isinstance(value, Term) else Fraction(str(value))


def ranges(*terms: Term) -> tuple[Term, ...]:
    """What is known of the hyperparameters in some terms, and of their powers."""
    zero, one = as_term(Fraction(0)), as_term(Fraction(1))
    found = []
    for each in variables(*terms):
        name = str(each.number)
        if name in SHARES or name.endswith(POWER):
            found += [less_equal(zero, each), less(each, one)]
        elif name in POSITIVE:
            found.append(less(zero, each))
    return tuple(found)


SHARES = ("beta1", "beta2", "momentum", "dampening", "decay", "rho")
"""Hyperparameters in [0, 1)."""
POSITIVE = ("epsilon", "learning_rate", "weight_decay")
"""Hyperparameters above 0: those that are 0 are no symbols."""
