"""Parts of data sets, and data sets put together.

All of it is `TensorDataset.take` of some places, so that inputs keep their targets;
neighbours are taken as a view, and a mapped file stays mapped.

>>> from torchlean.data.dataset import tensor_dataset
>>> points = tensor_dataset([[0.0], [1.0], [2.0]], [0, 1, 2])
>>> first, rest = split_at(points, 1)
>>> first.targets.tolist(), rest.targets.tolist()
([0], [1, 2])
>>> append(rest, first).targets.tolist()
[1, 2, 0]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from torchlean.data.dataset import TensorDataset
from torchlean.data.loader import Batch, BatchLoader, order_of_epoch
from torchlean.data.named import split
from torchlean_spec.data import Loader, S_co, T_co
from torchlean_spec.errors import Reason, TorchLeanError

X = TypeVar("X")


def prefix(dataset: TensorDataset[S_co, T_co], count: int) -> TensorDataset[S_co, T_co]:
    """The first samples.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no samples, `DOMAIN` for more than there
            are.
    """
    return dataset.take(range(count))


def split_at(
    dataset: TensorDataset[S_co, T_co], count: int
) -> tuple[TensorDataset[S_co, T_co], TensorDataset[S_co, T_co]]:
    """The first samples, and the others.

    Raises:
        TorchLeanError: `EMPTY_DATA` unless both parts have samples.
    """
    if not 0 < count < len(dataset):
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            f"expected from 1 to {len(dataset) - 1} of the {len(dataset)} samples "
            f"in the first part, got {count}",
        )
    return dataset.take(range(count)), dataset.take(range(count, len(dataset)))


def random_split(
    dataset: TensorDataset[S_co, T_co], count: int, seed: int = 0
) -> tuple[TensorDataset[S_co, T_co], TensorDataset[S_co, T_co]]:
    """Some samples, drawn by the seed, and the others; both in their old order.

    `split` with the number of samples of the first part.

    Raises:
        TorchLeanError: `EMPTY_DATA` unless both parts have samples.

    >>> from torchlean.data.named import two_moons
    >>> [len(part) for part in random_split(two_moons(10), 7)]
    [7, 3]
    """
    if not 0 < count < len(dataset):
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            f"expected from 1 to {len(dataset) - 1} of the {len(dataset)} samples "
            f"in the first part, got {count}",
        )
    return split(dataset, len(dataset) - count, seed)


def shuffled(
    dataset: TensorDataset[S_co, T_co], seed: int = 0
) -> TensorDataset[S_co, T_co]:
    """All samples in the order that a loader with the seed gives its first epoch.

    Raises:
        TorchLeanError: `DOMAIN` for a seed out of range.
    """
    order = order_of_epoch(Loader(len(dataset), 1, seed=seed), 0)
    return dataset.take(order.tolist())


def append(
    first: TensorDataset[S_co, T_co], second: TensorDataset[S_co, T_co]
) -> TensorDataset[S_co, T_co]:
    """The samples of one data set, and behind them those of another, in memory.

    Names, and the label to be ignored, are those of the first.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for samples of different shapes or kinds;
            `CLASS_OUT_OF_RANGE` for a label that is no class of the first.
    """
    kinds = [(each.input_shape, _kind(each)) for each in (first, second)]
    if kinds[0] != kinds[1]:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected inputs of shape {kinds[0][0]} and {kinds[0][1]}, "
            f"got {kinds[1][0]} and {kinds[1][1]}",
        )
    return replace(
        first,
        inputs=np.concatenate([first.inputs, second.inputs]),
        targets=np.concatenate([first.targets, second.targets]),
        allow_non_finite=first.allow_non_finite or second.allow_non_finite,
        source=None,
    )


def _kind(dataset: TensorDataset[S_co, T_co]) -> str:
    if dataset.classes is not None:
        return f"{dataset.classes} classes"
    return f"targets of shape {dataset.target_shape}"


def cycled(dataset: TensorDataset[S_co, T_co], count: int) -> TensorDataset[S_co, T_co]:
    """Some samples, again from the first one after the last.

    Raises:
        TorchLeanError: `EMPTY_DATA` for no samples.
    """
    return dataset.take([place % len(dataset) for place in range(count)])


def cycle(values: Sequence[X], index: int) -> X:
    """The value at a place, again from the first one after the last.

    Raises:
        TorchLeanError: `EMPTY_DATA` if there is no value.

    >>> [cycle("abc", index) for index in range(5)]
    ['a', 'b', 'c', 'a', 'b']
    """
    if not len(values):
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected at least 1 value to cycle through, got none"
        )
    return values[index % len(values)]


def chunks(values: Sequence[X], size: int) -> list[Sequence[X]]:
    """The values in groups of one size; what does not fill a last one is left out.

    Raises:
        TorchLeanError: `BATCH_SIZE` for a size below 1. (The original gives none.)

    >>> chunks([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4]]
    """
    if size < 1:
        raise TorchLeanError(
            Reason.BATCH_SIZE, f"expected groups of at least 1 value, got {size}"
        )
    starts = range(0, len(values) - size + 1, size)
    return [values[start : start + size] for start in starts]


def batched(dataset: TensorDataset[S_co, T_co], batch_size: int) -> Iterator[Batch]:
    """The samples as they come in full batches; a short last one is left out.

    Raises:
        TorchLeanError: `BATCH_SIZE` unless the size is from 1 to the samples there
            are.
    """
    return BatchLoader(dataset, batch_size, shuffle=False).epoch(0)


def first_batch(dataset: TensorDataset[S_co, T_co], batch_size: int) -> Batch:
    """The first samples as a batch.

    Raises:
        TorchLeanError: As `batched`.
    """
    batch, _ = BatchLoader(dataset, batch_size, shuffle=False).next_batch()
    return batch


def samples(dataset: TensorDataset[S_co, T_co]) -> Iterator[Batch]:
    """Each input with its target, without a batch axis.

    >>> from torchlean.data.dataset import tensor_dataset
    >>> [(x.tolist(), int(y)) for x, y in samples(tensor_dataset([[0.5]], [0]))]
    [([0.5], 0)]
    """
    return zip(dataset.inputs, dataset.targets, strict=True)
