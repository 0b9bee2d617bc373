"""Schedules that stay, fall step by step, or change by a constant factor.

>>> from torchlean_spec.schedules.common import rate_at
>>> [str(rate_at(StepDecay(2, "0.5"), 1, update)) for update in range(5)]
['1', '1', '1/2', '1/2', '1/4']
"""

from __future__ import annotations

from dataclasses import dataclass

from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    positive,
    whole,
    within,
)
from torchlean_spec.numbers.system import A


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

    >>> from torchlean_spec.schedules.common import rate_at
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

    >>> from torchlean_spec.schedules.common import rate_at
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
class RateFinder:
    """Rates that rise geometrically from the base rate, to find one that works.

        rate(k) = base * ratio^(min(k, total) / total)

    Update `total` has the rate `base * ratio`, and so have all after it. The
    original's LRFinder goes on growing, and names the first and the last rate
    instead of their ratio; PyTorch, Optax and Keras have no such schedule.

    Args:
        total: Updates from the first rate to the last, at least 1.
        ratio: The last rate over the first, above 0; any fraction.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017,
    section 3.3 (arXiv:1506.01186), with geometric steps; the original's
    `NN/Runtime/Optim/Schedulers.lean`, LRFinder.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> finder = RateFinder(total=3, ratio=1000)
    >>> [str(rate_at(finder, "1e-3", update)) for update in range(5)]
    ['1/1000', '1/100', '1/10', '1', '1']
    """

    total: int
    ratio: Hyperparameter

    def __post_init__(self) -> None:
        whole("total", self.total, 1)
        object.__setattr__(self, "ratio", positive("ratio", self.ratio))

    @property
    def name(self) -> str:
        """`rate-finder`."""
        return "rate-finder"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The base rate times a fractional power of the ratio."""
        elapsed = arithmetic.minimum(update, arithmetic.constant(self.total))
        return base_rate * arithmetic.power(exact(self.ratio), elapsed, self.total)
