"""The optimizer's rows: one for all parameters, or one for each group of them.

Each part of a run (`TrainingRun.parts`) has its parameters side by side, and its
coefficients in a block of their own, one behind the other in one buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torchlean.compiler import layout as names
from torchlean.compiler.arena import Arena, Table, stretch
from torchlean.compiler.assembly import Assembly
from torchlean.compiler.layout import Layout, slot_buffer
from torchlean.compiler.muon import update_by_muon
from torchlean.compiler.projection import update_by_projection
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import (
    ElementOptimizer,
    Muon,
    PartOptimizer,
    ProjectedSGD,
    TensorOptimizer,
)
from torchlean_spec.optimizers.groups import Part
from torchlean_spec.optimizers.projection import BASIS
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
    return {
        slot: _slot_layout(slot, kept, layout, order) for slot, kept in run.kept.items()
    }


def _slot_layout(
    slot: str, kept: Mapping[str, Shape], layout: Layout, order: Sequence[str]
) -> Layout:
    turned = [name for name in kept if layout.stretches[name].transposed]
    if slot == BASIS:
        # A basis lies as it is, however its parameter does.
        turned = []
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
    slots = slot_layouts(run, assembly.layout)
    for slot, layout in slots.items():
        assembly.buffer(slot_buffer(slot), layout.size)
    width = sum(len(part.optimizer.coefficient_names) for part in parts)
    assembly.buffer(names.COEFFICIENTS, CAPACITY * width)
    for part, start in coefficient_starts(parts):
        optimizer = part.optimizer
        columns = len(optimizer.coefficient_names)
        block = stretch(graph, names.COEFFICIENTS, start, CAPACITY * columns)
        table = Table(block, control, CAPACITY, columns)
        arena = Arena(graph, assembly.layout, part.names, slots)
        update_part(optimizer, arena, table)


def update_part(optimizer: PartOptimizer, arena: Arena, table: Table) -> None:
    """Add the calls of one part's update.

    Args:
        optimizer: The rule.
        arena: The part's parameters, with gradients and state.
        table: The rule's coefficients.

    Raises:
        TorchLeanError: `UNSUPPORTED` for a rule that has no kernels.
    """
    if isinstance(optimizer, TensorOptimizer):
        _update_tensors(optimizer, arena, table)
    else:
        _update_elements(optimizer, arena, table)


def _update_elements(optimizer: ElementOptimizer, arena: Arena, table: Table) -> None:
    """One row for every element of a part."""
    state = {slot: arena.slot(slot) for slot in optimizer.state_names}
    arena.graph.call(
        optimizer.variant,
        {"table_rows": table.rows, "size": arena.size},
        parameter=arena.all(arena.parameters),
        gradient=arena.all(arena.gradients),
        **state,
        coefficients=table.block,
        control=table.control,
    )


def _update_tensors(optimizer: TensorOptimizer, arena: Arena, table: Table) -> None:
    """Rows for each matrix of a part."""
    if isinstance(optimizer, Muon):
        update_by_muon(optimizer, arena, table)
    elif isinstance(optimizer, ProjectedSGD):
        update_by_projection(optimizer, arena, table)
    else:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected an optimizer of elements, muon or projected_sgd, "
            f"got {optimizer.name}",
        )
