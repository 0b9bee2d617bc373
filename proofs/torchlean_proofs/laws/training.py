"""Laws of training runs: their steps, the phases of a step, the state.

Runs are tried whose every number is rational, so that all of it is compared
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import training
from torchlean_spec.clipping import ClipGlobalNorm, ClipNorm, Clipping, ClipValue
from torchlean_spec.data import Dataset, Loader, Rows, Targets
from torchlean_spec.errors import Reason
from torchlean_spec.initializers import Uniform
from torchlean_spec.layers import Dropout, Linear, ReLU, Sequential
from torchlean_spec.losses import Huber, MeanSquaredError
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.system import NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    Optimizer,
    ParameterGroup,
    ParameterGroups,
)
from torchlean_spec.optimizers.tensors import initial_tensors
from torchlean_spec.program import evaluate
from torchlean_spec.schedules import Constant as Steady
from torchlean_spec.schedules import Exponential, Schedule, StepDecay
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.task import DRAW, INPUT, LOSS, TARGET, Task, loss_program
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import (
    Batch,
    State,
    Step,
    Tensors,
    TrainingRun,
    initial_state,
)

Data = Dataset[Shape, Targets]
Numbers = Mapping[str, Tensor[Fraction, Shape]]


@dataclass(frozen=True, slots=True)
class Example:
    """A run over the rationals, and its data."""

    run: TrainingRun
    data: Data

    def __repr__(self) -> str:
        return repr(self.run)

    def initial(self) -> State[Fraction]:
        """The state before the first step."""
        return initial_state(RATIONAL, self.run)

    def first(self) -> Batch[Fraction]:
        """The batch of the first step."""
        return training.batch_of(RATIONAL, self.run, self.data, 1)


def model(draws: Draws) -> Sequential:
    """A small model whose parameters start as rationals."""
    start = Uniform(-1, draws.positive(2))
    hidden = draws.choice((Sequential(), Sequential(ReLU(), Dropout("0.5"))))
    layers = (
        Linear(2, 2, weight_initializer=start, bias_initializer=start),
        hidden,
        Linear(2, 1, bias=False, weight_initializer=start),
    )
    return Sequential(*layers)


def data(draws: Draws, count: int) -> Data:
    """Samples of 2 numbers, and one number to be answered."""

    def rows(width: int) -> Rows[Shape]:
        values = tuple(
            tuple(draws.integer(-16, 16) / 8 for _ in range(width))
            for _ in range(count)
        )
        return Rows(shape_of([width]), values)

    return Dataset(rows(2), rows(1))


OPTIMIZERS: tuple[Optimizer, ...] = (
    SGD("0.1"),
    SGD("0.25", momentum="0.5"),
    ParameterGroups(
        ParameterGroup(SGD("0.25", momentum="0.5"), "matrices"),
        ParameterGroup(SGD("0.1"), "*.bias"),
    ),
)
"""With momentum and without, for all parameters and for some."""


def example(draws: Draws, steps: int = 3) -> Example:
    """A random run."""
    count = draws.integer(2, 5)
    loader = Loader(
        count,
        draws.integer(1, count),
        shuffle=bool(draws.integer(0, 1)),
        drop_last=bool(draws.integer(0, 1)),
        seed=draws.integer(0, 99),
    )
    optimizer = draws.choice(OPTIMIZERS)
    schedules: tuple[Schedule, ...] = (Steady(), StepDecay(2), Exponential("0.5"))
    clippings: tuple[Clipping | None, ...] = (
        None,
        ClipValue("0.25"),
        ClipNorm("0.5", norm=1),
        ClipGlobalNorm("0.5", norm="infinity"),
    )
    run = TrainingRun(
        Task(model(draws), draws.choice((MeanSquaredError(), Huber("0.5")))),
        optimizer,
        loader,
        steps,
        draws.choice(schedules),
        draws.choice(clippings),
        draws.integer(0, 99),
    )
    return Example(run, data(draws, count))


def examples(count: int, steps: int = 2) -> Callable[[Draws], Iterator[Example]]:
    """Some random runs."""
    return lambda draws: repeat(count, lambda: example(draws, steps))


# RUNS

Run = Callable[..., Iterator[Step[Fraction]]]


def _from_the_start(system: object, run: TrainingRun, data: Data) -> Iterator[object]:
    """A run that makes its first step again and again."""
    first = next(training.run(RATIONAL, run, data))
    return iter([first] * run.steps)


def _unchained(system: object, run: TrainingRun, data: Data) -> Iterator[object]:
    """A run that forgets what the optimizer keeps."""
    state = initial_state(RATIONAL, run)
    fresh = state.slots
    for _ in range(run.steps):
        taken = training.step(RATIONAL, run, data, state)
        yield taken
        state = replace(taken.after, slots=fresh)


@law(
    "training.run",
    objects="training.run training.step training.Step training.State "
    "training.TrainingRun",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.run,
    mutants={
        "the first step again and again": _from_the_start,
        "optimizer state forgotten": _unchained,
        "one step short": lambda system, run, data: islice(
            training.run(system, run, data), run.steps - 1
        ),
        "another seed": lambda system, run, data: training.run(
            system, replace(run, seed=run.seed + 1), data
        ),
    },
    cases=examples(12, 3),
)
def steps_in_a_row(run: Run, case: Example) -> bool:
    """A run is its steps: each goes from the state of the one before, in four phases.

    The number of steps is the one asked for, and they are counted from 1.
    """
    state, described, given = case.initial(), case.run, case.data
    for number, taken in enumerate(run(RATIONAL, described, given), 1):
        batch = training.batch_of(RATIONAL, described, given, number)
        loss, gradients = training.backward(
            RATIONAL, described, state.parameters, batch, number
        )
        clipped = training.clip(RATIONAL, described, gradients)
        after = training.update(RATIONAL, described, state, clipped)
        expected = Step(number, state, batch, loss, gradients, clipped, after)
        if taken != expected:
            return False
        state = taken.after
    return state.step == described.steps


@law(
    "training.prefix",
    objects="training.run training.TrainingRun",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.run,
    mutants={
        "the seed by the number of steps": lambda system, run, data: training.run(
            system, replace(run, seed=run.seed + run.steps), data
        ),
        "the rate by the number of steps": lambda system, run, data: training.run(
            system, replace(run, optimizer=SGD(Fraction(1, 2 ** (run.steps + 1)))), data
        ),
    },
    cases=examples(8, 3),
    premise=lambda case: case.run.steps > 1,
)
def prefixes(run: Run, case: Example) -> bool:
    """A run begins as a shorter one; made again, it is the same."""
    shorter = replace(case.run, steps=case.run.steps - 1)
    long = list(run(RATIONAL, case.run, case.data))
    short = list(run(RATIONAL, shorter, case.data))
    return long[:-1] == short and long == list(run(RATIONAL, case.run, case.data))


# THE STATE

Initial = Callable[[TrainingRun], State[Fraction]]


def _one_stream(run: TrainingRun) -> State[Fraction]:
    right = initial_state(RATIONAL, run)
    parameters = {
        each.name: each.initializer.initialize(
            RATIONAL, each.shape, each.fan_in, each.fan_out, run.seed, 0
        )
        for each in run.task.model.parameters()
    }
    return replace(right, parameters=parameters)


@law(
    "training.initial_state",
    objects="training.initial_state training.State",
    evidence=Evidence.IDENTITY_TESTED,
    subject=lambda run: initial_state(RATIONAL, run),
    mutants={
        "one stream for all parameters": _one_stream,
        "the seed ignored": lambda run: initial_state(RATIONAL, replace(run, seed=7)),
        "steps counted from 1": lambda run: replace(
            initial_state(RATIONAL, run), step=1
        ),
        "nothing kept": lambda run: replace(initial_state(RATIONAL, run), slots={}),
    },
    cases=examples(12),
)
def initial_states(initial: Initial, case: Example) -> bool:
    """Parameter k is drawn from stream k; what the optimizer keeps is filled in."""
    found, run = initial(case.run), case.run
    described = run.task.model.parameters()
    if found.step != 0 or list(found.parameters) != [each.name for each in described]:
        return False
    for number, each in enumerate(described):
        initialize = each.initializer.initialize
        drawn = initialize(
            RATIONAL, each.shape, each.fan_in, each.fan_out, run.seed, number
        )
        if found.parameters[each.name] != drawn:
            return False
    slots = {slot for part in run.parts for slot in part.optimizer.state_names}
    if found.slots.keys() != slots:
        return False
    for part in run.parts:
        for each in (each for each in described if each.name in part.names):
            start = initial_tensors(part.optimizer, RATIONAL, each.shape)
            pairs = zip(part.optimizer.state_names, start, strict=True)
            if any(found.slots[slot][each.name] != tensor for slot, tensor in pairs):
                return False
    kept = sum(len(part.optimizer.state_names) * len(part.names) for part in run.parts)
    return kept == sum(len(tensors) for tensors in found.slots.values())


# EVALUATION

Evaluation = Callable[..., tuple[Fraction, Tensor[Fraction, Shape]]]


def _in_training(
    system: NumberSystem[Fraction],
    task: Task,
    parameters: Tensors[Fraction],
    batch: Batch[Fraction],
) -> tuple[Fraction, Tensor[Fraction, Shape]]:
    """An evaluation in which dropout acts."""
    program = loss_program(task, batch.inputs.shape, training=True)
    draw: Tensor[int, Shape] = Tensor(shape_of([2]), (0, 1))
    given = {**parameters, INPUT: batch.inputs, TARGET: batch.targets, DRAW: draw}
    found = evaluate(program, system, given)
    return found[LOSS].values[0], found["prediction"]


@law(
    "training.evaluation",
    objects="training.evaluation training.samples",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.evaluation,
    mutants={
        "dropout acting": _in_training,
        "another model": lambda system, task, parameters, batch: training.evaluation(
            system,
            task,
            {n: each.map(lambda x: x / 2) for n, each in parameters.items()},
            batch,
        ),
        "the first prediction for all": lambda system, task, parameters, batch: (
            training.evaluation(system, task, parameters, batch)[0],
            training.evaluation(system, task, parameters, batch)[1].map(
                lambda x: Fraction(0)
            ),
        ),
    },
    cases=examples(12),
)
def evaluations(evaluation: Evaluation, case: Example) -> bool:
    """A data set's mean loss is the mean of its samples', and predictions are theirs.

    Dropout rests, however the model is trained.
    """
    parameters, task = case.initial().parameters, case.run.task
    still = Task(Sequential(*_resting(task.model)), task.loss)
    renamed = dict(zip(still.parameter_names(), parameters.values(), strict=True))
    places = tuple(range(len(case.data)))
    every = training.samples(RATIONAL, case.data, places)
    loss, predicted = evaluation(RATIONAL, task, parameters, every)
    singles = [training.samples(RATIONAL, case.data, (place,)) for place in places]
    alone = [training.evaluation(RATIONAL, still, renamed, one) for one in singles]
    mean = sum((each for each, _ in alone), Fraction(0)) / len(alone)
    values = tuple(prediction.values[0] for _, prediction in alone)
    return loss == mean and predicted.values == values


def _resting(layer: object) -> list[Linear[int, int] | ReLU]:
    """The layers of a model that are neither sequences nor dropout."""
    if isinstance(layer, Sequential):
        return [each for inner in layer.layers for each in _resting(inner)]
    return [layer] if isinstance(layer, (Linear, ReLU)) else []


@law(
    "training.refused",
    objects="training.TrainingRun training.require_number_format",
    evidence=Evidence.EXHAUSTIVE,
    subject=TrainingRun,
    mutants={
        "anything goes": lambda task, optimizer, loader, steps, **given: None,
        "the format ignored": lambda task, optimizer, loader, steps, **given: (
            TrainingRun(task, optimizer, loader, steps, seed=given.get("seed", 0))
        ),
    },
    cases=lambda draws: iter(
        (
            ({"steps": -1}, Reason.HYPERPARAMETER),
            ({"seed": -1}, Reason.DOMAIN),
            ({"seed": 2**64}, Reason.DOMAIN),
            ({"number_format": "float8"}, Reason.UNKNOWN_NAME),
        )
    ),
)
def refused_runs(
    make: Callable[..., object], case: tuple[Mapping[str, object], Reason]
) -> bool:
    """A negative number of steps, a seed out of range, another format: refused."""
    given, reason = case
    task = Task(Sequential(Linear(2, 1)), MeanSquaredError())
    described: dict[str, object] = {"steps": 1, **given}
    return refuses(reason, lambda: make(task, SGD("0.1"), Loader(2, 1), **described))
