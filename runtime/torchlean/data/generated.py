"""Batches from a generator function: as many as are asked for, again and again.

>>> def batches():
...     for number in range(3):
...         yield np.full((2, 1), float(number)), np.array([0, 1])
>>> stream = generated_batches(batches)
>>> [inputs[0, 0].item() for inputs, _ in stream]
[0.0, 1.0, 2.0]
>>> stream.batch(4)[0].tolist()
[[1.0], [1.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from torchlean.data.arrays import TargetArray, label_vector, numbers_of
from torchlean.data.loader import Batch
from torchlean_spec.errors import Reason, TorchLeanError

Generate = Callable[[], Iterable[tuple[ArrayLike, ArrayLike]]]
"""Makes inputs and targets `[batch, ..]`, batch by batch, from the start."""


class GeneratedBatches:
    """The batches that a function generates, checked as they come.

    Each pass calls the function anew; it should give the same batches each time, as
    a run can only then be repeated.
    """

    def __init__(self, generate: Generate) -> None:
        self._generate = generate
        self._passing: Iterator[Batch] = iter(())
        self._next = 0
        self._length: int | None = None

    def __iter__(self) -> Iterator[Batch]:
        """All batches of one pass.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` for a batch with other than one target
                for each input, `EMPTY_DATA` for one without samples.
        """
        return map(_checked, self._generate())

    def take(self, count: int) -> list[Batch]:
        """The first batches of a pass, or all if there are fewer.

        Raises:
            TorchLeanError: As iterating.
        """
        return list(islice(self, count))

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 0; behind the last comes the first.

        Going on is quick, going back starts a pass: `StepBatchStream.of_function`
        takes this method.

        Raises:
            TorchLeanError: `DOMAIN` for a negative step, `EMPTY_DATA` if no batch
                is generated; else as iterating.
        """
        if step < 0:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected a step of at least 0, got {step}"
            )
        place = step if self._length is None else step % self._length
        if place < self._next or self._next == 0:
            self._passing, self._next = iter(self), 0
        for batch in self._passing:
            self._next += 1
            if self._next == place + 1:
                return batch
        if self._next == 0:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 generated batch, got none"
            )
        # The pass is over: now it is known how many batches it has.
        self._length, self._next = self._next, 0
        return self.batch(step)


def generated_batches(generate: Generate) -> GeneratedBatches:
    """The batches of a generator function.

    Args:
        generate: A function without arguments whose result gives inputs and
            targets `[batch, ..]`; whole numbers as targets are classes.
    """
    return GeneratedBatches(generate)


def _checked(batch: tuple[ArrayLike, ArrayLike]) -> Batch:
    inputs, wanted = numbers_of("inputs", batch[0]), np.asarray(batch[1])
    targets: TargetArray = (
        label_vector(wanted)
        if wanted.dtype.kind in "iub"
        else numbers_of("targets", wanted)
    )
    if inputs.ndim < 1 or targets.ndim < 1 or len(inputs) != len(targets):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected one target for each input of a batch, got inputs of shape "
            f"{list(inputs.shape)} and targets of shape {list(targets.shape)}",
        )
    if not len(inputs):
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected a batch of at least 1 sample, got none"
        )
    return inputs, targets
