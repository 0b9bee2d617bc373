"""What the command `torchlean` refuses: one sentence each, and an exit code."""

from __future__ import annotations

import pytest

from torchlean.cli import main


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the sentence of a command line that is refused."""
    code = main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


REFUSED: list[tuple[str, int, str]] = [
    (
        "",
        2,
        "expected a command first, one of train, eval, predict, log, plan, operations, "
        "warmup, certify, laws, got none (torchlean --help says what each does)",
    ),
    (
        "trian digits",
        2,
        "expected a command first, one of train, eval, predict, log, plan, operations, "
        "warmup, certify, laws, got 'trian' (torchlean --help says what each does)",
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
        "train digits --optimizer adam --momentum 0.9",
        2,
        "expected --momentum with sgd or rmsprop, got it with adam",
    ),
    (
        "train digits --momentum -1 --optimizer sgd",
        2,
        "--momentum: expected a number of at least 0, got '-1'",
    ),
    (
        "train digits --momentum 1 --optimizer sgd",
        2,
        "expected momentum in [0, 1), got 1",
    ),
    (
        "train digits --clip-norm 1 --clip-value 1",
        2,
        "expected --clip-norm or --clip-value, got both",
    ),
    (
        "train digits --hidden 4,0",
        2,
        "--hidden: expected a whole number of at least 1, got '0'",
    ),
    (
        "train digits --task regression",
        2,
        "expected --task with --csv, or with --x and --y, got it with digits",
    ),
    (
        "train digits --csv points.csv",
        2,
        "expected one source of samples, got digits and --csv",
    ),
    ("train --x x.npy", 2, "expected --y beside --x, got none"),
    ("train --y y.npy", 2, "expected --x beside --y, got none"),
    ("train digits --header", 2, "expected --header with --csv, got it without"),
    (
        "train --csv absent.csv",
        1,
        "expected a file that can be read, got absent.csv: no such file or directory",
    ),
    (
        "train digits --resume absent",
        1,
        "expected a file that can be read, got absent: no such file or directory",
    ),
    (
        "train digits --resume a --load-parameters b",
        2,
        "expected --load-parameters or --resume, got both",
    ),
    (
        "eval absent digits",
        1,
        "expected a file that can be read, got absent: no such file or directory",
    ),
    (
        "eval absent",
        2,
        "expected a data set among digits, diabetes, two-moons, got none",
    ),
    ("eval", 2, "the following arguments are required: PARAMETERS"),
    ("predict absent", 2, "expected --input, --csv or --x, got none"),
    (
        "predict absent --input 1 --x x.npy",
        2,
        "expected --input, --csv or --x, got --input and --x",
    ),
    (
        "predict absent --input 1,x",
        2,
        "--input: expected finite numbers between commas, got '1,x'",
    ),
    (
        "predict absent --input 1 --header",
        2,
        "expected --header with --csv, got it without",
    ),
    ("log draw log.json", 2, "show: expected one of show, got 'draw'"),
    (
        "log show absent.json",
        1,
        "expected a file that can be read, got absent.json: no such file or directory",
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
        "torchlean: expected a command first, one of train, eval, predict, log, plan, "
        "operations, warmup, certify, laws, got '--dtype' "
        "(torchlean --help says what each does)\n"
    )
