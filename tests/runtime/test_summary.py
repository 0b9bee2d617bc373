"""How a run went: a line, and a log that keeps its numbers."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest

from torchlean.callbacks import TrainReport
from torchlean.evaluation import Evaluation
from torchlean.log import LogDestination, TrainLog
from torchlean.summary import TrainSummary


def test_a_summary_is_a_line() -> None:
    """Steps, the first number and the last, in either style."""
    summary = TrainSummary(10, 0.5, 1e-7, metric="error")
    assert str(summary) == "steps=10 error0=0.5 error1=1e-07"
    assert summary.summary(learning_rate=0.25, style="lean") == (
        "steps=10 lr=0.250000 error0=0.500000 error1=0.000000"
    )
    printed = io.StringIO()
    summary.print_summary(file=printed, style="lean")
    assert printed.getvalue() == "steps=10 error0=0.500000 error1=0.000000\n"


def test_a_summary_is_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The standard output has it unless a file is given."""
    TrainSummary(1, 2.0, 1.0).print_summary()
    assert capsys.readouterr().out == "steps=1 loss0=2.0 loss1=1.0\n"


def test_a_report_has_a_summary() -> None:
    """The losses of its evaluations."""
    report = TrainReport(3, Evaluation(2.0), Evaluation(0.75))
    assert TrainSummary.of(report) == TrainSummary(3, 2.0, 0.75)


def test_a_run_that_diverged_has_a_log(tmp_path: Path) -> None:
    """A loss that is no number is written and read back; the line says where."""
    path = tmp_path / "log.json"
    printed = io.StringIO()
    summary = TrainSummary(7, 3e-7, math.nan)
    summary.write_log(LogDestination.json(path), "t", ["a note"], file=printed)
    log = TrainLog.read_json(path)
    assert repr(log) == repr(summary.to_train_log("t", ["a note"]))
    assert (log.title, log.steps, log.notes) == ("t", (0, 7), ("a note",))
    assert repr(log.series[0].values) == "(3e-07, nan)"
    assert printed.getvalue() == f"  wrote TrainLog JSON: {path}\n"


def test_a_log_in_the_originals_digits(tmp_path: Path) -> None:
    """On request, six decimals."""
    path = tmp_path / "log.json"
    TrainSummary(7, 2.0, 0.1234567).write_log(
        LogDestination.json(path), dialect="lean", file=io.StringIO()
    )
    assert TrainLog.read_json(path).series[0].values == (2.0, 0.123457)


def test_no_log_is_said_too() -> None:
    """Where no log is wanted, the line says so."""
    printed = io.StringIO()
    TrainSummary(7, 2.0, 1.0).write_log(LogDestination.disabled(), file=printed)
    assert printed.getvalue() == "  TrainLog JSON disabled\n"
