"""`torchlean eval`: a saved model on the samples of its run, and on others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from torchlean.cli import main
from torchlean.data import dataset_named, split, tensor_dataset
from torchlean.loading import load
from torchlean.trainer import Trainer
from torchlean_spec.layers import Linear

QUICK = ("--steps", "5", "--certify", "0", "--log", "off")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_parts_of_the_runs_samples(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was trained on and what was held out, by the seed that the file keeps."""
    save = ["--save-parameters", "file"]
    assert main(["train", "two-moons", *QUICK, *save, "--seed", "7"]) == 0
    capsys.readouterr()
    assert main(["eval", "file", "two-moons"]) == 0
    trained = load("file")
    training, held_out = split(dataset_named("two-moons", 7), 0.2, 7)
    assert capsys.readouterr().out == (
        f"trained on, 800 samples: {trained.evaluate(training)}\n"
        f"held out, 200 samples: {trained.evaluate(held_out)}\n"
    )


def test_other_samples_are_one_part(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of another seed, in a CSV file and in NPY files."""
    save = ["--save-parameters", "file"]
    assert main(["train", "two-moons", *QUICK, *save]) == 0
    capsys.readouterr()
    trained = load("file")
    other = dataset_named("two-moons", 3)
    assert main(["eval", "file", "two-moons", "--seed", "3"]) == 0
    rows = np.column_stack([other.inputs[:9], other.targets[:9]])
    lines = [",".join(map(str, row)) for row in rows.tolist()]
    Path("points.csv").write_text("\n".join(["a,b,class", *lines]))
    assert main(["eval", "file", "--csv", "points.csv", "--header"]) == 0
    np.save("x.npy", other.inputs[:9])
    np.save("y.npy", other.targets[:9])
    assert main(["eval", "file", "--x", "x.npy", "--y", "y.npy"]) == 0
    nine = tensor_dataset(other.inputs[:9], other.targets[:9])
    assert capsys.readouterr().out.splitlines() == [
        f"1000 samples: {trained.evaluate(other)}",
        f"9 samples: {trained.evaluate(nine)}",
        f"9 samples: {trained.evaluate(nine)}",
    ]


def test_a_single_sample_is_evaluated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to split."""
    line = tensor_dataset([[0.0], [1.0]], [1.0, 3.0])
    trained = Trainer(Linear(1, 1), task="regression").train(
        line, batch_size=2, steps=3, save="file"
    )
    Path("one.csv").write_text("0,1\n")
    assert main(["eval", "file", "--csv", "one.csv"]) == 0
    alone = trained.evaluate(line.take([0]))
    assert capsys.readouterr().out == f"1 samples: {alone}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["file", "digits"],
            "Linear(1, 1): expected an input of shape [batch, .., 1], got [1, 64]",
        ),
        (
            ["file", "--csv", "words.csv"],
            "words.csv: row 1, column 1: expected a number, got 'a'",
        ),
        (
            ["file", "--csv", "narrow.csv"],
            "narrow.csv: expected a column of targets behind the inputs, got 1 column",
        ),
        (["bare", "digits"], "bare: expected a safetensors file, got: "),
    ],
)
def test_work_that_fails_ends_with_1(
    words: list[str],
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command line makes sense, what it names does not fit."""
    line = tensor_dataset([[0.0], [1.0]], [1.0, 3.0])
    Trainer(Linear(1, 1), task="regression").train(
        line, batch_size=2, steps=3, save="file"
    )
    Path("words.csv").write_text("a,b\n")
    Path("narrow.csv").write_text("1\n2\n")
    Path("bare").write_text("1\n2\n")
    assert main(["eval", *words]) == 1
    assert capsys.readouterr().err.startswith(f"torchlean: {message}")
