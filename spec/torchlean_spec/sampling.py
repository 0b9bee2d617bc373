"""Which steps of a run its certificate holds.

>>> sampled_steps(steps=880, count=5, seed=0)
(1, 90, 634, 766, 880)
>>> sampled_steps(steps=3, count=10, seed=0)
(1, 2, 3)
"""

from __future__ import annotations

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.random import Cursor, Stream, stream

SAMPLE_ORDINAL = 1
"""The ordinal of the stream `SPLIT` that draws steps; 0 splits data sets."""


def sampled_steps(steps: int, count: int, seed: int) -> tuple[int, ...]:
    """The first step, the last, and others drawn by the seed, each at most once.

    The steps between are drawn one by one, each equally likely, from the stream
    `SPLIT`, ordinal 1; one that is drawn again is passed over.

    Args:
        steps: How many steps the run has.
        count: How many to sample; all of them if there are no more.
        seed: The run's, from 0 to 2^64 - 1.

    Returns:
        The steps in order, counted from 1.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative count.
    """
    if count < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a number of steps to certify of at least 0, got {count}",
        )
    if count >= steps:
        return tuple(range(1, steps + 1))
    chosen = {1, steps} if count > 1 else set(range(1, count + 1))
    cursor = Cursor(seed, stream(Stream.SPLIT, SAMPLE_ORDINAL))
    while len(chosen) < count:
        chosen.add(2 + cursor.below(steps - 2))
    return tuple(sorted(chosen))
