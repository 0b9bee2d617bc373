"""The table of an optimizer's coefficients, one row for each step.

The bits are the spec's: its exact coefficient of each step, rounded once to the
number format. The spec's own equations run over columns that enclose the exact
values: for binary32 over intervals of one number each, and for what these leave
open, as for binary64, over enclosures of about 100 bits. Only where neither settles
a rounding is the spec asked for that step.

>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.schedules import Constant
>>> coefficient_table(SGD(0.1), Constant(), 1, 2, "float64").tolist()
[[0.1], [0.1]]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean import enclosures, intervals
from torchlean.enclosures import ENCLOSURES, Dtype
from torchlean.intervals import INTERVALS
from torchlean.rounding import nearest
from torchlean_spec.exact import EXACT, exact
from torchlean_spec.optimizers import RatedOptimizer, exact_coefficients
from torchlean_spec.schedules import Schedule
from torchlean_spec.training import NumberFormat

Table = NDArray[np.float32] | NDArray[np.float64]

TOGETHER = {"float32": 8192, "float64": 4096}
"""Rows that are made at once: so many that a call costs little, so few that the
columns stay in the processor's cache."""


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
    dtype: Dtype = np.float32 if number_format == "float32" else np.float64
    table: NDArray[Any] = np.empty((count, len(optimizer.coefficient_names)), dtype)
    together = TOGETHER[number_format]
    for begin in range(0, count, together):
        part = table[begin : begin + together]
        for place in _fill(optimizer, schedule, first + begin, part):
            step = first + begin + place
            part[place] = _spec_row(optimizer, schedule, step, number_format)
    return table


def _fill(
    optimizer: RatedOptimizer, schedule: Schedule, first: int, table: NDArray[Any]
) -> list[int]:
    """Fill the rows of a table, and tell which are left open."""
    steps = np.arange(first, first + len(table), dtype=np.float64)
    left = np.arange(len(table))
    with np.errstate(all="ignore"):
        if table.dtype == np.float32:
            left = left[_by_intervals(optimizer, schedule, steps, table)]
        if left.size:
            rows = np.empty((left.size, table.shape[1]), table.dtype)
            still = _by_enclosures(optimizer, schedule, steps[left], rows)
            table[left] = rows
            left = left[still]
    return left.tolist()


def _by_intervals(
    optimizer: RatedOptimizer,
    schedule: Schedule,
    steps: NDArray[np.float64],
    table: NDArray[Any],
) -> NDArray[np.bool_]:
    """Fill the rows of some steps, and tell which are left open."""
    counted = INTERVALS.counts(steps)
    base = INTERVALS.constant(exact(optimizer.learning_rate))
    rate = schedule.rate(INTERVALS, base, counted - INTERVALS.constant(1))
    found = optimizer.coefficients(INTERVALS, counted, rate)
    left = np.zeros(steps.size, np.bool_)
    for place, name in enumerate(optimizer.coefficient_names):
        values, decided = intervals.rounded(found[name], np.float32)
        table[:, place] = values
        left |= ~decided
    return left


def _by_enclosures(
    optimizer: RatedOptimizer,
    schedule: Schedule,
    steps: NDArray[np.float64],
    table: NDArray[Any],
) -> NDArray[np.bool_]:
    """Fill the rows of some steps, and tell which are left open."""
    dtype: Dtype = np.float32 if table.dtype == np.float32 else np.float64
    counted = ENCLOSURES.counts(steps)
    base = ENCLOSURES.constant(exact(optimizer.learning_rate))
    rate = schedule.rate(ENCLOSURES, base, counted - ENCLOSURES.constant(1))
    found = optimizer.coefficients(ENCLOSURES, counted, rate)
    left = np.zeros(steps.size, np.bool_)
    for place, name in enumerate(optimizer.coefficient_names):
        values, decided = enclosures.rounded(found[name], dtype)
        table[:, place] = values
        left |= ~decided
    return left


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
