"""Sums and means along axes, softmax, and broadcasting with its adjoint."""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.summation import sum_of


@kernel(
    reads={"x": "outer*count"},
    writes={"out": "outer"},
    name="sum_last",
    varies=True,
    shard_axis="outer",
    shard_steps={"x": "count", "out": "1"},
)
def sum_last(x: Reals, out: Reals, outer: int, count: int, system: Arithmetic) -> None:
    """The sum of each row of consecutive numbers; of everything if outer is 1."""
    for i in range(outer):
        out[i] = sum_of(x, i * count, count, system)
