"""A query is the same text wherever it is made, and an answer is never guessed."""

from __future__ import annotations

from fractions import Fraction

from torchlean_proofs.evidence import solver
from torchlean_proofs.evidence.solver import Answer, ask, query
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.term import (
    equal,
    integer,
    less,
    less_equal,
    number,
    real,
)


def test_what_cannot_be_is_impossible_and_what_can_is_shown() -> None:
    """A binomial has one expansion, and a wrong one is told by a point."""
    x, y = real("x"), real("y")
    squared = (x + y) * (x + y)
    right = x * x + y * y + number(2) * (x * y)
    assert ask([~equal(squared, right)]).answer is Answer.IMPOSSIBLE
    found = ask([~equal(squared, x * x + y * y)])
    assert found.answer is Answer.POSSIBLE
    assert found.values["x"] * found.values["y"] != 0


def test_roots_extremes_and_choices_mean_what_the_spec_means() -> None:
    """A root is at least 0 and squares to its argument; the larger is one of two."""
    x, y = real("x"), real("y")
    root = SYMBOLS.sqrt(x)
    assert ask([less(root, number(0))]).answer is Answer.IMPOSSIBLE
    assert ask([~equal(root * root, x)]).answer is Answer.IMPOSSIBLE
    larger = SYMBOLS.maximum(x, y)
    chosen = SYMBOLS.where(less_equal(x, y), y, x)
    assert ask([~equal(larger, chosen)]).answer is Answer.IMPOSSIBLE
    smaller = SYMBOLS.minimum(x, y)
    assert ask([~equal(smaller, x + y - larger)]).answer is Answer.IMPOSSIBLE
    size = SYMBOLS.absolute(x)
    assert ask([~equal(size, SYMBOLS.maximum(x, -x))]).answer is Answer.IMPOSSIBLE


def test_of_other_functions_nothing_is_known() -> None:
    """That a logarithm inverts an exponential is for a theorem to assume."""
    x = real("x")
    inverted = equal(SYMBOLS.log(SYMBOLS.exp(x)), x)
    assert ask([~inverted]).answer is Answer.POSSIBLE
    same = equal(SYMBOLS.exp(x + x), SYMBOLS.exp(number(2) * x))
    assert ask([~same]).answer is Answer.IMPOSSIBLE


def test_integers_divide_as_pythons() -> None:
    """The parts of a count by a positive divisor make it up again."""
    n = integer("n")
    whole = (n // 3) * 3 + n % 3
    assert ask([~equal(whole, n)]).answer is Answer.IMPOSSIBLE


def test_a_query_does_not_depend_on_what_was_made_before() -> None:
    """Its text, and so its digest, is that of the conditions alone."""
    text = query([~equal(real("a") * real("b"), real("b") * real("a"))])
    _ = [real(f"other {place}") + number(1) for place in range(5)]
    again = query([~equal(real("a") * real("b"), real("b") * real("a"))])
    assert again == text
    assert "t0" in text and "Fraction" not in text


def test_a_query_that_takes_too_long_is_unknown_and_its_process_is_killed() -> None:
    """The next query is answered all the same."""
    n, m, k = integer("n"), integer("m"), integer("k")
    cubes = equal(n * n * n + m * m * m + k * k * k, integer("c"))
    hard = [cubes, equal(integer("c"), integer("n") * 0 + 114)]
    assert ask(hard, seconds=0.3).answer is Answer.UNKNOWN
    assert ask([equal(real("x"), number(1))]).values == {"x": Fraction(1)}


def test_a_dead_process_is_no_proof() -> None:
    """What ends without an answer is unknown."""
    assert ask([equal(real("x"), number(2))]).answer is Answer.POSSIBLE
    process = solver._WORKER._process
    assert process is not None
    process.kill()
    process.wait()
    assert ask([equal(real("x"), number(3))]).answer is Answer.POSSIBLE
