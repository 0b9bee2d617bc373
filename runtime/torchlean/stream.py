"""Streams: the batch of each step, as a function of the step's index.

>>> stream = StepBatchStream.cycle([([[0.0]], [[1.0]]), ([[2.0]], [[5.0]])])
>>> [stream.batch(index)[0] for index in range(3)]
[[[0.0]], [[2.0]], [[0.0]]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from torchlean_spec.errors import Reason, TorchLeanError

GivenBatch = tuple[ArrayLike, ArrayLike]
"""Inputs `[samples, ..]` and targets, as anything that NumPy takes."""


@dataclass(frozen=True, slots=True)
class StepBatchStream:
    """The batch of each step; indices count from 0, so that step 1 has index 0.

    Args:
        function: Gives the batch of an index.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:383-412`.
    """

    function: Callable[[int], GivenBatch]

    @staticmethod
    def fixed(inputs: ArrayLike, targets: ArrayLike) -> StepBatchStream:
        """The same batch for every step.

        >>> StepBatchStream.fixed([[1.0]], [[2.0]]).batch(7)
        ([[1.0]], [[2.0]])
        """
        return StepBatchStream(lambda _: (inputs, targets))

    @staticmethod
    def of_function(function: Callable[[int], GivenBatch]) -> StepBatchStream:
        """The batches that a function gives; it may read, draw, or compute them."""
        return StepBatchStream(function)

    @staticmethod
    def cycle(batches: Iterable[GivenBatch]) -> StepBatchStream:
        """Some batches in order, over and over.

        Raises:
            TorchLeanError: `EMPTY_DATA` for no batches.
        """
        given = tuple(batches)
        if not given:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected a cycle of at least 1 batch, got none"
            )
        return StepBatchStream(lambda index: given[index % len(given)])

    def batch(self, step: int) -> GivenBatch:
        """The batch of a step, counted from 0.

        Raises:
            TorchLeanError: `DOMAIN` for a negative step.
        """
        if step < 0:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected a step counted from 0, got {step}"
            )
        return self.function(step)
