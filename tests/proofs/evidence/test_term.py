"""Terms are one object each, keep their sorts apart, and are walked in one order."""

from __future__ import annotations

from fractions import Fraction

import pytest

from torchlean_proofs.evidence.term import (
    equal,
    in_order,
    integer,
    less,
    number,
    real,
    substituted,
    truth,
    variables,
    where,
    written,
)
from torchlean_spec.errors import TorchLeanError


def test_equal_terms_are_one_object() -> None:
    """Whatever was made in between; another order of operands is another term."""
    x, y = real("x"), real("y")
    first = (x + y) * (x + y)
    _ = x * y
    assert (x + y) * (x + y) is first
    assert x + y is not y + x
    assert real("n") is not integer("n")


def test_numbers_of_two_sorts_do_not_mix() -> None:
    """A real and an integer are not added; a truth has no sum."""
    with pytest.raises(TorchLeanError) as caught:
        real("x") + integer("n")
    assert str(caught.value) == (
        "expected two numbers of one sort, got real x and integer n"
    )
    with pytest.raises(TorchLeanError):
        truth(True) + truth(False)


def test_a_symbol_has_no_truth() -> None:
    """Code that branches on one is told to choose by `where`."""
    with pytest.raises(TorchLeanError) as caught:
        bool(less(real("x"), real("y")))
    assert str(caught.value) == (
        "expected a choice by where, got a branch on the symbol x < y"
    )


def test_arguments_come_first_and_each_term_once() -> None:
    """The order depends on the term alone, not on what was made before it."""
    x, y = real("x"), real("y")
    root = (y - x) * (x + y) + x
    names = [written(each) for each in in_order([root])]
    assert names == ["y", "x", "y - x", "x + y", "(y - x) * (x + y)", written(root)]
    assert [written(each) for each in variables(root)] == ["y", "x"]


def test_a_term_stands_for_another() -> None:
    """Everywhere, and nothing else changes."""
    x, y = real("x"), real("y")
    root = where(less(x, y), x * x, number(Fraction(1, 2)))
    assert substituted(root, {x: y}) is where(less(y, y), y * y, number(Fraction(1, 2)))
    assert substituted(root, {}) is root


def test_a_zero_among_integers_goes_and_among_reals_stays() -> None:
    """A zero may change a real's bits, and changes no integer."""
    n, x = integer("n"), real("x")
    assert n + 0 is n
    assert x + number(0) is not x
    assert written(equal(n - 0, n)) == "n == n"
