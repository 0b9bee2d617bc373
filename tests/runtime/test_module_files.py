"""Parameters of modules in files, and modules as trained models."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from tests.runtime.runs import INPUTS, NUMBERS

from torchlean.module import Module
from torchlean.module_files import load_module, save_module, trained_of
from torchlean.options import Options
from torchlean.runner import instantiate
from torchlean.stepper import stepper
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.optimizers import Adam
from torchlean_spec.task import Task

TASK = Task(Sequential(Linear(6, 8), ReLU(), Linear(8, 3)), MeanSquaredError())


@pytest.mark.parametrize("dialect", ["torchlean", "lean"])
def test_what_was_written_is_read(
    tmp_path: Path, dialect: Literal["torchlean", "lean"]
) -> None:
    """In either format, into a runner with other parameters, felt at once."""
    module = Module(TASK, Options(seed=1))
    stepper(module, Adam()).step(NUMBERS.inputs, NUMBERS.targets)
    path = tmp_path / "folder" / "module"
    save_module(module, path, dialect)
    runner = instantiate(TASK, Options(seed=2))
    assert runner.mean_loss(NUMBERS) != module.mean_loss(NUMBERS)
    load_module(runner, path, dialect)
    for name, array in module.parameters.items():
        assert runner.parameters[name].tobytes() == array.tobytes()
    assert runner.mean_loss(NUMBERS) == module.mean_loss(NUMBERS)


def test_a_trained_model_is_read_too(tmp_path: Path) -> None:
    """With its optimizer's state, which a module leaves aside."""
    path = tmp_path / "trained"
    trained = Trainer(TASK.model, loss=TASK.loss, optimizer=Adam()).train(
        NUMBERS, batch_size=5, epochs=1, save=path
    )
    module = Module(TASK)
    load_module(module, path)
    assert module.evaluate(NUMBERS) == trained.after


def test_a_module_as_a_trained_model_stays_as_it_was() -> None:
    """Steps that follow do not change it."""
    runner = instantiate(TASK)
    trained = trained_of(runner)
    predicted = runner.predict_batch(INPUTS)
    stepper(runner, Adam()).step(NUMBERS.inputs, NUMBERS.targets)
    assert trained.predict(INPUTS).tobytes() == predicted.tobytes()
    assert runner.predict_batch(INPUTS).tobytes() != predicted.tobytes()


def test_another_models_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """By its shapes, and by its dtype."""
    path = tmp_path / "other"
    save_module(Module(TASK, Options(dtype="float64")), path)
    module = Module(TASK)
    before = module.mean_loss(NUMBERS)
    with pytest.raises(TorchLeanError) as refused:
        load_module(module, path)
    assert refused.value.reason is Reason.OTHER_MODEL
    assert module.mean_loss(NUMBERS) == before
