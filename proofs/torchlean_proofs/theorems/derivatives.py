"""Derivative rules: what the registry says is the derivative, is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from torchlean_proofs.evidence.differentiation import derivative
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.syntax import Function
from torchlean_proofs.evidence.term import (
    Term,
    equal,
    in_order,
    less,
    number,
    real,
    substituted,
)
from torchlean_proofs.evidence.theorem import Covered, Obligation, Theorem
from torchlean_spec.operations import OPERATIONS, Kind, activations, elementwise
from torchlean_spec.operations.operation import Attribute, Attributes, Use
from torchlean_spec.operations.operation import Value as ProgramValue
from torchlean_spec.shape import Scalar, Shape

ZERO, HALF = number(0), number(Fraction(1, 2))
X, Y, UPSTREAM = real("x"), real("y"), real("upstream")
RULE = "the rule"
"""What the derivative rule is called among the covered functions."""


class SymbolicAttributes(dict[str, Attribute]):
    """Attributes whose numbers are symbols."""

    def exact(self, name: str) -> Term:
        """An exact real."""
        held = cast(Term | Fraction, self[name])
        return held if isinstance(held, Term) else number(Fraction(held))


@dataclass(frozen=True, slots=True)
class SymbolicValue:
    """A value of a program: one element, as a term; operations are run over symbols."""

    term: Term
    functions: Covered

    @property
    def shape(self) -> Shape:
        """One element."""
        return Scalar()

    @property
    def kind(self) -> Kind:
        """A number."""
        return Kind.REAL

    def apply(
        self, operation: str, /, *others: ProgramValue, **attributes: Attribute
    ) -> SymbolicValue:
        """Apply an operation."""
        terms = [self.term, *(cast(SymbolicValue, each).term for each in others)]
        function = self.functions.get(operation) or function_of(operation)
        found = function(SYMBOLS, SymbolicAttributes(attributes), *terms)
        return SymbolicValue(found, self.functions)

    def build(self, operation: str, /, **attributes: Attribute) -> SymbolicValue:
        """Apply an operation without operands: elementwise rules have none."""
        raise LookupError(operation)


def function_of(operation: str) -> Function:
    """The function of numbers that an elementwise operation applies."""
    home = elementwise if hasattr(elementwise, operation) else activations
    found: Function = getattr(home, operation)
    return found


@dataclass(frozen=True, slots=True)
class Statement:
    """Where an operation has a derivative, and what is said at its kink."""

    attribute: str = ""
    """The name of its exact attribute, if it has one."""
    away: Callable[[], tuple[Term, ...]] = tuple
    """What keeps the operands away from kinks and from the domain's end."""
    kink: Mapping[Term, Term] | None = None
    """The operands at the kink."""
    there: Callable[[], Sequence[Term]] = tuple
    """The derivative in each operand that is stated there."""
    parts: tuple[str, ...] = ()
    """The operations that the rule applies beside others."""


def _not_zero(each: Term) -> tuple[Term, ...]:
    return (~equal(each, ZERO),)


def _halves() -> Sequence[Term]:
    return UPSTREAM * HALF, UPSTREAM * HALF


KINKED = Statement(away=lambda: _not_zero(X), kink={X: ZERO}, there=lambda: [ZERO])
SMOOTH = Statement()

STATEMENTS = {
    "add": SMOOTH,
    "subtract": SMOOTH,
    "multiply": SMOOTH,
    "divide": Statement(away=lambda: _not_zero(Y)),
    "maximum": Statement(away=lambda: (~equal(X, Y),), kink={Y: X}, there=_halves),
    "minimum": Statement(away=lambda: (~equal(X, Y),), kink={Y: X}, there=_halves),
    "negate": SMOOTH,
    "absolute": KINKED,
    "square": SMOOTH,
    "sqrt": Statement(away=lambda: (less(ZERO, X),)),
    "reciprocal": Statement(away=lambda: _not_zero(X)),
    "exp": SMOOTH,
    "log": Statement(away=lambda: (less(ZERO, X),)),
    "scale": Statement(attribute="factor"),
    "relu": Statement(
        away=lambda: _not_zero(X),
        kink={X: ZERO},
        there=lambda: [ZERO],
        parts=("relu_gradient",),
    ),
    "leaky_relu": Statement(
        attribute="slope",
        away=lambda: _not_zero(X),
        kink={X: ZERO},
        there=lambda: [real("slope") * UPSTREAM],
        parts=("leaky_relu_gradient",),
    ),
    "elu": Statement(
        attribute="alpha",
        away=lambda: _not_zero(X),
        parts=("elu_gradient",),
    ),
    "sigmoid": Statement(away=lambda: _not_zero(X), parts=("sigmoid_gradient",)),
    "tanh": Statement(parts=("tanh_gradient",)),
    "softplus": Statement(away=lambda: _not_zero(X), parts=("softplus_gradient",)),
    "silu": Statement(away=lambda: _not_zero(X), parts=("silu_gradient",)),
    "gelu_tanh": Statement(parts=("gelu_tanh_gradient",)),
}
"""The operations whose rules are proved, with where they hold.

Those made of `e^-|x|` are smooth at 0 too; the premise leaves that point out, since
the term is not differentiated there. The rule of `gelu` is not among them: its
constants are irrational, and the spec writes them to fifty digits.
"""


def rule_is_the_derivative(operation: str) -> Theorem:
    """The theorem that an operation's rule gives its derivative."""
    said, entry = STATEMENTS[operation], OPERATIONS[operation]
    names = entry.operands
    operands = [real(name) for name in names]
    names_given = [said.attribute] if said.attribute else []
    given = {name: cast(Attribute, real(name)) for name in names_given}

    def obligations(covers: Covered) -> list[Obligation]:
        functions = {name: each for name, each in covers.items() if name != RULE}
        values = [SymbolicValue(each, functions) for each in operands]
        result = values[0].apply(operation, *values[1:], **given)
        attributes = cast(Attributes, SymbolicAttributes(given))
        use = Use(attributes, tuple(values), result, SymbolicValue(UPSTREAM, functions))
        slopes = [each.term for each in covers[RULE](use)]
        found = []
        for variable, slope in zip(operands, slopes, strict=True):
            wanted = UPSTREAM * derivative(result.term, variable)
            goal = equal(slope, wanted)
            known = (*said.away(), *axioms(goal))
            found.append(Obligation(f"in {variable}", goal, known))
        at_the_kink = zip(operands, slopes, said.there(), strict=False)
        for variable, slope, stated in at_the_kink:
            at = substituted(slope, dict(said.kink or {}))
            found.append(Obligation(f"in {variable} at the kink", equal(at, stated)))
        return found

    assert entry.derivative is not None, operation
    covered = {name: function_of(name) for name in (operation, *said.parts)}
    where_ = " where it has one" if said.away() else ""
    return Theorem(
        f"derivatives.{operation}",
        f"The derivative rule of {operation} gives its derivative{where_}, "
        "for all reals.",
        {**covered, RULE: entry.derivative},
        tuple(f"spec.operations.{name}" for name in covered),
        obligations,
        ("reals", "the rules of calculus", "exp is above 0"),
        equivalent=AT_THE_KINK,
    )


AT_THE_KINK = {
    "*: less became less_equal": "it differs at 0 alone, where both branches agree",
    "*: less_equal became less": "it differs at 0 alone, where both branches agree",
    "sigmoid, 4:26: 1 became 2": "it has the same derivative rule, y' = y (1 - y)",
}
"""Mutants that change nothing."""


def axioms(*terms: Term) -> tuple[Term, ...]:
    """What is taken to be known of the elementary functions in some terms."""
    found = [less(ZERO, each) for each in in_order(terms) if each.operator == "exp"]
    for each in in_order(terms):
        if each.operator == "tanh":
            one = number(1)
            found += [less(-one, each), less(each, one)]
    return tuple(found)


def theorems() -> Iterator[Theorem]:
    """The theorems of this topic."""
    return map(rule_is_the_derivative, STATEMENTS)
