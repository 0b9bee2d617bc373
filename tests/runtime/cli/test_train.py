"""`torchlean train`: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from torchlean import curve
from torchlean.checkpoint import load_parameters
from torchlean.cli import main
from torchlean.cli.recipes import (
    RECIPES,
    recipe_named,
)
from torchlean.log import TrainLog
from torchlean_spec.certificate import read
from torchlean_spec.shape import sizes

TEXT = """\
two-moons: 1000 points in the plane; 800 to train on, 200 held out (seed 0)

Sequential: [2] -> [2], layers=5, params=354
  [0] Linear: [2] -> [16]   params=48   [[16, 2], [16]]
  [1] ReLU:   [16] -> [16]  params=0    []
  [2] Linear: [16] -> [16]  params=272  [[16, 16], [16]]
  [3] ReLU:   [16] -> [16]  params=0    []
  [4] Linear: [16] -> [2]   params=34   [[2, 16], [2]]
CrossEntropy, Adam(learning_rate=#), batches of 32, 75 steps (3 epochs), float32

before  mean loss #, held-out accuracy # % (COUNT of 200)
after   mean loss #, held-out accuracy # % (COUNT of 200)
75 steps in # s, evaluations included
wrote runs/two-moons/trainlog.json, runs/two-moons/parameters.safetensors, \
runs/two-moons/curve.png, runs/two-moons/certificate.json
certified 4 of 4 steps; worst # of what rounding allows
the median allowance of a parameter is # of its update's size
"""


QUICK = ("--steps", "3", "--certify", "0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the sentence of a command line that is refused."""
    code = main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def test_training_leaves_its_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Log, picture, parameters and certificate, and the text that a person reads."""
    assert main(["train", "two-moons", "--epochs", "3", "--certify", "4"]) == 0
    output = capsys.readouterr()
    left = folder / "runs" / "two-moons"
    assert {path.name for path in left.iterdir()} == {
        "certificate.json",
        "curve.png",
        "parameters.safetensors",
        "trainlog.json",
    }
    assert output.err == ""
    # Numbers with a point depend on the processor; the others do not.
    text = re.sub(r"\(\d+ of 200\)", "(COUNT of 200)", output.out)
    assert re.sub(r"\d+\.\d+(e-\d+)?", "#", text) == TEXT


def test_what_is_left_is_of_one_run(folder: Path) -> None:
    """Log, parameters and certificate of the same run agree."""
    words = ["--batch-size", "100", "--steps", "9", "--certify", "3", "--seed", "4"]
    assert main(["train", "two-moons", *words]) == 0
    left = folder / "runs" / "two-moons"
    found = read(left / "certificate.json")
    assert found.intact
    certificate = found.certificate
    run = certificate.training_run
    assert (run.steps, run.seed, run.loader.batch_size) == (9, 4, 100)
    assert certificate.source.load().digest() == certificate.data_digest
    expected = {
        each.name: ("float32", sizes(each.shape))
        for each in run.task.model.parameters()
    }
    parameters = load_parameters(left / "parameters.safetensors", expected)
    for name, tensor in certificate.steps[-1].after.parameters.items():
        assert list(tensor.values) == parameters[name].ravel().tolist()
    log = TrainLog.read_json(left / "trainlog.json")
    assert log.steps == tuple(range(1, 10))
    losses = dict(zip(log.steps, log.series[0].values, strict=True))
    assert [losses[step.number] for step in certificate.steps] == [
        step.loss for step in certificate.steps
    ]


def test_a_later_run_leaves_nothing_of_an_earlier_one(folder: Path) -> None:
    """A certificate, picture or log that the new run does not make is removed."""
    left = folder / "runs" / "two-moons"
    assert main(["train", "two-moons", "--steps", "3", "--certify", "2"]) == 0
    assert (left / "certificate.json").exists()
    assert main(["train", "two-moons", *QUICK, "--log", "off"]) == 0
    assert {path.name for path in left.iterdir()} == {
        "curve.png",
        "parameters.safetensors",
    }


def test_a_log_may_be_named_in_full(folder: Path) -> None:
    """The folder's own log, by its absolute path, is written and kept."""
    path = folder / "runs" / "two-moons" / "trainlog.json"
    assert main(["train", "two-moons", *QUICK, "--log", str(path)]) == 0
    assert TrainLog.read_json(path).steps == (1, 2, 3)


@pytest.mark.parametrize("data", RECIPES)
def test_every_data_set_is_learned(
    data: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the defaults, the mean loss falls, and digits reach 97 % held out."""
    assert main(["train", data, "--certify", "0"]) == 0
    output = capsys.readouterr().out
    before, after = (
        float(each) for each in re.findall(r"mean loss (\d\.\d+),", output)
    )
    assert after < before
    log = TrainLog.read_json(folder / "runs" / data / "trainlog.json")
    last = {series.name: series.values[-1] for series in log.series}
    assert last.get("held_out_accuracy", 1.0) >= 0.97


def test_the_log_says_what_was_run(folder: Path) -> None:
    """Settings stand in the notes."""
    main(["train", "two-moons", *QUICK, "--optimizer", "sgd", "--seed", "2"])
    notes = TrainLog.read_json(folder / "runs" / "two-moons" / "trainlog.json").notes
    assert notes[:6] == (
        "dataset=two-moons",
        "optimizer=SGD(learning_rate=0.1)",
        "schedule=Constant()",
        "batch_size=32",
        "seed=2",
        "dtype=float32",
    )


def test_strict_binary64_is_refused_where_it_needs_what_it_lacks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cross-entropy needs elementary functions; a squared error does not."""
    asked = ("--strict", "--dtype", "float64")
    code, message = refusal(capsys, "train", "digits", *asked)
    assert code == 2
    assert message.startswith(
        "torchlean: strict float64 has no elementary functions: "
        "expected a program without them, got "
    )
    assert main(["train", "diabetes", *asked, *QUICK]) == 0


def test_an_unwritable_folder_is_refused_before_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is trained in vain; the exit code is that of a failure."""
    (folder / "file").touch()
    assert refusal(capsys, "train", "digits", "--output", "file") == (
        1,
        "torchlean: expected a file that can be written, got file/trainlog.json: "
        "a file stands where a folder is needed\n",
    )
    (folder / "log").mkdir()
    assert refusal(capsys, "train", "digits", "--log", "log") == (
        1,
        "torchlean: expected a file that can be written, got log: is a directory\n",
    )
    assert not (folder / "runs").exists()


def test_what_is_in_the_way_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder where an earlier run's picture would be cannot be removed."""
    (folder / "curve.png").mkdir()
    assert refusal(capsys, "train", "two-moons", "--output", ".") == (
        1,
        "torchlean: expected a file that can be removed, got curve.png: "
        "is a directory\n",
    )


def test_threads_change_no_byte(folder: Path) -> None:
    """Strict digits on one thread and on two: the same log and parameters."""
    for threads in ("1", "2"):
        words = ["--strict", "--threads", threads, "--output", threads]
        assert main(["train", "digits", *QUICK, *words]) == 0
    for name in ("trainlog.json", "parameters.safetensors"):
        one, two = (folder / threads / name for threads in ("1", "2"))
        assert one.read_bytes() == two.read_bytes()


def test_without_matplotlib_there_is_no_picture(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run says so, and leaves everything else."""
    monkeypatch.setattr(curve, "find_spec", lambda name: None)
    assert main(["train", "two-moons", *QUICK]) == 0
    assert (
        "no runs/two-moons/curve.png: Matplotlib is not installed "
        "(pip install torchlean[plots])\n"
    ) in capsys.readouterr().out
    assert not (folder / "runs" / "two-moons" / "curve.png").exists()


def test_a_loss_that_is_not_finite_ends_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, one sentence with step and loss, and what there is is written."""
    words = ["--optimizer", "sgd", "--learning-rate", "1e20"]
    assert main(["train", "diabetes", *words, "--steps", "50", "--certify", "3"]) == 1
    captured = capsys.readouterr()
    said = re.fullmatch(
        r"torchlean: step (\d+): expected a finite loss, got (inf|nan)\n", captured.err
    )
    assert said is not None
    log = json.loads((folder / "runs" / "diabetes" / "trainlog.json").read_text())
    assert log["steps"][-1] == int(said[1])
    assert log["series"][0]["values"][-1] in ("Infinity", "NaN")
    assert (folder / "runs" / "diabetes" / "parameters.safetensors").exists()
    assert not (folder / "runs" / "diabetes" / "certificate.json").exists()


def started(folder: Path, *words: str, stderr: int) -> subprocess.Popen[str]:
    """The command in a process of its own, which has begun to train."""
    process = subprocess.Popen(
        [sys.executable, "-m", "torchlean", *words],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("before"):
        assert process.poll() is None
    return process


def test_ctrl_c_leaves_a_valid_log_and_parameters(folder: Path) -> None:
    """Exit code 130, and files as far as the run came."""
    process = started(
        folder,
        *("train", "two-moons", "--steps", "1000000000", "--certify", "5"),
        stderr=subprocess.PIPE,
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    left = folder / "runs" / "two-moons"
    step = TrainLog.read_json(left / "trainlog.json").steps[-1]
    assert said == f"torchlean: interrupted after step {step}\n"
    recipe = recipe_named("two-moons")
    expected = {
        each.name: ("float32", sizes(each.shape)) for each in recipe.model.parameters()
    }
    assert load_parameters(left / "parameters.safetensors", expected)
    assert not (left / "certificate.json").exists()


def test_a_person_sees_a_progress_bar(folder: Path) -> None:
    """On a terminal there is a bar on standard error; it reaches the last step."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = started(
        folder,
        *("train", "two-moons", "--steps", "500", "--certify", "0"),
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        # How a terminal ends when nobody writes to it any more.
        pass
    finally:
        os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"training" in shown
    assert b"500/500" in shown
