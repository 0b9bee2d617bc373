"""Train neural networks whose meaning is written down once.

    import torchlean as tl

    training, held_out = tl.data.split(tl.data.digits(), held_out=0.2, seed=0)
    model = tl.nn.Sequential(tl.nn.Linear(64, 32), tl.nn.ReLU(), tl.nn.Linear(32, 10))
    trainer = tl.Trainer(model, loss=tl.loss.CrossEntropy(), optimizer=tl.optim.Adam())
    trained = trainer.train(training, batch_size=32, epochs=10)
    print(trained.accuracy(held_out))

Names are imported when they are first used: `import torchlean` alone imports
neither NumPy nor Numba, nor any of our own modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from torchlean import clipping as clipping
    from torchlean import data as data
    from torchlean import loss as loss
    from torchlean import metrics as metrics
    from torchlean import nn as nn
    from torchlean import optim as optim
    from torchlean import schedule as schedule
    from torchlean import train as train
    from torchlean.callbacks import Callbacks as Callbacks
    from torchlean.callbacks import EpochEvent as EpochEvent
    from torchlean.callbacks import StepEvent as StepEvent
    from torchlean.callbacks import TrainReport as TrainReport
    from torchlean.callbacks import TrainStart as TrainStart
    from torchlean.loading import load as load
    from torchlean.probes import Probe as Probe
    from torchlean.run_config import RunConfig as RunConfig
    from torchlean.run_config import TrainOptions as TrainOptions
    from torchlean.tensor import Tensor as Tensor
    from torchlean.trained import Trained as Trained
    from torchlean.trainer import Interrupted as Interrupted
    from torchlean.trainer import NonFiniteLoss as NonFiniteLoss
    from torchlean.trainer import Trainer as Trainer
    from torchlean_spec.errors import Reason as Reason
    from torchlean_spec.errors import TorchLeanError as TorchLeanError
else:
    import importlib

    _MODULES = (
        "clipping",
        "data",
        "loss",
        "metrics",
        "nn",
        "optim",
        "schedule",
        "train",
    )
    _HOMES = {
        "Callbacks": "torchlean.callbacks",
        "EpochEvent": "torchlean.callbacks",
        "Interrupted": "torchlean.trainer",
        "NonFiniteLoss": "torchlean.trainer",
        "Probe": "torchlean.probes",
        "Reason": "torchlean_spec.errors",
        "RunConfig": "torchlean.run_config",
        "StepEvent": "torchlean.callbacks",
        "Tensor": "torchlean.tensor",
        "TorchLeanError": "torchlean_spec.errors",
        "TrainOptions": "torchlean.run_config",
        "TrainReport": "torchlean.callbacks",
        "TrainStart": "torchlean.callbacks",
        "Trained": "torchlean.trained",
        "Trainer": "torchlean.trainer",
        "load": "torchlean.loading",
    }

    def __getattr__(name):
        """Import a public name when it is first used (PEP 562)."""
        if name in _MODULES:
            return importlib.import_module(f"torchlean.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'torchlean' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)

    def __dir__():
        """The public names."""
        return sorted([*_MODULES, *_HOMES, "__version__"])
