"""Schedules: the learning rate of each update, in closed form.

A schedule turns the optimizer's base rate and an update's index into the rate of
that update. Indices count from 0: update 0 belongs to the optimizer's step 1. The
rate is an exact real, and the number format rounds it once. Schedules that end
keep their last rate for ever (the original's cosine rises again:
`docs/deviations.md`, B15).

>>> halving = StepDecay(step_size=10, gamma="0.5")
>>> [str(rate_at(halving, "0.1", update)) for update in (0, 9, 10, 25)]
['1/10', '1/10', '1/20', '1/40']
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import (
    EXACT,
    ExactArithmetic,
    Hyperparameter,
    exact,
    whole,
    within,
)
from torchlean_spec.numbers.system import A


class Schedule(Protocol):
    """A function from the base rate and the update's index to the update's rate.

    An immutable record; each field is an exact `Decimal`, an `int` or a schedule.
    """

    @property
    def name(self) -> str:
        """The schedule's name, such as `cosine`."""
        ...

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The exact rate of an update, counted from 0; see `rate_at`."""
        ...


def rate_at(schedule: Schedule, base_rate: Hyperparameter, update: int) -> Fraction:
    """The exact rate of one update.

    Args:
        schedule: The record.
        base_rate: The optimizer's learning rate.
        update: The update's index, counted from 0.

    Raises:
        TorchLeanError: `DOMAIN` if the index is negative.

    >>> rate_at(Constant(), "0.1", 7)
    Fraction(1, 10)
    """
    if update < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected an update counted from 0, got {update}"
        )
    return schedule.rate(EXACT, exact(base_rate), EXACT.constant(update))


@dataclass(frozen=True, slots=True)
class Constant:
    """The base rate, always: `rate(k) = base`."""

    @property
    def name(self) -> str:
        """`constant`."""
        return "constant"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The base rate."""
        return base_rate


@dataclass(frozen=True, slots=True)
class StepDecay:
    """A rate multiplied by gamma every `step_size` updates.

        rate(k) = base * gamma^floor(k / step_size)

    The same as PyTorch's StepLR, Optax's and Keras's ExponentialDecay with a
    staircase. The original reads a step size of 0 as constant; here it is refused.

    Args:
        step_size: Updates between two decays, at least 1.
        gamma: The factor, above 0; 0.1 by default, as in PyTorch and the original.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: the original's `NN/Runtime/Optim/Schedulers.lean`, StepDecay.

    >>> rate_at(StepDecay(step_size=2), 1, 5)
    Fraction(1, 100)
    """

    step_size: int
    gamma: Hyperparameter = "0.1"

    def __post_init__(self) -> None:
        whole("step_size", self.step_size, 1)
        object.__setattr__(self, "gamma", within("gamma", self.gamma, "above 0"))

    @property
    def name(self) -> str:
        """`step`."""
        return "step"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The base rate after the decays so far."""
        decays = arithmetic.quotient(update, self.step_size)
        return base_rate * arithmetic.power(exact(self.gamma), decays)


@dataclass(frozen=True, slots=True)
class Exponential:
    """A rate multiplied by gamma every update: `rate(k) = base * gamma^k`.

    The same as PyTorch's ExponentialLR, and as Optax's and Keras's
    ExponentialDecay with one transition step.

    Args:
        gamma: The factor, above 0; above 1 the rate grows.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the range, and `DOMAIN` from `rate`
            where the power outgrows every number format.

    Source: the original's `NN/Runtime/Optim/Schedulers.lean`, ExponentialDecay.

    >>> rate_at(Exponential("0.9"), 1, 2)
    Fraction(81, 100)
    """

    gamma: Hyperparameter

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", within("gamma", self.gamma, "above 0"))

    @property
    def name(self) -> str:
        """`exponential`."""
        return "exponential"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The base rate times gamma to the power of the index."""
        return base_rate * arithmetic.power(exact(self.gamma), update)


@dataclass(frozen=True, slots=True)
class Cosine:
    """Half a cosine from the base rate to the minimum, which it then keeps.

        rate(k) = minimum + (base - minimum) * (1 + cos(pi * x)) / 2
        x = min(k, total) / total

    PyTorch's CosineAnnealingLR is periodic after `total`; Optax and Keras stay at
    the minimum, which they give as a fraction of the base rate.

    Args:
        total: Updates from the base rate to the minimum, at least 1.
        minimum: The last rate, at least 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Loshchilov and Hutter, *SGDR*, 2017, equation 5 (arXiv:1608.03983),
    without restarts; the original's `NN/Runtime/Optim/Schedulers.lean`,
    CosineAnnealing.

    >>> [str(rate_at(Cosine(total=3), 1, update)) for update in range(5)]
    ['1', '3/4', '1/4', '0', '0']
    """

    total: int
    minimum: Hyperparameter = 0

    def __post_init__(self) -> None:
        whole("total", self.total, 1)
        minimum = within("minimum", self.minimum, "at least 0")
        object.__setattr__(self, "minimum", minimum)

    @property
    def name(self) -> str:
        """`cosine`."""
        return "cosine"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The minimum, and the share of the way above it that is left."""
        total, one = arithmetic.constant(self.total), arithmetic.constant(1)
        progress = arithmetic.minimum(update, total) / total
        raised = one + arithmetic.cosine_of_half_turns(progress)
        minimum = arithmetic.constant(exact(self.minimum))
        half = arithmetic.constant(Fraction(1, 2))
        return minimum + (base_rate - minimum) * (raised * half)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A straight line from `start` to the base rate, and then another schedule.

        rate(k) = start + (base - start) * k / updates      for k < updates
        rate(k) = then.rate(k - updates)                    from there on

    The other schedule counts its updates from the end of the warm-up: a `Cosine`
    of total T ends at update `updates + T`, whereas the original's WarmupCosine and
    Optax's warm-up count T from the start. With a start of 0, update 0 moves nothing,
    as in Optax and the original; PyTorch's LinearLR starts at a third of the base.

    Args:
        updates: Updates of the warm-up, at least 1.
        start: The rate of update 0, at least 0.
        then: The schedule after the warm-up.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Goyal and others, *Accurate, Large Minibatch SGD*, 2017, section 2.2
    (arXiv:1706.02677); the original's `NN/Runtime/Optim/Schedulers.lean`,
    LinearWarmup and WarmupCosine.

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
