"""Muon's rows: momentum, norms, and for each matrix the steps of Newton and Schulz.

A matrix that lies transposed is made orthogonal as it lies: the transpose of an
orthogonal matrix is the orthogonal one of the transpose.
"""

from __future__ import annotations

from fractions import Fraction

from torchlean.compiler.arena import Arena, Table
from torchlean.compiler.clipping import NORM_NUMBERS
from torchlean.compiler.graph import Graph
from torchlean.cpu.linear import prefers_blas
from torchlean.cpu.registry import Mode
from torchlean_spec.exact import exact
from torchlean_spec.optimizers import Muon
from torchlean_spec.optimizers.orthogonal import QUINTIC
from torchlean_spec.shape import shape_of


def update_by_muon(optimizer: Muon, arena: Arena, table: Table) -> None:
    """Add the calls that update the matrices of a part.

    Args:
        optimizer: The rule.
        arena: Its matrices, with gradients and buffer.
        table: Its coefficients.
    """
    graph = arena.graph
    direction = graph.value(arena.size)
    graph.call(
        "muon_direction_nesterov" if optimizer.nesterov else "muon_direction",
        table.integers(arena.size),
        gradient=arena.all(arena.gradients),
        buffer=arena.slot("buffer"),
        coefficients=table.block,
        control=table.control,
        out=direction,
    )
    newton_schulz = optimizer.orthogonalizer == "newton-schulz"
    squares = _squares(arena, direction) if newton_schulz else direction
    for number, name in enumerate(arena.names):
        rows, columns = arena.extents(name)
        given, offset = direction, arena.offset(name)
        if newton_schulz:
            given, offset = graph.value(rows * columns), 0
            graph.call(
                "normalized",
                {"size": rows * columns},
                {"x": arena.offset(name), "square": number},
                x=direction,
                square=squares,
                epsilon=graph.constant(exact(optimizer.epsilon)),
                out=given,
            )
            for _ in range(optimizer.steps):
                given = _step(graph, given, rows, columns)
        shape = shape_of(arena.layout.stretches[name].sizes)
        graph.call(
            "move_along_decayed" if optimizer.weight_decay != 0 else "move_along",
            table.integers(rows * columns),
            {"direction": offset},
            direction=given,
            scale=graph.constant(optimizer.scale_of(shape)),
            coefficients=table.block,
            control=table.control,
            parameter=arena.one(arena.parameters, name),
        )


def _squares(arena: Arena, direction: int) -> int:
    """The sum of the squares of each matrix."""
    graph, count = arena.graph, len(arena.names)
    sums = graph.value(count)
    extents = [arena.extents(name) for name in arena.names]
    offsets = [arena.offset(name) for name in arena.names]
    pairs = zip(offsets, (rows * columns for rows, columns in extents), strict=True)
    graph.call(
        "tensor_norms",
        {"span": arena.size, "tensors": count, "norm": NORM_NUMBERS[2]},
        gradient=direction,
        segments=graph.integers(*(number for pair in pairs for number in pair)),
        out=sums,
    )
    return sums


def _step(graph: Graph, x: int, rows: int, columns: int) -> int:
    """One step of the quintic."""
    a, b, c = QUINTIC
    wide, short = rows <= columns, min(rows, columns)
    if wide:
        gram = product(graph, "matmul_transposed_right", x, x, short, columns, short)
    else:
        gram = product(graph, "matmul_transposed_left", x, x, short, rows, short)
    squared = product(graph, "matmul", gram, gram, short, short, short)
    inner = weighted_sum(graph, gram, squared, (b, c), short * short)
    if wide:
        moved = product(graph, "matmul", inner, x, short, short, columns)
    else:
        moved = product(graph, "matmul", x, inner, rows, short, short)
    return weighted_sum(graph, x, moved, (a, Fraction(1)), rows * columns)


def product(graph: Graph, kernel: str, a: int, b: int, m: int, k: int, n: int) -> int:
    """The product of [m, k] and [k, n], by the kernel that is best for the sizes."""
    out = graph.value(m * n)
    if graph.mode is Mode.FAST and prefers_blas(m, k, n):
        kernel = f"{kernel}_blas"
    graph.call(kernel, {"m": m, "k": k, "n": n}, a=a, b=b, out=out)
    return out


def weighted_sum(
    graph: Graph, x: int, y: int, weights: tuple[Fraction, Fraction], size: int
) -> int:
    """`u x + v y`."""
    out = graph.value(size)
    known = graph.constant(*weights)
    graph.call("weighted_sum", {"size": size}, x=x, y=y, weights=known, out=out)
    return out
