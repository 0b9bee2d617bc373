"""The laws of derivative rules: what they compare, and what they can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from torchlean_proofs.laws import all_laws
from torchlean_proofs.laws.law import Law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    application,
    meaning_of,
    row_of,
    rule_of,
)
from torchlean_proofs.laws.operations_derivatives import (
    Point,
    agrees,
    pulled_back,
    pushed_forward,
)
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.operations import OPERATIONS

PRODUCT = Point(application(row_of(2, 3), row_of(5, 7)), row_of(1, 10))


def laws_of_subject(subject: object) -> list[Law]:
    """The laws that are aimed at an object itself."""
    return [each for each in all_laws() if each.subject is subject]


def mutants_of(laws: Sequence[Law]) -> int:
    """How many wrong variants of it these laws refute."""
    return sum(len(each.mutants) for each in laws)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_aimed_at(name: str) -> None:
    """A law is aimed at the meaning of each operation, and refutes wrong ones."""
    assert mutants_of(laws_of_subject(OPERATIONS[name].meaning)) >= 2


@pytest.mark.parametrize(
    "name", [name for name, each in OPERATIONS.items() if each.derivative]
)
def test_every_derivative_rule_is_aimed_at(name: str) -> None:
    """A law is aimed at the derivative rule of each operation that has one."""
    found = laws_of_subject(OPERATIONS[name].derivative)
    assert [each.identifier.split(".", 1)[1] for each in found] == [
        f"{name}.derivative"
    ]
    assert {"upstream ignored", "the other sign"} <= set(found[0].mutants)


def test_a_rule_is_run_as_a_program() -> None:
    """Of a product, each operand gets upstream times the other."""
    found = pulled_back(RATIONAL, "multiply", rule_of("multiply"), PRODUCT)
    assert found == [row_of(5, 70), row_of(2, 30)]


def test_dual_numbers_push_one_element_forward() -> None:
    """The second element of the first operand is multiplied by 7, upstream is 10."""
    found = pushed_forward(RATIONAL, meaning_of("multiply"), PRODUCT, 0, 1)
    assert found == 70


def test_agreement_is_of_every_element() -> None:
    """A tensor agrees if all of it is the derivative, and its shape the operand's."""
    right, wrong = row_of(5, 70), row_of(5, 71)
    assert agrees(RATIONAL, "multiply", PRODUCT, 0, right)
    assert not agrees(RATIONAL, "multiply", PRODUCT, 0, wrong)
    assert not agrees(RATIONAL, "multiply", PRODUCT, 0, row_of(5))


def test_intervals_agree_where_they_meet() -> None:
    """Over bounded numbers the exact derivative lies in both sets."""
    point = Point(application(row_of(0)), row_of(2))
    (slope,) = [
        part for part in pulled_back(DOUBLE, "exp", rule_of("exp"), point) if part
    ]
    assert agrees(DOUBLE, "exp", point, 0, slope)
    near = slope.map(lambda x: x * DOUBLE.constant(1 + Fraction(1, 2**40)))
    assert not agrees(DOUBLE, "exp", point, 0, near)
