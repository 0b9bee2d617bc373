"""Configurations: how many steps or epochs, at which rates; and the light face."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import torchlean as tl
from torchlean import log, runner_loops, train
from torchlean.train import LoaderTrainConfig, TrainConfig
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    ParameterGroup,
    ParameterGroups,
)
from torchlean_spec.schedules import (
    Constant,
    Exponential,
    PerEpoch,
    Schedule,
    StepDecay,
    rate_at,
)


def rates(config: TrainConfig | LoaderTrainConfig, count: int) -> list[str]:
    """The rate of each of the first updates, three to an epoch, as fractions."""
    schedule: Schedule = (
        config.schedule_for(updates_per_epoch=3)
        if isinstance(config, LoaderTrainConfig)
        else config.schedule
    )
    base = config.optimizer.learning_rate
    return [str(rate_at(schedule, base, update)) for update in range(count)]


def test_the_defaults_are_the_originals() -> None:
    """Plain descent with rate 0.01, one sample a batch, every loss printed."""
    short, passes = train.steps(5), train.epochs(5)
    assert short == TrainConfig(5, 1, SGD("0.01"), Constant(), None, 1)
    assert passes == LoaderTrainConfig(5, SGD("0.01"), Constant(), "updates", None, 1)
    assert train.steps(5, Adam(), 0, 8) == TrainConfig(5, 8, Adam(), log_every=0)
    assert train.epochs(5, Adam(), 0) == LoaderTrainConfig(5, Adam(), log_every=0)


def test_rates_of_updates() -> None:
    """The base replaces the optimizer's rate, and the schedule counts updates."""
    for config in (train.steps(9), train.epochs(3)):
        constant = train.constant_learning_rate(config, "0.5")
        assert rates(constant, 7) == ["1/2"] * 7
        stepped = train.step_learning_rate(config, "0.5", 2)
        assert rates(stepped, 5) == ["1/2", "1/2", "1/20", "1/20", "1/200"]
        halved = train.step_learning_rate(config, 1, 4, "0.5")
        assert rates(halved, 5) == ["1", "1", "1", "1", "1/2"]
        falling = train.exponential_learning_rate(config, 1, "0.5")
        assert rates(falling, 4) == ["1", "1/2", "1/4", "1/8"]
        own = train.with_schedule(config, Exponential("0.5"))
        assert rates(own, 3) == ["1/100", "1/200", "1/400"]


def test_rates_of_epochs() -> None:
    """The same schedules count epochs, once it is known how long one is."""
    config = train.epochs(3)
    constant = train.constant_epoch_learning_rate(config, "0.5")
    assert rates(constant, 4) == ["1/2"] * 4
    stepped = train.step_epoch_learning_rate(config, "0.5", 1)
    assert rates(stepped, 7) == ["1/2"] * 3 + ["1/20"] * 3 + ["1/200"]
    falling = train.exponential_epoch_learning_rate(config, 1, "0.5")
    assert rates(falling, 7) == ["1"] * 3 + ["1/2"] * 3 + ["1/4"]
    own = train.with_epoch_schedule(config, StepDecay(1, "0.5"))
    assert rates(own, 4) == ["1/100"] * 3 + ["1/200"]
    assert own.schedule_for(3) == PerEpoch(StepDecay(1, "0.5"), 3)


def test_the_last_schedule_counts_as_it_was_attached() -> None:
    """One that counts updates replaces one that counts epochs, and the reverse."""
    config = train.exponential_epoch_learning_rate(train.epochs(3), 1, "0.5")
    again = train.exponential_learning_rate(config, 1, "0.5")
    assert rates(again, 3) == ["1", "1/2", "1/4"]
    back = train.exponential_epoch_learning_rate(again, 1, "0.5")
    assert back == config


def test_rates_leave_lengths_alone() -> None:
    """Whatever is done to the rate, the run is as long as it was."""
    epochs = train.epochs(3, log_every=4)
    of_epochs = [
        train.constant_epoch_learning_rate(epochs, "0.5"),
        train.step_epoch_learning_rate(epochs, "0.5", 2),
        train.exponential_epoch_learning_rate(epochs, "0.5", "0.5"),
        train.constant_learning_rate(epochs, "0.5"),
    ]
    assert [(each.epochs, each.log_every) for each in of_epochs] == [(3, 4)] * 4
    steps = train.steps(9, batch_size=2)
    of_steps = [
        train.constant_learning_rate(steps, "0.5"),
        train.step_learning_rate(steps, "0.5", 2),
        train.exponential_learning_rate(steps, "0.5", "0.5"),
    ]
    assert [(each.steps, each.batch_size) for each in of_steps] == [(9, 2)] * 3


def test_the_rest_of_a_configuration_stays() -> None:
    """Only the rate and the schedule change."""
    config = train.steps(9, Adam(beta1="0.8"), log_every=4, batch_size=2)
    changed = train.step_learning_rate(config, "0.5", 3)
    assert changed.optimizer == Adam(Decimal("0.5"), beta1="0.8")
    assert (changed.steps, changed.log_every, changed.batch_size) == (9, 4, 2)


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: train.steps(-1),
            Reason.HYPERPARAMETER,
            "expected steps of at least 0, got -1",
        ),
        (
            lambda: train.steps(1, log_every=-2),
            Reason.HYPERPARAMETER,
            "expected log_every of at least 0, got -2",
        ),
        (
            lambda: train.steps(1, batch_size=0),
            Reason.BATCH_SIZE,
            "expected a batch size of at least 1, got 0",
        ),
        (
            lambda: train.epochs(-1),
            Reason.HYPERPARAMETER,
            "expected epochs of at least 0, got -1",
        ),
        (
            lambda: LoaderTrainConfig(1, schedule_counts="steps"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected a schedule that counts 'updates' or 'epochs', got 'steps'",
        ),
        (
            lambda: train.step_learning_rate(train.steps(1), "0.1", 0),
            Reason.HYPERPARAMETER,
            "expected step_size of at least 1, got 0",
        ),
        (
            lambda: train.constant_learning_rate(
                train.steps(1, ParameterGroups(ParameterGroup(Adam(), "rest"))),
                "0.1",
            ),
            Reason.UNSUPPORTED,
            "expected an optimizer with one learning rate, got ParameterGroups: "
            "set the rates of its groups",
        ),
    ],
)
def test_refusals(call: Callable[[], Any], reason: Reason, message: str) -> None:
    """One sentence each."""
    with pytest.raises(TorchLeanError) as refused:
        call()
    assert (refused.value.reason, str(refused.value)) == (reason, message)


def test_the_namespace_holds_the_records_of_logs() -> None:
    """The same ones as in `log` and `experiment`."""
    assert tl.train is train
    assert tl.train.Curve is log.Curve
    assert tl.train.TrainLog is log.TrainLog
    assert tl.train.ExperimentLog().log(1, "loss", 0.5).to_train_log().steps == (1,)
    assert tl.train.LogDestination.disabled().is_enabled is False


def test_what_trains_is_there_when_it_is_asked_for() -> None:
    """The loops and `advanced` are names of the namespace, and listed."""
    assert tl.train.train_dataset is runner_loops.train_dataset
    assert tl.train.advanced.Runner.__name__ == "Runner"
    assert {"train_loader", "advanced", "steps", "Curve"} <= set(dir(tl.train))
    with pytest.raises(AttributeError) as refused:
        tl.train.loops  # type: ignore[attr-defined]  # noqa: B018
    assert str(refused.value) == "module 'torchlean.train' has no attribute 'loops'"


def test_the_namespace_is_light() -> None:
    """Configurations and logs need no NumPy and no Numba; `torchlean` not even them."""
    program = (
        "import sys, torchlean as tl; before = 'torchlean.train' in sys.modules; "
        "tl.train.epochs(3); "
        "print(before, [n for n in ('numba', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False []\n"
