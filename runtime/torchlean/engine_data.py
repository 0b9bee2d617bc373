"""The samples that an engine reads: a whole data set in place, or a batch given anew.

>>> from torchlean.data.dataset import tensor_dataset
>>> data = tensor_dataset([[0.0], [1.0]], [[0.5], [1.5]])
>>> inputs_of(data, "float32") is inputs_of(data, "float32")
True
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.data.arrays import in_format
from torchlean.data.dataset import TensorDataset
from torchlean.inference import Batch, Inference
from torchlean.interpreter import aligned_zeros
from torchlean_spec.data import Loader, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape
from torchlean_spec.training import NumberFormat

Array = NDArray[Any]
Data = TensorDataset[Shape, Targets]

_inputs: WeakKeyDictionary[Data, dict[str, Array]] = WeakKeyDictionary()
"""The inputs of data sets in the formats that were asked for."""


def inputs_of(dataset: Data, number_format: NumberFormat) -> Array:
    """A data set's inputs in a format; made once for each data set."""
    known = _inputs.setdefault(dataset, {})
    if number_format not in known:
        known[number_format] = in_format(dataset.inputs, number_format)
    return known[number_format]


def require_one_batch(loader: Loader) -> None:
    """Refuse a loader that gives anything but one batch of all samples, in order.

    Raises:
        TorchLeanError: `CONTRADICTION`.
    """
    if loader.batch_size != loader.count or loader.shuffle:
        shuffled = ", shuffled" if loader.shuffle else ""
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected a loader of one batch in order for an engine that is fed, got "
            f"batches of {loader.batch_size} of {loader.count} samples{shuffled}",
        )


def own_copy(array: Array) -> Array:
    """The same numbers in memory that nobody else reads or writes."""
    copy = aligned_zeros(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def as_batch(inputs: ArrayLike, targets: ArrayLike) -> Batch:
    """Inputs and targets as arrays of numbers.

    Raises:
        TorchLeanError: `DOMAIN` for what is no array of numbers.
    """
    batch = np.asarray(inputs), np.asarray(targets)
    for what, array in zip(("inputs", "targets"), batch, strict=True):
        if array.dtype.kind not in "fiub":
            raise TorchLeanError(
                Reason.DOMAIN,
                f"{what}: expected numbers, got an array of {array.dtype}",
            )
    return batch


def write_batch(
    inference: Inference, stores: tuple[Array, Array], batch: Batch
) -> None:
    """Check a batch, and write it over the first samples of the stores.

    Args:
        inference: Knows the task and the sizes of a sample.
        stores: The inputs and the targets that an engine reads.
        batch: As many samples as fit, at least one; rounded once to the format.

    Raises:
        TorchLeanError: `BATCH_SIZE` for more samples than the stores hold,
            `SHAPE_MISMATCH` or `CLASS_OUT_OF_RANGE` for what does not fit the task;
            nothing is written then.
    """
    inputs, targets = batch
    inference.require_inputs(inputs)
    room = len(stores[0])
    if len(inputs) > room:
        raise TorchLeanError(
            Reason.BATCH_SIZE,
            f"expected a batch of at most {room} samples, got {len(inputs)}",
        )
    inference.wanted_targets(len(inputs)).check(targets)
    for store, part in zip(stores, batch, strict=True):
        store[: len(part)] = part
