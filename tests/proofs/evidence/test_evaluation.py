"""A term's value in a number system is what the code itself gives there."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_proofs.evidence.evaluation import values
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.term import integer, less, number, real
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.numbers import RATIONAL, bounded
from torchlean_spec.numbers.binary import BINARY32
from torchlean_spec.optimizers import Adam, coefficients_at

WORDS = st.integers(0, 2**32 - 1)


@given(WORDS, WORDS, WORDS, WORDS)
def test_a_graph_replays_to_the_bits_of_its_function(
    p: int, g: int, m: int, v: int
) -> None:
    """Adam over symbols, then over binary32 numbers: the bits of Adam over these."""
    optimizer = Adam("0.1")
    names = optimizer.coefficient_names
    symbols = {name: real(name) for name in names}
    state = real("m"), real("v")
    after, slots = optimizer.update(SYMBOLS, symbols, real("p"), real("g"), state)
    numbers = [BINARY32.from_bits(word) for word in (p, g, m, v)]
    coefficient = coefficients_at(optimizer, BINARY32, 3)
    held = dict(zip("pgmv", numbers, strict=True)) | coefficient
    replayed = values([after, *slots], BINARY32, held)
    element = numbers[0], numbers[1], (numbers[2], numbers[3])
    wanted, wanted_slots = optimizer.update(BINARY32, coefficient, *element)
    assert [each.bits for each in replayed] == [
        each.bits for each in (wanted, *wanted_slots)
    ]


def test_a_condition_may_stay_undecided() -> None:
    """Its contrary is then undecided too."""
    system = bounded("float32")
    third = system.constant(Fraction(1, 3))
    x, y = real("x"), real("y")
    (chosen,) = values(
        [SYMBOLS.where(~less(x, y), number(1), number(2))],
        system,
        {"x": third, "y": third},
    )
    assert (chosen.admits(1.0), chosen.admits(2.0), chosen.admits(3.0)) == (
        True,
        True,
        False,
    )


def test_integers_are_pythons() -> None:
    """Quotients are rounded down."""
    n = integer("n")
    found: list[int] = values([n // 3, n % 3, n - 1], RATIONAL, {"n": 7})  # type: ignore[assignment]
    assert found == [2, 1, 6]


def test_a_variable_without_a_value_is_refused() -> None:
    """The sentence names it."""
    with pytest.raises(TorchLeanError) as caught:
        values([real("x")], RATIONAL, {})
    assert str(caught.value) == "expected a value of x, got none"
