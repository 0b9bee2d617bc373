"""Laws of the four phases of a step: batch, backward pass, clipping, update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.law import Evidence, law, refuses
from torchlean_proofs.laws.training import Example, Numbers, example, examples
from torchlean_spec import training
from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipValue
from torchlean_spec.data import Loader, Rows
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import FLOAT, RATIONAL, Dual, DualNumber
from torchlean_spec.numbers.system import NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
    exact_coefficients,
)
from torchlean_spec.optimizers.tensors import update_tensor
from torchlean_spec.program import evaluate
from torchlean_spec.schedules import Constant as Steady
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import DRAW, INPUT, LOSS, TARGET, loss_program
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import (
    Batch,
    State,
    Tensors,
    TrainingRun,
)

BatchOf = Callable[..., Batch[Fraction]]


@law(
    "training.batch_of",
    objects="training.batch_of training.samples training.Batch",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.batch_of,
    mutants={
        "steps from 0": lambda system, run, data, step: training.batch_of(
            system, run, data, step + 1
        ),
        "always the first batch": lambda system, run, data, step: training.batch_of(
            system, run, data, 1
        ),
        "the position forgotten": lambda system, run, data, step: training.batch_of(
            system, replace(run, position=Position()), data, step
        ),
        "targets of the first samples": lambda system, run, data, step: replace(
            training.batch_of(system, run, data, step),
            targets=training.samples(
                system,
                data,
                tuple(range(len(run.loader.batch_of_step(step)))),
            ).targets,
        ),
    },
    cases=examples(12),
)
def batches(batch_of: BatchOf, case: Example) -> bool:
    """The batch of a step holds the loader's samples from its position on, in order."""
    targets = case.data.targets
    assert isinstance(targets, Rows)
    per_epoch = case.run.loader.batches_per_epoch
    moved = replace(case.run, position=Position(1, per_epoch - 1))
    for run, step in ((case.run, 1), (case.run, 2), (case.run, 5), (moved, 2)):
        before = 2 * per_epoch - 1 if run is moved else 0
        places = run.loader.batch_of_step(before + step)
        found = batch_of(RATIONAL, run, case.data, step)
        inputs = [Fraction(x) for i in places for x in case.data.inputs.values[i]]
        wanted = [Fraction(x) for i in places for x in targets.values[i]]
        if found.indices != places or list(found.inputs.values) != inputs:
            return False
        if list(found.targets.values) != wanted:
            return False
    return True


@law(
    "training.other_data",
    objects="training.batch_of",
    evidence=Evidence.SEARCHED,
    subject=training.batch_of,
    mutants={
        "the loader fitted to the data": lambda system, run, data, step: (
            training.batch_of(
                system, replace(run, loader=Loader(len(data), 1)), data, step
            )
        ),
    },
    cases=examples(6),
)
def other_data(batch_of: BatchOf, case: Example) -> bool:
    """Data of another number of samples than the loader counts are refused."""
    more = case.data.take([*range(len(case.data)), 0])
    return refuses(Reason.SHAPE_MISMATCH, lambda: batch_of(RATIONAL, case.run, more, 1))


Backward = Callable[..., tuple[Fraction, Numbers]]


def _with_variable(case: Example, name: str, place: int) -> DualNumber[Fraction]:
    """The loss of the first batch, and its derivative in one element."""
    dual: Dual[Fraction] = Dual(RATIONAL)
    batch = case.first()
    program = loss_program(case.run.task, batch.inputs.shape, training=True)
    given: dict[str, Tensor[DualNumber[Fraction], Shape] | Tensor[int, Shape]] = {
        INPUT: batch.inputs.map(dual.constant),
        TARGET: batch.targets.map(lambda x: dual.constant(Fraction(x))),
        DRAW: Tensor(shape_of([2]), (case.run.seed, 1)),
    }
    for each, tensor in case.initial().parameters.items():
        numbers = tuple(
            dual.variable(value) if (each, i) == (name, place) else dual.constant(value)
            for i, value in enumerate(tensor.values)
        )
        given[each] = Tensor(tensor.shape, numbers)
    return evaluate(program, dual, given)[LOSS].values[0]


def _next_draw(
    system: NumberSystem[Fraction],
    run: TrainingRun,
    parameters: Tensors[Fraction],
    batch: Batch[Fraction],
    step: int,
) -> tuple[Fraction, Numbers]:
    """A backward pass with the next step's dropout masks."""
    return training.backward(system, run, parameters, batch, step + 1)


def _ascending(
    system: NumberSystem[Fraction],
    run: TrainingRun,
    parameters: Tensors[Fraction],
    batch: Batch[Fraction],
    step: int,
) -> tuple[Fraction, Numbers]:
    """A backward pass with the other sign."""
    loss, found = training.backward(system, run, parameters, batch, step)
    return loss, {name: tensor.map(lambda x: -x) for name, tensor in found.items()}


def _first_sample(
    system: NumberSystem[Fraction],
    run: TrainingRun,
    parameters: Tensors[Fraction],
    batch: Batch[Fraction],
    step: int,
) -> tuple[Fraction, Numbers]:
    """A backward pass of the batch's first sample alone."""
    _, width = sizes(batch.inputs.shape)
    inputs: Tensor[Fraction, Shape] = Tensor(
        shape_of([1, width]), batch.inputs.values[:width]
    )
    targets: Tensor[Fraction, Shape] = Tensor(
        shape_of([1, 1]), tuple(map(Fraction, batch.targets.values[:1]))
    )
    one = replace(batch, inputs=inputs, targets=targets)
    return training.backward(system, run, parameters, one, step)


@law(
    "training.backward",
    objects="training.backward",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.backward,
    mutants={
        "the next step's masks": _next_draw,
        "the other sign": _ascending,
        "the first sample alone": _first_sample,
    },
    cases=examples(8),
)
def backward_phase(backward: Backward, case: Example) -> bool:
    """The loss of a batch, and its derivative in each parameter by dual numbers."""
    state = case.initial()
    loss, found = backward(RATIONAL, case.run, state.parameters, case.first(), 1)
    if found.keys() != state.parameters.keys():
        return False
    return all(
        (loss, found[name].values[place]) == (dual.value, dual.derivative)
        for name, tensor in state.parameters.items()
        for place in range(len(tensor.values))
        for dual in [_with_variable(case, name, place)]
    )


Clip = Callable[..., Numbers]


def _each_alone(
    system: NumberSystem[Fraction], run: TrainingRun, gradients: Numbers
) -> Numbers:
    """Each tensor clipped as if it were alone."""
    return {
        name: training.clip(system, run, {name: tensor})[name]
        for name, tensor in gradients.items()
    }


def _names_backwards(
    system: NumberSystem[Fraction], run: TrainingRun, gradients: Numbers
) -> Numbers:
    """The clipped tensors under the names of others."""
    clipped = training.clip(system, run, gradients)
    return dict(zip(clipped, list(clipped.values())[::-1], strict=True))


@law(
    "training.clip",
    objects="training.clip",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.clip,
    mutants={
        "never": lambda system, run, gradients: gradients,
        "each tensor alone": _each_alone,
        "names backwards": _names_backwards,
        "by value always": lambda system, run, gradients: training.clip(
            system, replace(run, clipping=ClipValue("0.25")), gradients
        ),
    },
    cases=examples(30),
)
def clip_phase(clip: Clip, case: Example) -> bool:
    """All gradients are clipped together, as the run says, and keep their names."""
    state, clipping = case.initial(), case.run.clipping
    step = training.backward(RATIONAL, case.run, state.parameters, case.first(), 1)
    found = clip(RATIONAL, case.run, step[1])
    expected = list(step[1].values())
    if clipping is not None:
        expected = list(clipping.clip(RATIONAL, expected))
    return list(found) == list(step[1]) and list(found.values()) == expected


Update = Callable[..., State[Fraction]]


def _one_left_out(
    system: NumberSystem[Fraction],
    run: TrainingRun,
    before: State[Fraction],
    gradients: Numbers,
) -> State[Fraction]:
    """An update that leaves out the last element of each parameter."""
    right = training.update(system, run, before, gradients)
    parameters = {
        name: Tensor(
            tensor.shape, (*tensor.values[:-1], before.parameters[name].values[-1])
        )
        for name, tensor in right.parameters.items()
    }
    return replace(right, parameters=parameters)


@law(
    "training.update",
    objects="training.update training.TrainingRun.learning_rate",
    evidence=Evidence.IDENTITY_TESTED,
    subject=training.update,
    mutants={
        "the rate of the step after": lambda system, run, before, gradients: replace(
            training.update(
                system, run, replace(before, step=before.step + 1), gradients
            ),
            step=before.step + 1,
        ),
        "the schedule ignored": lambda system, run, before, gradients: training.update(
            system, replace(run, schedule=Steady()), before, gradients
        ),
        "the step not counted": lambda system, run, before, gradients: replace(
            training.update(system, run, before, gradients), step=before.step
        ),
        "uphill": lambda system, run, before, gradients: training.update(
            system,
            run,
            before,
            {name: each.map(lambda x: -x) for name, each in gradients.items()},
        ),
        "the last element left out": _one_left_out,
        "optimizer state not kept": lambda system, run, before, gradients: replace(
            training.update(system, run, before, gradients), slots=before.slots
        ),
    },
    cases=examples(20),
)
def update_phase(update: Update, case: Example) -> bool:
    """Every parameter is updated by its own rule, with the coefficients of the step."""
    run, before = case.run, replace(case.initial(), step=3)
    _, gradients = training.backward(RATIONAL, run, before.parameters, case.first(), 1)
    after = update(RATIONAL, run, before, gradients)
    for part in run.parts:
        rule = part.optimizer
        coefficients = exact_coefficients(rule, 4, run.learning_rate(4, rule))
        for name in part.names:
            state = tuple(before.slots[slot][name] for slot in rule.state_names)
            given = (before.parameters[name], gradients[name], state)
            moved, kept = update_tensor(rule, RATIONAL, coefficients, 4, *given)
            found = tuple(after.slots[slot][name] for slot in rule.state_names)
            if (after.parameters[name], found) != (moved, kept):
                return False
    return after.step == 4


RATELESS: tuple[Callable[[Fraction], Optimizer], ...] = (
    SGD,
    lambda rate: SGD(rate, momentum="0.9", nesterov=True),
    Adam,
    lambda rate: Adam(rate, amsgrad=True),
    AdamW,
    RMSProp,
    lambda rate: RMSProp(rate, momentum="0.5", centered=True),
    AdaGrad,
    Adadelta,
)
"""Every optimizer, by its learning rate."""


@law(
    "training.zero_rate",
    objects="training.update optimizers.SGD optimizers.Adam optimizers.AdamW "
    "optimizers.RMSProp optimizers.AdaGrad optimizers.Adadelta",
    evidence=Evidence.SEARCHED,
    subject=Fraction(0),
    mutants={"a rate of 2^-30": Fraction(1, 2**30), "a rate of 1": Fraction(1)},
    cases=lambda draws: (
        (example(draws, 1), optimizer) for optimizer in RATELESS for _ in range(2)
    ),
)
def zero_rate(
    rate: Fraction, case: tuple[Example, Callable[[Fraction], Optimizer]]
) -> bool:
    """With a learning rate of 0 a step leaves the parameters as they are."""
    given, optimizer = case
    run = replace(given.run, optimizer=optimizer(rate), schedule=Steady())
    (taken,) = training.run(FLOAT, run, given.data)
    return taken.after.parameters == taken.before.parameters
