"""Pictures of runs: drawn for any curve, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean import curve
from torchlean.curve import Picture, draw
from torchlean.evaluation import Evaluation
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
