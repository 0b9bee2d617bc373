"""Trained models from files: by the file alone, or for a trainer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from torchlean.checkpoint import save_parameters
from torchlean.data import two_moons
from torchlean.loading import load
from torchlean.trained import Trained
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import (
    Context,
    Dropout,
    Linear,
    Parameter,
    ReLU,
    Sequential,
)
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.optimizers.groups import ParameterGroup, ParameterGroups
from torchlean_spec.program import Value

MOONS = two_moons(60)
MODEL = Sequential(Linear(2, 8), ReLU(), Dropout("0.5"), Linear(8, 2))


def bits(trained: Trained) -> dict[str, bytes]:
    """Parameters and optimizer state, to the bit."""
    found = {"": trained.parameters, **trained.optimizer_state}
    return {
        f"{slot}.{name}": array.tobytes()
        for slot, arrays in found.items()
        for name, array in arrays.items()
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_suffices(dtype: str, tmp_path: Path) -> None:
    """Model, loss, numbers, optimizer's state and what is known of the run."""
    path = tmp_path / "file"
    trainer = Trainer(
        MODEL,
        loss=CrossEntropy(label_smoothing="0.1"),
        optimizer=Adam(),
        dtype="float64" if dtype == "float64" else "float32",
    )
    trained = trainer.train(MOONS, batch_size=10, steps=9, save=path)
    read = load(path)
    assert bits(read) == bits(trained)
    assert read.saved_run == trained.saved_run
    assert read.evaluate(MOONS) == trained.after
    assert read.model_summary() == trained.model_summary()
    answers = trained.predict(MOONS.inputs)
    assert read.predict(MOONS.inputs).tobytes() == answers.tobytes()
    read.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_groups_of_parameters_are_taken_up(tmp_path: Path) -> None:
    """Each optimizer finds its own numbers again."""
    groups = ParameterGroups(
        ParameterGroup(Adam("0.01"), "matrices"),
        ParameterGroup(SGD("0.1", momentum="0.9"), "rest"),
    )
    trainer = Trainer(MODEL, task="classification", optimizer=groups)
    whole = trainer.train(MOONS, batch_size=10, steps=15)
    trainer.train(MOONS, batch_size=10, steps=8, save=tmp_path / "file")
    resumed = trainer.train(MOONS, batch_size=10, steps=15, resume=tmp_path / "file")
    assert bits(resumed) == bits(whole)


def test_a_file_that_does_not_describe_its_model(tmp_path: Path) -> None:
    """A trainer reads it; by itself it is refused, in one sentence."""
    path = tmp_path / "file"
    trainer = Trainer(MODEL, task="classification")
    trained = trainer.train(MOONS, batch_size=10, steps=3)
    save_parameters(path, trained.parameters, {"steps": "3"})
    with pytest.raises(TorchLeanError) as refused:
        load(path)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"{path}: expected a file that describes its model, got one that does not "
        "(Trainer.load reads it)"
    )
    read = trainer.load(path)
    assert read.evaluate(MOONS) == trained.after
    with pytest.raises(TorchLeanError) as unknown:
        read.model_summary()
    assert unknown.value.reason is Reason.CONTRADICTION


def test_a_description_that_was_changed_is_refused(tmp_path: Path) -> None:
    """A model of other shapes than its tensors, named with both."""
    path = tmp_path / "file"
    trained = Trainer(MODEL, task="classification").train(
        MOONS, batch_size=10, steps=3, save=path
    )
    assert trained.saved_run is not None
    written = trained.saved_run.to_text()
    changed = json.loads(written)
    changed["parts"]["model"]["layers"][0]["outputs"] = 9
    changed["parts"]["model"]["layers"][3]["inputs"] = 9
    save_parameters(path, trained.parameters, run=json.dumps(changed))
    with pytest.raises(TorchLeanError) as refused:
        load(path)
    assert refused.value.reason is Reason.OTHER_MODEL
    assert str(refused.value) == (
        f"{path}: 0.weight: expected shape [9, 2], got [8, 2]"
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_originals_file_holds_the_bits(dtype: str, tmp_path: Path) -> None:
    """Parameters alone; it is read for a trainer, in the format that wrote it."""
    trainer = Trainer(
        MODEL,
        task="classification",
        dtype="float64" if dtype == "float64" else "float32",
    )
    trained = trainer.train(MOONS, batch_size=10, steps=3)
    path = tmp_path / "new" / "parameters.json"
    trained.save(path, dialect="lean")
    assert json.loads(path.read_text())["format"] == "torchlean_paramlist_bits_v1"
    read = trainer.load(path, dialect="lean")
    assert read.saved_run is None
    for name, array in trained.parameters.items():
        assert read.parameters[name].tobytes() == array.tobytes()
    other = Trainer(Linear(2, 2), task="classification")
    with pytest.raises(TorchLeanError) as refused:
        other.load(path, dialect="lean")
    assert refused.value.reason is Reason.OTHER_MODEL
    assert str(refused.value) == f"{path}: expected 2 parameters, got 4"


@dataclass(frozen=True)
class Doubled:
    """A layer of one's own."""

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """Twice its input."""
        return x + x


def test_a_model_with_a_layer_of_ones_own(tmp_path: Path) -> None:
    """It is saved, read for its trainer and taken up; no file describes it."""
    path = tmp_path / "file"
    model = Sequential(Linear(2, 8), ReLU(), Doubled(), Linear(8, 2))
    trainer = Trainer(model, task="classification", optimizer=Adam("0.01"))
    trained = trainer.train(MOONS, batch_size=10, steps=9, save=path)
    assert bits(trainer.load(path)) == bits(trained)
    whole = trainer.train(MOONS, batch_size=10, steps=15)
    resumed = trainer.train(MOONS, batch_size=10, steps=15, resume=path)
    assert bits(resumed) == bits(whole)
    with pytest.raises(TorchLeanError) as refused:
        load(path)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"{path}: expected a model of the spec, got Sequential, "
        "which no file describes (Trainer.load reads the parameters)"
    )
