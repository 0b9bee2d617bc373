"""The grammar of programs: what is drawn is valid, varied, and the same every time."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from torchlean_proofs.laws.law import Draws
from torchlean_proofs.laws.program_recipes import (
    GRAMMAR,
    INPUTS,
    LARGEST_SIZE,
    VARIABLES,
    Direct,
    recipes,
)
from torchlean_proofs.ledger import law_named
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.operations import Kind
from torchlean_spec.shape import Scalar, shape_of, size
from torchlean_spec.tensor import Tensor


@pytest.mark.parametrize("identifier", ["program.evaluate", "program.gradient"])
def test_every_operation_of_the_grammar_is_tried(identifier: str) -> None:
    """The cases of a law of programs hold each operation at least twice."""
    each = law_named(identifier)
    programs = [case for case in each.cases(Draws(identifier))]
    counted = Counter(
        step.operation for case in programs for step in getattr(case, "steps", ())
    )
    assert {name for name in GRAMMAR if counted[name] < 2} == set()


def test_programs_are_valid_and_small() -> None:
    """Each recipe traces into a program with a scalar output and small values."""
    for recipe in recipes(40)(Draws("small")):
        program = recipe.program()
        assert program.shape(program.outputs["out"]) == Scalar()
        assert max(size(node.shape) for node in program.nodes) <= LARGEST_SIZE


def test_values_are_what_the_inputs_want() -> None:
    """Numbers are rationals, indices integers below the number of rows."""
    (recipe,) = recipes(1)(Draws("values"))
    given = recipe.given(RATIONAL)
    assert list(given) == list(INPUTS)
    assert all(each.shape == INPUTS[name].shape for name, each in given.items())
    assert {type(v) for name in VARIABLES for v in given[name].values} == {Fraction}
    assert [name for name in INPUTS if INPUTS[name].kind is Kind.INDEX] == ["index"]
    assert set(given["index"].values) <= {0, 1}


def test_the_same_name_draws_the_same_programs() -> None:
    """A law tries the same programs every time."""
    first, again = (list(recipes(5)(Draws("name"))) for _ in range(2))
    other = list(recipes(5)(Draws("another name")))
    assert first == again
    assert first != other


def test_direct_tensors_compute_at_once() -> None:
    """An operation on a tensor gives a tensor, of what the operation means."""
    x = Tensor(shape_of([2]), (Fraction(1, 2), Fraction(3)))
    found = Direct(RATIONAL, x).apply("square").apply("sum")
    assert found.tensor == Tensor(Scalar(), (Fraction(37, 4),))
    filled = Direct(RATIONAL, x).build("fill", target=x.shape, value=2)
    assert filled.apply("add", Direct(RATIONAL, x)).tensor.values == (
        Fraction(5, 2),
        Fraction(5),
    )
