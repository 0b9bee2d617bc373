"""Plans of a loss by itself: its value, and its derivative in the prediction.

>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.shape import vector
>>> compiled = compile_loss(
...     MeanSquaredError(), vector(3), Dtype.FLOAT32, Mode.FAST, with_gradient=True
... )
>>> [row.kernel for row in compiled.plan.single_rows()]
['mean_squared_error_with_gradient']
"""

from __future__ import annotations

from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Assembly, Compiled
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout
from torchlean.compiler.rewrites import join_loss_and_gradient
from torchlean.compiler.single import OPERAND
from torchlean.compiler.steps import steps_of
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import CONTROL_WORDS
from torchlean.interpreter import CONTROL
from torchlean.plan import Place
from torchlean_spec.losses import Loss
from torchlean_spec.program import Input, Program, Value, gradient, trace
from torchlean_spec.shape import Shape, size
from torchlean_spec.task import LOSS, PREDICTION, TARGET


def traced(loss: Loss, prediction: Shape) -> Program:
    """The program of a loss, from `prediction` and `target` to `loss`.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for a prediction that the loss does not take.
    """
    target = Input(loss.target_shape(prediction), loss.target_kind)

    def forward(prediction: Value, target: Value) -> dict[str, Value]:
        return {LOSS: loss.apply(prediction, target)}

    return trace(forward, {PREDICTION: Input(prediction), TARGET: target})


def compile_loss(
    loss: Loss, prediction: Shape, dtype: Dtype, mode: Mode, with_gradient: bool
) -> Compiled:
    """The plan of a loss: from operands to `loss` and `gradients`.

    The operands stand in `operand.prediction` and `operand.target`.

    Args:
        loss: The loss.
        prediction: The prediction's shape.
        dtype: The dtype of its numbers.
        mode: `fast` or `strict`.
        with_gradient: Whether the derivative is wanted; the loss is then a number.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for a prediction that the loss does not
            take; `UNSUPPORTED` for what has no kernel in this mode.
    """
    program = traced(loss, prediction)
    if with_gradient:
        program = gradient(program, LOSS, [PREDICTION])
    steps = steps_of(program)
    join_loss_and_gradient(steps)
    assembly = Assembly(steps, Graph(mode), Layout({}, 0), dtype, {}, {}, {})
    for name in (PREDICTION, TARGET):
        number = steps.inputs[name]
        integers = number in steps.integers
        value = assembly.buffer(
            OPERAND + name, size(program.inputs[name].shape), integers
        )
        assembly.numbers[number] = value
    control = assembly.buffer(CONTROL, CONTROL_WORDS, True, outside=False)
    shape = program.shape(program.outputs[LOSS])
    assembly.buffer(names.LOSS, size(shape))
    assembly.place_output(LOSS, Place(names.LOSS))
    if with_gradient:
        assembly.buffer(names.GRADIENTS, size(prediction))
        assembly.place_output(f"gradient.{PREDICTION}", Place(names.GRADIENTS))
    assembly.select(control)
    assembly.end_phase("loss")
    return assembly.finish()
