"""Schedules that follow a cosine: once down, or up and down for ever.

>>> from torchlean_spec.schedules.common import rate_at
>>> [str(rate_at(Cosine(total=3), 1, update)) for update in range(5)]
['1', '3/4', '1/4', '0', '0']
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torchlean_spec.exact import (
    ExactArithmetic,
    Hyperparameter,
    exact,
    whole,
    within,
)
from torchlean_spec.numbers.system import A


@dataclass(frozen=True, slots=True)
class Cosine:
    """Half a cosine from the base rate to the minimum, which it then keeps.

        rate(k) = minimum + (base - minimum) * (1 + cos(pi * x)) / 2
        x = min(k, total) / total

    PyTorch's CosineAnnealingLR rises again after `total` (`PeriodicCosine`); Optax
    and Keras stay at the minimum, which they give as a fraction of the base rate.
    The original's CosineAnnealing stays as well, and reads a total of 0 as
    constant; here it is refused.

    Args:
        total: Updates from the base rate to the minimum, at least 1.
        minimum: The last rate, at least 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: Loshchilov and Hutter, *SGDR*, 2017, equation 5 (arXiv:1608.03983),
    without restarts; the original's `NN/Runtime/Optim/Schedulers.lean`,
    CosineAnnealing.

    >>> from torchlean_spec.schedules.common import rate_at
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
        total = arithmetic.constant(self.total)
        progress = arithmetic.minimum(update, total) / total
        return _between(arithmetic, exact(self.minimum), base_rate, progress)


@dataclass(frozen=True, slots=True)
class PeriodicCosine:
    """A cosine that falls to the minimum and rises again, for ever.

        rate(k) = minimum + (base - minimum) * (1 + cos(pi * k / half_period)) / 2

    At every even multiple of the half period the rate is the base rate, at every
    odd one the minimum. PyTorch's CosineAnnealingLR is the same, by a recurrence
    that gathers roundings and divides by zero at a minimum that the last rate
    equals; Optax and Keras have no such schedule. The original reads a half period
    of 0 as constant; here it is refused.

    Args:
        half_period: Updates from the base rate to the minimum (PyTorch's `T_max`),
            at least 1.
        minimum: The lowest rate, at least 0 (PyTorch's `eta_min`).

    Raises:
        TorchLeanError: `HYPERPARAMETER` outside the ranges.

    Source: the original's `NN/Runtime/Optim/Schedulers.lean`, CosineAnnealingLR.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> [str(rate_at(PeriodicCosine(3), 1, update)) for update in range(8)]
    ['1', '3/4', '1/4', '0', '1/4', '3/4', '1', '3/4']
    """

    half_period: int
    minimum: Hyperparameter = 0

    def __post_init__(self) -> None:
        whole("half_period", self.half_period, 1)
        minimum = within("minimum", self.minimum, "at least 0")
        object.__setattr__(self, "minimum", minimum)

    @property
    def name(self) -> str:
        """`periodic-cosine`."""
        return "periodic-cosine"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The rate at the same place of the first period."""
        period = 2 * self.half_period
        periods = arithmetic.quotient(update, period)
        since = update - arithmetic.constant(period) * periods
        progress = since / arithmetic.constant(self.half_period)
        return _between(arithmetic, exact(self.minimum), base_rate, progress)


def _between(
    arithmetic: ExactArithmetic[A], minimum: Fraction, base_rate: A, half_turns: A
) -> A:
    """The minimum, and the share of the way above it that is left."""
    one, half = arithmetic.constant(1), arithmetic.constant(Fraction(1, 2))
    raised = one + arithmetic.cosine_of_half_turns(half_turns)
    lowest = arithmetic.constant(minimum)
    return lowest + (base_rate - lowest) * (raised * half)
