"""Sums and means along axes, softmax, and the adjoint of broadcasting."""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals, helper
from torchlean.cpu.layout import offset_of
from torchlean.cpu.primitives import local_reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.strict_columns import sum_columns
from torchlean.cpu.summation import (
    BLOCK,
    TOWER,
    block_sum,
    clear,
    dot_of,
    sum_of,
    tower_add,
    tower_total,
)

CHUNK = 4096
"""Elements whose exponentials are taken together: they stay in the nearest cache."""
FEW = 32
"""Up to so many classes, a row is too short for vectors along it to pay."""


@kernel(
    reads={"x": "outer*count"},
    writes={"out": "outer"},
    varies=True,
    shard_axis="outer",
    shard_steps={"x": "count", "out": "1"},
)
def sum_last(x: Reals, out: Reals, outer: int, count: int, system: Arithmetic) -> None:
    """The sum of each run of `count` numbers; of everything if `outer` is 1."""
    for i in range(outer):
        out[i] = sum_of(x, i * count, count, system)


@kernel(
    reads={"x": "outer*count"},
    writes={"out": "outer"},
    varies=True,
    shard_axis="outer",
    shard_steps={"x": "count", "out": "1"},
)
def mean_last(
    x: Reals, out: Reals, outer: int, count: int, divisor: int, system: Arithmetic
) -> None:
    """The sum of each run divided by `divisor` (`count`, unless x holds sums)."""
    for i in range(outer):
        out[i] = sum_of(x, i * count, count, system) / system.constant(divisor)


@kernel(
    reads={"x": f"blocks*{BLOCK}"},
    writes={"out": "blocks"},
    varies=True,
    shard_axis="blocks",
    shard_steps={"x": f"{BLOCK}", "out": "1"},
)
def sum_blocks(x: Reals, out: Reals, blocks: int, system: Arithmetic) -> None:
    """The sums of whole blocks of 1024: summed again, they give the strict sum."""
    for block in range(blocks):
        out[block] = block_sum(x, block * BLOCK, BLOCK, system)


@kernel(
    reads={"x": "outer*count*inner"},
    writes={"out": "outer*inner"},
    varies=True,
    shard_axis="outer",
    shard_steps={"x": "count*inner", "out": "inner"},
)
def sum_axis(
    x: Reals,
    out: Reals,
    outer: int,
    count: int,
    inner: int,
    system: Arithmetic,
) -> None:
    """The sum along the middle one of three axes."""
    for i in range(outer):
        sum_columns(x, i * count * inner, inner, out, i * inner, count, inner, system)


@kernel(
    reads={"x": "outer*count*inner"},
    writes={"out": "outer*inner"},
    varies=True,
    shard_axis="outer",
    shard_steps={"x": "count*inner", "out": "inner"},
)
def mean_axis(
    x: Reals,
    out: Reals,
    outer: int,
    count: int,
    inner: int,
    system: Arithmetic,
) -> None:
    """The mean along the middle one of three axes."""
    for i in range(outer):
        sum_columns(x, i * count * inner, inner, out, i * inner, count, inner, system)
    divisor = system.constant(count)
    for i in range(outer * inner):
        out[i] = out[i] / divisor


@kernel(
    reads={"x": "span", "kept_table": "kept_rank*2", "table": "rank*2"},
    writes={"out": "kept"},
    integers_in=("kept_table", "table"),
    varies=True,
)
def reduce_strided(
    x: Reals,
    kept_table: Indices,
    table: Indices,
    out: Reals,
    kept_rank: int,
    rank: int,
    kept: int,
    count: int,
    span: int,
    system: Arithmetic,
) -> None:
    """Each element of the result is the sum of `count` numbers, by strides.

    The tables are those of `layout.strided_copy`: of the axes that are kept, and of
    the axes that are summed over, each in row-major order. Both ranks are at least
    1 (a table of one axis of extent 1 stands for none).
    """
    terms = local_reals(1024, system)
    tower = local_reals(96, system)
    width = table[rank - 1]
    step = table[2 * rank - 1]
    kept_width = kept_table[kept_rank - 1]
    kept_step = kept_table[2 * kept_rank - 1]
    blocks = (count + BLOCK - 1) // BLOCK
    for i in range(kept):
        row = i // max(kept_width, 1)
        base = offset_of(row, kept_table, kept_rank)
        base += (i - row * kept_width) * kept_step
        clear(tower, 0, TOWER, system)
        for block in range(blocks):
            first = block * BLOCK
            length = min(BLOCK, count - first)
            for j in range(length):
                inner_row = (first + j) // width
                column = first + j - inner_row * width
                place = base + offset_of(inner_row, table, rank) + column * step
                terms[j] = x[place]
            tower_add(tower, block, block_sum(terms, 0, length, system), system)
        out[i] = tower_total(tower, blocks, system)


@helper
def row_maximum(x: Reals, start: int, count: int, system: Arithmetic) -> float:
    """The largest of some consecutive numbers, 0 of none; a NaN wins if there are many.

    Of few numbers a NaN may lose: their differences from the answer have it anyway.
    """
    if count == 0:
        return system.constant(0)
    largest = x[start]
    if count > FEW:
        for j in range(start + 1, start + count):
            largest = system.maximum(largest, x[j])
    else:
        for j in range(start + 1, start + count):
            largest = system.where(system.less(largest, x[j]), x[j], largest)
    return largest


@kernel(
    reads={"x": "rows*classes"},
    writes={"out": "rows*classes"},
    elementary=True,
    shard_axis="rows",
    shard_steps={"x": "classes", "out": "classes"},
)
def softmax(x: Reals, out: Reals, rows: int, classes: int, system: Arithmetic) -> None:
    """`e^(x_i - max x) / sum_j e^(x_j - max x)` of each row."""
    chunk = max(CHUNK // max(classes, 1), 1)
    for first in range(0, rows, chunk):
        last = min(first + chunk, rows)
        for row in range(first, last):
            start = row * classes
            top = row_maximum(x, start, classes, system)
            for j in range(classes):
                out[start + j] = x[start + j] - top
        for i in range(first * classes, last * classes):
            out[i] = system.exp(out[i])
        for row in range(first, last):
            start = row * classes
            total = sum_of(out, start, classes, system)
            for j in range(classes):
                out[start + j] = out[start + j] / total


@kernel(
    reads={"x": "rows*classes"},
    writes={"out": "rows*classes"},
    elementary=True,
    shard_axis="rows",
    shard_steps={"x": "classes", "out": "classes"},
)
def log_softmax(
    x: Reals, out: Reals, rows: int, classes: int, system: Arithmetic
) -> None:
    """`(x_i - max x) - log sum_j e^(x_j - max x)` of each row."""
    for row in range(rows):
        start = row * classes
        top = row_maximum(x, start, classes, system)
        for j in range(classes):
            out[start + j] = system.exp(x[start + j] - top)
        normalizer = system.log(sum_of(out, start, classes, system))
        for j in range(classes):
            out[start + j] = (x[start + j] - top) - normalizer


@kernel(
    reads={"y": "rows*classes", "upstream": "rows*classes"},
    writes={"out": "rows*classes"},
    varies=True,
    shard_axis="rows",
    shard_steps={"y": "classes", "upstream": "classes", "out": "classes"},
)
def softmax_gradient(
    y: Reals,
    upstream: Reals,
    out: Reals,
    rows: int,
    classes: int,
    system: Arithmetic,
) -> None:
    """`y_i (u_i - sum_j u_j y_j)` of each row, of the result y."""
    for row in range(rows):
        start = row * classes
        mean = dot_of(upstream, start, y, start, classes, system)
        for i in range(start, start + classes):
            out[i] = y[i] * (upstream[i] - mean)


@kernel(
    reads={"y": "rows*classes", "upstream": "rows*classes"},
    writes={"out": "rows*classes"},
    elementary=True,
    shard_axis="rows",
    shard_steps={"y": "classes", "upstream": "classes", "out": "classes"},
)
def log_softmax_gradient(
    y: Reals,
    upstream: Reals,
    out: Reals,
    rows: int,
    classes: int,
    system: Arithmetic,
) -> None:
    """`u_i - e^(y_i) sum_j u_j` of each row, of the result y."""
    for row in range(rows):
        start = row * classes
        total = sum_of(upstream, start, classes, system)
        for i in range(start, start + classes):
            out[i] = upstream[i] - system.exp(y[i]) * total
