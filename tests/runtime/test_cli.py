"""The command `torchlean`: what it prints, what it leaves, what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
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
from torchlean.tasks import TASKS
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
    OneCycle,
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
        ("one-cycle", OneCycle(100, final_at="total")),
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


SETTINGS = {
    "--hidden": ["4", "8,4", ""],
    "--steps": ["2"],
    "--epochs": ["1"],
    "--batch-size": ["100"],
    "--learning-rate": ["0.01", "1e-2", "1/100"],
    "--weight-decay": ["0.1", "0"],
    "--clip-norm": ["1"],
    "--clip-value": ["0.5"],
    "--seed": ["3"],
    "--threads": ["1"],
    **{flag: list(words) for flag, words in FLAGS},
}
"""The flags that `train` and `plan` have for a named data set, with their words."""

RUN = {
    "--log": ["off", "there.json"],
    "--log-every": ["1"],
    "--certify": ["0", "1"],
    "--output": ["there"],
    "--load-parameters": ["first.safetensors"],
    "--resume": ["first.safetensors"],
    "--save-parameters": ["second.safetensors"],
}
"""The flags that `train` has beside them."""

OWN = {
    "--csv": ["points.csv"],
    "--x": ["x.npy"],
    "--y": ["y.npy"],
    "--task": list(TASKS),
}
"""The flags for samples of one's own."""

BARE = {"--strict", "--header", "--plot"}


def documented(
    capsys: pytest.CaptureFixture[str], command: str
) -> tuple[str, set[str]]:
    """What the help of a command says, and the flags that it describes."""
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    described = text[text.index("options:") :]
    return described, set(re.findall(r"^  (--[a-z-]+)", described, re.MULTILINE))


def own_files() -> None:
    """Samples of one's own, in the folder that a test runs in."""
    rows = [[0.1 * place, 0.2 * place, float(place % 2)] for place in range(20)]
    lines = [",".join(map(str, row)) for row in rows]
    Path("points.csv").write_text("\n".join(["a,b,y", *lines]))
    np.save("x.npy", np.array(rows)[:, :2])
    np.save("y.npy", np.array(rows)[:, 2])


def test_every_choice_that_the_help_names_is_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every flag of the help is tried, with every word that it may have."""
    text, flags = documented(capsys, "train")
    assert flags == {*SETTINGS, *RUN, *OWN, *BARE, "--momentum"}
    assert documented(capsys, "plan")[1] == {
        *SETTINGS,
        *OWN,
        *(BARE - {"--plot"}),
        "--momentum",
    }
    # Words may be broken across lines of the help.
    joined = re.sub(r"-\s+", "-", text)
    for flag, choices in FLAGS:
        assert all(word in joined for word in choices), flag
    lines = [[flag, value] for flag, values in SETTINGS.items() for value in values]
    for line in [*lines, ["--strict"], ["--optimizer", "sgd", "--momentum", "0.5"]]:
        assert main(["plan", "diabetes", *line]) == 0, line
    save = ["--save-parameters", "first.safetensors"]
    assert main(["train", "diabetes", "--steps", "2", *save]) == 0
    for flag, values in RUN.items():
        for value in values:
            assert main(["train", "diabetes", "--steps", "2", flag, value]) == 0
    assert main(["train", "diabetes", "--steps", "2", "--plot"]) == 0


def test_the_flags_for_own_samples_are_taken(folder: Path) -> None:
    """A CSV file with names above it, and two NPY files; each for each task."""
    own_files()
    for task in TASKS:
        asked = ["--steps", "2", "--task", task]
        for source in (
            ["--csv", "points.csv", "--header"],
            ["--x", "x.npy", "--y", "y.npy"],
        ):
            assert main(["train", *source, *asked]) == 0


OTHERS = {
    "eval": {"--csv", "--header", "--x", "--y", "--seed"},
    "predict": {"--input", "--csv", "--header", "--x"},
    "log": {"--png", "--ascii"},
    "operations": set(),
    "warmup": set(),
}


@pytest.mark.parametrize("command", OTHERS)
def test_the_help_of_every_command_names_its_flags(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The flags that are described are those that are taken."""
    text, flags = documented(capsys, command)
    assert flags == OTHERS[command]
    assert "show this help message and exit" in text


@pytest.mark.parametrize("command", ["train", "plan", *OTHERS])
def test_a_flag_that_no_help_names_is_refused(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No command takes a flag that it does not have; exit code 2."""
    places = {"eval": ["file", "digits"], "predict": ["file"], "log": ["show", "file"]}
    words = places.get(command, [])
    code, message = refusal(capsys, command, *words, "--zebra", "red")
    assert code == 2
    assert message == (
        f"torchlean: expected a flag of torchlean {command}, got '--zebra' "
        f"(torchlean {command} --help)\n"
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the runtime, and those that other packages bring."""
    assert main(["--help"]) == 0
    assert re.findall(r"^  (\w+)  +\w", capsys.readouterr().out, re.MULTILINE) == [
        "train",
        "eval",
        "predict",
        "log",
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
