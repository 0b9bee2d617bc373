"""Data sets and batches from samples one by one.

>>> supervised([([0.0, 1.0], [0.5]), ([2.0, 3.0], [1.5])])
TensorDataset(data: 2 samples of shape [2], targets of shape [1])
>>> labeled([([0.0, 1.0], 2), ([2.0, 3.0], 0)], classes=3)
TensorDataset(data: 2 samples of shape [2], 3 classes)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.data.arrays import TargetArray, numbers_of
from torchlean.data.dataset import TensorDataset, tensor_dataset
from torchlean.data.loader import Batch
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape

Sample = tuple[ArrayLike, ArrayLike]
"""An input, and a target: a class, or numbers."""


def stack(arrays: Sequence[ArrayLike], what: str = "arrays") -> NDArray[Any]:
    """Arrays of one shape along a new outermost axis.

    Raises:
        TorchLeanError: `EMPTY_DATA` for none, `SHAPE_MISMATCH` for one of another
            shape than the first.

    >>> stack([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    found = [np.asarray(each) for each in arrays]
    if not found:
        raise TorchLeanError(
            Reason.EMPTY_DATA, f"expected at least 1 of the {what}, got none"
        )
    for place, each in enumerate(found):
        if each.shape != found[0].shape:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{what}, sample {place}: expected the shape "
                f"{list(found[0].shape)} of the first, got {list(each.shape)}",
            )
    return np.stack(found)


def collate(samples: Iterable[Sample], batch_size: int | None = None) -> Batch:
    """Samples as a batch: inputs and targets along a new outermost axis.

    Args:
        samples: An input and a target each.
        batch_size: How many there must be; any number by default.

    Raises:
        TorchLeanError: `BATCH_SIZE` for another number of samples, `EMPTY_DATA`
            for none, `SHAPE_MISMATCH` for samples of different shapes.

    >>> inputs, targets = collate([([0.5], 1), ([1.5], 0)])
    >>> inputs.tolist(), targets.tolist()
    ([[0.5], [1.5]], [1, 0])
    """
    given = list(samples)
    if batch_size is not None and len(given) != batch_size:
        raise TorchLeanError(
            Reason.BATCH_SIZE, f"expected batch size {batch_size}, got {len(given)}"
        )
    inputs = numbers_of("inputs", stack([x for x, _ in given], "inputs"))
    found = stack([y for _, y in given], "targets")
    targets: TargetArray = (
        found.astype(np.int64)
        if found.dtype.kind in "iub"
        else numbers_of("targets", found)
    )
    return inputs, targets


def supervised(
    samples: Iterable[Sample], name: str = "data"
) -> TensorDataset[Shape, Targets]:
    """A data set of inputs and numbers to predict, sample by sample.

    Raises:
        TorchLeanError: As `collate` and `tensor_dataset`.
    """
    inputs, targets = collate(samples)
    return tensor_dataset(inputs, targets.astype(np.float64), name=name)


def labeled(
    samples: Iterable[Sample], classes: int, name: str = "data"
) -> TensorDataset[Shape, Targets]:
    """A data set of inputs and classes, sample by sample.

    Raises:
        TorchLeanError: As `collate` and `tensor_dataset`; `CLASS_OUT_OF_RANGE`
            for a label that is no class. (The original makes a row of zeros of it.)
    """
    inputs, targets = collate(samples)
    return tensor_dataset(inputs, targets, classes=classes, name=name)


def singleton(inputs: ArrayLike, targets: ArrayLike) -> TensorDataset[Shape, Targets]:
    """A data set of one sample: a class if the target is a whole number.

    Raises:
        TorchLeanError: As `tensor_dataset`.

    >>> singleton([0.5, 1.0], [2.0])
    TensorDataset(data: 1 samples of shape [2], targets of shape [1])
    """
    return tensor_dataset(*collate([(inputs, targets)]))
