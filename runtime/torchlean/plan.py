"""A plan: what the machine shall do, row by row, over one arena of memory.

A plan is an immutable description that can be printed, checked and encoded. Each
row names a kernel and its arguments; a buffer argument is a place in one of the
plan's buffers. Buffers lie in one arena, or outside (a data set that is not copied).

>>> from torchlean.cpu.registry import Dtype, Mode
>>> buffers = [Buffer("x", 4, initial=True), Buffer("y", 4)]
>>> row = Row.of("relu", x="x", out="y", size=4)
>>> plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, [row])
>>> print(plan)
float32 fast, arena of 128 bytes
x[4] at 0, initial
y[4] at 64
relu(x=x[0:4], out=y[0:4], size=4)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy

from torchlean.cpu.registry import (
    ROW_WORDS,
    Access,
    Dtype,
    Kernel,
    Mode,
    evaluate,
    kernel_named,
)
from torchlean_spec.errors import Reason, TorchLeanError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes in a cache line; every buffer in the arena begins at a multiple of it."""
WORD_BYTES = 8
WIDTH = {Dtype.FLOAT32: 4, Dtype.FLOAT64: 8}


@dataclass(frozen=True, slots=True)
class Buffer:
    """A named run of numbers, or of 64-bit integers."""

    name: str
    extent: int
    """Its number of elements."""

    holds_integers: bool = False
    initial: bool = False
    """Whether it holds something before the first row: data, parameters, state."""

    outside: bool = False
    """Whether its memory is given when the plan is encoded, and is not the arena's."""

    offset: int = 0
    """Where it begins in the arena, in bytes; assigned by the plan."""

    def width(self, dtype: Dtype) -> int:
        """Bytes of one element."""
        return WORD_BYTES if self.holds_integers else WIDTH[dtype]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a buffer: so many elements from its beginning."""

    buffer: str
    start: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One call of a kernel."""

    kernel: str
    arguments: Mapping[str, Place | int]

    @staticmethod
    def of(kernel: str, /, **arguments: str | Place | int) -> Row:
        """A row; a buffer's name stands for its beginning."""
        places = {
            name: Place(value) if isinstance(value, str) else value
            for name, value in arguments.items()
        }
        return Row(kernel, places)

    def integers(self) -> dict[str, int]:
        """The arguments that are no buffers."""
        return {k: v for k, v in self.arguments.items() if isinstance(v, int)}


@dataclass(frozen=True, slots=True)
class Together:
    """Rows that touch disjoint memory, and may run at once on several threads."""

    rows: tuple[Row, ...]


def rows_of(entry: Row | Together) -> tuple[Row, ...]:
    """A row, or the rows that run together."""
    return entry.rows if isinstance(entry, Together) else (entry,)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a row does to one stretch of a buffer."""

    argument: str
    buffer: str
    start: int
    stop: int
    reads: bool
    writes: bool

    def overlaps(self, other: Reach) -> bool:
        """Whether two stretches share an element."""
        return (
            self.buffer == other.buffer
            and self.start < other.stop
            and other.start < self.stop
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows over buffers, in one dtype and one mode."""

    dtype: Dtype
    mode: Mode
    buffers: Mapping[str, Buffer]
    rows: tuple[Row | Together, ...]
    arena_bytes: int

    @staticmethod
    def of(
        dtype: Dtype,
        mode: Mode,
        buffers: Iterable[Buffer],
        rows: Iterable[Row | Together],
    ) -> Plan:
        """A plan whose buffers lie one behind the other, in the order given."""
        placed: dict[str, Buffer] = {}
        end = 0
        for buffer in buffers:
            if buffer.name in placed:
                raise TorchLeanError(
                    Reason.CONTRADICTION,
                    f"expected buffers of different names, got {buffer.name!r} twice",
                )
            placed[buffer.name] = replace(buffer, offset=0 if buffer.outside else end)
            if not buffer.outside:
                end += -(-buffer.extent * buffer.width(dtype) // ALIGNMENT) * ALIGNMENT
        return Plan(dtype, mode, placed, tuple(rows), end)

    def single_rows(self) -> Iterator[Row]:
        """Every row, also those that run together."""
        for entry in self.rows:
            yield from rows_of(entry)

    def reaches(self, row: Row) -> list[Reach]:
        """The stretches of buffers that a row reads and writes."""
        return reaches_of(row, self.mode)

    def __str__(self) -> str:
        lines = [f"{self.dtype} {self.mode}, arena of {self.arena_bytes} bytes"]
        for buffer in self.buffers.values():
            kind = "#" if buffer.holds_integers else ""
            where = "outside" if buffer.outside else f"at {buffer.offset}"
            initial = ", initial" if buffer.initial else ""
            lines.append(f"{buffer.name}{kind}[{buffer.extent}] {where}{initial}")
        for entry in self.rows:
            if isinstance(entry, Together):
                lines.append("together:")
                lines.extend(f"  {self._line(row)}" for row in entry.rows)
            else:
                lines.append(self._line(entry))
        return "\n".join(lines)

    def _line(self, row: Row) -> str:
        places = {each.argument: each for each in self.reaches(row)}
        shown = []
        for name, value in row.arguments.items():
            if name in places:
                reach = places[name]
                shown.append(f"{name}={reach.buffer}[{reach.start}:{reach.stop}]")
            else:
                shown.append(f"{name}={value}")
        return f"{row.kernel}({', '.join(shown)})"


def reaches_of(row: Row, mode: Mode) -> list[Reach]:
    """The stretches of buffers that a row reads and writes, in plans of a mode."""
    kernel = kernel_named(row.kernel, mode)
    extents = kernel.extents(row.integers())
    found = []
    for argument in kernel.arguments:
        place = row.arguments[argument.name]
        if argument.is_buffer and isinstance(place, Place):
            found.append(
                Reach(
                    argument.name,
                    place.buffer,
                    place.start,
                    place.start + extents[argument.name],
                    reads=argument.access is not Access.WRITE,
                    writes=argument.access in (Access.WRITE, Access.UPDATE),
                )
            )
    return found


def cut(row: Row, mode: Mode, pieces: int, multiple: int = 1) -> tuple[Row, ...]:
    """Cut a row along its kernel's shard axis into rows that touch disjoint memory.

    The cuts depend on the row's size alone, so that threads change no bits. The
    pieces are as equal as they can be.

    Args:
        row: The row.
        mode: The plan's mode.
        pieces: How many rows to make at most.
        multiple: Each cut is a multiple of this many units of the axis.

    >>> whole = Row.of("relu", x="x", out="y", size=100)
    >>> [piece.arguments["size"] for piece in cut(whole, Mode.FAST, 3, multiple=16)]
    [32, 32, 36]
    """
    kernel = kernel_named(row.kernel, mode)
    axis = kernel.shard_axis
    if not axis:
        return (row,)
    total = row.integers()[axis]
    units = total // multiple
    pieces = max(min(pieces, units), 1)
    cuts = [units * piece // pieces * multiple for piece in range(pieces)]
    return tuple(
        Row(row.kernel, {**moved(row, mode, start).arguments, axis: stop - start})
        for start, stop in itertools.pairwise([*cuts, total])
    )


def moved(row: Row, mode: Mode, units: int) -> Row:
    """A row, so many units of its kernel's shard axis further on."""
    kernel, integers = kernel_named(row.kernel, mode), row.integers()
    arguments = dict(row.arguments)
    for name, step in kernel.shard_steps.items():
        distance = units * evaluate(step, integers)
        argument = arguments[name]
        if isinstance(argument, Place):
            arguments[name] = Place(argument.buffer, argument.start + distance)
        else:
            arguments[name] = argument + distance
    return Row(row.kernel, arguments)


def verify(plan: Plan) -> None:
    """Refuse a plan that could reach outside its memory or read what is not there.

    Every argument is given; every buffer argument lies within a buffer of its kind;
    what a kernel writes overlaps no other buffer of the row; rows that run together
    write nothing that another of them touches; and every element that is read was
    written before or is initial.

    Raises:
        TorchLeanError: `CONTRADICTION`, naming the row and the argument.
    """
    written = {
        name: [(0, buffer.extent)] if buffer.initial else []
        for name, buffer in plan.buffers.items()
    }
    for number, entry in enumerate(plan.rows):
        rows = rows_of(entry)
        groups: list[list[Reach]] = []
        for row in rows:
            where = f"row {number}, {row.kernel}"
            _verify_arguments(plan, row, where)
            reaches = plan.reaches(row)
            _verify_disjoint(reaches, reaches, where, same_row=True)
            for earlier in groups:
                _verify_disjoint(earlier, reaches, where, same_row=False)
            groups.append(reaches)
            for reach in reaches:
                if reach.reads and not _covers(written[reach.buffer], reach):
                    _refuse(
                        where,
                        f"{reach.argument} written before it is read",
                        f"{reach.buffer}[{reach.start}:{reach.stop}] not yet written",
                    )
        for reaches in groups:
            for reach in reaches:
                if reach.writes:
                    _add_stretch(written[reach.buffer], reach.start, reach.stop)


def _refuse(where: str, expected: str, got: str) -> None:
    raise TorchLeanError(
        Reason.CONTRADICTION, f"{where}: expected {expected}, got {got}"
    )


def _verify_arguments(plan: Plan, row: Row, where: str) -> None:
    kernel: Kernel = kernel_named(row.kernel, plan.mode)
    names = [each.name for each in kernel.arguments]
    if set(names) != row.arguments.keys():
        _refuse(where, f"the arguments {names}", f"{list(row.arguments)}")
    for argument in kernel.arguments:
        value = row.arguments[argument.name]
        if argument.is_buffer != isinstance(value, Place):
            wanted = "a place in a buffer" if argument.is_buffer else "an integer"
            _refuse(where, f"{argument.name} to be {wanted}", f"{value}")
        if isinstance(value, Place):
            buffer = plan.buffers.get(value.buffer)
            if buffer is None:
                _refuse(where, f"{argument.name} in a buffer of the plan", f"{value}")
            elif buffer.holds_integers != argument.holds_integers:
                kinds = ("numbers", "integers")
                _refuse(
                    where,
                    f"{argument.name} in a buffer of {kinds[argument.holds_integers]}",
                    f"{buffer.name} of {kinds[buffer.holds_integers]}",
                )
    for reach in plan.reaches(row):
        extent = plan.buffers[reach.buffer].extent
        if not 0 <= reach.start <= reach.stop <= extent:
            _refuse(
                where,
                f"{reach.argument} within {reach.buffer}[0:{extent}]",
                f"[{reach.start}:{reach.stop}]",
            )


def _verify_disjoint(
    first: Sequence[Reach], second: Sequence[Reach], where: str, same_row: bool
) -> None:
    for one in first:
        for other in second:
            distinct = not same_row or one.argument != other.argument
            if distinct and (one.writes or other.writes) and one.overlaps(other):
                _refuse(
                    where,
                    f"{one.argument} and {other.argument} in disjoint memory",
                    f"{one.buffer}[{one.start}:{one.stop}] and "
                    f"[{other.start}:{other.stop}]",
                )


def _covers(stretches: Sequence[tuple[int, int]], reach: Reach) -> bool:
    return reach.start == reach.stop or any(
        start <= reach.start and reach.stop <= stop for start, stop in stretches
    )


def _add_stretch(stretches: list[tuple[int, int]], start: int, stop: int) -> None:
    """Add a stretch to disjoint ones in order, joining those that touch."""
    apart = [each for each in stretches if each[1] < start or stop < each[0]]
    joined = [each for each in stretches if each[1] >= start and stop >= each[0]]
    start = min([start, *(each[0] for each in joined)])
    stop = max([stop, *(each[1] for each in joined)])
    stretches[:] = sorted([*apart, (start, stop)])


@dataclass(frozen=True, slots=True)
class Encoded:
    """A plan as integers: rows first, then the rows that run together."""

    table: NDArray[numpy.int64]
    rows: int
    """How many rows the interpreter runs; those of groups stand behind them."""


def encode(
    plan: Plan,
    addresses: Mapping[str, int],
    kernels: Mapping[str, int],
    pool: int,
) -> Encoded:
    """Turn a plan into a table of 64-bit integers.

    Args:
        plan: The plan.
        addresses: Where each buffer begins in memory.
        kernels: Where the code of each kernel is, `together` included.
        pool: Where the words of the pool of threads are.
    """
    groups = [entry for entry in plan.rows if isinstance(entry, Together)]
    count = len(plan.rows) + sum(len(group.rows) for group in groups)
    table = numpy.zeros((count, ROW_WORDS), numpy.int64)
    base = table.ctypes.data
    behind = len(plan.rows)
    for position, entry in enumerate(plan.rows):
        if isinstance(entry, Together):
            start = base + behind * table.strides[0]
            words = [kernels["together"], start, len(entry.rows), pool]
            table[position, : len(words)] = words
            for row in entry.rows:
                table[behind] = _words(plan, row, addresses, kernels)
                behind += 1
        else:
            table[position] = _words(plan, entry, addresses, kernels)
    return Encoded(table, len(plan.rows))


def _words(
    plan: Plan, row: Row, addresses: Mapping[str, int], kernels: Mapping[str, int]
) -> list[int]:
    words = [kernels[row.kernel]]
    for argument in kernel_named(row.kernel, plan.mode).arguments:
        value = row.arguments[argument.name]
        if isinstance(value, Place):
            width = plan.buffers[value.buffer].width(plan.dtype)
            value = addresses[value.buffer] + value.start * width
        words.append(value)
    return words + [0] * (ROW_WORDS - len(words))
