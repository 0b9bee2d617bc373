"""What the compiler holds its own plans to: every read finds the value it is meant for.

`plan.verify` knows memory alone: it refuses what lies out of bounds, overlaps, or is
read before anything is written. The compiler knows more, namely which value each
argument of each row stands for. So memory that was given to another value too
early, a row that is missing or a wrong address are found even where the memory was
written before. The pieces of a row that is cut must go on one behind the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torchlean.cpu.registry import Mode, kernel_named
from torchlean.plan import Plan, Reach, Row, moved, rows_of
from torchlean_spec.errors import Reason, TorchLeanError


@dataclass(frozen=True, slots=True)
class Intent:
    """What a row is meant to do."""

    kernel: str
    values: Mapping[str, int]
    """The value that each argument stands for."""

    buffers: Mapping[str, str]
    """The buffer that each of the other arguments lies in, over many values."""

    call: int = 0
    """The number of the call that the row is, or is a piece of."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A stretch of memory, and the value that it holds."""

    start: int
    stop: int
    value: int


OVERLAY = -1
"""Stands for what is written over many values at once."""


def verify_intents(
    plan: Plan, intents: Sequence[Intent], given: Sequence[Reach]
) -> None:
    """Refuse a plan whose rows would not do what they are meant to.

    Args:
        plan: The plan.
        intents: What each of its rows is meant to do, those of groups included.
        given: The stretches that hold a value before the first row; each `argument`
            is the value's number.

    Raises:
        TorchLeanError: `CONTRADICTION`, naming the row, the argument and the values.
    """
    count = len(list(plan.single_rows()))
    if len(intents) != count:
        _refuse("the plan", f"{len(intents)} rows", f"{count}")
    meant = iter(intents)
    owned: dict[str, list[Owned]] = {name: [] for name in plan.buffers}
    for reach in given:
        _own(owned[reach.buffer], reach.start, reach.stop, int(reach.argument))
    for number, entry in enumerate(plan.rows):
        pairs = list(zip(rows_of(entry), meant, strict=False))
        for (earlier, same), (row, intent) in itertools.pairwise(pairs):
            if intent == same:
                _verify_piece(f"row {number}, {row.kernel}", earlier, row, plan.mode)
        reaches = [
            (row, reach, intent) for row, intent in pairs for reach in plan.reaches(row)
        ]
        for row, reach, intent in reaches:
            where = f"row {number}, {row.kernel}"
            if row.kernel != intent.kernel:
                _refuse(where, f"the kernel {intent.kernel}", f"{row.kernel}")
            _verify_place(owned, where, reach, intent)
        for _, reach, intent in reaches:
            if reach.writes:
                value = intent.values.get(reach.argument, OVERLAY)
                _own(owned[reach.buffer], reach.start, reach.stop, value)


def _verify_piece(where: str, earlier: Row, row: Row, mode: Mode) -> None:
    """A row that is meant to do what the one before it is must go on behind it."""
    axis = kernel_named(earlier.kernel, mode).shard_axis
    if not axis:
        _refuse(where, "one row", "two")
    following = moved(earlier, mode, earlier.integers()[axis])
    for name, expected in following.arguments.items():
        found = row.arguments.get(name)
        if name != axis and found != expected:
            _refuse(where, f"{name} of the next piece to be {expected}", f"{found}")


def _verify_place(
    owned: Mapping[str, list[Owned]], where: str, reach: Reach, intent: Intent
) -> None:
    """An argument must hold its value, or lie in its buffer."""
    buffer = intent.buffers.get(reach.argument)
    if buffer is not None and reach.buffer != buffer:
        _refuse(where, f"{reach.argument} in {buffer}", f"{reach.buffer}")
    if reach.reads and reach.argument in intent.values:
        _verify_read(owned[reach.buffer], where, reach, intent.values[reach.argument])


def _verify_read(owned: Sequence[Owned], where: str, reach: Reach, value: int) -> None:
    """Every element of the stretch must hold the value."""
    place = reach.start
    expected = f"{reach.argument} to be value %{value}"
    for part in sorted(owned, key=lambda each: each.start):
        if part.start <= place < min(part.stop, reach.stop):
            if part.value != value:
                found = f"value %{part.value} at {reach.buffer}[{place}]"
                _refuse(where, expected, found)
            place = part.stop
    if place < reach.stop:
        _refuse(where, expected, f"nothing at {reach.buffer}[{place}]")


def _own(owned: list[Owned], start: int, stop: int, value: int) -> None:
    """Give a stretch to a value, whatever held it before."""
    if start == stop:
        return
    kept = []
    for part in owned:
        if part.start < start:
            kept.append(Owned(part.start, min(part.stop, start), part.value))
        if part.stop > stop:
            kept.append(Owned(max(part.start, stop), part.stop, part.value))
    owned[:] = [*kept, Owned(start, stop, value)]


def _refuse(where: str, expected: str, got: str) -> None:
    raise TorchLeanError(
        Reason.CONTRADICTION, f"{where}: expected {expected}, got {got}"
    )
