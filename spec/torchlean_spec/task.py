"""A task: a model and a loss. What is computed in one step, as a program.

>>> from torchlean_spec.layers import Linear, Sequential
>>> from torchlean_spec.losses import MeanSquaredError
>>> task = Task(Sequential(Linear(3, 1)), MeanSquaredError())
>>> step = training_program(task, shape_of([16, 3]))
>>> sorted(step.outputs)
['gradient.0.bias', 'gradient.0.weight', 'loss', 'prediction']
"""

from __future__ import annotations

from dataclasses import dataclass

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Context, Layer, output_shape
from torchlean_spec.losses import Loss
from torchlean_spec.operations import Kind
from torchlean_spec.program import Input, Program, Value, gradient, trace
from torchlean_spec.shape import Shape, shape_of, sizes, vector

INPUT, TARGET, DRAW = "input", "target", "draw"
"""The names of a task's inputs beside its parameters."""
LOSS, PREDICTION = "loss", "prediction"
"""The names of a task's outputs; derivatives are called `gradient.<parameter>`."""


@dataclass(frozen=True, slots=True)
class Task:
    """A model, and the loss that says how good its predictions are.

    Raises:
        TorchLeanError: `CONTRADICTION` if the loss is not reduced to a scalar.
    """

    model: Layer
    loss: Loss

    def __post_init__(self) -> None:
        if self.loss.reduction == "none":
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "a task needs a scalar loss: expected reduction 'mean' or 'sum', "
                "got 'none'",
            )

    def parameter_names(self) -> tuple[str, ...]:
        """The names of the model's parameters, in order."""
        return tuple(each.name for each in self.model.parameters())


def loss_program(task: Task, input_shape: Shape, training: bool) -> Program:
    """The program from parameters, input and target to prediction and loss.

    Args:
        task: The task.
        input_shape: The shape of a batch of inputs, `[batch, ..]`.
        training: Whether random layers act; if so, there is an input `draw`, the
            pair (seed, step), of integers.
    """
    prediction = output_shape(task.model, input_shape)
    target = Input(task.loss.target_shape(prediction), task.loss.target_kind)
    inputs = {each.name: Input(each.shape) for each in task.model.parameters()}
    inputs |= {INPUT: Input(input_shape), TARGET: target}
    if training:
        inputs[DRAW] = Input(vector(2), Kind.INDEX)
    count = len(task.model.parameters())

    def forward(*values: Value) -> dict[str, Value]:
        parameters, rest = values[:count], values[count:]
        context = Context(rest[2] if training else None)
        predicted = task.model.apply(rest[0], parameters, context)
        return {PREDICTION: predicted, LOSS: task.loss.apply(predicted, rest[1])}

    return trace(forward, inputs)


def training_program(task: Task, input_shape: Shape) -> Program:
    """The program of one step's forward and backward pass."""
    forward = loss_program(task, input_shape, training=True)
    return gradient(forward, LOSS, task.parameter_names())


def batch_shape(batch: int, sample: Shape) -> Shape:
    """The shape of a batch of samples.

    >>> batch_shape(32, shape_of([8, 8]))
    [32, 8, 8]
    """
    return shape_of((batch, *sizes(sample)))
