"""What a trainer is asked for by name: regression, or classification.

A name stands for a loss. Which one, the targets of the data say: class indices and
rows of numbers have cross-entropies of their own.

>>> loss_of("regression")
MeanSquaredError(reduction='mean')
>>> from torchlean.data import tensor_dataset
>>> loss_of("classification", tensor_dataset([[0.0], [1.0]], [0, 1])).targets
'index'
>>> one_hot = tensor_dataset([[0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0]])
>>> loss_of("classification", one_hot).targets
'distribution'
"""

from __future__ import annotations

from typing import Literal, overload

import numpy as np

from torchlean.data.dataset import TargetArray, TensorDataset
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.losses import CrossEntropy, Loss, MeanSquaredError
from torchlean_spec.shape import Shape

TaskName = Literal["regression", "classification", "cross-entropy"]
"""`regression` is the mean squared error; `classification` cross-entropy over class
indices or one-hot rows; `cross-entropy` the same, rows of probabilities included."""

TASKS: tuple[TaskName, ...] = ("regression", "classification", "cross-entropy")

Data = TensorDataset[Shape, Targets]


@overload
def loss_of(
    task: Literal["classification", "cross-entropy"], dataset: Data | None = None
) -> CrossEntropy: ...
@overload
def loss_of(task: TaskName, dataset: Data | None = None) -> Loss: ...
def loss_of(task: TaskName, dataset: Data | None = None) -> Loss:
    """The loss that a task's name stands for, as the data say.

    Args:
        task: The name.
        dataset: The data that it shall be trained on. Without any, classes are
            taken to be indices.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another name, `CONTRADICTION` for the
            classification of rows that are not one-hot.

    Source: the original's `Task` (Facade/Trainer), which trains on one-hot rows
    alone and has two names for one thing.
    """
    require_task(task)
    if task == "regression":
        return MeanSquaredError()
    if dataset is None:
        return CrossEntropy()
    if dataset.classes is not None:
        return CrossEntropy(ignore_index=dataset.ignore_index)
    if task == "classification":
        _require_one_hot(dataset.targets)
    return CrossEntropy("distribution")


def require_task(name: str) -> None:
    """Refuse a name that is no task's.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    if name not in TASKS:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a task named {', '.join(TASKS)}, or a loss, got {name!r}",
        )


def _require_one_hot(targets: TargetArray) -> None:
    rows = targets.reshape(len(targets), -1)
    zeros_and_ones = ((rows == 0) | (rows == 1)).all(axis=1)
    wrong = ~zeros_and_ones | (np.count_nonzero(rows, axis=1) != 1)
    if wrong.any():
        sample = int(np.argmax(wrong))
        shown = ", ".join(f"{value:g}" for value in rows[sample, :8].tolist())
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"sample {sample}: expected class indices or one-hot rows to classify, "
            f"got the row [{shown}]",
        )
