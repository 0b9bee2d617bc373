"""What the trainer refuses: each in one sentence, asserted whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean.data import tensor_dataset, two_moons
from torchlean.trained import Trained
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer, Linear, ReLU, Sequential, Tanh
from torchlean_spec.losses import (
    CrossEntropy,
    Loss,
    MeanSquaredError,
)
from torchlean_spec.optimizers import SGD, Adam

MOONS = two_moons(60)
MODEL = Sequential(Linear(2, 8), ReLU(), Linear(8, 2))
LINE = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])


def trainer(model: Layer = MODEL, seed: int = 0) -> Trainer:
    """A trainer for the moons."""
    return Trainer(model, loss=CrossEntropy(), optimizer=Adam("0.05"), seed=seed)


def refusal(action: Callable[[], object]) -> tuple[Reason, str]:
    """Why something is refused, and in which words."""
    with pytest.raises(TorchLeanError) as refused:
        action()
    return refused.value.reason, str(refused.value)


ONE_COLUMN: NDArray[np.float64] = np.zeros((4, 1))

REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: trainer().train(LINE, steps=1, batch_size=2),
        Reason.SHAPE_MISMATCH,
        "Linear(2, 8): expected an input of shape [batch, .., 2], got [4, 1]",
    ),
    (
        lambda: trainer().train(MOONS, steps=1, batch_size=61),
        Reason.BATCH_SIZE,
        "expected a batch size from 1 to the 60 samples of the data set, got 61",
    ),
    (
        lambda: trainer().train(MOONS, steps=1, batch_size=0),
        Reason.BATCH_SIZE,
        "expected a batch size from 1 to the 60 samples of the data set, got 0",
    ),
    (
        lambda: trainer(Linear(2, 2)).train(
            tensor_dataset([[0.0, 0.0], [1.0, 1.0]], [0, 7]), steps=1, batch_size=1
        ),
        Reason.CLASS_OUT_OF_RANGE,
        "sample 1: expected a class from 0 to 1, got 7",
    ),
    (
        lambda: Trainer(Linear(1, 1), loss=CrossEntropy(), optimizer=SGD(1)).train(
            LINE, steps=1, batch_size=1
        ),
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [4] that are class indices, "
        "got [4, 1] that are numbers",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10),
        Reason.CONTRADICTION,
        "expected epochs or steps, got neither",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10, epochs=2, steps=3),
        Reason.CONTRADICTION,
        "expected epochs or steps, got 2 and 3",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10, epochs=-1),
        Reason.HYPERPARAMETER,
        "expected a number of epochs of at least 0, got -1",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10, steps=-1),
        Reason.HYPERPARAMETER,
        "expected a number of steps of at least 0, got -1",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10, steps=1, certify=-1),
        Reason.HYPERPARAMETER,
        "expected a number of steps to certify of at least 0, got -1",
    ),
    (
        lambda: trainer().train(MOONS, batch_size=10, steps=1, held_out=LINE),
        Reason.SHAPE_MISMATCH,
        "Linear(2, 8): expected an input of shape [batch, .., 2], got [4, 1]",
    ),
    (
        lambda: trainer(seed=-1),
        Reason.DOMAIN,
        "expected a seed from 0 to 18446744073709551615, got -1",
    ),
    (
        lambda: Trainer(MODEL, loss=CrossEntropy(), optimizer=SGD(-1)),
        Reason.HYPERPARAMETER,
        "expected learning_rate at least 0, got -1",
    ),
    (
        lambda: Trainer(MODEL, loss=CrossEntropy(), optimizer=Adam(beta1=1)),
        Reason.HYPERPARAMETER,
        "expected beta1 in [0, 1), got 1",
    ),
    (
        lambda: Trainer(MODEL, loss=CrossEntropy(reduction="none"), optimizer=SGD(1)),
        Reason.CONTRADICTION,
        "a task needs a scalar loss: expected reduction 'mean' or 'sum', got 'none'",
    ),
    (
        lambda: with_settings(dtype="float16"),
        Reason.UNKNOWN_NAME,
        "expected dtype 'float32' or 'float64', got 'float16'",
    ),
    (
        lambda: with_settings(backend="lazy"),
        Reason.UNKNOWN_NAME,
        "expected backend 'compiled' or 'eager', got 'lazy'",
    ),
    (
        lambda: with_settings(device="cuda"),
        Reason.UNSUPPORTED,
        "expected device 'cpu', the only one that this version has kernels for, "
        "got 'cuda'",
    ),
    (
        lambda: with_settings(device="tpu"),
        Reason.UNKNOWN_NAME,
        "expected device 'cpu' or 'cuda', got 'tpu'",
    ),
    (
        lambda: with_settings(threads=0),
        Reason.HYPERPARAMETER,
        "expected threads of at least 1, got 0",
    ),
    (
        lambda: trained_moons().predict(ONE_COLUMN),
        Reason.SHAPE_MISMATCH,
        "Linear(2, 8): expected an input of shape [batch, .., 2], got [1, 1]",
    ),
    (
        lambda: trained_moons().predict(np.zeros((0, 2))),
        Reason.SHAPE_MISMATCH,
        "expected inputs of shape [samples, 2], got [0, 2]",
    ),
    (
        lambda: trained_moons().certificate(),
        Reason.CONTRADICTION,
        "expected a run with recorded steps (train(.., certify=10)), got one without",
    ),
    (
        lambda: (
            Trainer(Linear(1, 1), loss=MeanSquaredError(), optimizer=SGD(1))
            .train(LINE, batch_size=1, steps=0)
            .accuracy(LINE)
        ),
        Reason.CONTRADICTION,
        "expected class indices as targets for an accuracy, got numbers",
    ),
]


def with_settings(**settings: object) -> Trainer:
    """A trainer with settings that mypy would refuse."""
    return Trainer(
        MODEL,
        loss=CrossEntropy(),
        optimizer=SGD(1),
        **settings,  # type: ignore[arg-type]
    )


def trained_moons() -> Trained:
    """A model that was trained for a step."""
    return trainer().train(MOONS, batch_size=10, steps=1)


@pytest.mark.parametrize(("action", "reason", "message"), REFUSED)
def test_refusals(action: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    assert refusal(action) == (reason, message)


def test_strict_binary64_has_no_elementary_functions() -> None:
    """Strict float64 trains what needs none, and refuses what does."""

    def asked(loss: Loss, model: Layer) -> Trainer:
        return Trainer(
            model, loss=loss, optimizer=SGD("0.1"), dtype="float64", strict=True
        )

    line = asked(MeanSquaredError(), Linear(1, 1)).train(LINE, batch_size=4, steps=5)
    assert line.after.loss < line.before.loss
    reason, message = refusal(
        lambda: asked(CrossEntropy(), MODEL).train(MOONS, batch_size=10, steps=1)
    )
    assert reason is Reason.UNSUPPORTED
    assert message.startswith(
        "strict float64 has no elementary functions: expected a program without them"
    )


def test_files_that_are_refused(tmp_path: Path) -> None:
    """Of another model, truncated, absent: each in one sentence."""
    path = tmp_path / "parameters"
    trainer().train(MOONS, batch_size=10, steps=1, save=path)
    other = trainer(Sequential(Linear(2, 9), ReLU(), Linear(9, 2)))
    assert refusal(lambda: other.load(path)) == (
        Reason.OTHER_MODEL,
        f"{path}: 0.weight: expected shape [9, 2], got [8, 2]",
    )
    activated = trainer(Sequential(Linear(2, 8), Tanh(), Linear(8, 2)))
    ours, theirs = (each.execution.model_digest for each in (activated, trainer()))
    assert refusal(lambda: activated.load(path)) == (
        Reason.OTHER_MODEL,
        f"{path}: expected parameters of the model {ours}, got those of {theirs}",
    )
    wider = Trainer(MODEL, loss=CrossEntropy(), optimizer=SGD(1), dtype="float64")
    assert refusal(lambda: wider.load(path)) == (
        Reason.OTHER_MODEL,
        f"{path}: 0.weight: expected float64, got float32",
    )
    path.write_bytes(path.read_bytes()[:-5])
    reason, message = refusal(lambda: trainer().load(path))
    assert reason is Reason.FILE_FORMAT
    assert message.startswith(f"{path}: expected a safetensors file, got: ")
    assert refusal(lambda: trainer().load(tmp_path / "absent")) == (
        Reason.FILE_ACCESS,
        f"expected a file that can be read, got {tmp_path / 'absent'}: "
        "no such file or directory",
    )


@pytest.mark.parametrize("which", ["log", "save"])
def test_files_that_cannot_be_written(which: str, tmp_path: Path) -> None:
    """A file in the way is named, before anything is computed."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "below"
    paths = {which: path}
    reason, message = refusal(
        lambda: trainer().train(
            MOONS,
            batch_size=10,
            steps=1,
            log=paths.get("log"),
            save=paths.get("save"),
        )
    )
    assert reason is Reason.FILE_ACCESS
    assert message == (
        f"expected a file that can be written, got {path}: "
        "a file stands where a folder is needed"
    )


def test_a_loaded_model_has_no_history(tmp_path: Path) -> None:
    """What is asked of the run itself is refused in one sentence."""
    trainer().train(MOONS, batch_size=10, steps=1, save=tmp_path / "file")
    loaded = trainer().load(tmp_path / "file")
    assert refusal(lambda: loaded.losses) == (
        Reason.CONTRADICTION,
        "expected a model that was trained in this process, "
        "got one that was read from a file",
    )
