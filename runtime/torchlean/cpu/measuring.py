"""The kernel that holds elementary functions against exact values."""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.primitives import narrow, wide_bits_of, wide_number_of, widen
from torchlean.cpu.registry import Dtype, kernel

TAIL = 0x1FFFFFFF
MIDDLE = 0x10000000
"""What of a binary64 number binary32 has not, and half of it."""
NEAR = 16
SMALLEST_NORMAL = 1.1754943508222875e-38
SMALLEST = 1.401298464324817e-45
RELATIVE_NEAR = 3.552713678800501e-15
"""2^-48."""
TOO_LARGE = 3.402823669209385e38
"""2^128, which an answer of infinity stands for."""

HARD = 0
WRONG = 1
WORST = 2
"""The counts: hard cases, wrong answers beside them, the place of the worst error."""


@helper
def same_number(x: float, y: float) -> bool:
    """Whether two numbers have the same bits, or both are NaN."""
    return wide_bits_of(x) == wide_bits_of(y) or (x != x and y != y)


@helper
def near_middle(exact: float, system: Arithmetic) -> bool:
    """Whether a number lies close to the middle of two binary32 numbers."""
    size = system.absolute(exact)
    if size < SMALLEST_NORMAL:
        units = size / SMALLEST
        whole = float(int(units))
        return system.absolute(units - whole - 0.5) <= units * RELATIVE_NEAR
    return abs((wide_bits_of(exact) & TAIL) - MIDDLE) <= NEAR


@helper
def unit_of(exact: float) -> float:
    """The binary32 unit in the last place of a number that is finite and not 0."""
    exponent = ((wide_bits_of(exact) >> 52) & 2047) - 1023
    return wide_number_of((max(exponent - 23, -149) + 1023) << 52)


@kernel(
    reads={"exact": "size", "strict": "size", "fast": "size"},
    writes={"hard": "capacity", "counts": "3", "error": "1"},
    integers_in=("hard", "counts"),
    dtypes=(Dtype.FLOAT64,),
)
def examine(
    exact: Reals,
    strict: Reals,
    fast: Reals,
    hard: Indices,
    counts: Indices,
    error: Reals,
    size: int,
    capacity: int,
    system: Arithmetic,
) -> None:
    """Count the strict answers that are wrong, and find the largest error of fast ones.

    Answers are binary32 numbers, widened. `hard` lists the places at which the exact
    value is too close to the middle of two numbers to say which is nearer.
    """
    found = 0
    wrong = 0
    worst = 0
    largest = system.constant(0)
    for i in range(size):
        value = exact[i]
        nearest = widen(narrow(value))
        finite = value - value == 0.0
        if finite and near_middle(value, system):
            if found < capacity:
                hard[found] = i
            found += 1
        elif not same_number(strict[i], nearest):
            wrong += 1
            worst = i
        answer = fast[i]
        within = finite and value != 0.0 and system.absolute(value) < TOO_LARGE
        if within and answer == answer and answer * value >= 0.0:
            if answer - answer != 0.0:
                answer = TOO_LARGE if value > 0.0 else -TOO_LARGE
            distance = system.absolute(answer - value) / unit_of(value)
            if distance > largest:
                largest = distance
                worst = i if wrong == 0 else worst
        elif not same_number(answer, nearest):
            largest = TOO_LARGE
            worst = i
    counts[0] = found
    counts[1] = wrong
    counts[2] = worst
    error[0] = largest
