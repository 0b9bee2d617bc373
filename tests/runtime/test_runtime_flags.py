"""Runtime flags: read strictly, at most once each; the other words are passed on."""

from __future__ import annotations

import pytest

from torchlean.options import Options
from torchlean.runtime_flags import read_options
from torchlean_spec.errors import Reason, TorchLeanError


@pytest.mark.parametrize(
    ("words", "options", "rest"),
    [
        ("", Options(), ""),
        ("--steps 3 data", Options(), "--steps 3 data"),
        ("--seed 7 --steps 3", Options(seed=7), "--steps 3"),
        ("--steps=3 --seed=7 x", Options(seed=7), "--steps=3 x"),
        ("--strict a --dtype float64", Options(strict=True, dtype="float64"), "a"),
        ("--backend eager --threads 2", Options("eager", threads=2), ""),
        ("--device=cpu --fast-kernels", Options(fast_kernels=True), ""),
        ("--seed 1 -- --seed 2", Options(seed=1), "-- --seed 2"),
        ("--seeds 1 --strictly", Options(), "--seeds 1 --strictly"),
    ],
)
def test_flags_are_read_and_the_rest_is_passed_on(
    words: str, options: Options, rest: str
) -> None:
    """In either spelling, anywhere, in the order of the words that are left."""
    assert read_options(words.split()) == (options, rest.split())


@pytest.mark.parametrize(
    ("words", "reason", "message"),
    [
        (
            "--seed 1 --seed=1",
            Reason.CONTRADICTION,
            "expected --seed once, got it twice",
        ),
        (
            "--strict --strict",
            Reason.CONTRADICTION,
            "expected --strict once, got it twice",
        ),
        (
            "a --dtype",
            Reason.UNKNOWN_NAME,
            "expected a value after --dtype, got nothing",
        ),
        (
            "--seed x",
            Reason.UNKNOWN_NAME,
            "--seed: expected a whole number, got 'x'",
        ),
        (
            "--threads -1",
            Reason.UNKNOWN_NAME,
            "--threads: expected a whole number, got '-1'",
        ),
        (
            "--dtype --strict",
            Reason.UNKNOWN_NAME,
            "expected dtype 'float32' or 'float64', got '--strict'",
        ),
        (
            "--strict --fast-kernels",
            Reason.CONTRADICTION,
            "expected strict or fast_kernels, got both",
        ),
        (
            "--device cuda",
            Reason.UNSUPPORTED,
            "expected device 'cpu', the only one that this version has kernels for, "
            "got 'cuda'",
        ),
    ],
)
def test_refusals(words: str, reason: Reason, message: str) -> None:
    """Twice, without a value, with a wrong one."""
    with pytest.raises(TorchLeanError) as refused:
        read_options(words.split())
    assert (refused.value.reason, str(refused.value)) == (reason, message)
