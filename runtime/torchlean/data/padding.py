"""Batches that all have one size: a short last one is padded, and a mask says so.

>>> from torchlean.data.dataset import tensor_dataset
>>> from torchlean.data.loader import BatchLoader
>>> points = tensor_dataset([[0.0], [1.0], [2.0]], [0, 1, 0])
>>> loader = PaddedLoader(BatchLoader(points, 2, shuffle=False, drop_last=False))
>>> for batch in loader.epoch(0):
...     print(batch.inputs.tolist(), batch.targets.tolist(), batch.mask.tolist())
[[0.0], [1.0]] [0, 1] [1, 1]
[[2.0], [2.0]] [0, 0] [1, 0]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.data.arrays import Inputs, TargetArray
from torchlean.data.dataset import TensorDataset
from torchlean.data.loader import Batch, BatchLoader
from torchlean_spec.batches import Position, masked_mean
from torchlean_spec.data import S_co, T_co
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import FLOAT


@dataclass(frozen=True, slots=True, eq=False)
class PaddedBatch:
    """Some samples, and behind them repeats of the last one up to a fixed size.

    The mean loss of the batch is the masked mean of its rows' losses, and equal to
    the mean over the samples alone: `torchlean_spec.batches.masked_mean`.

    Args:
        inputs: `[batch, ..]`.
        targets: `[batch, ..]`.
        mask: `[batch]`, 1 for a sample and 0 for padding.
    """

    inputs: Inputs
    targets: TargetArray
    mask: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many rows are samples."""
        return int(self.mask.sum())

    def samples(self) -> Batch:
        """Inputs and targets without the padding.

        A step on them has the bits of a step on the short batch: it is that step.
        """
        return self.inputs[: self.count], self.targets[: self.count]

    def ignoring(self, index: int) -> Batch:
        """All rows, with a label for the padding that the loss ignores.

        A step on them with `CrossEntropy(ignore_index=index)` is the short batch's
        but for the order of its sums, and so within the bounds of the judge.

        Raises:
            TorchLeanError: `CONTRADICTION` where the targets are numbers.
        """
        if not np.issubdtype(self.targets.dtype, np.integer):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected class indices, of which one can be ignored, "
                f"got targets of {self.targets.dtype}",
            )
        return self.inputs, np.where(self.mask == 1, self.targets, index)

    def mean(self, values: ArrayLike) -> float:
        """The mean over the samples of one number for each row, such as its loss.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` unless there is one for each row.
        """
        given: list[float] = np.asarray(values, np.float64).tolist()
        return masked_mean(FLOAT, given, self.mask.tolist())


@dataclass(frozen=True)
class PaddedLoader(Generic[S_co, T_co]):
    """A loader all of whose batches have one size; the last of an epoch is padded.

    Args:
        loader: The loader that gives the batches, a short last one too.

    Raises:
        TorchLeanError: `CONTRADICTION` for a loader that leaves out the last batch.
    """

    loader: BatchLoader[S_co, T_co]

    def __post_init__(self) -> None:
        if self.loader.drop_last:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected a loader with drop_last=False, whose last batch can be "
                "padded, got drop_last=True",
            )

    def __len__(self) -> int:
        """How many batches, and so steps, an epoch has."""
        return len(self.loader)

    @property
    def dataset(self) -> TensorDataset[S_co, T_co]:
        """The samples."""
        return self.loader.dataset

    @property
    def batch_size(self) -> int:
        """Rows in every batch."""
        return self.loader.batch_size

    @property
    def position(self) -> Position:
        """The batch that is next."""
        return self.loader.position

    def at(self, epoch: int, batch: int = 0) -> PaddedLoader[S_co, T_co]:
        """The same loader, standing at a batch of an epoch; both counted from 0.

        Raises:
            TorchLeanError: `DOMAIN` where no such batch is.
        """
        return PaddedLoader(self.loader.at(epoch, batch))

    def epoch(self, number: int) -> Iterator[PaddedBatch]:
        """Each batch of an epoch, counted from 0, wherever the loader stands.

        Raises:
            TorchLeanError: `DOMAIN` for a negative epoch.
        """
        return map(self._padded, self.loader.epoch(number))

    def rest_of_epoch(
        self,
    ) -> tuple[Iterator[PaddedBatch], PaddedLoader[S_co, T_co]]:
        """The batches from here to the epoch's end; the loader at the next epoch."""
        left, following = self.loader.rest_of_epoch()
        return map(self._padded, left), PaddedLoader(following)

    def next_batch(self) -> tuple[PaddedBatch, PaddedLoader[S_co, T_co]]:
        """The batch at the position, and the loader that stands behind it."""
        batch, following = self.loader.next_batch()
        return self._padded(batch), PaddedLoader(following)

    def _padded(self, batch: Batch) -> PaddedBatch:
        inputs, targets = batch
        rows = np.minimum(np.arange(self.batch_size), len(inputs) - 1)
        mask = (np.arange(self.batch_size) < len(inputs)).astype(np.int64)
        return PaddedBatch(inputs[rows], targets[rows], mask)
