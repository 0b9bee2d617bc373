"""From a training run to plans: one for a step, one for evaluating a batch.

>>> from torchlean_spec.data import Loader
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> task = Task(Linear(2, 1), MeanSquaredError())
>>> run = TrainingRun(task, SGD(0.1), Loader(8, 4), steps=1)
>>> compiled = compile_step(run, (2,), Mode.FAST, batch=4)
>>> [row.kernel for row in compiled.plan.single_rows()][:3]
['gather_rows_by_order', 'gather_rows_by_order', 'linear']
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from torchlean.compiler import layout as names
from torchlean.compiler.assembly import RECORD_LOSS, Assembly, Compiled
from torchlean.compiler.clipping import clip
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout
from torchlean.compiler.rewrites import REWRITES, Rewrite
from torchlean.compiler.select_linear import transposed_weights
from torchlean.compiler.steps import Sizes, Steps, steps_of
from torchlean.compiler.updates import CAPACITY as CAPACITY
from torchlean.compiler.updates import order_of, update
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import CONTROL_WORDS
from torchlean.epochs import as_signed, order_places
from torchlean.interpreter import CONTROL
from torchlean.plan import Place
from torchlean.targets import is_own
from torchlean_spec.data import Loader
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
    batch: int,
    rewrites: Sequence[Rewrite] = REWRITES,
) -> Compiled:
    """The plan of one training step.

    Args:
        run: The run.
        sample: The sizes of one input.
        mode: `fast` or `strict`.
        batch: How many samples this step sees.
        rewrites: Which rewrites to apply.

    Raises:
        TorchLeanError: `UNSUPPORTED` for what has no kernel in this mode, and what
            the program's tracing refuses.
    """
    program = program_steps(run, (batch, *sample), rewrites)
    layout = layout_of(run.task, program, mode, order_of(run.parts))
    assembly = _begin(run.task, program, layout, mode, run.number_format)
    control = assembly.buffer(CONTROL, CONTROL_WORDS, integers=True)
    _gather(assembly, run.loader, control, batch, run.seed)
    assembly.end_phase("data")

    loss = assembly.place_output(LOSS, Place(names.LOSS))
    assembly.buffer(names.LOSS, 1, outside=False)
    gradients = assembly.buffer(names.GRADIENTS, layout.size)
    for name in run.task.parameter_names():
        place = layout.place(names.GRADIENTS, name)
        assembly.place_output(f"gradient.{name}", place)
    assembly.select(control)
    _record_loss(assembly, loss, control)
    assembly.end_phase("backward")

    if run.clipping is not None:
        clip(assembly.graph, run.clipping, layout, gradients)
    assembly.end_phase("clip")
    update(assembly, run, control)
    assembly.graph.call("advance", {"batch": batch}, control=control)
    assembly.end_phase("update")
    return assembly.finish()


def compile_evaluation(
    task: Task,
    sample: Sizes,
    mode: Mode,
    number_format: NumberFormat,
    layout: Layout,
    batch: int,
    with_loss: bool = True,
    draw_seed: int | None = None,
) -> Compiled:
    """The plan that evaluates one batch, in which random layers rest or act.

    The batch is read from the buffers `inputs` and `targets`; the answers stand in
    `prediction` and, summed over the batch, `loss`; a loss that is the user's own is
    as it says itself.

    Args:
        task: The task.
        sample: The sizes of one input.
        mode: `fast` or `strict`.
        number_format: `float32` or `float64`.
        layout: Where the parameters lie.
        batch: How many samples there are.
        with_loss: Whether there are targets.
        draw_seed: The seed of random layers, which then act as in the step that
            the control block names; without one they rest.

    Raises:
        TorchLeanError: As `compile_step`.
    """
    summed = task
    if not is_own(task.loss):
        summed = replace(task, loss=replace(task.loss, reduction="sum"))  # type: ignore[type-var]
    acting = draw_seed is not None
    traced = loss_program(summed, shape_of((batch, *sample)), acting)
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
    if draw_seed is not None:
        _add_draw(assembly, control, draw_seed)
    assembly.end_phase("data")
    size = math.prod(program.sizes[program.outputs[PREDICTION]])
    assembly.buffer(names.PREDICTION, size, outside=False)
    assembly.place_output(PREDICTION, Place(names.PREDICTION))
    if with_loss:
        assembly.buffer(names.LOSS, 1, outside=False)
        assembly.place_output(LOSS, Place(names.LOSS))
    assembly.select(control)
    assembly.end_phase("backward")
    return assembly.finish()


def layout_of(
    task: Task, program: Steps, mode: Mode, order: Sequence[str] = ()
) -> Layout:
    """Where a run's parameters lie: fast mode transposes what it can."""
    parameters = list(task.parameter_names())
    fast = mode is Mode.FAST
    turned = transposed_weights(program, parameters) if fast else frozenset[str]()
    return Layout.of(task.model, turned, order)


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
    assembly: Assembly, loader: Loader, control: int, batch: int, seed: int
) -> None:
    """Copy the samples of the batch from the data set."""
    program, graph = assembly.program, assembly.graph
    samples, places = loader.count, order_places(loader)
    order = assembly.buffer(names.ORDER, places, integers=True)
    for name, buffer in ((INPUT, names.INPUTS), (TARGET, names.TARGETS)):
        number = program.inputs[name]
        integers = number in program.integers
        width = math.prod(program.sizes[number]) // batch
        data = assembly.buffer(buffer, samples * width, integers)
        gathered = graph.value(batch * width, integers)
        graph.call(
            f"gather_{'indices' if integers else 'rows'}_by_order",
            {
                "samples": samples,
                "places": places,
                "width": width,
                "batch": batch,
                "offset": 0,
            },
            order=order,
            control=control,
            data=data,
            out=gathered,
        )
        assembly.numbers[number] = gathered
    _add_draw(assembly, control, seed)


def _add_draw(assembly: Assembly, control: int, seed: int) -> None:
    """The pair (seed, step) that random layers read, if there are any.

    The step follows the control block's.
    """
    graph, number = assembly.graph, assembly.program.inputs[DRAW]
    if assembly.program.users(number):
        draw = graph.value(2, holds_integers=True)
        graph.values[draw].constant = (Fraction(as_signed(seed)), Fraction(0))
        graph.call("draw_of_step", {"offset": 0}, control=control, draw=draw)
        assembly.numbers[number] = draw


def _record_loss(assembly: Assembly, loss: int, control: int) -> None:
    """Keep the loss as soon as it is known, before anything is updated."""
    graph = assembly.graph
    losses = assembly.buffer(names.LOSSES, CAPACITY)
    graph.call(
        RECORD_LOSS,
        {"capacity": CAPACITY},
        loss=loss,
        losses=losses,
        control=control,
    )
    record = graph.calls.pop()
    written = [loss in call.values.values() for call in graph.calls]
    graph.calls.insert(written.index(True) + 1, record)
