"""`torchlean predict`: what a saved model answers, a line for each input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from torchlean.cli import main
from torchlean.data import tensor_dataset, two_moons
from torchlean.report_lines import pretty
from torchlean.trainer import Trainer
from torchlean_spec.layers import Linear

MOONS = two_moons(60)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("names", [(), ("upper", "lower")])
def test_classes_are_named(
    names: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One input, rows of a CSV file, an NPY file: the class, its name, the outputs."""
    named = tensor_dataset(MOONS.inputs, MOONS.targets, class_names=names)
    trained = Trainer(Linear(2, 2), task="classification").train(
        named, batch_size=10, steps=30, save="file"
    )
    points = [[-0.5, 0.5], [1.0, -0.25]]
    expected = []
    for point in points:
        (outputs,) = trained.predict([point])
        (predicted,) = trained.predict_class([point]).tolist()
        name = f" ({names[predicted]})" if names else ""
        expected.append(f"predicted={predicted}{name} outputs={pretty(outputs)}")
    assert main(["predict", "file", "--input", "-0.5,0.5"]) == 0
    assert main(["predict", "file", "--input=1,-0.25"]) == 0
    assert capsys.readouterr().out.splitlines() == expected
    Path("points.csv").write_text("a,b\n-0.5,0.5\n1,-0.25\n")
    assert main(["predict", "file", "--csv", "points.csv", "--header"]) == 0
    assert capsys.readouterr().out.splitlines() == expected
    np.save("points.npy", np.array(points))
    assert main(["predict", "file", "--x", "points.npy"]) == 0
    assert capsys.readouterr().out.splitlines() == expected


def test_numbers_are_printed_so_that_they_read_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model of numbers has those alone."""
    line = tensor_dataset([[0.0], [1.0]], [1.0, 3.0])
    trained = Trainer(Linear(1, 1), task="regression", dtype="float64").train(
        line, batch_size=2, steps=3, save="file"
    )
    assert main(["predict", "file", "--input", "0.1"]) == 0
    (printed,) = capsys.readouterr().out.splitlines()
    assert float(printed.strip("[]")) == trained.predict([[0.1]]).item()


def test_another_number_of_numbers_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 1."""
    Trainer(Linear(2, 2), task="classification").train(
        MOONS, batch_size=10, steps=1, save="file"
    )
    assert main(["predict", "file", "--input", "1,2,3"]) == 1
    assert capsys.readouterr().err == (
        "torchlean: expected inputs of 2 numbers, got 3\n"
    )
