"""Small runs that the compiler's tests share."""

from __future__ import annotations

from torchlean_spec.data import Loader
from torchlean_spec.layers import Layer, Linear, ReLU, Sequential
from torchlean_spec.losses import Loss, MeanSquaredError
from torchlean_spec.optimizers import Adam, Optimizer
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun


def small_run(
    model: Layer | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    samples: int = 40,
    batch: int = 16,
) -> TrainingRun:
    """A run of a few steps; by default a network 6-5-4-3 with squared errors."""
    layers = (Linear(6, 5), ReLU(), Linear(5, 4), ReLU(), Linear(4, 3))
    return TrainingRun(
        Task(model or Sequential(*layers), loss or MeanSquaredError()),
        optimizer or Adam("0.01"),
        Loader(samples, batch, drop_last=False),
        steps=6,
    )
