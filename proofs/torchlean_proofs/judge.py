"""Compare recorded numbers with the set of numbers that honest rounding may give.

The spec over bounded numbers says, for each element, which answers are allowed: an
exact centre and a rigorous radius. The judge asks of each recorded number whether
it lies in that set, and which fraction of the radius it uses. Rules at the edges:

* where NaN is allowed, any NaN is; where it is not, NaN is infinitely far off;
* an infinity is allowed only where the set holds that infinity;
* the sign of a zero does not count, except where numbers must be equal to the bit.

>>> from torchlean_spec.numbers.bounded import bounded
>>> system = bounded("float32")
>>> third = system.constant(1) / system.constant(3)
>>> compare([third], [0.3333333432674408]).rejected
0
>>> compare([third, third], [0.3333333432674408, 0.334]).worst_at
1
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from torchlean_spec.shape import Shape, sizes


class Allowed(Protocol):
    """A set of allowed numbers: a bounded number of the spec."""

    def excess(self, value: float, /) -> float:
        """The distance from the centre in units of the radius: at most 1 if allowed."""
        ...


class Phase(StrEnum):
    """A part of a step that is judged by itself, from its recorded inputs."""

    DATA = "data"
    """The samples, and the state before the step."""

    BACKWARD = "backward"
    """The loss and the gradients."""

    CLIP = "clip"
    """The clipped gradients."""

    OPTIMIZER = "optimizer"
    """The parameters and the optimizer's state after the step."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One tensor that is not what the spec allows, by its worst element."""

    step: int
    """Counted from 1."""
    phase: Phase
    tensor: str
    """Such as `gradient.0.weight`."""
    index: tuple[int, ...]
    """Where the worst element stands."""
    got: float
    expected: float
    """The centre of the allowed set."""
    excess: float
    """How far off, in units of the allowance; infinite where none is allowed."""
    rejected: int
    """How many elements of the tensor are not allowed."""

    def __str__(self) -> str:
        place = f"{self.tensor}{list(self.index)}" if self.index else self.tensor
        return (
            f"step {self.step}, {self.phase}, {place}: expected {self.expected!r}, "
            f"got {self.got!r}, off by {times(self.excess)}"
        )


def times(excess: float) -> str:
    """An excess in words.

    >>> times(317.2), times(math.inf)
    ('317 times what rounding allows', 'more than nothing, where rounding allows none')
    """
    if math.isinf(excess):
        return "more than nothing, where rounding allows none"
    return f"{excess:.3g} times what rounding allows"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How recorded numbers lie in their allowed sets."""

    count: int
    rejected: int
    """How many are not allowed."""
    worst: float
    """The largest fraction of an allowance used; above 1 where one is rejected."""
    worst_at: int
    """Where the worst element stands; a rejected one if there is any."""


def compare(allowed: Sequence[Allowed], got: Sequence[float]) -> Comparison:
    """Compare numbers with their allowed sets, element by element."""
    return _summary([a.excess(x) for a, x in zip(allowed, got, strict=True)])


def compare_bits(
    number_format: str, expected: Sequence[float], got: Sequence[float]
) -> Comparison:
    """Compare numbers that must be equal to the bit, signs of zeros included.

    >>> compare_bits("float32", [0.0, 1.0], [-0.0, 1.0])
    Comparison(count=2, rejected=1, worst=inf, worst_at=0)
    """
    code = {"float32": "f", "float64": "d"}[number_format]
    layout = f"<{len(expected)}{code}"
    if len(got) == len(expected) and struct.pack(layout, *expected) == struct.pack(
        layout, *got
    ):
        return Comparison(len(expected), 0, 0.0, 0)
    pairs = zip(expected, got, strict=True)
    single = struct.Struct(f"<{code}")
    return _summary(
        [0.0 if single.pack(e) == single.pack(g) else math.inf for e, g in pairs]
    )


def _summary(used: Sequence[float]) -> Comparison:
    worst = max(used, default=0.0)
    rejected = sum(each > 1.0 for each in used)
    return Comparison(len(used), rejected, worst, used.index(worst) if used else 0)


def index_in(shape: Shape, flat: int) -> tuple[int, ...]:
    """The index along each axis of a place in row-major order.

    >>> from torchlean_spec.shape import matrix
    >>> index_in(matrix(3, 4), 7)
    (1, 3)
    """
    return tuple(reversed(list(_digits(shape, flat))))


def _digits(shape: Shape, flat: int) -> Iterator[int]:
    for extent in reversed(sizes(shape)):
        flat, place = divmod(flat, max(extent, 1))
        yield place
