"""Rows of projected descent: a basis now and then, two products, the move.

In memory a gradient may lie transposed. What counts is which of its sides, as it
lies, is that of the basis: H is the gradient there, or its transpose.
"""

from __future__ import annotations

from fractions import Fraction

from torchlean.compiler.arena import Arena, Table, stretch
from torchlean.compiler.layout import slot_buffer
from torchlean.compiler.muon import product
from torchlean_spec.exact import exact
from torchlean_spec.optimizers import LowRankProjection, ProjectedSGD
from torchlean_spec.optimizers.projection import BASIS, signs
from torchlean_spec.shape import shape_of


def update_by_projection(optimizer: ProjectedSGD, arena: Arena, table: Table) -> None:
    """Add the calls that update the parameters of a part.

    Args:
        optimizer: The rule.
        arena: Its parameters, with gradients and bases.
        table: Its coefficients.
    """
    if isinstance(optimizer.projection, LowRankProjection):
        for name in arena.names:
            _update_matrix(optimizer.projection, arena, table, name)
        return
    arena.graph.call(
        "sgd",
        {"table_rows": table.rows, "size": arena.size},
        parameter=arena.all(arena.parameters),
        gradient=arena.all(arena.gradients),
        coefficients=table.block,
        control=table.control,
    )


def _update_matrix(
    projection: LowRankProjection, arena: Arena, table: Table, name: str
) -> None:
    """Sums, basis, coordinates, what is lifted, and the move."""
    graph = arena.graph
    rows, columns = arena.layout.stretches[name].sizes
    short, long = min(rows, columns), max(rows, columns)
    upright = (rows <= columns) != arena.layout.stretches[name].transposed
    count = projection.vectors(shape_of((rows, columns)))
    gradient = arena.one(arena.gradients, name)

    drawn = signs(projection.seed, count, long)
    sketch = graph.constant(*(Fraction(sign) for row in drawn for sign in row))
    of_sums = "matmul_transposed_right" if upright else "matmul"
    sums = product(graph, of_sums, sketch, gradient, count, long, short)
    where = arena.slots[BASIS].stretches[name].start
    basis = stretch(graph, slot_buffer(BASIS), where, count * short)
    graph.call(
        "refresh_basis",
        {"count": count, "length": short, "interval": projection.update_interval},
        sums=sums,
        threshold=graph.constant(exact(projection.threshold)),
        control=table.control,
        along=graph.value(count),
        shadow=graph.value(short),
        basis=basis,
    )

    if upright:
        taken = product(graph, "matmul", basis, gradient, count, short, long)
        turned = "matmul_transposed_left"
        lifted = product(graph, turned, basis, taken, short, count, long)
    else:
        turned = "matmul_transposed_right"
        taken = product(graph, turned, gradient, basis, long, short, count)
        lifted = product(graph, "matmul", taken, basis, long, count, short)
    graph.call(
        "move_along",
        table.integers(rows * columns),
        direction=lifted,
        scale=graph.constant(Fraction(1)),
        coefficients=table.block,
        control=table.control,
        parameter=arena.one(arena.parameters, name),
    )
