"""Operations that move numbers, pick rows, or draw masks."""

from __future__ import annotations

import math
from fractions import Fraction

from torchlean.compiler.select import Selection, rows_and_width, selects
from torchlean.compiler.steps import Sizes, Step
from torchlean_spec.operations.dropout import keep_threshold
from torchlean_spec.random import Stream, stream
from torchlean_spec.shape import axis_of, shape_of, strides


def strided(
    selection: Selection, x: int, out: int, extents: Sizes, steps: Sizes, start: int = 0
) -> None:
    """Copy to a result of some extents, walking through x by strides.

    Args:
        selection: The selection.
        x: What is copied from.
        out: What is copied to, in row-major order.
        extents: The sizes of the result.
        steps: The stride in x along each of its axes, in elements.
        start: Where in x the first element is.
    """
    if 0 in extents:
        return
    extents, steps = (extents, steps) if extents else ((1,), (1,))
    reach = sum((e - 1) * s for e, s in zip(extents, steps, strict=True)) + 1
    selection.graph.call(
        "strided_copy",
        {
            "rank": len(extents),
            "rows": math.prod(extents[:-1]),
            "width": extents[-1],
            "span": reach,
        },
        {"x": start},
        x=x,
        table=selection.graph.integers(*extents, *steps),
        out=out,
    )


def _strides(extents: Sizes) -> Sizes:
    return strides(shape_of(extents))


@selects("transpose")
def transpose(selection: Selection, step: Step) -> None:
    """Two axes by squares, more of them by strides."""
    (x,), (extents,) = selection.operands(step), step.operand_sizes
    out = selection.result(step)
    permutation = step.attributes.integers("permutation")
    if permutation == (1, 0):
        rows, columns = extents
        integers = {"rows": rows, "columns": columns}
        selection.graph.call("transpose_matrix", integers, x=x, out=out)
        return
    steps = tuple(_strides(extents)[axis] for axis in permutation)
    strided(selection, x, out, step.result_sizes[0], steps)


@selects("slice")
def slice_axis(selection: Selection, step: Step) -> None:
    """A part along an axis."""
    (x,), (extents,) = selection.operands(step), step.operand_sizes
    axis = axis_of(shape_of(extents), step.attributes.integer("axis"))
    steps = _strides(extents)
    start = step.attributes.integer("start") * steps[axis]
    out = selection.result(step)
    strided(selection, x, out, step.result_sizes[0], steps, start)


@selects("broadcast")
def broadcast(selection: Selection, step: Step) -> None:
    """Repeat along the axes that the operand lacks or has with size 1."""
    (x,), (extents,) = selection.operands(step), step.operand_sizes
    out, (wanted,) = selection.result(step), step.result_sizes
    if math.prod(extents) == 1:
        size = math.prod(wanted)
        selection.graph.call("fill", {"size": size}, value=x, out=out)
        return
    own = _strides(extents)
    missing = len(wanted) - len(extents)
    steps = [0 if extent == 1 else own[axis] for axis, extent in enumerate(extents)]
    strided(selection, x, out, wanted, (*[0] * missing, *steps))


@selects("concatenate")
def concatenate(selection: Selection, step: Step) -> None:
    """Two operands end to end: each is copied to its places."""
    axis = axis_of(shape_of(step.operand_sizes[0]), step.attributes.integer("axis"))
    graph, out = selection.graph, selection.result(step)
    outer = math.prod(step.operand_sizes[0][:axis])
    widths = [math.prod(sizes[axis:]) for sizes in step.operand_sizes]
    if outer > 1 and any(widths):
        # The runs leave gaps, which only the other operand's runs fill.
        size, zero = outer * sum(widths), graph.constant(Fraction(0))
        graph.call("fill", {"size": size}, value=zero, out=out)
    start = 0
    for x, width in zip(selection.operands(step), widths, strict=True):
        if outer == 1 and width:
            graph.call("copy", {"size": width}, {"out": start}, x=x, out=out)
        elif outer and width:
            runs = {"outer": outer, "inner": width, "stride": sum(widths)}
            graph.call("copy_runs", runs, {"out": start}, x=x, out=out)
        start += width


@selects("gather_rows")
def gather_rows(selection: Selection, step: Step) -> None:
    """Rows by their numbers."""
    x, index = selection.operands(step)
    rows = step.operand_sizes[0][0]
    width = math.prod(step.operand_sizes[0][1:])
    selection.graph.call(
        "gather_rows",
        {"rows": rows, "width": width, "count": math.prod(step.operand_sizes[1])},
        x=x,
        index=index,
        control=selection.control,
        out=selection.result(step),
    )


@selects("scatter_add_rows")
def scatter_add_rows(selection: Selection, step: Step) -> None:
    """Rows added up by their numbers."""
    x, index = selection.operands(step)
    rows = step.attributes.integer("rows")
    count = math.prod(step.operand_sizes[1])
    width = math.prod(step.result_sizes[0][1:])
    selection.graph.call(
        "scatter_add_rows",
        {"rows": rows, "width": width, "count": count},
        x=x,
        index=index,
        control=selection.control,
        scratch=selection.graph.value(count),
        out=selection.result(step),
    )


@selects("one_hot")
def one_hot(selection: Selection, step: Step) -> None:
    """1 at each class, 0 elsewhere."""
    (index,) = selection.operands(step)
    count, classes = rows_and_width(step.result_sizes[0])
    selection.graph.call(
        "one_hot",
        {"count": count, "classes": classes},
        index=index,
        control=selection.control,
        out=selection.result(step),
    )


@selects("dropout")
def dropout(selection: Selection, step: Step) -> None:
    """Elements kept by the words of the layer's stream."""
    x, draw = selection.operands(step)
    probability = step.attributes.exact("probability")
    size = math.prod(step.result_sizes[0])
    selection.graph.call(
        "dropout",
        {
            "size": size,
            "first": 0,
            "total": size,
            "threshold": keep_threshold(probability),
            "stream": stream(Stream.DROPOUT, step.attributes.integer("stream")),
        },
        x=x,
        draw=draw,
        factor=selection.graph.constant(1 / (1 - probability)),
        out=selection.result(step),
    )
