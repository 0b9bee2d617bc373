"""A plan that is being put together: buffers, calls, phases; and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from torchlean.compiler import layout as names
from torchlean.compiler import (
    select_class_losses,
    select_layout,
    select_linear,
    select_losses,
    select_reductions,
    select_row_losses,
)
from torchlean.compiler.graph import Call, Graph
from torchlean.compiler.layout import Layout
from torchlean.compiler.memory import (
    ACTIVATION_INTEGERS,
    ACTIVATIONS,
    place_activations,
)
from torchlean.compiler.parallel import entries_of
from torchlean.compiler.select import Selection, select
from torchlean.compiler.steps import Steps
from torchlean.compiler.verify import Intent, verify_intents
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean.plan import WIDTH, Buffer, Place, Plan, Reach, Row, Together
from torchlean_spec.errors import Reason, TorchLeanError

SELECTING = (
    select_class_losses,
    select_layout,
    select_linear,
    select_losses,
    select_reductions,
    select_row_losses,
)
"""Importing them enters how their operations become calls."""

RECORD_LOSS = "record_loss"
"""The kernel that keeps a step's loss as soon as it is known."""

WRITTEN_FIRST = (names.GRADIENTS, names.LOSS, names.PREDICTION, names.RESULT)
"""The shared buffers that hold nothing before the first row."""


@dataclass(frozen=True, slots=True)
class Constant:
    """What a stretch of the buffers of constants holds from the start."""

    place: Place
    size: int
    numbers: tuple[Fraction, ...]
    """As many as the stretch has elements, or one for all of them."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan, and what its maker knows of it."""

    plan: Plan
    layout: Layout
    phases: Mapping[str, range]
    """The rows of each phase of a step."""

    constants: Sequence[Constant]

    intents: tuple[Intent, ...]
    given: tuple[Reach, ...]

    @property
    def rows_to_loss(self) -> int:
        """How many rows of a step's plan it takes until the loss is recorded."""
        for count, row in enumerate(self.plan.rows, 1):
            single = row.rows if isinstance(row, Together) else (row,)
            if any(each.kernel == RECORD_LOSS for each in single):
                return count
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected the plan of a step, got one without a loss"
        )

    def verify(self) -> None:
        """Refuse a plan whose rows would not do what they are meant to."""
        verify_intents(self.plan, self.intents, self.given)

    def text(self) -> str:
        """The plan, phase by phase, for people."""
        header = str(replace(self.plan, rows=()))
        lines = [header]
        for name, rows in self.phases.items():
            part = str(replace(self.plan, rows=self.plan.rows[rows.start : rows.stop]))
            lines += [f"{name}:", *part.removeprefix(header).strip().split("\n")]
        return "\n".join(line for line in lines if line)


@dataclass(slots=True)
class Assembly:
    """A plan that is being put together."""

    program: Steps
    graph: Graph
    layout: Layout
    dtype: Dtype
    numbers: dict[int, int]
    """The graph's value for each value of the steps that has a fixed place."""

    buffers: dict[str, Buffer]
    marks: dict[str, int]
    """How many calls there were when each phase ended."""

    copies: list[tuple[int, int]] = field(default_factory=list)
    """Outputs that must be copied: the steps' value, and the graph's."""

    def buffer(
        self, name: str, size: int, integers: bool = False, outside: bool = True
    ) -> int:
        """A buffer, and the value that is all of it."""
        initial = name not in WRITTEN_FIRST
        self.buffers[name] = Buffer(name, size, integers, initial, outside)
        return self.graph.value(size, integers, Place(name), overlays=True)

    def end_phase(self, name: str) -> None:
        """What was called since the last phase ended is this phase."""
        self.marks[name] = len(self.graph.calls)

    def place_output(self, output: str, place: Place) -> int:
        """Let an output be computed where it is wanted; the value of the output."""
        program, graph = self.program, self.graph
        number = program.outputs[output]
        size = math.prod(program.sizes[number])
        value = graph.value(size, place=place)
        if program.maker(number) is not None and number not in self.numbers:
            self.numbers[number] = value
        else:
            self.copies.append((number, value))
        return value

    def select(self, control: int) -> None:
        """Add the calls of the steps, and copies for outputs that need them."""
        stretches = self.layout.stretches
        program = self.program
        turned = [name for name, stretch in stretches.items() if stretch.transposed]
        weights = {program.inputs[name] for name in turned}
        gradients = {program.outputs.get(f"gradient.{name}", -1) for name in turned}
        values = frozenset(weights | gradients)
        select(Selection(program, self.graph, self.numbers, values, control))
        for number, value in self.copies:
            size = self.graph.values[value].size
            source = self.numbers[number]
            self.graph.call("copy", {"size": size}, x=source, out=value)

    def finish(self) -> Compiled:
        """Place what has no place yet, and make rows of the calls."""
        graph, dtype = self.graph, self.dtype
        for call in graph.calls:
            _require_supported(call.kernel, dtype, graph.mode)
        constants = self._place_constants()
        numbers, integers = place_activations(graph, WIDTH[dtype])
        for name, size in ((ACTIVATIONS, numbers), (ACTIVATION_INTEGERS, integers)):
            if size:
                whole = name == ACTIVATION_INTEGERS
                self.buffers[name] = Buffer(name, size, holds_integers=whole)
        rows: list[Row | Together] = []
        intents: list[Intent] = []
        phases: dict[str, range] = {}
        begin = 0
        for name, end in self.marks.items():
            calls = graph.calls[begin:end]
            start = len(rows)
            for entry, parts in entries_of(
                [_row(graph, call) for call in calls], graph.mode
            ):
                rows.append(entry)
                intents += [_intent(graph, begin + number) for number in parts]
            phases[name] = range(start, len(rows))
            begin = end
        plan = Plan.of(dtype, graph.mode, self.buffers.values(), rows)
        given = _given(graph)
        return Compiled(plan, self.layout, phases, constants, tuple(intents), given)

    def _place_constants(self) -> list[Constant]:
        """Lay the constants one behind the other, numbers and integers apart."""
        found = []
        ends = {names.CONSTANTS: 0, names.CONSTANT_INTEGERS: 0}
        for value in self.graph.values:
            if value.constant is not None:
                whole = value.holds_integers
                buffer = names.CONSTANT_INTEGERS if whole else names.CONSTANTS
                value.place = Place(buffer, ends[buffer])
                ends[buffer] += value.size
                found.append(Constant(value.place, value.size, value.constant))
        for name, end in ends.items():
            whole = name == names.CONSTANT_INTEGERS
            self.buffers[name] = Buffer(name, end, whole, initial=True)
        return found


def _intent(graph: Graph, number: int) -> Intent:
    """What the row of the call with a number is meant to do."""
    call = graph.calls[number]
    values: dict[str, int] = {}
    buffers: dict[str, str] = {}
    for name, known in call.values.items():
        value = graph.values[known]
        if value.overlays and value.place is not None:
            buffers[name] = value.place.buffer
        else:
            values[name] = known
    return Intent(call.kernel, values, buffers, number)


def _require_supported(kernel: str, dtype: Dtype, mode: Mode) -> None:
    described = kernel_named(kernel, mode)
    if described.elementary and mode is Mode.STRICT and dtype is Dtype.FLOAT64:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            "strict float64 has no elementary functions: expected a program without "
            f"them, got {kernel}",
        )


def _row(graph: Graph, call: Call) -> Row:
    """A call as a row; its arguments are those of the kernel, in its order."""
    arguments: dict[str, Place | int] = {}
    for each in kernel_named(call.kernel, graph.mode).arguments:
        if each.is_buffer:
            place = graph.values[call.values[each.name]].place
            assert place is not None
            start = place.start + call.offsets.get(each.name, 0)
            arguments[each.name] = Place(place.buffer, start)
        else:
            arguments[each.name] = call.integers[each.name]
    return Row(call.kernel, arguments)


def _given(graph: Graph) -> tuple[Reach, ...]:
    """The stretches that hold a value before the first row."""
    written = {number for call in graph.calls for _, number in graph.writes(call)}
    return tuple(
        Reach(
            str(number),
            value.place.buffer,
            value.place.start,
            value.place.start + value.size,
            reads=False,
            writes=True,
        )
        for number, value in enumerate(graph.values)
        if value.place is not None and not value.overlays
        if value.constant is not None or number not in written
    )
