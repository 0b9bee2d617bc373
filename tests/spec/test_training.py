"""Whole runs over exact numbers, their phases, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import cast

import pytest

from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.data import Dataset, Labels, Loader, Rows, Targets
from torchlean_spec.description import (
    Json,
    from_json,
    to_json,
    training_run_from_json,
)
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.initializers import Constant as ConstantInitializer
from torchlean_spec.initializers import FanInUniform
from torchlean_spec.layers import (
    ELU,
    GELU,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Residual,
    Sequential,
    SiLU,
)
from torchlean_spec.losses import CrossEntropy, Huber, MeanSquaredError
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import SGD, Adadelta, AdaGrad, Adam, AdamW, RMSProp
from torchlean_spec.schedules import Cosine, StepDecay, WarmUp
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.task import Task
from torchlean_spec.training import (
    TrainingRun,
    backward,
    batch_of,
    evaluation,
    initial_state,
    run,
    samples,
)


def _line() -> Dataset[Shape, Targets]:
    inputs = Rows(shape_of([1]), ((0.0,), (1.0,), (2.0,), (3.0,)))
    targets: Targets = Rows(shape_of([1]), ((1.0,), (3.0,), (5.0,), (7.0,)))
    return Dataset(inputs, targets)


def _run(optimizer: SGD, steps: int, **options: object) -> TrainingRun:
    start = Linear(1, 1, weight_initializer=ConstantInitializer(0))
    task = Task(Sequential(start), MeanSquaredError())
    loader = Loader(count=4, batch_size=4, shuffle=False)
    return TrainingRun(task, optimizer, loader, steps, **options)  # type: ignore[arg-type]


def test_gradient_descent_on_a_line_is_what_the_hand_computes() -> None:
    """Two steps of SGD from zero, over exact rationals."""
    taken = list(run(RATIONAL, _run(SGD("1/10"), 2), _line()))
    assert [each.loss for each in taken] == [21, Fraction(107, 200)]
    first, second = taken
    assert first.gradients["0.weight"].values == (Fraction(-17),)
    assert first.gradients["0.bias"].values == (Fraction(-8),)
    assert first.after.parameters["0.weight"].values == (Fraction(17, 10),)
    assert first.after.parameters["0.bias"].values == (Fraction(4, 5),)
    assert second.before == first.after
    assert second.number == 2


def test_the_schedule_gives_the_rate_of_each_step() -> None:
    """Update 0 has the base rate; the rate is exact."""
    described = _run(SGD("0.1"), 4, schedule=StepDecay(step_size=2, gamma="0.5"))
    rates = [described.learning_rate(step) for step in (1, 2, 3, 4, 5)]
    assert list(map(str, rates)) == ["1/10", "1/10", "1/20", "1/20", "1/40"]


def test_clipping_stands_between_gradient_and_update() -> None:
    """The update uses the clipped gradients; both are yielded."""
    described = _run(SGD(1), 1, clipping=ClipGlobalNorm(17, norm=1))
    (taken,) = run(RATIONAL, described, _line())
    assert taken.gradients["0.weight"].values == (Fraction(-17),)
    clipped = taken.clipped["0.weight"].values
    assert clipped == (Fraction(-17) * Fraction(17, 25),)
    assert taken.after.parameters["0.weight"].values == (-clipped[0],)


def test_momentum_lives_in_the_state() -> None:
    """The buffer after the first step is the gradient, when it starts at zero."""
    (taken,) = run(RATIONAL, _run(SGD("0.1", momentum="0.9"), 1), _line())
    (buffer,) = taken.after.slots.values()
    assert buffer["0.weight"].values == taken.gradients["0.weight"].values


def test_evaluation_is_over_all_samples_at_once() -> None:
    """Deviation B43: one loss, in evaluation, whatever the batches of training."""
    described = _run(SGD("0.1"), 0)
    state = initial_state(RATIONAL, described)
    whole = samples(RATIONAL, _line(), (0, 1, 2, 3))
    loss, predictions = evaluation(RATIONAL, described.task, state.parameters, whole)
    assert loss == 21
    assert predictions.values == (Fraction(0),) * 4


def test_dropout_gradients_depend_on_seed_and_step() -> None:
    """The mask of a step is a function of seed and step, in forward and backward."""
    model = Sequential(Linear(1, 16), Dropout("0.5"), Linear(16, 1))
    described = TrainingRun(
        Task(model, MeanSquaredError()), SGD("0.1"), Loader(4, 4), steps=1, seed=5
    )
    state = initial_state(RATIONAL, described)
    batch = batch_of(RATIONAL, described, _line(), 1)

    def gradient_at(step: int) -> object:
        return backward(RATIONAL, described, state.parameters, batch, step)

    assert gradient_at(1) == gradient_at(1)
    assert gradient_at(1) != gradient_at(2)


EVERYTHING = TrainingRun(
    Task(
        Sequential(
            Flatten(),
            Linear(4, 4, bias_initializer=FanInUniform()),
            ReLU(),
            LeakyReLU("0.2"),
            ELU("1/3"),
            GELU("tanh"),
            Residual(Sequential(Linear(4, 4, bias=False), SiLU(), Dropout("0.1"))),
        ),
        CrossEntropy(class_weights=("1/3", 2, 1, 1), label_smoothing="0.1"),
    ),
    AdamW("0.003", weight_decay="0.05"),
    Loader(100, 7, drop_last=False, seed=3),
    steps=17,
    schedule=WarmUp(5, then=Cosine(total=12)),
    clipping=ClipGlobalNorm("0.5"),
    seed=2**63 + 1,
    number_format="float64",
)


def test_a_description_survives_json() -> None:
    """Writing, dumping, loading and reading gives an equal description."""
    written = json.loads(json.dumps(to_json(EVERYTHING)))
    again = training_run_from_json(written)
    assert again == EVERYTHING
    assert to_json(again) == to_json(EVERYTHING)


@pytest.mark.parametrize(
    "record",
    [SGD("0.1"), Adam(), RMSProp(), AdaGrad(), Adadelta(), Huber("1/7"), ELU()],
    ids=repr,
)
def test_each_record_survives_json(record: object) -> None:
    """Optimizers, losses and layers are read back equal."""
    assert from_json(to_json(record)) == record


def _edited(**changes: Json) -> dict[str, Json]:
    return {**to_json(EVERYTHING), **changes}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: from_json({"type": "Perceptron"}),
            "expected a description of a known type, got 'Perceptron'",
        ),
        (
            lambda: from_json({"type": "Residual", "outer": None}),
            "Residual: expected the fields ['inner'], got ['outer']",
        ),
        (
            lambda: training_run_from_json(to_json(ReLU())),
            "expected a TrainingRun, got ReLU",
        ),
        (
            lambda: from_json(cast("Json", _edited(steps=-1))),
            "expected a number of steps of at least 0, got -1",
        ),
        (
            lambda: from_json(cast("Json", _edited(number_format="float8"))),
            "expected dtype 'float32' or 'float64', got 'float8'",
        ),
        (
            lambda: batch_of(RATIONAL, EVERYTHING, _line(), 1),
            "expected a data set of 100 samples as the loader counts, got 4",
        ),
    ],
)
def test_what_runs_and_descriptions_refuse(
    build: Callable[[], object], message: str
) -> None:
    """Each refusal says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        build()
    assert str(refused.value) == message


def test_labels_are_collated_as_indices() -> None:
    """A batch of labelled samples holds integers in the chosen order."""
    inputs = Rows(shape_of([1]), ((0.0,), (1.0,), (2.0,)))
    labels: Targets = Labels(3, (2, 0, 1))
    batch = samples(RATIONAL, Dataset(inputs, labels), (2, 0))
    assert batch.targets.values == (1, 2)
    assert batch.inputs.values == (Fraction(2), Fraction(0))


def test_the_batch_of_step_1_is_the_one_at_the_position() -> None:
    """A run that begins within an epoch goes on from there, into the next epoch."""
    described = replace(EVERYTHING, loader=Loader(4, 2, seed=5))
    moved = replace(described, position=Position(1, 1))
    for step in (1, 2, 3):
        found = batch_of(RATIONAL, moved, _line(), step)
        assert found == batch_of(RATIONAL, described, _line(), step + 3)
    with pytest.raises(TorchLeanError) as refused:
        replace(described, position=Position(1, 2))
    assert str(refused.value) == ("expected a batch from 0 to 1 of an epoch, got 2")
