"""Settings as values: they unpack into the keywords whose names they bear."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import fields, replace

import pytest

from torchlean.data import two_moons
from torchlean.run_config import RunConfig, TrainOptions
from torchlean.runtime_flags import read_options
from torchlean.trainer import Trainer
from torchlean_spec.layers import Linear
from torchlean_spec.optimizers import SGD, Adam

MOONS = two_moons(60)


def test_train_options_are_the_keywords_of_train() -> None:
    """The same names and the same defaults."""
    parameters = inspect.signature(Trainer.train).parameters
    given = {each.name: each.default for each in fields(TrainOptions)}
    assert given == {name: parameters[name].default for name in given}
    assert set(parameters) - set(given) == {"self", "data", "held_out", "callbacks"}


def test_run_config_is_the_keywords_of_a_trainer() -> None:
    """The same names and the same defaults; a trainer gives its own back."""
    parameters = inspect.signature(Trainer).parameters
    plain = RunConfig()
    for each in fields(RunConfig):
        assert getattr(plain, each.name) == parameters[each.name].default
    config = RunConfig(optimizer=Adam(), dtype="float64", seed=4, threads=2)
    assert Trainer(Linear(1, 1), task="regression", **config).config == config


@pytest.mark.parametrize("given", [RunConfig(seed=3), TrainOptions(steps=4)])
def test_settings_are_values(given: RunConfig | TrainOptions) -> None:
    """They are compared, replaced and pickled; they show what was given."""
    assert pickle.loads(pickle.dumps(given)) == given
    assert replace(given) == given
    (name,) = given.keys()
    shown = f"{type(given).__name__}({name}={given[name]})"
    assert repr(given) == shown


def test_options_train_as_the_keywords_do() -> None:
    """To the bit; what is replaced is replaced."""
    trainer = Trainer(Linear(2, 2), task="classification", optimizer=SGD("0.1"))
    options = TrainOptions(steps=3, batch_size=10)
    longer = replace(options, steps=5)
    found = trainer.train(MOONS, **longer)
    same = trainer.train(MOONS, steps=5, batch_size=10)
    assert found.losses.tobytes() == same.losses.tobytes()


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(),
        RunConfig(seed=3, strict=True),
        RunConfig(dtype="float64", backend="eager", threads=2),
    ],
)
def test_settings_are_flags_and_flags_are_settings(config: RunConfig) -> None:
    """What is written as flags is read back; the optimizer is no flag."""
    options, rest = read_options([*config.to_arguments(), "--steps", "3"])
    assert rest == ["--steps", "3"]
    assert RunConfig.of(options) == config
    assert RunConfig.of(options, Adam()) == replace(config, optimizer=Adam())
