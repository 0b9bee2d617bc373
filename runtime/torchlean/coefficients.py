"""The table of an optimizer's coefficients, one row for each step.

The bits are the spec's: its exact coefficient of each step, rounded once to the
number format. The spec's own equations run over columns of enclosures; only where
an enclosure does not settle the rounding is the spec asked for that step.

>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.schedules import Constant
>>> coefficient_table(SGD(0.1), Constant(), 1, 2, "float64").tolist()
[[0.1], [0.1]]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.enclosures import ENCLOSURES, rounded
from torchlean.rounding import nearest
from torchlean_spec.exact import EXACT, exact
from torchlean_spec.optimizers import RatedOptimizer, exact_coefficients
from torchlean_spec.schedules import Schedule
from torchlean_spec.training import NumberFormat

Table = NDArray[np.float32] | NDArray[np.float64]


def coefficient_table(
    optimizer: RatedOptimizer,
    schedule: Schedule,
    first: int,
    count: int,
    number_format: NumberFormat,
) -> Table:
    """The coefficients of the steps `first` to `first + count - 1`.

    Args:
        optimizer: The record; its `coefficient_names` are the columns, in order.
        schedule: The learning rate of each step.
        first: The first step, counted from 1.
        count: How many steps.
        number_format: `float32` or `float64`.

    Returns:
        An array of shape `[count, coefficients]`.
    """
    dtype = np.float32 if number_format == "float32" else np.float64
    names = optimizer.coefficient_names
    table: NDArray[Any] = np.empty((count, len(names)), dtype)
    open_steps = np.zeros(count, np.bool_)
    with np.errstate(all="ignore"):
        steps = ENCLOSURES.count(first, count)
        base = ENCLOSURES.constant(exact(optimizer.learning_rate))
        updates = steps - ENCLOSURES.constant(1)
        rate = schedule.rate(ENCLOSURES, base, updates)
        found = optimizer.coefficients(ENCLOSURES, steps, rate)
        for place, name in enumerate(names):
            values, decided = rounded(found[name], dtype)
            table[:, place] = values
            open_steps |= ~decided
    for place in np.flatnonzero(open_steps).tolist():
        table[place] = _spec_row(optimizer, schedule, first + place, number_format)
    return table


def _spec_row(
    optimizer: RatedOptimizer,
    schedule: Schedule,
    step: int,
    number_format: NumberFormat,
) -> list[float]:
    """The coefficients of one step, by the spec itself."""
    base = EXACT.constant(exact(optimizer.learning_rate))
    rate = schedule.rate(EXACT, base, EXACT.constant(step - 1))
    found = exact_coefficients(optimizer, step, rate)
    return [nearest(found[name], number_format) for name in optimizer.coefficient_names]
