"""Optimizers under their usual name: groups in whole runs, and in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import torchlean as tl
from torchlean_spec import optimizers as spec

GENERATOR = np.random.default_rng(4)
INPUTS = GENERATOR.standard_normal((24, 3))
DATA = tl.data.tensor_dataset(INPUTS, INPUTS[:, :2])

GROUPS = tl.optim.ParameterGroups(
    tl.optim.ParameterGroup(tl.optim.Muon("0.02"), "0.weight"),
    tl.optim.ParameterGroup(
        tl.optim.ProjectedSGD("0.1", tl.optim.LowRankProjection(1, update_interval=7)),
        "2.weight",
    ),
    tl.optim.ParameterGroup(tl.optim.AdamW("0.01"), "rest"),
)


def trainer(optimizer: tl.optim.Optimizer) -> tl.Trainer:
    """A small model with two matrices."""
    model = tl.nn.Sequential(tl.nn.Linear(3, 5), tl.nn.Tanh(), tl.nn.Linear(5, 2))
    return tl.Trainer(model, loss=tl.loss.MeanSquaredError(), optimizer=optimizer)


def test_the_records_are_the_specs() -> None:
    """Every name of this face is that of the spec's record."""
    names = [name for name in vars(tl.optim) if not name.startswith("_")]
    assert {"Kind", "Muon", "ParameterGroups", "ProjectedSGD", "momentum_sgd"} <= {
        *names
    }
    assert all(
        getattr(tl.optim, name) is getattr(spec, name)
        for name in names
        if hasattr(spec, name)
    )


def test_groups_train() -> None:
    """The loss falls, and each optimizer keeps numbers of its own parameters alone."""
    trained = trainer(GROUPS).train(DATA, batch_size=8, steps=60)
    report = trained.trained_by
    assert report.after.loss < report.before.loss / 4
    assert {slot: list(found) for slot, found in trained.optimizer_state.items()} == {
        "buffer": ["0.weight"],
        "basis": ["2.weight"],
        "first": ["0.bias", "2.bias"],
        "second": ["0.bias", "2.bias"],
    }


@pytest.mark.parametrize("in_file", [False, True])
def test_a_run_with_groups_goes_on_where_it_stopped(
    in_file: bool, tmp_path: Path
) -> None:
    """With what each optimizer has kept, from memory or from a file, bit for bit."""
    described = trainer(GROUPS)
    whole = described.train(DATA, batch_size=8, steps=11)
    half = described.train(DATA, batch_size=8, steps=5)
    path = tmp_path / "half.safetensors"
    half.save(path)
    rest = described.train(
        DATA, batch_size=8, steps=11, resume=path if in_file else half
    )
    for name, array in whole.parameters.items():
        assert rest.parameters[name].tobytes() == array.tobytes()
    for slot, tensors in whole.optimizer_state.items():
        for name, array in tensors.items():
            assert rest.optimizer_state[slot][name].tobytes() == array.tobytes()


def test_a_kind_trains_as_its_record() -> None:
    """An optimizer by a word is the record that has its name."""
    by_word = tl.optim.Kind.parse("adam").to_optimizer("0.01")
    runs = [
        trainer(each).train(DATA, batch_size=8, steps=5)
        for each in (by_word, tl.optim.Adam("0.01"))
    ]
    for name, array in runs[0].parameters.items():
        assert runs[1].parameters[name].tobytes() == array.tobytes()
