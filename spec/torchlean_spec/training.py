"""The meaning of a whole training run, step by step, over any number system.

A run is a value: task, optimizer, schedule, clipping, loader, seed, number of
steps and number format. A step has four phases, each a function of its own, so
that a judge can hold each of them to what it was given:

    data      the samples of the batch                         `batch_of`
    backward  the loss and its derivative in each parameter    `backward`
    clip      the derivatives after clipping                   `clip`
    update    parameters and optimizer state after the step    `update`

The spec's steps are what a backend's steps are compared with; `run` yields them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, Literal

from torchlean_spec.batches import Position, require_position
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Dataset, Labels, Loader, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import Optimizer, coefficients_at
from torchlean_spec.optimizers.groups import Part, PartOptimizer, parts_of
from torchlean_spec.optimizers.tensors import (
    initial_tensors,
    state_shapes,
    update_tensor,
)
from torchlean_spec.program import evaluate
from torchlean_spec.random import require_seed
from torchlean_spec.schedules import Constant, Schedule, rate_at
from torchlean_spec.shape import Shape, vector
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
from torchlean_spec.tensor import Tensor, of_any_shape

NumberFormat = Literal["float32", "float64"]
"""The format in which a run keeps and computes its numbers."""

Tensors = Mapping[str, Tensor[A, Shape]]
"""One tensor for each parameter, by its name."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A training run as a value.

    Args:
        task: The model and the loss.
        optimizer: The rule that turns gradients into updates, or a rule for each of
            several groups of parameters.
        loader: Which samples make up the batch of each step.
        steps: How many updates; each is one mini-batch.
        schedule: The learning rate of each update, from the optimizer's own (from
            each group's own, if there are groups).
        clipping: What is done to the gradients before the update, if anything.
        seed: Of the initial parameters and the dropout masks; the loader has one
            of its own.
        number_format: `float32` or `float64`.
        position: Where the loader stands before the run: the batch of step 1.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number of steps, `DOMAIN`
            for a seed out of range or a position that no epoch has, `UNKNOWN_NAME`
            for another format, and what `parts_of` refuses.
    """

    task: Task
    optimizer: Optimizer
    loader: Loader
    steps: int
    schedule: Schedule = field(default_factory=Constant)
    clipping: Clipping | None = None
    seed: int = 0
    number_format: NumberFormat = "float32"
    position: Position = field(default_factory=Position)

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"expected a number of steps of at least 0, got {self.steps}",
            )
        require_seed(self.seed)
        require_number_format(self.number_format)
        require_position(self.loader, self.position)
        # Groups that do not fit the model are refused here, before anything runs.
        _ = self.parts

    @property
    def parts(self) -> tuple[Part, ...]:
        """Which rule updates which parameters."""
        return parts_of(self.optimizer, self.task.model.parameters())

    @property
    def kept(self) -> dict[str, dict[str, Shape]]:
        """The tensors that are kept under each name of the optimizers' states.

        For each name the parameters that have such a tensor, in the model's order,
        and its shape.
        """
        parts = self.parts
        names = [slot for part in parts for slot in part.optimizer.state_names]
        found: dict[str, dict[str, Shape]] = {slot: {} for slot in names}
        rules = {name: part.optimizer for part in parts for name in part.names}
        for each in self.task.model.parameters():
            for slot, shape in state_shapes(rules[each.name], each.shape).items():
                found[slot][each.name] = shape
        return found

    @property
    def batches_before(self) -> int:
        """How many batches the loader has given before that of step 1."""
        return self.position.epoch * self.loader.batches_per_epoch + self.position.batch

    def learning_rate(
        self, step: int, optimizer: PartOptimizer | None = None
    ) -> Fraction:
        """The exact learning rate of a step, counted from 1.

        Args:
            step: The step's number.
            optimizer: Whose rate: that of one part, or the run's (of groups, the
                first one's).
        """
        base = (optimizer or self.optimizer).learning_rate
        return rate_at(self.schedule, base, step - 1)


def require_number_format(name: str) -> None:
    """Refuse a number format that is not `float32` or `float64`."""
    if name not in ("float32", "float64"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected dtype 'float32' or 'float64', got {name!r}"
        )


@dataclass(frozen=True, slots=True)
class State(Generic[A]):
    """What a run carries from one step to the next."""

    step: int
    """How many updates were made."""
    parameters: Tensors[A]
    slots: Mapping[str, Tensors[A]]
    """For each number that the optimizer keeps, a tensor for each parameter that has
    such a number: all of them, unless there are groups."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[A]):
    """The samples of one step."""

    indices: tuple[int, ...]
    inputs: Tensor[A, Shape]
    targets: Tensor[A, Shape] | Tensor[int, Shape]


@dataclass(frozen=True, slots=True)
class Step(Generic[A]):
    """One step: what went in, what each phase gave, what came out."""

    number: int
    """Counted from 1."""
    before: State[A]
    batch: Batch[A]
    loss: A
    gradients: Tensors[A]
    clipped: Tensors[A]
    after: State[A]


def initial_state(system: NumberSystem[A], training_run: TrainingRun) -> State[A]:
    """The parameters that the seed gives, and an optimizer that has seen nothing."""
    described = training_run.task.model.parameters()
    parameters = {
        each.name: each.initializer.initialize(
            system, each.shape, each.fan_in, each.fan_out, training_run.seed, number
        )
        for number, each in enumerate(described)
    }
    rules = {name: p.optimizer for p in training_run.parts for name in p.names}
    slots: dict[str, dict[str, Tensor[A, Shape]]] = {
        slot: {} for slot in training_run.kept
    }
    for each in described:
        rule = rules[each.name]
        start = initial_tensors(rule, system, each.shape)
        for slot, tensor in zip(rule.state_names, start, strict=True):
            slots[slot][each.name] = tensor
    return State(0, parameters, slots)


def samples(
    system: NumberSystem[A], dataset: Dataset[Shape, Targets], indices: tuple[int, ...]
) -> Batch[A]:
    """The samples at the given places, collated along a new batch axis."""
    chosen = dataset.take(indices)
    targets: Tensor[A, Shape] | Tensor[int, Shape]
    if isinstance(chosen.targets, Labels):
        targets = of_any_shape(chosen.targets.tensor())
    else:
        targets = of_any_shape(chosen.targets.tensor(system))
    return Batch(indices, of_any_shape(chosen.inputs.tensor(system)), targets)


def batch_of(
    system: NumberSystem[A],
    training_run: TrainingRun,
    dataset: Dataset[Shape, Targets],
    step: int,
) -> Batch[A]:
    """The batch of a step, counted from 1.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the loader counts other samples.
    """
    if training_run.loader.count != len(dataset):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a data set of {training_run.loader.count} samples as the "
            f"loader counts, got {len(dataset)}",
        )
    number = training_run.batches_before + step
    return samples(system, dataset, training_run.loader.batch_of_step(number))


def backward(
    system: NumberSystem[A],
    training_run: TrainingRun,
    parameters: Tensors[A],
    batch: Batch[A],
    step: int,
) -> tuple[A, Tensors[A]]:
    """The loss of a batch, and its derivative in each parameter."""
    program = training_program(training_run.task, batch.inputs.shape)
    draw = of_any_shape(Tensor(vector(2), (training_run.seed, step)))
    given = {**parameters, INPUT: batch.inputs, TARGET: batch.targets, DRAW: draw}
    found = evaluate(program, system, given)
    gradients = {name: found[f"gradient.{name}"] for name in parameters}
    return found[LOSS].values[0], gradients


def clip(
    system: NumberSystem[A], training_run: TrainingRun, gradients: Tensors[A]
) -> Tensors[A]:
    """The gradients after clipping; as they are where the run does not clip."""
    if training_run.clipping is None:
        return gradients
    clipped = training_run.clipping.clip(system, list(gradients.values()))
    return dict(zip(gradients, clipped, strict=True))


def update(
    system: NumberSystem[A],
    training_run: TrainingRun,
    before: State[A],
    gradients: Tensors[A],
) -> State[A]:
    """Parameters and optimizer state after the update."""
    step = before.step + 1
    parameters = dict(before.parameters)
    slots = {slot: dict(tensors) for slot, tensors in before.slots.items()}
    for part in training_run.parts:
        rule = part.optimizer
        rate = training_run.learning_rate(step, rule)
        coefficient = coefficients_at(rule, system, step, rate)
        for name in part.names:
            state = tuple(before.slots[slot][name] for slot in rule.state_names)
            given = (before.parameters[name], gradients[name], state)
            parameters[name], after = update_tensor(
                rule, system, coefficient, step, *given
            )
            for slot, tensor in zip(rule.state_names, after, strict=True):
                slots[slot][name] = tensor
    return State(step, parameters, slots)


def step(
    system: NumberSystem[A],
    training_run: TrainingRun,
    dataset: Dataset[Shape, Targets],
    before: State[A],
) -> Step[A]:
    """The step that follows a state."""
    number = before.step + 1
    batch = batch_of(system, training_run, dataset, number)
    loss, gradients = backward(system, training_run, before.parameters, batch, number)
    clipped = clip(system, training_run, gradients)
    after = update(system, training_run, before, clipped)
    return Step(number, before, batch, loss, gradients, clipped, after)


def run(
    system: NumberSystem[A],
    training_run: TrainingRun,
    dataset: Dataset[Shape, Targets],
) -> Iterator[Step[A]]:
    """Every step of a run, from the initial state on.

    >>> from torchlean_spec.data import Rows
    >>> from torchlean_spec.layers import Linear, Sequential
    >>> from torchlean_spec.losses import MeanSquaredError
    >>> from torchlean_spec.numbers import FLOAT
    >>> from torchlean_spec.optimizers import SGD
    >>> rows = Rows(vector(1), ((0.0,), (1.0,), (2.0,), (3.0,)))
    >>> line = Dataset(rows, Rows(vector(1), ((1.0,), (3.0,), (5.0,), (7.0,))))
    >>> task = Task(Sequential(Linear(1, 1)), MeanSquaredError())
    >>> described = TrainingRun(task, SGD(0.1), Loader(4, 4), steps=200)
    >>> last = list(run(FLOAT, described, line))[-1]
    >>> [round(t.values[0], 3) for t in last.after.parameters.values()]
    [2.0, 1.0]
    """
    state = initial_state(system, training_run)
    for _ in range(training_run.steps):
        taken = step(system, training_run, dataset, state)
        yield taken
        state = taken.after


def evaluation(
    system: NumberSystem[A],
    task: Task,
    parameters: Tensors[A],
    batch: Batch[A],
) -> tuple[A, Tensor[A, Shape]]:
    """The loss and the predictions of a batch in evaluation, where dropout rests.

    The loss of a data set is that of all its samples as one batch, so that its
    mean is over samples, however they were grouped.
    """
    program = loss_program(task, batch.inputs.shape, training=False)
    given = {**parameters, INPUT: batch.inputs, TARGET: batch.targets}
    found = evaluate(program, system, given)
    return found[LOSS].values[0], found[PREDICTION]
