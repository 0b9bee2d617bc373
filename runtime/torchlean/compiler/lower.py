"""From a training run to plans: one for a step, one for evaluating a batch.

>>> from torchlean_spec.data import Loader
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> task = Task(Linear(2, 1), MeanSquaredError())
>>> run = TrainingRun(task, SGD(0.1), Loader(8, 4), steps=1)
>>> compiled = compile_step(run, (2,), Mode.FAST, samples=8, batch=4)
>>> [row.kernel for row in compiled.plan.single_rows()][:3]
['gather_rows_by_order', 'gather_rows_by_order', 'linear']
"""

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
)
from torchlean.compiler.clipping import clip
from torchlean.compiler.graph import Call, Graph
from torchlean.compiler.layout import Layout, slot_buffer
from torchlean.compiler.memory import (
    ACTIVATION_INTEGERS,
    ACTIVATIONS,
    place_activations,
)
from torchlean.compiler.parallel import shared_out
from torchlean.compiler.rewrites import REWRITES, Rewrite
from torchlean.compiler.select import Selection, select
from torchlean.compiler.select_linear import transposed_weights
from torchlean.compiler.steps import Sizes, Steps, steps_of
from torchlean.compiler.verify import Intent, verify_intents
from torchlean.cpu.registry import Dtype, Mode, kernel_named
from torchlean.cpu.running import CONTROL_WORDS
from torchlean.epochs import as_signed
from torchlean.interpreter import CONTROL
from torchlean.plan import WIDTH, Buffer, Place, Plan, Reach, Row
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import shape_of
from torchlean_spec.task import (
    DRAW,
    INPUT,
    LOSS,
    PREDICTION,
    TARGET,
    Task,
    loss_program,
    training_program,
)
from torchlean_spec.training import NumberFormat, TrainingRun

CAPACITY = 4096
"""Steps whose coefficients and losses fit in the buffers of a run."""

SELECTING = (
    select_class_losses,
    select_layout,
    select_linear,
    select_losses,
    select_reductions,
)
"""Importing them enters how their operations become calls."""

PHASES = ("data", "backward", "clip", "update")
"""What the rows of a step do, in their order; see `torchlean_spec.training`."""


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
        initial = name not in (names.GRADIENTS, names.LOSS, names.PREDICTION)
        self.buffers[name] = Buffer(name, size, integers, initial, outside)
        return self.graph.value(size, integers, Place(name), overlays=True)

    def end_phase(self, name: str) -> None:
        """What was called since the last phase ended is this phase."""
        self.marks[name] = len(self.graph.calls)


def program_steps(
    run: TrainingRun, input_sizes: Sizes, rewrites: Sequence[Rewrite] = REWRITES
) -> Steps:
    """The steps of a batch's forward and backward pass, fused.

    Args:
        run: The run.
        input_sizes: The sizes of a batch of inputs.
        rewrites: Which rewrites to apply.
    """
    program = steps_of(training_program(run.task, shape_of(input_sizes)))
    gradients = [f"gradient.{name}" for name in run.task.parameter_names()]
    program.keep([LOSS, *gradients])
    for rewrite in rewrites:
        rewrite(program)
    return program


def compile_step(
    run: TrainingRun,
    sample: Sizes,
    mode: Mode,
    samples: int,
    batch: int,
    rewrites: Sequence[Rewrite] = REWRITES,
) -> Compiled:
    """The plan of one training step.

    Args:
        run: The run.
        sample: The sizes of one input.
        mode: `fast` or `strict`.
        samples: How many samples the data set has.
        batch: How many samples this step sees.
        rewrites: Which rewrites to apply.

    Raises:
        TorchLeanError: `UNSUPPORTED` for what has no kernel in this mode, and what
            the program's tracing refuses.
    """
    program = program_steps(run, (batch, *sample), rewrites)
    layout = layout_of(run.task, program, mode)
    assembly = _begin(run.task, program, layout, mode, run.number_format)
    control = assembly.buffer(CONTROL, CONTROL_WORDS, integers=True)
    _gather(assembly, control, samples, batch, run.seed)
    assembly.end_phase("data")

    loss = _place_output(assembly, LOSS, Place(names.LOSS))
    assembly.buffer(names.LOSS, 1, outside=False)
    gradients = assembly.buffer(names.GRADIENTS, layout.size)
    for name in run.task.parameter_names():
        place = layout.place(names.GRADIENTS, name)
        _place_output(assembly, f"gradient.{name}", place)
    _select(assembly, control)
    _record_loss(assembly, loss, control)
    assembly.end_phase("backward")

    if run.clipping is not None:
        clip(assembly.graph, run.clipping, layout, gradients)
    assembly.end_phase("clip")
    _update(assembly, run, control, gradients)
    assembly.end_phase("update")
    return _finish(assembly)


def compile_evaluation(
    task: Task,
    sample: Sizes,
    mode: Mode,
    number_format: NumberFormat,
    layout: Layout,
    batch: int,
    with_loss: bool = True,
) -> Compiled:
    """The plan that evaluates one batch, in which random layers rest.

    The batch is read from the buffers `inputs` and `targets`; the answers stand in
    `prediction` and, summed over the batch, `loss`.

    Args:
        task: The task.
        sample: The sizes of one input.
        mode: `fast` or `strict`.
        number_format: `float32` or `float64`.
        layout: Where the parameters lie.
        batch: How many samples there are.
        with_loss: Whether there are targets.

    Raises:
        TorchLeanError: As `compile_step`.
    """
    summed = replace(task, loss=replace(task.loss, reduction="sum"))  # type: ignore[type-var]
    traced = loss_program(summed, shape_of((batch, *sample)), training=False)
    program = steps_of(traced)
    program.keep([PREDICTION, LOSS] if with_loss else [PREDICTION])
    for rewrite in REWRITES:
        rewrite(program)
    assembly = _begin(task, program, layout, mode, number_format)
    for name, buffer in ((INPUT, names.INPUTS), (TARGET, names.TARGETS)):
        number = program.inputs[name]
        size = math.prod(program.sizes[number])
        integers = number in program.integers
        assembly.numbers[number] = assembly.buffer(buffer, size, integers, False)
    control = assembly.buffer(CONTROL, CONTROL_WORDS, True, outside=False)
    assembly.end_phase("data")
    size = math.prod(program.sizes[program.outputs[PREDICTION]])
    assembly.buffer(names.PREDICTION, size, outside=False)
    _place_output(assembly, PREDICTION, Place(names.PREDICTION))
    if with_loss:
        assembly.buffer(names.LOSS, 1, outside=False)
        _place_output(assembly, LOSS, Place(names.LOSS))
    _select(assembly, control)
    assembly.end_phase("backward")
    return _finish(assembly)


def layout_of(task: Task, program: Steps, mode: Mode) -> Layout:
    """Where a run's parameters lie: fast mode transposes what it can."""
    parameters = list(task.parameter_names())
    fast = mode is Mode.FAST
    turned = transposed_weights(program, parameters) if fast else frozenset[str]()
    return Layout.of(task.model, turned)


def _begin(
    task: Task, program: Steps, layout: Layout, mode: Mode, number_format: NumberFormat
) -> Assembly:
    """An assembly whose parameters have their places."""
    graph = Graph(mode)
    assembly = Assembly(program, graph, layout, Dtype(number_format), {}, {}, {})
    assembly.buffer(names.PARAMETERS, layout.size)
    for name in task.parameter_names():
        number = program.inputs[name]
        size = math.prod(program.sizes[number])
        place = layout.place(names.PARAMETERS, name)
        assembly.numbers[number] = graph.value(size, place=place)
    return assembly


def _gather(
    assembly: Assembly, control: int, samples: int, batch: int, seed: int
) -> None:
    """Copy the samples of the batch from the data set."""
    program, graph = assembly.program, assembly.graph
    order = assembly.buffer(names.ORDER, samples, integers=True)
    for name, buffer in ((INPUT, names.INPUTS), (TARGET, names.TARGETS)):
        number = program.inputs[name]
        integers = number in program.integers
        width = math.prod(program.sizes[number]) // batch
        data = assembly.buffer(buffer, samples * width, integers)
        gathered = graph.value(batch * width, integers)
        graph.call(
            f"gather_{'indices' if integers else 'rows'}_by_order",
            {"samples": samples, "width": width, "batch": batch, "offset": 0},
            order=order,
            control=control,
            data=data,
            out=gathered,
        )
        assembly.numbers[number] = gathered
    draw = program.inputs[DRAW]
    if program.users(draw):
        assembly.numbers[draw] = _draw(graph, control, seed)


def _draw(graph: Graph, control: int, seed: int) -> int:
    """The pair (seed, step) that random layers read; the step follows the run's."""
    draw = graph.value(2, holds_integers=True)
    graph.values[draw].constant = (Fraction(as_signed(seed)), Fraction(0))
    graph.call("draw_of_step", {"offset": 0}, control=control, draw=draw)
    return draw


def _place_output(assembly: Assembly, output: str, place: Place) -> int:
    """Let an output be computed where it is wanted; the value of the output."""
    program, graph = assembly.program, assembly.graph
    number = program.outputs[output]
    size = math.prod(program.sizes[number])
    value = graph.value(size, place=place)
    if program.maker(number) is not None and number not in assembly.numbers:
        assembly.numbers[number] = value
    else:
        assembly.copies.append((number, value))
    return value


def _select(assembly: Assembly, control: int) -> None:
    """Add the calls of the program's steps, and copies for outputs that need them."""
    stretches = assembly.layout.stretches
    program = assembly.program
    turned = [name for name, stretch in stretches.items() if stretch.transposed]
    weights = {program.inputs[name] for name in turned}
    gradients = {program.outputs.get(f"gradient.{name}", -1) for name in turned}
    values = frozenset(weights | gradients)
    select(Selection(program, assembly.graph, assembly.numbers, values, control))
    for number, value in assembly.copies:
        size = assembly.graph.values[value].size
        source = assembly.numbers[number]
        assembly.graph.call("copy", {"size": size}, x=source, out=value)


def _record_loss(assembly: Assembly, loss: int, control: int) -> None:
    """Keep the loss as soon as it is known, before anything is updated."""
    graph = assembly.graph
    losses = assembly.buffer(names.LOSSES, CAPACITY)
    graph.call(
        "record_loss",
        {"capacity": CAPACITY},
        loss=loss,
        losses=losses,
        control=control,
    )
    record = graph.calls.pop()
    written = [loss in call.values.values() for call in graph.calls]
    graph.calls.insert(written.index(True) + 1, record)


def _update(assembly: Assembly, run: TrainingRun, control: int, gradients: int) -> None:
    """The optimizer, over all parameters at once, and the step's end."""
    size = assembly.layout.size
    width = len(run.optimizer.coefficient_names)
    state = {
        name: assembly.buffer(slot_buffer(name), size)
        for name in run.optimizer.state_names
    }
    parameters = assembly.graph.value(
        size, place=Place(names.PARAMETERS), overlays=True
    )
    assembly.graph.call(
        run.optimizer.variant,
        {"table_rows": CAPACITY, "size": size},
        parameter=parameters,
        gradient=gradients,
        **state,
        coefficients=assembly.buffer(names.COEFFICIENTS, CAPACITY * width),
        control=control,
    )
    batch = assembly.program.sizes[assembly.program.inputs[INPUT]][0]
    assembly.graph.call("advance", {"batch": batch}, control=control)


def _finish(assembly: Assembly) -> Compiled:
    """Place what has no place yet, and make rows of the calls."""
    graph, dtype = assembly.graph, assembly.dtype
    for call in graph.calls:
        _require_supported(call.kernel, dtype, graph.mode)
    constants = _place_constants(assembly)
    numbers, integers = place_activations(graph, WIDTH[dtype])
    for name, size in ((ACTIVATIONS, numbers), (ACTIVATION_INTEGERS, integers)):
        if size:
            whole = name == ACTIVATION_INTEGERS
            assembly.buffers[name] = Buffer(name, size, holds_integers=whole)
    rows = [shared_out(_row(graph, call), graph.mode) for call in graph.calls]
    plan = Plan.of(dtype, graph.mode, assembly.buffers.values(), rows)
    ends = [0, *assembly.marks.values()]
    phases = {
        name: range(start, stop)
        for name, start, stop in zip(assembly.marks, ends[:-1], ends[1:], strict=True)
    }
    intents = tuple([_intent(graph, call) for call in graph.calls])
    given = _given(graph)
    return Compiled(plan, assembly.layout, phases, constants, intents, given)


def _intent(graph: Graph, call: Call) -> Intent:
    """What a call's row is meant to do."""
    values: dict[str, int] = {}
    buffers: dict[str, str] = {}
    for name, number in call.values.items():
        value = graph.values[number]
        if value.overlays and value.place is not None:
            buffers[name] = value.place.buffer
        else:
            values[name] = number
    return Intent(call.kernel, values, buffers)


def _require_supported(kernel: str, dtype: Dtype, mode: Mode) -> None:
    described = kernel_named(kernel, mode)
    if described.elementary and mode is Mode.STRICT and dtype is Dtype.FLOAT64:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            "strict float64 has no elementary functions: expected a program without "
            f"them, got {kernel}",
        )


def _place_constants(assembly: Assembly) -> list[Constant]:
    """Lay the constants one behind the other, numbers and integers apart."""
    found = []
    ends = {names.CONSTANTS: 0, names.CONSTANT_INTEGERS: 0}
    for value in assembly.graph.values:
        if value.constant is not None:
            whole = value.holds_integers
            buffer = names.CONSTANT_INTEGERS if whole else names.CONSTANTS
            value.place = Place(buffer, ends[buffer])
            ends[buffer] += value.size
            found.append(Constant(value.place, value.size, value.constant))
    for name, end in ends.items():
        whole = name == names.CONSTANT_INTEGERS
        assembly.buffers[name] = Buffer(name, end, whole, initial=True)
    return found


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
