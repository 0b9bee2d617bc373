"""Experiment logs: rows stay aligned, and nothing is dropped."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.floats()),
    max_size=30,
)


def test_two_metrics_of_one_step_share_a_row() -> None:
    """A step stands once in the list of steps, however many metrics it has."""
    log = ExperimentLog()
    for step, loss, accuracy in ((1, 2.5, 0.25), (2, 1.5, 0.75)):
        log = log.log(step, "loss", loss).log(step, "accuracy", accuracy)
    train_log = log.to_train_log("digits")
    assert train_log.steps == (1, 2)
    assert [one.values for one in train_log.series] == [(2.5, 1.5), (0.25, 0.75)]


@given(RECORDS)
def test_every_value_is_kept_beside_its_step(
    records: list[tuple[int, str, float]],
) -> None:
    """Reading each metric back with its steps gives what was logged, in order."""
    log = ExperimentLog()
    for step, name, value in records:
        log = log.log(step, name, value)
    train_log = log.to_train_log()
    for place, one in enumerate(train_log.series):
        rows = enumerate(zip(train_log.steps, one.values, strict=True))
        missing = log.history.missing
        kept = [pair for row, pair in rows if (row, place) not in missing]
        assert repr(kept) == repr([(s, v) for s, n, v in records if n == one.name])
    assert {one.name for one in train_log.series} == {name for _, name, _ in records}


def test_a_nan_that_was_logged_is_a_value() -> None:
    """It is not overwritten, as a place is where nothing was logged."""
    log = ExperimentLog().log(1, "loss", math.nan).log(1, "accuracy", 0.5)
    log = log.log(1, "loss", 2.0)
    assert log.history.steps == (1, 1)
    assert [repr(one.values) for one in log.history.series] == [
        "(nan, 2.0)",
        "(0.5, nan)",
    ]
    assert log.history.missing == {(1, 1)}


def test_a_run_begins_with_its_metrics() -> None:
    """They have their colours, and rows of as many values."""
    log = ExperimentLog.init(
        RunInfo(name="digits"), [("loss", "red"), ("error", "#0a7")]
    )
    assert log.run.name == "digits"
    assert log.history == MetricHistory.empty([("loss", "red"), ("error", "#0a7")])
    assert [one.color for one in log.log_row(3, [1, 2]).history.series] == [
        "red",
        "#0a7",
    ]
    assert ExperimentLog.init(RunInfo()) == ExperimentLog()


def test_a_row_of_another_length_is_refused() -> None:
    """Too few values for the metrics are an error that names the metrics."""
    history = MetricHistory.empty([("loss", "#4e79a7"), ("accuracy", "#0a7")])
    assert history.push(3, [0.5, 0.75]).steps == (3,)
    with pytest.raises(TorchLeanError) as refused:
        history.push(3, [0.5])
    assert refused.value.reason is Reason.SHAPE_MISMATCH
    assert str(refused.value) == "step 3: expected 2 values (loss, accuracy), got 1"
    with pytest.raises(TorchLeanError) as none:
        MetricHistory().push(0, [1.0])
    assert str(none.value) == "step 0: expected 0 values (none), got 1"


def test_a_history_is_a_log() -> None:
    """Its rows, under a title, with notes; a metric pushed is one of its series."""
    history = MetricHistory.empty([("loss", "red"), ("error", "#0a7")])
    history = history.push(1, [2.0, 0.5]).push(3, [1.0, 0.25])
    assert history.to_train_log("t", ["a note"]) == TrainLog(
        "t",
        (1, 3),
        (Series("loss", (2.0, 1.0), "red"), Series("error", (0.5, 0.25), "#0a7")),
        ("a note",),
    )


def test_a_negative_step_is_refused_at_once() -> None:
    """And not when the run has ended and its log is written."""
    with pytest.raises(TorchLeanError) as refused:
        ExperimentLog().log(-2, "loss", 1.0)
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == "expected steps of at least 0, got -2"
    with pytest.raises(TorchLeanError) as row:
        MetricHistory.empty([("loss", "red")]).push(-3, [1.0])
    assert str(row.value) == "expected steps of at least 0, got -3"


def test_a_metric_that_comes_late_is_missing_before() -> None:
    """Rows before its first value hold NaN for it."""
    log = ExperimentLog().log(1, "loss", 2.0).log(2, "accuracy", 0.5)
    series = log.to_train_log().series
    assert repr(series[0].values) == "(2.0, nan)"
    assert repr(series[1].values) == "(nan, 0.5)"


def test_notes_say_what_the_run_was() -> None:
    """Run, notes and files follow each other; empty fields are left out."""
    run = RunInfo(
        name="digits",
        group="nightly",
        tags=("cpu", "float32"),
        config=(ConfigEntry("seed", "7"), ConfigEntry("steps", "50")),
    )
    log = ExperimentLog(run, notes=("first try",)).add_artifact(
        Artifact("curve", "curve.png", "image", "mean loss")
    )
    assert log.to_train_log().notes == (
        "project=torchlean",
        "run_name=digits",
        "group=nightly",
        "tags=cpu,float32",
        "config.seed=7",
        "config.steps=50",
        "first try",
        "artifact.curve=curve.png kind=image desc=mean loss",
    )


def test_a_title_is_found() -> None:
    """The given title, else the run's name, else the word Training."""
    named = ExperimentLog(RunInfo(name="digits"))
    assert named.to_train_log("night run").title == "night run"
    assert named.to_train_log().title == "digits"
    assert ExperimentLog().to_train_log().title == "Training"


def test_whole_rows_and_single_values_agree() -> None:
    """Logging a row, and logging its values one by one, make the same log."""
    empty = MetricHistory((), (Series("loss"), Series("accuracy")))
    rows = ExperimentLog(history=empty).log_row(1, [2.0, 0.5]).log_row(2, [1.0, 0.75])
    single = ExperimentLog(history=empty)
    for step, name, value in (
        (1, "loss", 2.0),
        (1, "accuracy", 0.5),
        (2, "loss", 1.0),
        (2, "accuracy", 0.75),
    ):
        single = single.log(step, name, value)
    assert rows == single
