"""Picking and placing rows by integer indices.

An index out of range stops the run: the row sets the status of the control block
and writes nothing more.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals
from torchlean.cpu.registry import Dtype, kernel
from torchlean.cpu.running import POSITION, STATUS, STOPPED_INDEX


@kernel(
    reads={"order": "samples", "data": "samples*width"},
    writes={"out": "batch*width"},
    updates={"control": "16"},
    integers_in=("order", "control"),
)
def gather_rows_by_order(
    order: Indices,
    control: Indices,
    data: Reals,
    out: Reals,
    samples: int,
    width: int,
    batch: int,
    offset: int,
    system: Arithmetic,
) -> None:
    """Copy a batch: rows `order[position + offset + j]` of the data, for each j."""
    start = control[POSITION] + offset
    for j in range(batch):
        place = start + j
        if place < 0 or place >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        row = order[place]
        if row < 0 or row >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(width):
            out[j * width + column] = data[row * width + column]


@kernel(
    reads={"order": "samples", "data": "samples*width"},
    writes={"out": "batch*width"},
    updates={"control": "16"},
    integers_in=("order", "control", "data", "out"),
    dtypes=(Dtype.FLOAT64,),
)
def gather_indices_by_order(
    order: Indices,
    control: Indices,
    data: Indices,
    out: Indices,
    samples: int,
    width: int,
    batch: int,
    offset: int,
    system: Arithmetic,
) -> None:
    """Copy a batch of integers, such as class indices."""
    start = control[POSITION] + offset
    for j in range(batch):
        place = start + j
        if place < 0 or place >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        row = order[place]
        if row < 0 or row >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(width):
            out[j * width + column] = data[row * width + column]
