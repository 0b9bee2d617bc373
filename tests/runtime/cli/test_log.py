"""`torchlean log show`: the curves of a log in the terminal, and as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from torchlean.cli import main
from torchlean.log import Curve, Series, TrainLog
from torchlean.terminal_plot import terminal_plot

LOG = TrainLog(
    "a title",
    (1, 2, 3),
    (
        Series("loss", (4.0, 2.0, 1.0)),
        Series("held_out_loss", (5.0, 5.0, 3.0)),
    ),
    ("a note",),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, with a log, in a terminal of 60 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    LOG.write_json("log.json")
    return tmp_path


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_log_is_drawn_series_by_series(
    ascii_only: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The title, each series with its ends, the notes."""
    words = ["--ascii"] if ascii_only else []
    assert main(["log", "show", "log.json", *words]) == 0
    loss, held_out = (
        terminal_plot(LOG.curve(one.name), 60, ascii_only=ascii_only)
        for one in LOG.series
    )
    assert capsys.readouterr().out == (
        "a title\n\n"
        f"loss: 4.0 at step 1, 1.0 at step 3\n{loss}\n\n"
        f"held_out_loss: 5.0 at step 1, 3.0 at step 3\n{held_out}\n\n"
        "a note\n"
    )


def test_a_log_is_drawn_into_a_picture(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG file, which is named at the end."""
    assert main(["log", "show", "log.json", "--png", "new/picture.png"]) == 0
    assert capsys.readouterr().out.endswith("\nwrote new/picture.png\n")
    assert Path("new/picture.png").read_bytes()[:4] == b"\x89PNG"


def test_what_is_no_log_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another file; exit code 1."""
    Path("other.json").write_text("[]")
    assert main(["log", "show", "other.json"]) == 1
    assert capsys.readouterr().err.startswith("torchlean: other.json: expected ")


def test_a_log_without_values_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to draw, and that is said."""
    Curve().to_train_log("empty", "loss").write_json("empty.json")
    assert main(["log", "show", "empty.json"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == ["empty", "", "loss: no values"]
