"""Options: what they refuse, in one sentence, and what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from torchlean.options import Options
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.task import Task

TASK = Task(Linear(2, 1), MeanSquaredError())


@pytest.mark.parametrize(
    ("given", "reason", "message"),
    [
        (
            {"device": "cuda"},
            Reason.UNSUPPORTED,
            "expected device 'cpu', the only one that this version has kernels for, "
            "got 'cuda'",
        ),
        (
            {"device": "gpu"},
            Reason.UNKNOWN_NAME,
            "expected device 'cpu' or 'cuda', got 'gpu'",
        ),
        (
            {"backend": "lazy"},
            Reason.UNKNOWN_NAME,
            "expected backend 'compiled' or 'eager', got 'lazy'",
        ),
        (
            {"dtype": "float16"},
            Reason.UNKNOWN_NAME,
            "expected dtype 'float32' or 'float64', got 'float16'",
        ),
        (
            {"strict": True, "fast_kernels": True},
            Reason.CONTRADICTION,
            "expected strict or fast_kernels, got both",
        ),
        (
            {"threads": 0},
            Reason.HYPERPARAMETER,
            "expected threads of at least 1, got 0",
        ),
        (
            {"seed": -1},
            Reason.DOMAIN,
            "expected a seed from 0 to 18446744073709551615, got -1",
        ),
    ],
)
def test_refusals(given: dict[str, Any], reason: Reason, message: str) -> None:
    """What does not exist, what is absent, and what excludes each other."""
    with pytest.raises(TorchLeanError) as refused:
        Options(**given)
    assert (refused.value.reason, str(refused.value)) == (reason, message)


@pytest.mark.parametrize(
    ("strict", "fast_kernels", "expected"),
    [
        (False, None, False),
        (False, True, False),
        (True, None, True),
        (True, False, True),
        (False, False, True),
    ],
)
def test_there_are_two_kinds_of_kernels(
    strict: bool, fast_kernels: bool | None, expected: bool
) -> None:
    """Without fast ones the strict ones run, and the lines say which."""
    options = Options(strict=strict, fast_kernels=fast_kernels)
    assert options.execution(TASK).strict is expected
    shown = "[torchlean] fast kernels: " + ("false" if expected else "true")
    assert shown in options.lines()


def test_everything_reaches_the_execution() -> None:
    """Backend, dtype and threads are those of the options."""
    options = Options("eager", dtype="float64", threads=3)
    execution = options.execution(TASK)
    assert execution.backend == "eager"
    assert execution.dtype == "float64"
    assert execution.threads == 3
    assert execution.task is TASK
