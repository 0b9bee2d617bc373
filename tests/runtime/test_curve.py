"""Pictures of runs: drawn for any curve, whole or not at all."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from torchlean import curve
from torchlean.curve import Picture, draw, draw_log
from torchlean.evaluation import Evaluation
from torchlean.log import Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count

PNG = b"\x89PNG\r\n\x1a\n"
NUMBERS = ((0, Evaluation(2.0)), (4, Evaluation(1.0)))
CLASSES = ((0, Evaluation(2.0, Count(1, 9))), (4, Evaluation(1.0, Count(8, 9))))


@pytest.mark.parametrize(
    "losses",
    [
        np.array([1.0]),
        np.array([4.0, 3.0, 2.0, 1.0, 0.5]),
        np.geomspace(1.0, 1e-6, 40),
        np.array([2.0, 1.0, np.inf]),
        np.array([np.nan]),
        np.array([0.0, 0.0, -1.0]),
    ],
    ids=["one", "few", "wide", "infinite", "nan", "negative"],
)
@pytest.mark.parametrize("held_out", [(), NUMBERS, CLASSES])
def test_any_curve_can_be_drawn(
    losses: NDArray[np.float64],
    held_out: tuple[tuple[int, Evaluation], ...],
    tmp_path: Path,
) -> None:
    """Whatever the losses are, there is a picture and no warning."""
    path = tmp_path / "new" / "curve.png"
    draw(path, Picture("a title", losses, 2, held_out))
    assert path.read_bytes().startswith(PNG)
    assert [each.name for each in path.parent.iterdir()] == ["curve.png"]


LOGS = {
    "empty": TrainLog(),
    "two panels": TrainLog(
        "digits", (0, 5), (Series("loss", (2, 1)), Series("held_out_accuracy", (0, 1)))
    ),
    "an accuracy alone": TrainLog("t", (0,), (Series("accuracy", (0.5,)),)),
    "without steps": TrainLog("t", (), (Series("a", (1, 2, 3)), Series("b", (4,)))),
    "not finite": TrainLog("t", (0, 1), (Series("loss", (math.nan, -math.inf)),)),
    "as wide as can be": TrainLog("t", (0, 2**2000), (Series("a", (5e-324, 1e308)),)),
    "both signs": TrainLog("t", (0, 9), (Series("a", (-1e308, 1e308)),)),
    "no formula": TrainLog("a $x_{", (0,), (Series("$b^{", (1,)),)),
    "letters without a glyph": TrainLog("\u4e2d\x1b\n", (0,), (Series("_a", (1,)),)),
    "a color of CSS": TrainLog("t", (0,), (Series("a", (1,), "rgb(1, 2, 3)"),)),
}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_any_log_can_be_drawn(log: TrainLog, tmp_path: Path) -> None:
    """Whatever it holds, there is a picture and no warning."""
    path = tmp_path / "new" / "log.png"
    draw_log(path, log)
    assert path.read_bytes().startswith(PNG)
    assert [each.name for each in path.parent.iterdir()] == ["log.png"]


def test_a_log_is_drawn_with_its_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Title, axes and legend say what the log says; accuracies stand apart."""
    log = TrainLog(
        "a $title",
        (0, 5),
        (
            Series("_loss", (2.0, 1.0), "#0a7"),
            Series("loss", (3.0, math.inf), "rgb(1, 2, 3)"),
            Series("Accuracy", (0.0, 0.5), "red"),
        ),
    )
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: saved.append(self))
    monkeypatch.setattr(curve, "replacing", contextlib.nullcontext)
    draw_log(tmp_path / "log.png", log)
    above, below = saved[0].axes
    assert above.get_title(loc="left") == "a $title"
    assert (above.get_ylabel(), below.get_ylabel()) == ("loss", "accuracy")
    assert below.get_xlabel() == "steps"
    legend = above.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["_loss", "loss"]
    first, second = above.get_lines()
    assert np.array_equal(first.get_xydata(), [[0, 2], [5, 1]])
    assert np.array_equal(second.get_ydata(), [3, np.nan], equal_nan=True)
    assert (first.get_color(), below.get_lines()[0].get_color()) == ("#0a7", "red")


def test_a_log_that_is_of_no_loss(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its axis says value, and a wide one is logarithmic."""
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: saved.append(self))
    monkeypatch.setattr(curve, "replacing", contextlib.nullcontext)
    series = Series("error", tuple(10.0**-place for place in range(9)))
    draw_log(tmp_path / "log.png", TrainLog("t", series=(series,)))
    (panel,) = saved[0].axes
    assert (panel.get_ylabel(), panel.get_yscale()) == ("value", "log")


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    """One sentence names the file."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "curve.png"
    with pytest.raises(TorchLeanError) as refused:
        draw(path, Picture("a title", np.ones(3), 1, ()))
    assert refused.value.reason is Reason.FILE_ACCESS
    assert str(refused.value) == (
        f"expected a file that can be written, got {path}: "
        "a file stands where a folder is needed"
    )


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence says how to get it."""
    monkeypatch.setattr(curve, "find_spec", lambda name: None)
    with pytest.raises(TorchLeanError) as refused:
        draw(tmp_path / "curve.png", Picture("a title", np.ones(3), 1, ()))
    assert refused.value.reason is Reason.MISSING_DEPENDENCY
    with pytest.raises(TorchLeanError) as log:
        draw_log(tmp_path / "curve.png", TrainLog())
    assert str(log.value) == str(refused.value)
    assert str(refused.value) == (
        "expected Matplotlib, which draws curves, to be installed "
        "(pip install torchlean[plots]), got no such package"
    )


def test_drawing_leaves_the_callers_plots_alone(tmp_path: Path) -> None:
    """No window system is chosen and no figure is opened behind the caller's back."""
    code = (
        "import sys, numpy\nfrom torchlean.curve import Picture, draw\n"
        f"draw({str(tmp_path / 'curve.png')!r}, Picture('', numpy.ones(3), 1, ()))\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
