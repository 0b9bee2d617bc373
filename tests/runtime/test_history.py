"""The log of a run: each row says what was known when its step was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from torchlean.data import two_moons
from torchlean.evaluation import Evaluation
from torchlean.history import LOGGED_ROWS, History
from torchlean_spec.data import Loader
from torchlean_spec.layers import Linear
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.metrics import Count
from torchlean_spec.optimizers import SGD
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

MOONS = two_moons(10)
RUN = TrainingRun(Task(Linear(2, 2), CrossEntropy()), SGD(1), Loader(10, 5), 4)


def history(steps: int, *held_out: tuple[int, Evaluation]) -> History:
    """A history whose losses are the numbers of the steps."""
    losses = np.arange(1.0, steps + 1)
    nothing = Evaluation(0.0)
    return History(RUN, MOONS, losses, nothing, nothing, tuple(held_out), (), steps)


@pytest.mark.parametrize("steps", [0, 1, 7, LOGGED_ROWS])
def test_a_short_run_has_a_row_for_each_step(steps: int) -> None:
    """Steps count from 1; a step's row holds its loss."""
    log = history(steps).to_train_log()
    assert log.steps == tuple(range(1, steps + 1))
    assert log.series[0].values == tuple(float(step) for step in log.steps)


@pytest.mark.parametrize("steps", [LOGGED_ROWS + 1, 2500, 10 * LOGGED_ROWS])
def test_a_long_run_leaves_rows_out(steps: int) -> None:
    """Evenly, and never the last one; the values stay with their steps."""
    log = history(steps).to_train_log()
    assert len(log.steps) <= LOGGED_ROWS
    assert log.steps[-1] == steps
    gaps = {b - a for a, b in zip(log.steps[:-2], log.steps[1:-1], strict=True)}
    assert len(gaps) == 1
    assert log.series[0].values == tuple(float(step) for step in log.steps)


def test_a_row_has_the_latest_evaluation() -> None:
    """Losses and shares of the held-out samples, as they were evaluated last."""
    start = (0, Evaluation(9.0, Count(1, 4)))
    middle = (2, Evaluation(8.0, Count(3, 4)))
    log = history(3, start, middle).to_train_log("a title", ["a note"])
    values = {series.name: series.values for series in log.series}
    assert values["held_out_loss"] == (9.0, 8.0, 8.0)
    assert values["held_out_accuracy"] == (0.25, 0.75, 0.75)
    assert (log.title, log.notes) == ("a title", ("a note",))


def test_numbers_have_no_accuracy() -> None:
    """Held-out samples whose targets are numbers have a loss alone."""
    log = history(2, (0, Evaluation(9.0))).to_train_log()
    assert [series.name for series in log.series] == ["loss", "held_out_loss"]


def test_a_run_that_was_taken_up_logs_its_own_steps() -> None:
    """The rows go on where the run stopped; a row is left out by its number."""
    known = history(7)
    resumed = replace(known, start=5, updates=12)
    assert resumed.steps == 12
    assert resumed.to_train_log().steps == tuple(range(6, 13))
    (losses,) = resumed.to_train_log().series
    assert list(losses.values) == known.losses.tolist()
