"""One turn of a kernel's loop stands for all, and what is no such loop is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from torchlean_proofs.evidence.kernels import trace
from torchlean_spec.errors import TorchLeanError

Body = Callable[..., None]


def traced(body: Body) -> dict[str, str]:
    """What a body over `x`, `out` and `size` writes, as text."""
    found = trace(body, buffers=("x", "out"), integers=("size",))
    return {name: str(each) for name, each in found.written.items()}


def test_what_is_written_is_found_with_what_it_was_made_of() -> None:
    """A read after a write sees what was written; a place outside stays a place."""

    def scaled(x: Any, out: Any, size: int, system: Any) -> None:
        factor = x[size - 1]
        for i in range(size):
            out[i] = x[i] * factor
            out[i] = out[i] + out[i]

    assert traced(scaled) == {"out": "(x[i] * x[size - 1]) + (x[i] * x[size - 1])"}


def test_a_loop_over_a_known_count_is_run_as_it_is() -> None:
    """Three additions inside a turn are three additions."""

    def thrice(x: Any, out: Any, size: int, system: Any) -> None:
        for i in range(size):
            total = system.constant(0)
            for _ in range(3):
                total = total + x[i]
            out[i] = total

    assert traced(thrice) == {"out": "((0 + x[i]) + x[i]) + x[i]"}


def neighbour(x: Any, out: Any, size: int, system: Any) -> None:
    """Reads another element."""
    for i in range(size):
        out[i] = x[i + 1]


def shifted(x: Any, out: Any, size: int, system: Any) -> None:
    """Writes another element."""
    for i in range(size):
        out[i + 1] = x[i]


def twice(x: Any, out: Any, size: int, system: Any) -> None:
    """Has two loops."""
    for i in range(size):
        out[i] = x[i]
    for i in range(size):
        out[i] = x[i]


def summed(x: Any, out: Any, size: int, system: Any) -> None:
    """Carries a sum from turn to turn."""
    total = system.constant(0)
    for i in range(size):
        total = total + x[i]
        out[i] = total


def branched(x: Any, out: Any, size: int, system: Any) -> None:
    """Branches on a value."""
    for i in range(size):
        out[i] = x[i] if system.less(x[i], x[i]) else -x[i]


def loopless(x: Any, out: Any, size: int, system: Any) -> None:
    """Has no loop."""
    x[0]


def from_one(x: Any, out: Any, size: int, system: Any) -> None:
    """Begins at the second element."""
    for i in range(1, size):
        out[i] = x[i]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (neighbour, "expected x[i], got x[i + 1]"),
        (shifted, "expected out[i] to be written, got out[i + 1]"),
        (twice, "expected one loop over elements, from 0 on, got range(Term(size),)"),
        (summed, "expected no value carried from turn to turn, got total"),
        (
            branched,
            "expected a choice by where, got a branch on the symbol x[i] < x[i]",
        ),
        (loopless, "expected a loop over elements, got none"),
        (
            from_one,
            "expected one loop over elements, from 0 on, got range(1, Term(size))",
        ),
    ],
)
def test_what_is_no_loop_over_elements_is_refused(body: Body, message: str) -> None:
    """What holds for one turn would not hold for all: one sentence says why."""
    with pytest.raises(TorchLeanError) as caught:
        traced(body)
    assert str(caught.value) == message
