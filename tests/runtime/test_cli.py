"""The command `torchlean`: what it prints, what it leaves, what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from torchlean.cli import main
from torchlean.cli.recipes import (
    OPTIMIZERS,
    SCHEDULES,
    optimizer_named,
    schedule_named,
)
from torchlean.cli.settings import BACKENDS, DTYPES
from torchlean.log import TrainLog
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
)
from torchlean_spec.schedules import (
    Constant,
    Cosine,
    Exponential,
    PerEpoch,
    Schedule,
    StepDecay,
    WarmUp,
)

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


def test_the_log_is_written_where_it_is_sent(folder: Path) -> None:
    """`--log PATH` writes there and nowhere else; `--log off` writes none."""
    sent = folder / "elsewhere" / "log.json"
    assert main(["train", "two-moons", *QUICK, "--log", str(sent)]) == 0
    assert TrainLog.read_json(sent).steps == (1, 2, 3)
    assert main(["train", "two-moons", *QUICK, "--log", "off"]) == 0
    assert [path.name for path in folder.rglob("*log*.json")] == ["log.json"]


def test_the_seed_changes_the_run(folder: Path) -> None:
    """Another seed gives other losses; the same one gives the same, to the bit."""

    def losses(seed: str) -> tuple[float, ...]:
        main(["train", "digits", *QUICK, "--seed", seed, "--log", f"{seed}.json"])
        return TrainLog.read_json(folder / f"{seed}.json").series[0].values

    assert losses("1") == losses("1")
    assert losses("1") != losses("2")


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("sgd", SGD("0.1")),
        ("adam", Adam()),
        ("adamw", AdamW()),
        ("rmsprop", RMSProp()),
        ("adagrad", AdaGrad()),
        ("adadelta", Adadelta()),
    ],
)
def test_an_optimizer_named_on_the_command_line_has_the_librarys_defaults(
    name: str, record: Optimizer
) -> None:
    """The record that the library makes, and no other hyperparameters."""
    assert optimizer_named(name) == record
    assert name in OPTIMIZERS
    assert len(OPTIMIZERS) == 6


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("constant", Constant()),
        ("step", StepDecay(34)),
        ("exponential", PerEpoch(Exponential("0.9"), 20)),
        ("cosine", Cosine(100)),
        ("warm-up-constant", WarmUp(10)),
        ("warm-up-step", WarmUp(10, then=StepDecay(30))),
        ("warm-up-cosine", WarmUp(10, then=Cosine(90))),
    ],
)
def test_a_schedule_fits_the_run(name: str, schedule: Schedule) -> None:
    """Of a run of 100 steps in epochs of 20."""
    assert schedule_named(name, 100, 20) == schedule


FLAGS: list[tuple[str, tuple[str, ...]]] = [
    ("--optimizer", OPTIMIZERS),
    ("--schedule", SCHEDULES),
    ("--dtype", DTYPES),
    ("--backend", BACKENDS),
]


def test_every_choice_that_the_help_names_is_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every flag of the help is tried, with every word that it may have."""
    with pytest.raises(SystemExit) as done:
        main(["train", "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    described = text[text.index("options:") :]
    flags = set(re.findall(r"^  (--[a-z-]+)", described, re.MULTILINE))
    shared = {
        "--steps": ["2"],
        "--epochs": ["1"],
        "--batch-size": ["100"],
        "--learning-rate": ["0.01", "1e-2", "1/100"],
        "--seed": ["3"],
        "--threads": ["1"],
        **{flag: list(words) for flag, words in FLAGS},
    }
    own = {
        "--log": ["off", "there.json"],
        "--certify": ["0", "1"],
        "--output": ["there"],
    }
    assert flags == {*shared, *own, "--strict"}
    # Words may be broken across lines of the help.
    joined = re.sub(r"-\s+", "-", described)
    for flag, choices in FLAGS:
        assert all(word in joined for word in choices), flag
    lines = [[flag, value] for flag, values in shared.items() for value in values]
    for line in [*lines, ["--strict"]]:
        assert main(["plan", "diabetes", *line]) == 0, line
    for flag, values in own.items():
        for value in values:
            assert main(["train", "diabetes", "--steps", "2", flag, value]) == 0


REFUSED: list[tuple[str, int, str]] = [
    (
        "",
        2,
        "expected a command first, one of train, plan, operations, warmup, certify, "
        "laws, got none (torchlean --help says what each does)",
    ),
    (
        "trian digits",
        2,
        "expected a command first, one of train, plan, operations, warmup, certify, "
        "laws, got 'trian' (torchlean --help says what each does)",
    ),
    ("train", 2, "expected a data set among digits, diabetes, two-moons, got none"),
    (
        "train iris",
        2,
        "expected a data set among digits, diabetes, two-moons, got 'iris'",
    ),
    (
        "train digits diabetes",
        2,
        "expected a flag of torchlean train, got 'diabetes' (torchlean train --help)",
    ),
    (
        "train digits --step 3",
        2,
        "expected a flag of torchlean train, got '--step' (did you mean --steps?)",
    ),
    (
        "train digits --steps 3 --epochs 2",
        2,
        "expected --steps or --epochs, got both, 3 steps and 2 epochs",
    ),
    ("train digits --steps 3 --steps 3", 2, "expected --steps once, got it twice"),
    ("train digits --steps", 2, "--steps: expected one argument"),
    (
        "train digits --steps 0",
        2,
        "--steps: expected a whole number of at least 1, got '0'",
    ),
    (
        "train digits --batch-size 3.5",
        2,
        "--batch-size: expected a whole number of at least 1, got '3.5'",
    ),
    (
        "train digits --batch-size 2000",
        2,
        "expected a batch size from 1 to the 1438 samples of the data set, got 2000",
    ),
    (
        "train digits --learning-rate -1",
        2,
        "--learning-rate: expected a number above 0, got '-1'",
    ),
    (
        "train digits --learning-rate nan",
        2,
        "--learning-rate: expected a number above 0, got 'nan'",
    ),
    (
        "train digits --optimizer lion",
        2,
        "--optimizer: expected one of sgd, adam, adamw, rmsprop, adagrad, adadelta, "
        "got 'lion'",
    ),
    (
        "train digits --dtype float16",
        2,
        "--dtype: expected one of float32, float64, got 'float16'",
    ),
    (
        "train digits --backend torch",
        2,
        "--backend: expected one of compiled, eager, got 'torch'",
    ),
    (
        "train digits --seed -1",
        2,
        "--seed: expected a whole number of at least 0, got '-1'",
    ),
    (
        "train digits --seed 18446744073709551616",
        2,
        "expected a seed from 0 to 18446744073709551615, got 18446744073709551616",
    ),
    (
        "train digits --certify -1",
        2,
        "--certify: expected a whole number of at least 0, got '-1'",
    ),
    (
        "plan digits --log off",
        2,
        "expected a flag of torchlean plan, got '--log' (torchlean plan --help)",
    ),
]


@pytest.mark.parametrize(("line", "code", "message"), REFUSED)
def test_refusals(
    line: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence on standard error, nothing on standard output, exit code 2."""
    assert refusal(capsys, *line.split()) == (code, f"torchlean: {message}\n")


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no flag for a device that there are no kernels for."""
    assert refusal(capsys, "train", "digits", "--cuda") == (
        2,
        "torchlean: expected a flag of torchlean train, got '--cuda' "
        "(torchlean train --help)\n",
    )


def test_a_flag_before_the_command_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its value is not taken for the command."""
    code, message = refusal(capsys, "--dtype", "float64", "train", "digits")
    assert code == 2
    assert message == (
        "torchlean: expected a command first, one of train, plan, operations, warmup, "
        "certify, laws, got '--dtype' (torchlean --help says what each does)\n"
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the runtime, and those that other packages bring."""
    assert main(["--help"]) == 0
    assert re.findall(r"^  (\w+)  +\w", capsys.readouterr().out, re.MULTILINE) == [
        "train",
        "plan",
        "operations",
        "warmup",
        "certify",
        "laws",
    ]


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """One version, wherever it is asked for."""
    import torchlean

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"torchlean {torchlean.__version__}\n"


def test_a_plan_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Buffers, and the rows of each phase of a step."""
    assert main(["plan", "two-moons", "--optimizer", "adamw"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("float32 fast, arena of ")
    assert [line for line in lines if line.endswith(":")] == [
        "data:",
        "backward:",
        "clip:",
        "update:",
    ]
    assert any(line.startswith("adamw(") for line in lines)


def imports_of(code: str, folder: Path) -> list[str]:
    """The modules that a fresh interpreter has imported at the end."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(*sorted(sys.modules), file=sys.stderr)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.split()


def test_certifying_imports_no_arrays_and_no_runtime(folder: Path) -> None:
    """Neither NumPy nor Numba, and of the runtime the door and the command alone."""
    assert main(["train", "two-moons", "--steps", "4", "--certify", "2"]) == 0
    path = "runs/two-moons/certificate.json"
    call = f"main(['certify', {path!r}])"
    found = imports_of(
        f"import sys\nfrom torchlean.cli import main\nassert {call} == 0", folder
    )
    tops = {name.partition(".")[0] for name in found}
    assert not tops & {"numpy", "numba", "llvmlite", "tqdm", "safetensors"}
    assert [name for name in found if name.partition(".")[0] == "torchlean"] == [
        "torchlean",
        "torchlean.cli",
    ]


def test_a_changed_certificate_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command's exit code is 1."""
    assert main(["train", "two-moons", "--steps", "4", "--certify", "2"]) == 0
    path = folder / "runs" / "two-moons" / "certificate.json"
    text = path.read_text()
    place = text.index('"after"')
    place = text.index('"data": "', place) + len('"data": "') + 7
    path.write_text(
        text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
    )
    capsys.readouterr()
    assert main(["certify", str(path)]) == 1
    assert capsys.readouterr().out.startswith("refused: ")


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    """`torchlean plan digits | head -1` ends without a traceback."""
    line = f"{sys.executable} -m torchlean plan digits | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("float32 fast")
    assert done.stderr == ""


def test_ctrl_c_elsewhere_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is interrupted says so, and ends with 130."""

    def interrupt() -> Callable[[], None]:
        raise KeyboardInterrupt

    monkeypatch.setattr("torchlean.cli.usage", interrupt)
    assert refusal(capsys, "--help") == (130, "\ntorchlean: interrupted\n")
