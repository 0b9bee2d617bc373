"""The gate: what is broken on purpose is not let through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from torchlean_proofs.evidence import solver, theorem
from torchlean_proofs.evidence.solver import Answer, Finding
from torchlean_proofs.evidence.term import Term, equal, less, number, real
from torchlean_proofs.evidence.theorem import Covered, Level, Obligation, Theorem, prove

X, Y = real("x"), real("y")


def square_of_sum(x: Term, y: Term) -> Term:
    """`(x + y)^2`."""
    return (x + y) * (x + y)


def expanded(x: Term, y: Term) -> Term:
    """`x^2 + 2 x y + y^2`."""
    return x * x + (x * y + x * y) + y * y


def about(
    function: Callable[..., Term],
    goal: Callable[[Term], Term],
    premises: tuple[Term, ...] = (),
) -> Theorem:
    """A theorem about one function of x and y."""

    def obligations(covers: Covered) -> Sequence[Obligation]:
        return [Obligation("the goal", goal(covers["function"](X, Y)), premises)]

    return Theorem("test", "A test.", {"function": function}, ("test",), obligations)


def test_a_true_statement_is_proved_and_its_mutants_refuted() -> None:
    """Every mutant is refuted at a point that ordinary evaluation confirms."""
    found = prove(about(square_of_sum, lambda each: equal(each, expanded(X, Y))))
    assert found.level is Level.PROVED
    assert found.kept
    assert len(found.refuted) > 5
    assert not found.survivors


def test_a_false_statement_is_not_let_through() -> None:
    """The solver finds where it fails."""
    found = prove(about(square_of_sum, lambda each: equal(each, X * X + Y * Y)))
    assert found.failed == ("the goal: possible",)
    assert not found.kept


def test_premises_that_nothing_satisfies_are_not_let_through() -> None:
    """From what cannot be, everything follows."""
    never = (less(X, number(0)), less(number(0), X))
    found = prove(about(square_of_sum, lambda each: equal(each, number(7)), never))
    assert "the goal: its premises were not shown satisfiable" in found.failed


def test_a_division_by_zero_is_not_let_through() -> None:
    """Where a divisor may be 0, the statement says nothing."""

    def ratio(x: Term, y: Term) -> Term:
        return x / y

    found = prove(about(ratio, lambda each: equal(each * Y, each * Y + number(0))))
    assert found.failed == ("the goal: y is not 0: possible",)
    positive = (less(number(0), Y),)
    found = prove(about(ratio, lambda each: equal(each * Y, X), positive))
    assert not found.failed


def test_a_statement_that_tells_nothing_is_not_let_through() -> None:
    """A square is at least 0, and so are most mutants of one: they survive."""

    def square(x: Term, y: Term) -> Term:
        return (x - y) * (x - y)

    found = prove(about(square, lambda each: ~less(each, number(0))))
    assert not found.failed
    assert found.survivors
    assert not found.kept


def test_a_theorem_without_mutants_is_not_let_through() -> None:
    """Nothing shows that it could fail."""

    def same(x: Term, y: Term) -> Term:
        return x

    kept = prove(about(same, lambda each: equal(each, X)), most_mutants=0)
    assert not kept.kept


def test_the_same_graph_is_no_proof() -> None:
    """Two sides that are equal after tracing earn the weaker word."""
    found = prove(about(expanded, lambda each: equal(each, expanded(X, Y))))
    assert found.level is Level.DEFINITIONAL
    assert found.kept


def test_a_solver_that_always_agrees_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It cannot show that premises are satisfiable."""
    agrees = Finding(Answer.IMPOSSIBLE, {})
    monkeypatch.setattr(solver, "answered", lambda text, seconds=0: agrees)
    found = prove(about(square_of_sum, lambda each: equal(each, X * X + Y * Y)))
    assert found.failed == ("the goal: its premises were not shown satisfiable",)


def test_a_solver_that_knows_nothing_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unknown is a failure."""
    unknown = Finding(Answer.UNKNOWN, {})
    monkeypatch.setattr(solver, "answered", lambda text, seconds=0: unknown)
    found = prove(about(square_of_sum, lambda each: equal(each, expanded(X, Y))))
    assert "the goal: unknown" in found.failed


def test_a_point_is_believed_only_where_evaluation_confirms_it() -> None:
    """Two sides that differ by less than rounding are not told apart."""
    near = Obligation("near", equal(X, X + number(0)))
    assert not theorem.violates(near, {"x": number(1).number})  # type: ignore[dict-item]
    far = Obligation("far", equal(X, X + number(1)))
    assert theorem.violates(far, {"x": number(1).number})  # type: ignore[dict-item]
