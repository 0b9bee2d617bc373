"""`torchlean train` from a file: a run that goes on, or begins with its parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from torchlean.cli import main
from torchlean.loading import load
from torchlean.log import TrainLog
from torchlean.trained import Trained

QUICK = ("--certify", "0", "--log", "off")
FIRST = ("--save-parameters", "first")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bits(trained: Trained) -> dict[str, bytes]:
    """The parameters, to the bit."""
    return {name: array.tobytes() for name, array in trained.parameters.items()}


def test_a_resumed_command_ends_with_the_bits_of_the_whole_one(folder: Path) -> None:
    """In its own folder, whose file it reads and then replaces."""
    asked = ("train", "two-moons", "--clip-norm", "1", "--seed", "5", *QUICK)
    assert main([*asked, "--steps", "40", "--save-parameters", "whole"]) == 0
    left = "runs/two-moons/parameters.safetensors"
    assert main([*asked, "--steps", "17"]) == 0
    assert main([*asked, "--steps", "40", "--resume", left]) == 0
    assert bits(load(left)) == bits(load("whole"))


def test_a_resumed_log_tells_of_the_steps_that_were_made(folder: Path) -> None:
    """Counted over the whole run; the picture and the certificate are of them too."""
    asked = ("train", "two-moons", "--steps")
    assert main([*asked, "5", *FIRST, "--certify", "0"]) == 0
    assert main([*asked, "9", "--resume", "first"]) == 0
    left = Path("runs/two-moons")
    assert TrainLog.read_json(left / "trainlog.json").steps == (6, 7, 8, 9)
    assert (left / "certificate.json").exists()
    assert main(["certify", str(left / "certificate.json")]) == 0


def test_another_run_is_refused_before_anything_is_removed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence with the file's name, and the files of the earlier run stay."""
    asked = ("train", "two-moons", "--steps", "5")
    assert main([*asked, "--certify", "2"]) == 0
    capsys.readouterr()
    left = Path("runs/two-moons")
    before = {path.name: path.read_bytes() for path in left.iterdir()}
    file = str(left / "parameters.safetensors")
    assert main([*asked, "--batch-size", "16", "--resume", file]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"torchlean: {file}: expected a run with the loader "
        "Loader(count=800, batch_size=16), "
        "got one with Loader(count=800, batch_size=32)\n"
    )
    assert main([*asked, "--hidden", "3", "--resume", file]) == 1
    assert capsys.readouterr().err == (
        f"torchlean: {file}: 0.weight: expected shape [3, 2], got [16, 2]\n"
    )
    assert {path.name: path.read_bytes() for path in left.iterdir()} == before


def test_a_run_begins_with_the_parameters_of_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own steps, another optimizer; there is nothing to certify."""
    assert main(["train", "two-moons", "--steps", "9", *QUICK, *FIRST]) == 0
    asked = ("train", "two-moons", "--optimizer", "sgd", "--steps", "1")
    capsys.readouterr()
    assert main([*asked, "--load-parameters", "first"]) == 0
    assert "certified" not in capsys.readouterr().out
    saved = load("runs/two-moons/parameters.safetensors").saved_run
    assert saved is not None
    assert (saved.steps, saved.seeded) == (1, False)
    assert main([*asked, "--load-parameters", "first", "--certify", "1"]) == 2
    assert capsys.readouterr().err == (
        "torchlean: expected certify=0 for a run that began with given parameters, "
        "since a certificate's are those that the seed gives, got 1\n"
    )


def test_losses_are_printed_and_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every second step, and the curve at the end."""
    asked = ("train", "diabetes", "--steps", "5", *QUICK)
    assert main([*asked, "--log-every", "2", "--plot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.partition(":")[0] for line in lines if line.startswith("step ")]
    assert told == ["step 2", "step 4"]
    assert any("└" in line for line in lines)
