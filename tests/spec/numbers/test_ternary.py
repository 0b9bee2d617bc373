"""Kleene's three truth values."""

from itertools import product

from torchlean_spec.numbers import Ternary

NO, UNDECIDED, YES = Ternary.NO, Ternary.UNDECIDED, Ternary.YES


def test_and_or_follow_kleene() -> None:
    """A conjunction is undecided unless one side is false or both are true."""
    for x, y in product(Ternary, Ternary):
        both = NO if NO in (x, y) else UNDECIDED if UNDECIDED in (x, y) else YES
        either = YES if YES in (x, y) else UNDECIDED if UNDECIDED in (x, y) else NO
        assert (x & y, x | y) == (both, either)
