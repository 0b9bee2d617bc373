"""Symbolic derivatives are those that dual numbers have, at every point tried."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_proofs.evidence.differentiation import derivative
from torchlean_proofs.evidence.evaluation import values
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.term import Term, equal, number, real, term, where
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.dual import Dual, DualNumber

X = real("x")
POLYNOMIALS: dict[str, Callable[[Term], Term]] = {
    "a cube": lambda x: x * x * x - x,
    "a quotient": lambda x: (x + number(2)) / (x * x + number(1)),
    "a size": lambda x: SYMBOLS.absolute(x) * -x,
    "the larger": lambda x: SYMBOLS.maximum(x, x * x),
    "the smaller": lambda x: SYMBOLS.minimum(number(1), x),
}


@pytest.mark.parametrize("name", POLYNOMIALS)
@given(st.fractions(-4, 4, max_denominator=50))
def test_a_derivative_is_that_of_dual_numbers(name: str, at: Fraction) -> None:
    """Except at kinks, which are left out."""
    if at in (0, 1):
        return
    root = POLYNOMIALS[name](X)
    system = Dual(RATIONAL)
    (wanted,) = values([root], system, {"x": DualNumber(at, Fraction(1))})
    (found,) = values([derivative(root, X)], RATIONAL, {"x": at})
    assert found == wanted.derivative


def test_a_choice_has_the_slope_of_what_is_chosen() -> None:
    """The condition itself has none."""
    chosen = where(equal(X, number(0)), X * X, number(3) * X)
    assert str(derivative(chosen, X)) == (
        "where(x == 0, (1 * x) + (x * 1), (0 * x) + (3 * 1))"
    )


def test_what_does_not_depend_on_the_variable_has_slope_zero() -> None:
    """However it is made."""
    assert derivative(SYMBOLS.exp(real("y")), X) is number(0)


def test_an_operator_without_a_rule_is_refused() -> None:
    """The sentence names it."""
    with pytest.raises(TorchLeanError) as caught:
        derivative(term("gamma", X), X)
    assert str(caught.value) == ("expected an operator with a derivative, got gamma")
