"""Evaluation is the spec's: predictions to the bit, losses over samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from tests.runtime.runs import (
    CLASSES,
    INPUTS,
    NUMBERS,
    RUNS,
    SAMPLES,
    SOME_CLASSES,
    dataset,
    training_run,
)

from torchlean.engine import Engine
from torchlean.state import to_spec
from torchlean_spec import training as spec
from torchlean_spec.losses import (
    CrossEntropy,
    MeanSquaredError,
)
from torchlean_spec.numbers import BINARY32
from torchlean_spec.shape import sizes

GENERATOR = np.random.default_rng(12)
BACKENDS: tuple[Literal["compiled", "eager"], ...] = ("compiled", "eager")
WEIGHTS = {0: 1.0, 1: 2.0, 2: 0.5, -1: 0.0}


@pytest.mark.parametrize(
    ("name", "denominator"),
    [
        ("dropout", SAMPLES * 3.0),
        ("sequences", SAMPLES * 3 * 2.0),
        ("distributions", float(SAMPLES)),
        ("ignored classes", sum(WEIGHTS[c] for c in SOME_CLASSES.targets.tolist())),
    ],
)
def test_evaluation_is_the_specs(name: str, denominator: float) -> None:
    """Predictions have the spec's bits, and losses are summed by its tree."""
    run, data = RUNS[name]
    engine = Engine(run, data, strict=True)
    engine.run(3)
    answer = engine.evaluate()
    parameters = {
        key: tensor.map(BINARY32.from_float)
        for key, tensor in to_spec(engine.state().parameters).items()
    }
    batch = spec.samples(BINARY32, data.to_spec(), tuple(range(SAMPLES)))
    loss = replace(run.task.loss, reduction="sum")  # type: ignore[type-var]
    total, predictions = spec.evaluation(
        BINARY32, replace(run.task, loss=loss), parameters, batch
    )
    wanted = [BINARY32.to_float(value) for value in predictions.values]
    assert answer.predictions.ravel().tolist() == wanted
    assert answer.predictions.shape == sizes(predictions.shape)
    assert answer.loss == BINARY32.to_float(total) / denominator
    assert engine.predict(data.inputs).tobytes() == answer.predictions.tobytes()


def test_a_sum_is_not_divided() -> None:
    """Where the task's loss is a sum, so is the evaluation's."""
    mean, total = (
        Engine(training_run(loss=MeanSquaredError(reduction=reduction)), NUMBERS)
        for reduction in ("mean", "sum")
    )
    assert mean.evaluate().loss == total.evaluate().loss / (SAMPLES * 3)


def test_evaluation_in_batches() -> None:
    """Many samples are evaluated in batches, the last one smaller, as one would."""
    inputs = GENERATOR.standard_normal((1100, 6))
    many = dataset(GENERATOR.integers(0, 3, 1100), inputs)
    run = training_run(loss=CrossEntropy(reduction="sum"))
    for backend in BACKENDS:
        engine = Engine(run, CLASSES, backend=backend)
        engine.run(3)
        answer = engine.evaluate(many)
        parts = [
            engine.evaluate(many.take(range(start, min(start + 512, 1100))))
            for start in (0, 512, 1024)
        ]
        together = np.concatenate([part.predictions for part in parts])
        assert answer.predictions.tobytes() == together.tobytes()
        assert answer.loss == parts[0].loss + parts[1].loss + parts[2].loss


def test_nothing_that_counts() -> None:
    """If no sample counts, the mean loss is not a number."""
    run = training_run(loss=CrossEntropy(ignore_index=-1))
    engine = Engine(run, SOME_CLASSES)
    ignored = dataset(np.full(4, -1), INPUTS[:4])
    assert np.isnan(engine.evaluate(ignored).loss)
