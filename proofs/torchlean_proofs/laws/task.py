"""Laws of tasks: what one step computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import cast

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.operations_applied import Operand, exact_table, lifted
from torchlean_spec.errors import Reason
from torchlean_spec.layers import (
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    ReLU,
    Residual,
    Sequential,
)
from torchlean_spec.losses import (
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Reduction,
    SmoothL1,
)
from torchlean_spec.numbers import RATIONAL, Dual, DualNumber
from torchlean_spec.program import Program, evaluate, gradient
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import (
    DRAW,
    INPUT,
    LOSS,
    PREDICTION,
    TARGET,
    Task,
    batch_shape,
    loss_program,
    training_program,
)
from torchlean_spec.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Situation:
    """A task, a batch, and values of the parameters."""

    task: Task
    input: Tensor[Fraction, Shape]
    values: tuple[tuple[str, Operand], ...]
    """Of each parameter, of input, target and draw."""

    def __repr__(self) -> str:
        return f"{self.task!r}"

    def given(self) -> Mapping[str, Operand]:
        """What the program's inputs are given."""
        return dict(self.values)


def losses() -> tuple[Callable[[Reduction], Loss], ...]:
    """The rational losses."""
    return (
        MeanSquaredError,
        MeanAbsoluteError,
        lambda reduction: Huber("0.5", reduction),
        lambda reduction: SmoothL1("0.5", reduction),
    )


def model(draws: Draws) -> Layer:
    """A rational model from 2 numbers to 2."""
    layers: list[Layer] = [Flatten(), Linear(2, 2, bias=bool(draws.integer(0, 1)))]
    for _ in range(draws.integer(0, 2)):
        middle: tuple[Layer, ...] = (
            ReLU(),
            LeakyReLU("0.25"),
            Residual(Linear(2, 2)),
            Dropout("0.5"),
            Sequential(Linear(2, 3), ReLU(), Linear(3, 2)),
        )
        layers.append(draws.choice(middle))
    return Sequential(*layers, Linear(2, 2))


def situation(draws: Draws) -> Situation:
    """A random task with everything that it is given."""
    reductions: tuple[Reduction, ...] = ("mean", "sum")
    loss = draws.choice(losses())(draws.choice(reductions))
    task = Task(model(draws), loss)
    inputs = exact_table(draws, *draws.choice(((2, 2), (2, 1, 2))))
    values: list[tuple[str, Operand]] = [
        (each.name, exact_table(draws, *sizes(each.shape)))
        for each in task.model.parameters()
    ]
    draw = (draws.integer(0, 99), draws.integer(1, 9))
    values += [(INPUT, inputs), (TARGET, exact_table(draws, 2, 2))]
    values.append((DRAW, Tensor(shape_of([2]), draw)))
    return Situation(task, inputs, tuple(values))


def situations(count: int) -> Callable[[Draws], Iterator[Situation]]:
    """Some random tasks."""
    return lambda draws: repeat(count, lambda: situation(draws))


Rational = Tensor[Fraction, Shape]


def evaluated(program: Program, case: Situation) -> dict[str, Rational]:
    """What a program gives over the rationals."""
    given = {name: case.given()[name] for name in program.inputs}
    numbers = lifted(RATIONAL, list(given.values()))
    return evaluate(program, RATIONAL, dict(zip(given, numbers, strict=True)))


@cache
def by_dual_numbers(case: Situation) -> Mapping[str, Rational]:
    """The loss's derivatives, one element of one parameter at a time."""
    program = loss_program(case.task, case.input.shape, training=True)
    found: dict[str, Rational] = {}
    for name in case.task.parameter_names():
        parameter = case.given()[name]
        slopes = [
            _with_variable(program, case, name, place)
            for place in range(len(parameter.values))
        ]
        found[f"gradient.{name}"] = Tensor(parameter.shape, tuple(slopes))
    return found


def _with_variable(
    program: Program, case: Situation, name: str, place: int
) -> Fraction:
    """The derivative of the loss in one element of a parameter."""
    dual = Dual(RATIONAL)
    given: dict[str, Tensor[DualNumber[Fraction], Shape] | Tensor[int, Shape]] = {}
    for each, tensor in case.values:
        if each == DRAW:
            given[each] = cast("Tensor[int, Shape]", tensor)
            continue
        values = cast("tuple[Fraction, ...]", tensor.values)
        numbers = tuple(
            dual.variable(value) if (each, i) == (name, place) else dual.constant(value)
            for i, value in enumerate(values)
        )
        given[each] = Tensor(tensor.shape, numbers)
    return evaluate(program, dual, given)[LOSS].values[0].derivative


Compile = Callable[[Task, Shape], Program]


def _resting(task: Task, shape: Shape) -> Program:
    """A step in which dropout rests."""
    forward = loss_program(task, shape, training=False)
    return gradient(forward, LOSS, task.parameter_names())


def _exchanged(task: Task, shape: Shape) -> Program:
    """A step whose last two gradients bear each other's names."""
    right = training_program(task, shape)
    *_, first, second = task.parameter_names()
    outputs = dict(right.outputs)
    names = f"gradient.{first}", f"gradient.{second}"
    outputs[names[0]], outputs[names[1]] = outputs[names[1]], outputs[names[0]]
    return Program(right.inputs, right.nodes, outputs)


def _of_the_first_alone(task: Task, shape: Shape) -> Program:
    """A step that differentiates in the first parameter alone."""
    forward = loss_program(task, shape, training=True)
    return gradient(forward, LOSS, task.parameter_names()[:1])


def _of_the_sum(task: Task, shape: Shape) -> Program:
    """A step of twice the loss."""
    forward = loss_program(task, shape, training=True)
    right = gradient(forward, LOSS, task.parameter_names())
    outputs = dict(right.outputs)
    outputs[LOSS] = len(right.inputs)
    return Program(right.inputs, right.nodes, outputs)


@law(
    "task.training_program",
    objects="task.training_program task.loss_program task.Task",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training_program,
    mutants={
        "dropout resting": _resting,
        "gradients exchanged": _exchanged,
        "the first parameter's gradient alone": _of_the_first_alone,
        "the first node for the loss": _of_the_sum,
    },
    cases=situations(10),
)
def one_step(compile: Compile, case: Situation) -> bool:
    """A step computes prediction, loss, and the loss's derivative by dual numbers."""
    found = evaluated(compile(case.task, case.input.shape), case)
    forward = loss_program(case.task, case.input.shape, training=True)
    return found == {**evaluated(forward, case), **by_dual_numbers(case)}


Forward = Callable[[Task, Shape, bool], Program]


@law(
    "task.loss_program",
    objects="task.loss_program layers.Dropout",
    evidence=Evidence.SEARCHED,
    subject=loss_program,
    mutants={
        "always in training": lambda task, shape, training: loss_program(
            task, shape, True
        ),
        "never in training": lambda task, shape, training: loss_program(
            task, shape, False
        ),
        "the loss alone": lambda task, shape, training: Program(
            loss_program(task, shape, training).inputs,
            loss_program(task, shape, training).nodes,
            {LOSS: loss_program(task, shape, training).outputs[LOSS]},
        ),
    },
    cases=situations(30),
)
def forward_pass(forward: Forward, case: Situation) -> bool:
    """A forward pass takes parameters, input, target, and in training a draw.

    Only in training is anything dropped.
    """
    for training in (False, True):
        program = forward(case.task, case.input.shape, training)
        names = [*case.task.parameter_names(), INPUT, TARGET]
        names += [DRAW] if training else []
        drops = any(node.operation == "dropout" for node in program.nodes)
        wanted = training and "Dropout" in repr(case.task.model)
        outputs = sorted(program.outputs)
        if list(program.inputs) != names or outputs != sorted((LOSS, PREDICTION)):
            return False
        if drops != wanted or program.shape(program.outputs[LOSS]) != shape_of([]):
            return False
    return True


@law(
    "task.batch_shape",
    objects="task.batch_shape",
    evidence=Evidence.EXHAUSTIVE,
    subject=batch_shape,
    mutants={
        "the batch innermost": lambda batch, sample: shape_of((*sizes(sample), batch)),
        "no batch": lambda batch, sample: sample,
    },
    cases=lambda draws: (
        (batch, extents)
        for batch in range(4)
        for extents in ((), (2,), (3, 2), (1, 2, 3))
    ),
)
def batch_outermost(
    batch_shape: Callable[[int, Shape], Shape], case: tuple[int, tuple[int, ...]]
) -> bool:
    """The batch is the outermost axis."""
    batch, extents = case
    return sizes(batch_shape(batch, shape_of(extents))) == (batch, *extents)


@law(
    "task.scalar_loss",
    objects="task.Task",
    evidence=Evidence.EXHAUSTIVE,
    subject=Task,
    mutants={
        "any reduction": lambda model, loss: loss,
        "reduced all the same": lambda model, loss: Task(model, MeanSquaredError()),
    },
    cases=lambda draws: iter(losses()),
)
def needs_a_scalar(
    make: Callable[[Layer, Loss], object], loss: Callable[[Reduction], Loss]
) -> bool:
    """A task whose loss is not reduced to a number is refused."""
    unreduced = loss("none")
    return refuses(Reason.CONTRADICTION, lambda: make(Sequential(), unreduced))
