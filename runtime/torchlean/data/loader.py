"""Batches of a data set as arrays, in the order that the spec's loader gives.

A loader is a value and knows where it stands: what gives batches gives, beside
them, the loader that goes on behind them.

>>> from torchlean.data.dataset import tensor_dataset
>>> points = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
>>> loader = BatchLoader(points, 2, shuffle=False)
>>> (inputs, labels), loader = loader.next_batch()
>>> labels.tolist(), loader.position
([0, 1], Position(epoch=0, batch=1))
>>> rest, loader = loader.rest_of_epoch()
>>> [inputs.tolist() for inputs, _ in rest], loader.position
([[[2.0], [3.0]]], Position(epoch=1, batch=0))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from torchlean.data.arrays import Inputs, TargetArray
from torchlean.data.dataset import TensorDataset
from torchlean_spec.batches import Position, after, require_position
from torchlean_spec.data import Loader, S_co, T_co

Batch = tuple[Inputs, TargetArray]
"""The inputs `[batch, ..]` and the targets `[batch, ..]` of some samples."""


@dataclass(frozen=True)
class BatchLoader(Generic[S_co, T_co]):
    """A data set, the loader that says which samples each batch has, and a position.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has an order of its own, drawn from the seed.
        drop_last: Whether a last, shorter batch is left out.
        seed: From 0 to 2^64 - 1.
        position: The batch that is next.

    Raises:
        TorchLeanError: As `torchlean_spec.data.Loader`; `DOMAIN` for a position
            that no epoch has.
    """

    dataset: TensorDataset[S_co, T_co]
    batch_size: int
    shuffle: bool = True
    drop_last: bool = True
    seed: int = 0
    position: Position = field(default_factory=Position)

    def __post_init__(self) -> None:
        # The spec's loader checks the sizes and the seed.
        require_position(self.loader, self.position)

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

    def at(self, epoch: int, batch: int = 0) -> BatchLoader[S_co, T_co]:
        """The same loader, standing at a batch of an epoch; both counted from 0.

        Raises:
            TorchLeanError: `DOMAIN` where no such batch is.
        """
        return replace(self, position=Position(epoch, batch))

    def epoch(self, number: int) -> Iterator[Batch]:
        """The inputs and targets of each batch of an epoch, counted from 0.

        All of them, wherever the loader stands.

        Raises:
            TorchLeanError: `DOMAIN` for a negative epoch.
        """
        batches, _ = self.at(number).rest_of_epoch()
        return batches

    def rest_of_epoch(self) -> tuple[Iterator[Batch], BatchLoader[S_co, T_co]]:
        """The batches from here to the epoch's end; the loader at the next epoch."""
        here, spec = self.position, self.loader
        numbers = range(here.batch, spec.batches_per_epoch)
        left = (self._batch(Position(here.epoch, number)) for number in numbers)
        return left, self.at(here.epoch + 1)

    def next_batch(self) -> tuple[Batch, BatchLoader[S_co, T_co]]:
        """The batch at the position, and the loader that stands behind it."""
        following = after(self.loader, self.position)
        return self._batch(self.position), replace(self, position=following)

    def places(self, position: Position) -> NDArray[np.int64]:
        """Which samples the batch at a position has."""
        start = position.batch * self.batch_size
        return order_of_epoch(self.loader, position.epoch)[
            start : start + self.batch_size
        ]

    def _batch(self, position: Position) -> Batch:
        places = self.places(position)
        return self.dataset.inputs[places], self.dataset.targets[places]


@lru_cache(maxsize=4)
def order_of_epoch(loader: Loader, epoch: int) -> NDArray[np.int64]:
    """The order of all samples in an epoch, as the spec's loader has it.

    The latest ones are kept, so that a batch at a time is as quick as all at once.

    Raises:
        TorchLeanError: `DOMAIN` for a negative epoch.

    >>> loader = Loader(count=5, batch_size=1, seed=3)
    >>> order_of_epoch(loader, 1).tolist() == list(loader.order(1))
    True
    """
    # Numba is imported where it is needed, and not with the data sets.
    from torchlean.epochs import Epochs

    order = Epochs(loader).order(epoch)
    order.flags.writeable = False
    return order
