"""What every schedule offers, and how its rates are read.

>>> from torchlean_spec.schedules import StepDecay
>>> halving = StepDecay(step_size=10, gamma="0.5")
>>> [str(rate_at(halving, "0.1", update)) for update in (0, 9, 10, 25)]
['1/10', '1/10', '1/20', '1/40']
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import EXACT, ExactArithmetic, Hyperparameter, exact
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

    >>> from torchlean_spec.schedules import Constant
    >>> rate_at(Constant(), "0.1", 7)
    Fraction(1, 10)
    """
    if update < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected an update counted from 0, got {update}"
        )
    return schedule.rate(EXACT, exact(base_rate), EXACT.constant(update))
