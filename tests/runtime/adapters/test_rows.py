"""Rows of a log, and the dictionary that W&B is shaped like."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.adapters import to_wandb_rows
from torchlean.adapters.rows import logged_rows
from torchlean.experiment import (
    Artifact,
    ConfigEntry,
    ExperimentLog,
    MetricHistory,
    RunInfo,
)
from torchlean.log import Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

RECORDS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.floats()), max_size=20
)
RUN = RunInfo(
    "vision", "digits", "r7", "night", ("cpu", "small"), (ConfigEntry("seed", "7"),)
)


def test_a_run_has_the_shape_of_wandb() -> None:
    """What init takes, a row for each step, the last values, the files."""
    log = ExperimentLog(RUN, notes=("first try", "second line"))
    log = log.log(1, "loss", 2.0).log(1, "accuracy", 0.5).log(2, "loss", 1.0)
    log = log.add_artifact(Artifact("curve", "curve.png", "image", "mean loss"))
    assert to_wandb_rows(log) == {
        "project": "vision",
        "name": "digits",
        "id": "r7",
        "group": "night",
        "tags": ["cpu", "small"],
        "notes": "first try\nsecond line",
        "config": {"seed": "7"},
        "summary": {"loss": 1.0, "accuracy": 0.5, "_step": 2},
        "history": [
            {"_step": 1, "loss": 2.0, "accuracy": 0.5},
            {"_step": 2, "loss": 1.0},
        ],
        "artifacts": [
            {
                "name": "curve",
                "type": "image",
                "path": "curve.png",
                "description": "mean loss",
            }
        ],
    }


@given(RECORDS)
def test_every_value_is_in_the_rows(records: list[tuple[int, str, float]]) -> None:
    """What was logged, NaN included, is there with its step; nothing else is."""
    log = ExperimentLog()
    for step, name, value in records:
        log = log.log(step, name, value)
    history = to_wandb_rows(log)["history"]
    for metric in "abc":
        kept = [(row["_step"], row[metric]) for row in history if metric in row]
        assert repr(kept) == repr([(s, v) for s, n, v in records if n == metric])


def test_a_run_without_rows_has_no_summary() -> None:
    """Not even a step."""
    rows = to_wandb_rows(ExperimentLog(history=MetricHistory.empty([("loss", "red")])))
    assert (rows["history"], rows["summary"]) == ([], {})


def test_rows_without_steps_are_counted() -> None:
    """From 0, and a shorter series is missing in the last ones."""
    log = TrainLog(series=(Series("a", (1.0, math.inf)), Series("b", (2.0,))))
    assert list(logged_rows(log)) == [
        (0, [("a", 1.0), ("b", 2.0)]),
        (1, [("a", math.inf)]),
    ]
    assert list(logged_rows(TrainLog())) == []
    assert list(logged_rows(TrainLog(steps=(3,)))) == [(3, [])]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            ExperimentLog(history=MetricHistory.empty([("a", "red"), ("a", "red")])),
            "series: expected different names, got two of 'a'",
        ),
        (
            ExperimentLog(
                RunInfo(config=(ConfigEntry("k", "1"), ConfigEntry("k", "2")))
            ),
            "config: expected different names, got two of 'k'",
        ),
        (
            ExperimentLog().log(1, "_step", 2.0),
            "series: expected another name than '_step', which a row's step has",
        ),
    ],
    ids=["series", "config", "step"],
)
def test_names_that_stand_for_two_things(log: ExperimentLog, message: str) -> None:
    """A dictionary would drop one of them, so they are refused."""
    with pytest.raises(TorchLeanError) as refused:
        to_wandb_rows(log)
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == message
