"""Schedules by table, and by any function of the update's index.

>>> from torchlean_spec.schedules.common import rate_at
>>> [str(rate_at(Table(("0.1", "0.05")), 1, update)) for update in range(3)]
['1/10', '1/20', '1/20']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import ExactArithmetic, Hyperparameter, exact
from torchlean_spec.numbers.system import A
from torchlean_spec.schedules.common import Schedule
from torchlean_spec.schedules.compositions import PerEpoch, WarmUp


@dataclass(frozen=True, slots=True)
class Table:
    """The rates of the updates, one by one; the last of them for ever.

        rate(k) = rates[min(k, len(rates) - 1)]

    The rates are what they are: the optimizer's own rate is not asked for.

    Args:
        rates: One exact rate for each update from 0 on, each at least 0.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for no rates, or one below 0.

    >>> Table([0.5, "1/3"]).rates
    (Fraction(1, 2), Fraction(1, 3))
    """

    rates: tuple[Hyperparameter, ...]

    def __post_init__(self) -> None:
        rates = tuple(_rate(update, given) for update, given in enumerate(self.rates))
        if not rates:
            raise TorchLeanError(
                Reason.HYPERPARAMETER, "expected a rate for update 0, got no rates"
            )
        object.__setattr__(self, "rates", rates)

    @property
    def name(self) -> str:
        """`table`."""
        return "table"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The table's entry."""
        rates, last = self.rates, len(self.rates) - 1
        return arithmetic.of_count(lambda k: exact(rates[min(k, last)]), update)


@dataclass(frozen=True, slots=True)
class Custom:
    """The rates that a function of the update's index gives.

        rate(k) = function(k)

    The rates are what they are: the optimizer's own rate is not asked for. The
    function must give the same number whenever it is asked. It has no description
    that could be written to a file; where a run is written down, the table of the
    rates of all its steps stands for it (`tabulated`).

    PyTorch's LambdaLR multiplies the base rate by what its function gives; Optax's
    schedules are such functions themselves, as is the original's `custom`.

    Args:
        function: From an update's index, counted from 0, to an exact number that is
            at least 0; a float means the decimal that its repr shows.

    Raises:
        TorchLeanError: `HYPERPARAMETER` from `rate` for a number below 0, or what
            is no finite number.

    Source: the original's `NN/Runtime/Autograd/Train/Optim.lean:135`, LRScheduler.

    >>> from torchlean_spec.schedules.common import rate_at
    >>> harmonic = Custom(lambda update: Fraction(1, update + 1))
    >>> [str(rate_at(harmonic, 1, update)) for update in range(3)]
    ['1', '1/2', '1/3']
    """

    function: Callable[[int], Hyperparameter]

    @property
    def name(self) -> str:
        """`custom`."""
        return "custom"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """What the function gives."""
        return arithmetic.of_count(lambda k: _rate(k, self.function(k)), update)


def _rate(update: int, given: Hyperparameter) -> Fraction:
    rate = exact(given)
    if rate < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected the rate of update {update} to be at least 0, got {given}",
        )
    return rate


def tabulated(schedule: Schedule, count: int) -> Schedule:
    """The same rates of so many updates, with a table in place of each function.

    Args:
        schedule: Any schedule; one without functions stays as it is.
        count: How many updates are to have the same rates.

    >>> tabulated(Custom(lambda update: Fraction(1, 2**update)), 3)
    Table(rates=(Fraction(1, 1), Fraction(1, 2), Fraction(1, 4)))
    """
    if isinstance(schedule, Custom):
        return Table(tuple(map(schedule.function, range(max(count, 1)))))
    if isinstance(schedule, WarmUp):
        then = tabulated(schedule.then, count - schedule.updates)
        return replace(schedule, then=then)
    if isinstance(schedule, PerEpoch):
        epochs = -(-count // schedule.updates_per_epoch)
        return replace(schedule, schedule=tabulated(schedule.schedule, epochs))
    return schedule
