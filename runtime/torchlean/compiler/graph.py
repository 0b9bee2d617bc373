"""What a program does, as calls of kernels on numbered values: the compiler's middle.

A value is a run of numbers or of integers without a shape: shapes were checked when
the program was traced, and what kernels need of them stands in a call's integers.
Values that only differ in shape are one value, so that a reshape costs nothing.

>>> graph = Graph(Mode.FAST)
>>> x, y = graph.value(4), graph.value(4)
>>> graph.call("relu", {"size": 4}, x=x, out=y)
>>> print(graph)
relu(x=%0, out=%1, size=4)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from torchlean.cpu.registry import Access, Mode, kernel_named, kernel_table
from torchlean.plan import Place


@dataclass(slots=True)
class Value:
    """A run of numbers or integers that some call writes, or that is given."""

    size: int
    holds_integers: bool = False
    place: Place | None = None
    """Where it must lie; `None` where the compiler may choose."""

    overlays: bool = False
    """Whether it lies over other values, as all parameters lie over each one."""

    constant: tuple[Fraction, ...] | None = None
    """What it holds from the start, if it is a constant: its numbers, or one for
    all of them."""


@dataclass(slots=True)
class Call:
    """One call of a kernel."""

    kernel: str
    values: dict[str, int]
    """The value that each buffer argument is."""

    integers: dict[str, int]
    offsets: dict[str, int]
    """How many elements into its value an argument begins, where not at 0."""


@dataclass(slots=True)
class Graph:
    """Calls in the order of evaluation, on numbered values."""

    mode: Mode
    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: dict[tuple[tuple[Fraction, ...], bool], int] = field(
        default_factory=dict
    )

    def value(
        self,
        size: int,
        holds_integers: bool = False,
        place: Place | None = None,
        overlays: bool = False,
    ) -> int:
        """A new value."""
        self.values.append(Value(size, holds_integers, place, overlays))
        return len(self.values) - 1

    def constant(self, *numbers: Fraction) -> int:
        """A value that holds exact numbers, each rounded once; equal ones are one."""
        return self._constant(numbers, holds_integers=False)

    def integers(self, *numbers: int) -> int:
        """A value that holds integers from the start; equal ones are one."""
        return self._constant(tuple(map(Fraction, numbers)), holds_integers=True)

    def _constant(self, numbers: tuple[Fraction, ...], holds_integers: bool) -> int:
        known = self.constants.get((numbers, holds_integers))
        if known is None:
            known = self.value(len(numbers), holds_integers)
            self.values[known].constant = numbers
            self.constants[numbers, holds_integers] = known
        return known

    def filled(self, size: int, number: Fraction) -> int:
        """A value that holds one exact number everywhere."""
        if size == 1:
            return self.constant(number)
        filled = self.value(size)
        self.values[filled].constant = (number,)
        return filled

    def call(
        self,
        kernel: str,
        integers: Mapping[str, int],
        offsets: Mapping[str, int] | None = None,
        /,
        **values: int,
    ) -> None:
        """Add a call."""
        call = Call(kernel, values, dict(integers), dict(offsets or {}))
        self.calls.append(call)

    def reads(self, call: Call) -> list[tuple[str, int]]:
        """The arguments that a call reads or updates, and their values."""
        access = accesses(call.kernel, self.mode)
        pairs = call.values.items()
        return [(name, number) for name, number in pairs if access[name] != "write"]

    def writes(self, call: Call) -> list[tuple[str, int]]:
        """The arguments that a call writes or updates, and their values."""
        access = accesses(call.kernel, self.mode)
        pairs = call.values.items()
        return [(name, number) for name, number in pairs if access[name] != "read"]

    def __str__(self) -> str:
        lines = []
        for call in self.calls:
            values = [f"{name}=%{number}" for name, number in call.values.items()]
            integers = [f"{name}={number}" for name, number in call.integers.items()]
            lines.append(f"{call.kernel}({', '.join(values + integers)})")
        return "\n".join(lines)


@cache
def accesses(kernel: str, mode: Mode) -> dict[str, Access]:
    """What a kernel does with each of its buffers."""
    arguments = kernel_named(kernel, mode).arguments
    return {each.name: each.access for each in arguments if each.is_buffer}


@cache
def has_kernel(name: str, mode: Mode) -> bool:
    """Whether there is a kernel of a name for a mode."""
    return (name, mode) in kernel_table()
