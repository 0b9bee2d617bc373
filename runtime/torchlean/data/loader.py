"""Batches of a data set as arrays, in the order that the spec's loader gives.

>>> from torchlean.data.dataset import tensor_dataset
>>> points = tensor_dataset([[0.0], [1.0], [2.0]], [0, 1, 0])
>>> [labels.tolist() for _, labels in BatchLoader(points, 2, shuffle=False).epoch(0)]
[[0, 1]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

import numpy as np

from torchlean.data.dataset import Inputs, TargetArray, TensorDataset
from torchlean_spec.data import Loader, S_co, T_co


@dataclass(frozen=True)
class BatchLoader(Generic[S_co, T_co]):
    """A data set and the loader that says which samples each batch has.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has an order of its own, drawn from the seed.
        drop_last: Whether a last, shorter batch is left out.
        seed: From 0 to 2^64 - 1.

    Raises:
        TorchLeanError: As `torchlean_spec.data.Loader`.
    """

    dataset: TensorDataset[S_co, T_co]
    batch_size: int
    shuffle: bool = True
    drop_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        # The spec's loader checks the sizes and the seed.
        _ = self.loader

    @property
    def loader(self) -> Loader:
        """The spec's loader."""
        return Loader(
            len(self.dataset),
            self.batch_size,
            self.shuffle,
            self.drop_last,
            self.seed,
        )

    def __len__(self) -> int:
        """How many batches, and so steps, an epoch has."""
        return self.loader.batches_per_epoch

    def epoch(self, number: int) -> Iterator[tuple[Inputs, TargetArray]]:
        """The inputs and targets of each batch of an epoch, counted from 0.

        Raises:
            TorchLeanError: `DOMAIN` for a negative epoch.
        """
        for indices in self.loader.batches(number):
            places = np.array(indices, np.int64)
            yield self.dataset.inputs[places], self.dataset.targets[places]
