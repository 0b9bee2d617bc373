"""The optimizer's rows: one for all parameters, or one for each group of them.

Each part of a run (`TrainingRun.parts`) has its parameters side by side, and its
coefficients in a block of their own, one behind the other in one buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Assembly
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout, slot_buffer
from torchlean.plan import Place
from torchlean_spec.optimizers.groups import Part
from torchlean_spec.shape import Shape
from torchlean_spec.training import TrainingRun

CAPACITY = 16384
"""Steps whose coefficients and losses fit in the buffers of a run."""


def order_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """The parameters in the order in which they lie: part after part."""
    return tuple(name for part in parts for name in part.names)


def slot_layouts(run: TrainingRun, layout: Layout) -> dict[str, Layout]:
    """Where the tensors of each slot lie: in the order of the parameters.

    Args:
        run: The run.
        layout: Where its parameters lie.
    """
    order = order_of(run.parts)
    return {slot: _slot_layout(kept, layout, order) for slot, kept in run.kept.items()}


def _slot_layout(
    kept: Mapping[str, Shape], layout: Layout, order: Sequence[str]
) -> Layout:
    turned = [name for name in kept if layout.stretches[name].transposed]
    ordered = [name for name in order if name in kept]
    return Layout.of_shapes(kept, frozenset(turned), ordered)


def coefficient_starts(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    """Each part, and where its block of coefficients begins in the buffer.

    >>> from torchlean_spec.optimizers import SGD
    >>> blocks = coefficient_starts([Part(SGD(1), ("a",)), Part(SGD(1), ("b",))])
    >>> [start for _, start in blocks]
    [0, 16384]
    """
    start = 0
    for part in parts:
        yield part, start
        start += CAPACITY * len(part.optimizer.coefficient_names)


def update(assembly: Assembly, run: TrainingRun, control: int) -> None:
    """Add the calls that update every parameter from its gradient.

    Args:
        assembly: Where to add them.
        run: The run.
        control: The control block.
    """
    parts, graph = run.parts, assembly.graph
    width = sum(len(part.optimizer.coefficient_names) for part in parts)
    assembly.buffer(names.COEFFICIENTS, CAPACITY * width)
    slots = slot_layouts(run, assembly.layout)
    for slot, layout in slots.items():
        assembly.buffer(slot_buffer(slot), layout.size)
    for part, start in coefficient_starts(parts):
        optimizer = part.optimizer
        begin, size = assembly.layout.span(part.names)
        state = {
            slot: _stretch(graph, slot_buffer(slot), *slots[slot].span(part.names))
            for slot in optimizer.state_names
        }
        columns = CAPACITY * len(optimizer.coefficient_names)
        graph.call(
            optimizer.variant,
            {"table_rows": CAPACITY, "size": size},
            parameter=_stretch(graph, names.PARAMETERS, begin, size),
            gradient=_stretch(graph, names.GRADIENTS, begin, size),
            **state,
            coefficients=_stretch(graph, names.COEFFICIENTS, start, columns),
            control=control,
        )


def _stretch(graph: Graph, buffer: str, start: int, size: int) -> int:
    """A value that lies over those of some parameters."""
    return graph.value(size, place=Place(buffer, start), overlays=True)
