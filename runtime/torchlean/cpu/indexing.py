"""Picking and placing rows by integer indices.

An index out of range stops the run: the row sets the status of the control block
and writes nothing more.
"""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals
from torchlean.cpu.registry import Dtype, kernel
from torchlean.cpu.running import POSITION, STATUS, STOPPED_INDEX
from torchlean.cpu.summation import sum_of


@kernel(
    reads={"order": "places", "data": "samples*width"},
    writes={"out": "batch*width"},
    stops={"control": "16"},
    integers_in=("order", "control"),
    shard_axis="batch",
    shard_steps={"out": "width", "offset": "1"},
)
def gather_rows_by_order(
    order: Indices,
    control: Indices,
    data: Reals,
    out: Reals,
    samples: int,
    places: int,
    width: int,
    batch: int,
    offset: int,
    system: Arithmetic,
) -> None:
    """Copy a batch: rows `order[position + offset + j]` of the data, for each j.

    The order may be that of one epoch or of several, one behind the other.
    """
    start = control[POSITION] + offset
    for j in range(batch):
        place = start + j
        if place < 0 or place >= places:
            control[STATUS] = STOPPED_INDEX
            return
        row = order[place]
        if row < 0 or row >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(width):
            out[j * width + column] = data[row * width + column]


@kernel(
    reads={"order": "places", "data": "samples*width"},
    writes={"out": "batch*width"},
    stops={"control": "16"},
    integers_in=("order", "control", "data", "out"),
    dtypes=(Dtype.FLOAT64,),
    shard_axis="batch",
    shard_steps={"out": "width", "offset": "1"},
)
def gather_indices_by_order(
    order: Indices,
    control: Indices,
    data: Indices,
    out: Indices,
    samples: int,
    places: int,
    width: int,
    batch: int,
    offset: int,
    system: Arithmetic,
) -> None:
    """Copy a batch of integers, such as class indices."""
    start = control[POSITION] + offset
    for j in range(batch):
        place = start + j
        if place < 0 or place >= places:
            control[STATUS] = STOPPED_INDEX
            return
        row = order[place]
        if row < 0 or row >= samples:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(width):
            out[j * width + column] = data[row * width + column]


@kernel(
    reads={"x": "rows*width", "index": "count"},
    writes={"out": "count*width"},
    updates={"control": "16"},
    integers_in=("index", "control"),
)
def gather_rows(
    x: Reals,
    index: Indices,
    control: Indices,
    out: Reals,
    rows: int,
    width: int,
    count: int,
    system: Arithmetic,
) -> None:
    """Row `index[j]` of x, for each j."""
    for j in range(count):
        row = index[j]
        if row < 0 or row >= rows:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(width):
            out[j * width + column] = x[row * width + column]


@kernel(
    reads={"x": "count*width", "index": "count"},
    writes={"out": "rows*width", "scratch": "count"},
    updates={"control": "16"},
    integers_in=("index", "control"),
    varies=True,
)
def scatter_add_rows(
    x: Reals,
    index: Indices,
    control: Indices,
    scratch: Reals,
    out: Reals,
    rows: int,
    width: int,
    count: int,
    system: Arithmetic,
) -> None:
    """Row i of the result is the sum of the rows j of x with `index[j] = i`."""
    for i in range(rows * width):
        out[i] = system.constant(0)
    for j in range(count):
        row = index[j]
        if row < 0 or row >= rows:
            control[STATUS] = STOPPED_INDEX
            return
    if system.strict:
        # Each element's terms are gathered in order and summed by the tree.
        for row in range(rows):
            for column in range(width):
                terms = 0
                for j in range(count):
                    if index[j] == row:
                        scratch[terms] = x[j * width + column]
                        terms += 1
                out[row * width + column] = sum_of(scratch, 0, terms, system)
    else:
        for j in range(count):
            row = index[j]
            for column in range(width):
                place = row * width + column
                out[place] = out[place] + x[j * width + column]


@kernel(
    reads={"index": "count"},
    writes={"out": "count*classes"},
    updates={"control": "16"},
    integers_in=("index", "control"),
)
def one_hot(
    index: Indices,
    control: Indices,
    out: Reals,
    count: int,
    classes: int,
    system: Arithmetic,
) -> None:
    """1 at the class, 0 elsewhere."""
    for j in range(count):
        chosen = index[j]
        if chosen < 0 or chosen >= classes:
            control[STATUS] = STOPPED_INDEX
            return
        for column in range(classes):
            out[j * classes + column] = system.constant(0)
        out[j * classes + chosen] = system.constant(1)
