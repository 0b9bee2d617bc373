"""Updates of whole matrices: what stands between the matrix products.

`muon_direction` gathers gradients, `normalized` divides a matrix by its norm,
`weighted_sum` is a step of a polynomial of matrices, and `move_along` moves the
parameter. Each is one loop over elements in the spec's order of operations, so that
the results have the bits of the spec's binary32 numbers.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.running import STEP, TABLE_START

RATE, KEEP, KEEP_PARAMETER = 0, 1, 2
"""The columns of the table of coefficients."""


def _directions(nesterov: bool) -> None:
    """Enter momentum, as it is or looking ahead."""

    def muon_direction(
        gradient: Reals,
        buffer: Reals,
        coefficients: Reals,
        control: Indices,
        out: Reals,
        table_rows: int,
        columns: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        """`b <- keep b + g`; the direction is b, or `g + keep b`."""
        row = (control[STEP] - control[TABLE_START]) * columns
        keep = coefficients[row + KEEP]
        for i in range(size):
            b = keep * buffer[i] + gradient[i]
            buffer[i] = b
            if nesterov:
                out[i] = gradient[i] + keep * b
            else:
                out[i] = b

    kernel(
        name="muon_direction_nesterov" if nesterov else "muon_direction",
        reads={
            "gradient": "size",
            "coefficients": "table_rows*columns",
            "control": "16",
        },
        updates={"buffer": "size"},
        writes={"out": "size"},
        integers_in=("control",),
        shard_axis="size",
        shard_steps={"gradient": "1", "buffer": "1", "out": "1"},
    )(muon_direction)


def _moves(decayed: bool) -> None:
    """Enter the last row of an update, with weight decay or without."""

    def move_along(
        direction: Reals,
        scale: Reals,
        coefficients: Reals,
        control: Indices,
        parameter: Reals,
        table_rows: int,
        columns: int,
        size: int,
        system: Arithmetic,
    ) -> None:
        """`p <- p keep_parameter - rate (scale o)`."""
        row = (control[STEP] - control[TABLE_START]) * columns
        rate, factor = coefficients[row + RATE], scale[0]
        decay = coefficients[row + columns - 1]
        for i in range(size):
            p = parameter[i]
            if decayed:
                p = p * decay
            parameter[i] = p - rate * (factor * direction[i])

    kernel(
        name="move_along_decayed" if decayed else "move_along",
        reads={
            "direction": "size",
            "scale": "1",
            "coefficients": "table_rows*columns",
            "control": "16",
        },
        updates={"parameter": "size"},
        integers_in=("control",),
        shard_axis="size",
        shard_steps={"direction": "1", "parameter": "1"},
    )(move_along)


@kernel(
    reads={"x": "size", "square": "1", "epsilon": "1"},
    writes={"out": "size"},
    shard_axis="size",
    shard_steps={"x": "1", "out": "1"},
)
def normalized(
    x: Reals,
    square: Reals,
    epsilon: Reals,
    out: Reals,
    size: int,
    system: Arithmetic,
) -> None:
    """`x / (sqrt(square) + epsilon)`."""
    norm = system.sqrt(square[0]) + epsilon[0]
    for i in range(size):
        out[i] = x[i] / norm


@kernel(
    reads={"x": "size", "y": "size", "weights": "2"},
    writes={"out": "size"},
    shard_axis="size",
    shard_steps={"x": "1", "y": "1", "out": "1"},
)
def weighted_sum(
    x: Reals, y: Reals, weights: Reals, out: Reals, size: int, system: Arithmetic
) -> None:
    """`u x + v y`, of the weights u and v."""
    u, v = weights[0], weights[1]
    for i in range(size):
        out[i] = u * x[i] + v * y[i]


for _flag in (False, True):
    _directions(_flag)
    _moves(_flag)
