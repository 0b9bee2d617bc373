"""Measure the elementary functions over every binary32 number there is.

    python -m torchlean.cpu.measure_elementary            all six functions
    python -m torchlean.cpu.measure_elementary exp tanh   some of them

For each of the 2^32 arguments the kernels' answers are held against the C library's
binary64 function. Where that lies within a relative 2^-48 of the middle between two
binary32 numbers, it cannot say which is nearer, and the spec's exact enclosure
decides. What is assumed is that the C library errs by less than 2^-48.

Printed are, for strict mode, the arguments whose answers are not correctly rounded
(there are none), and for fast mode the largest error in units in the last place.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean.cpu.measuring import HARD, WORST, WRONG
from torchlean.cpu.registry import Dtype, Mode
from torchlean_spec.numbers import BINARY32

NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf")
CHUNK = 2**18
"""Arguments at a time: all arrays of them stay in the cache."""
NUMBERS = 2**32
CAPACITY = 1024


@dataclass
class Outcome:
    """What was found for one function."""

    hard_cases: int = 0
    wrong: list[float] = field(default_factory=list)
    """Arguments whose strict answer is not correctly rounded."""
    largest_error: float = 0.0
    """Of the fast function, in units in the last place; huge if it gives a finite
    number for an infinite one, or the wrong sign of zero."""
    worst_argument: float = 0.0


@dataclass
class Workspace:
    """The arrays that one chunk needs."""

    wide: NDArray[Any]
    exact: NDArray[Any]
    strict: NDArray[Any]
    fast: NDArray[Any]

    @staticmethod
    def make() -> Workspace:
        """Arrays of one chunk's size."""
        return Workspace(
            *(numpy.empty(CHUNK, kind) for kind in ("f8", "f8", "f4", "f4"))
        )


def correctly_rounded(name: str, x: float) -> float:
    """The spec's answer."""
    return BINARY32.to_float(getattr(BINARY32, name)(BINARY32.from_float(x)))


def measure(name: str, start: int, outcome: Outcome, arrays: Workspace) -> None:
    """Add one chunk of arguments to what was found."""
    x = numpy.arange(start, start + CHUNK, dtype=numpy.uint32).view(numpy.float32)
    # NumPy reports signalling NaN when it copies them.
    with numpy.errstate(invalid="ignore"):
        arrays.wide[:] = x
    call(name, dtype=Dtype.FLOAT64, x=arrays.wide, out=arrays.exact, size=CHUNK)
    call(name, mode=Mode.STRICT, x=x, out=arrays.strict, size=CHUNK)
    call(name, x=x, out=arrays.fast, size=CHUNK)
    hard, counts = numpy.empty(CAPACITY, numpy.int64), numpy.empty(3, numpy.int64)
    error = numpy.empty(1)
    with numpy.errstate(invalid="ignore"):
        strict, fast = arrays.strict.astype("f8"), arrays.fast.astype("f8")
    call(
        "examine",
        dtype=Dtype.FLOAT64,
        exact=arrays.exact,
        strict=strict,
        fast=fast,
        hard=hard,
        counts=counts,
        error=error,
        size=CHUNK,
        capacity=CAPACITY,
    )
    assert counts[HARD] <= CAPACITY, f"{name}: {counts[HARD]} hard cases in a chunk"
    outcome.hard_cases += int(counts[HARD])
    worst = float(x[counts[WORST]])
    if counts[WRONG]:
        outcome.wrong.append(worst)
    if error[0] > outcome.largest_error:
        outcome.largest_error, outcome.worst_argument = float(error[0]), worst
    for place in hard[: counts[HARD]].tolist():
        answer, argument = float(arrays.strict[place]), float(x[place])
        if answer != correctly_rounded(name, argument):
            outcome.wrong.append(argument)


def main(names: list[str]) -> int:
    """Measure some functions, all of them by default; 1 if a strict one is wrong."""
    from tqdm import tqdm

    status, arrays = 0, Workspace.make()
    for name in names or NAMES:
        outcome = Outcome()
        for start in tqdm(range(0, NUMBERS, CHUNK), desc=name, leave=False):
            measure(name, start, outcome, arrays)
        print(
            f"{name}: strict wrong {len(outcome.wrong)} times in 2^32 "
            f"({outcome.hard_cases} hard cases); fast within "
            f"{outcome.largest_error:.4f} ulp, at {outcome.worst_argument!r}",
            flush=True,
        )
        for argument in outcome.wrong:
            print(f"  {name} is not correctly rounded at {argument.hex()}")
        status |= bool(outcome.wrong)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
