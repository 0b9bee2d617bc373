"""Truth values of comparisons that an error bound may leave undecided."""

from __future__ import annotations

from enum import Enum


class Ternary(Enum):
    """Kleene's three truth values; `&` and `|` are their minimum and maximum.

    Source: Kleene, *Introduction to Metamathematics*, 1952, section 64.

    >>> (Ternary.YES & Ternary.UNDECIDED).name, (Ternary.YES | Ternary.UNDECIDED).name
    ('UNDECIDED', 'YES')
    """

    NO = 0
    UNDECIDED = 1
    YES = 2

    def __and__(self, other: Ternary, /) -> Ternary:
        return self if self.value <= other.value else other

    def __or__(self, other: Ternary, /) -> Ternary:
        return self if self.value >= other.value else other

    def __bool__(self) -> bool:
        raise TypeError(
            "expected the system's `where` to look at a condition, got a truth test"
        )
