"""The `train` namespace: what a training loop is asked for, and the records of logs.

>>> halving = exponential_epoch_learning_rate(epochs(5), base=1, gamma="0.5")
>>> halving.schedule_for(updates_per_epoch=45).name
'exponential-per-epoch'

The functions that train, and `advanced`, are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchlean.experiment import Artifact as Artifact
from torchlean.experiment import ConfigEntry as ConfigEntry
from torchlean.experiment import ExperimentLog as ExperimentLog
from torchlean.experiment import MetricHistory as MetricHistory
from torchlean.experiment import RunInfo as RunInfo
from torchlean.log import Curve as Curve
from torchlean.log import LogDestination as LogDestination
from torchlean.log import Series as Series
from torchlean.log import TrainLog as TrainLog
from torchlean.train_config import LoaderTrainConfig as LoaderTrainConfig
from torchlean.train_config import TrainConfig as TrainConfig
from torchlean.train_config import (
    constant_epoch_learning_rate as constant_epoch_learning_rate,
)
from torchlean.train_config import constant_learning_rate as constant_learning_rate
from torchlean.train_config import epochs as epochs
from torchlean.train_config import (
    exponential_epoch_learning_rate as exponential_epoch_learning_rate,
)
from torchlean.train_config import (
    exponential_learning_rate as exponential_learning_rate,
)
from torchlean.train_config import step_epoch_learning_rate as step_epoch_learning_rate
from torchlean.train_config import step_learning_rate as step_learning_rate
from torchlean.train_config import steps as steps
from torchlean.train_config import with_epoch_schedule as with_epoch_schedule
from torchlean.train_config import with_schedule as with_schedule

if TYPE_CHECKING:
    from torchlean import advanced as advanced
    from torchlean.runner_loops import train_dataset as train_dataset
    from torchlean.runner_loops import train_loader as train_loader
    from torchlean.runner_loops import train_samples as train_samples
else:
    import importlib

    _HOMES = dict.fromkeys(
        ("train_dataset", "train_loader", "train_samples"), "torchlean.runner_loops"
    )

    def __getattr__(name):
        """Import what trains when it is first used (PEP 562)."""
        if name == "advanced":
            return importlib.import_module("torchlean.advanced")
        if name not in _HOMES:
            raise AttributeError(f"module 'torchlean.train' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)

    def __dir__():
        """The public names, those that are not imported yet too."""
        return sorted([*globals(), *_HOMES, "advanced"])
