"""Schedules made of others: after a warm-up, or once an epoch.

>>> from torchlean_spec.schedules.common import rate_at
>>> [str(rate_at(WarmUp(updates=2), 1, update)) for update in range(4)]
['0', '1/2', '1', '1']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    whole,
    within,
)
from torchlean_spec.numbers.system import A
from torchlean_spec.schedules.common import Schedule
from torchlean_spec.schedules.cosine import Cosine
from torchlean_spec.schedules.decay import Constant


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A straight line from `start` to the base rate, and then another schedule.

        rate(k) = start + (base - start) * k / updates      for k < updates
        rate(k) = then.rate(k - updates)                    from there on

    The other schedule counts its updates from the end of the warm-up: a `Cosine`
    of total T ends at update `updates + T`, whereas the original's WarmupCosine and
    Optax's warm-up count T from the start, as `warm_up_cosine` does. With a start
    of 0, update 0 moves nothing, as in Optax and the original; PyTorch's LinearLR
    starts at a third of the base. The original reads a warm-up of 0 updates as the
    base rate; here it is refused.

    Args:
        updates: Updates of the warm-up, at least 1.
        start: The rate of update 0, at least 0.
        then: The schedule after the warm-up.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Goyal and others, *Accurate, Large Minibatch SGD*, 2017, section 2.2
    (arXiv:1706.02677); the original's `NN/Runtime/Optim/Schedulers.lean`,
    LinearWarmup and WarmupCosine.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> warm = WarmUp(updates=4, then=Cosine(total=3))
    >>> [str(rate_at(warm, 1, update)) for update in range(8)]
    ['0', '1/4', '1/2', '3/4', '1', '3/4', '1/4', '0']
    """

    updates: int
    start: Hyperparameter = 0
    then: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        whole("updates", self.updates, 1)
        start = within("start", self.start, "at least 0")
        object.__setattr__(self, "start", start)

    @property
    def name(self) -> str:
        """`warm-up-` and the other schedule's name."""
        return f"warm-up-{self.then.name}"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The line's rate, or the other schedule's."""
        start = arithmetic.constant(exact(self.start))
        updates = arithmetic.constant(self.updates)
        rising = start + (base_rate - start) * (update / updates)
        # Both sides are evaluated, so the other schedule's index is kept from
        # falling below zero.
        since = arithmetic.maximum(update - updates, arithmetic.constant(0))
        settled = self.then.rate(arithmetic, base_rate, since)
        return arithmetic.where(arithmetic.less(update, updates), rising, settled)


def warm_up_cosine(
    updates: int,
    total: int,
    minimum: Hyperparameter = 0,
    start: Hyperparameter = 0,
) -> WarmUp:
    """A warm-up and a cosine, `total` updates together; then the minimum, for ever.

        rate(k) = start + (base - start) * k / updates      for k < updates
        rate(k) = minimum + (base - minimum) * (1 + cos(pi * x)) / 2   from there on
        x = min(k - updates, total - updates) / (total - updates)

    The original's WarmupCosine has the same counts, and rises again after `total`
    (`docs/deviations.md`, B15); Optax's warmup_cosine_decay_schedule stays at its
    end value, as here.

    Args:
        updates: Updates of the warm-up, at least 1.
        total: Updates of the warm-up and the cosine, more than `updates`.
        minimum: The last rate, at least 0.
        start: The rate of update 0, at least 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: the original's `NN/Runtime/Optim/Schedulers.lean`, WarmupCosine.

    >>> warm_up_cosine(updates=10, total=100).then
    Cosine(total=90, minimum=Decimal('0'))
    """
    whole("updates", updates, 1)
    whole("total", total, 1)
    if total <= updates:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a total above the {updates} updates of the warm-up, got {total}",
        )
    return WarmUp(updates, start, Cosine(total - updates, minimum))


@dataclass(frozen=True, slots=True)
class PerEpoch:
    """A schedule that counts epochs instead of updates.

        rate(k) = schedule.rate(floor(k / updates_per_epoch))

    Args:
        schedule: The schedule, whose index is now the epoch, counted from 0.
        updates_per_epoch: Updates in one pass over the data, at least 1.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for fewer than 1 update.

    Source: the original counts epochs in one loop and updates in another with the
    same schedule (`docs/deviations.md`, B14); here the record says which.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> from torchlean_spec.schedules.decay import Exponential
    >>> per_epoch = PerEpoch(Exponential("0.5"), updates_per_epoch=100)
    >>> [str(rate_at(per_epoch, 1, update)) for update in (0, 99, 100)]
    ['1', '1', '1/2']
    """

    schedule: Schedule
    updates_per_epoch: int

    def __post_init__(self) -> None:
        whole("updates_per_epoch", self.updates_per_epoch, 1)

    @property
    def name(self) -> str:
        """The schedule's name and `-per-epoch`."""
        return f"{self.schedule.name}-per-epoch"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The schedule's rate at the update's epoch."""
        epoch = arithmetic.quotient(update, self.updates_per_epoch)
        return self.schedule.rate(arithmetic, base_rate, epoch)
