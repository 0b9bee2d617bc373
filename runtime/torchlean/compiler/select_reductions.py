"""Sums, means, the adjoint of broadcasting, softmax."""

from __future__ import annotations

import math

from torchlean.compiler.select import Selection, rows_and_width, selects
from torchlean.compiler.steps import Sizes, Step
from torchlean_spec.shape import axis_of, broadcast_axes, shape_of, strides


def _blocks(extents: Sizes, axis: int | None) -> tuple[int, int, int]:
    """How much lies outside an axis, along it, and inside it."""
    if axis is None:
        return 1, math.prod(extents), 1
    place = axis_of(shape_of(extents), axis)
    outer, inner = math.prod(extents[:place]), math.prod(extents[place + 1 :])
    return outer, extents[place], inner


@selects("sum", "mean")
def sum_or_mean(selection: Selection, step: Step) -> None:
    """Along the last axis, of everything, or along another axis."""
    (x,), (extents,) = selection.operands(step), step.operand_sizes
    outer, count, inner = _blocks(extents, step.attributes.optional_integer("axis"))
    out, name = selection.result(step), step.operation
    integers = {"outer": outer, "count": count}
    if inner != 1:
        integers["inner"] = inner
        selection.graph.call(f"{name}_axis", integers, x=x, out=out)
        return
    if name == "mean":
        integers["divisor"] = count
    selection.graph.call(f"{name}_last", integers, x=x, out=out)


@selects("reduce_to")
def reduce_to(selection: Selection, step: Step) -> None:
    """The sum of the copies that broadcasting would make."""
    (x,), (extents,) = selection.operands(step), step.operand_sizes
    (wanted,) = step.result_sizes
    graph, out = selection.graph, selection.result(step)
    summed = broadcast_axes(shape_of(wanted), shape_of(extents))
    kept = [axis for axis in range(len(extents)) if axis not in summed]
    if summed == tuple(range(len(summed))):
        inner = math.prod(extents[axis] for axis in kept)
        count = math.prod(extents[axis] for axis in summed)
        if inner == 1:
            graph.call("sum_last", {"outer": 1, "count": count}, x=x, out=out)
            return
        integers = {"outer": 1, "count": count, "inner": inner}
        graph.call("sum_axis", integers, x=x, out=out)
        return
    tables = [_table(extents, axes) for axes in (kept, list(summed))]
    size = math.prod(extents)
    graph.call(
        "reduce_strided",
        {
            "kept_rank": len(tables[0]) // 2,
            "rank": len(tables[1]) // 2,
            "kept": math.prod(wanted),
            "count": math.prod(extents[axis] for axis in summed),
            "span": size,
        },
        x=x,
        kept_table=graph.integers(*tables[0]),
        table=graph.integers(*tables[1]),
        out=out,
    )


def _table(extents: Sizes, axes: list[int]) -> Sizes:
    """The extents of some axes, and then their strides; at least one axis."""
    own = strides(shape_of(extents))
    if not axes:
        return (1, 1)
    return (*(extents[axis] for axis in axes), *(own[axis] for axis in axes))


@selects("softmax", "log_softmax", "softmax_gradient", "log_softmax_gradient")
def softmax(selection: Selection, step: Step) -> None:
    """Row by row along the last axis."""
    rows, classes = rows_and_width(step.result_sizes[0])
    operands = selection.operands(step)
    names = ("x",) if len(operands) == 1 else ("y", "upstream")
    selection.graph.call(
        step.operation,
        {"rows": rows, "classes": classes},
        **dict(zip(names, operands, strict=True)),
        out=selection.result(step),
    )
