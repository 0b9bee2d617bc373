"""A part of the arena: what the rows of one optimizer read and write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torchlean.compiler import layout as buffers
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout, slot_buffer
from torchlean.plan import Place


def stretch(graph: Graph, buffer: str, start: int, size: int) -> int:
    """A value that lies over others in a buffer."""
    return graph.value(size, place=Place(buffer, start), overlays=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Where the coefficients of an optimizer stand."""

    block: int
    """The value that is the whole table."""
    control: int
    rows: int
    columns: int

    def integers(self, size: int) -> dict[str, int]:
        """What a kernel must know of it, beside how many elements there are."""
        return {"table_rows": self.rows, "columns": self.columns, "size": size}


@dataclass(frozen=True, slots=True)
class Arena:
    """The parameters of one optimizer, with their gradients and its state."""

    graph: Graph
    layout: Layout
    names: tuple[str, ...]
    """The parameters, which lie side by side."""
    slots: Mapping[str, Layout]
    parameters: str = buffers.PARAMETERS
    gradients: str = buffers.GRADIENTS

    @property
    def size(self) -> int:
        """How many numbers the parameters have."""
        return self.layout.span(self.names)[1]

    def all(self, buffer: str) -> int:
        """All of them, in the buffer of parameters or of gradients."""
        return stretch(self.graph, buffer, *self.layout.span(self.names))

    def one(self, buffer: str, name: str) -> int:
        """One of them."""
        each = self.layout.stretches[name]
        return stretch(self.graph, buffer, each.start, math.prod(each.sizes))

    def slot(self, slot: str) -> int:
        """All of one slot's tensors."""
        layout = self.slots[slot]
        return stretch(self.graph, slot_buffer(slot), *layout.span(self.names))

    def offset(self, name: str) -> int:
        """Where a parameter begins among them."""
        return self.layout.stretches[name].start - self.layout.span(self.names)[0]

    def extents(self, name: str) -> tuple[int, int]:
        """The rows and columns of a matrix as it lies in memory."""
        each = self.layout.stretches[name]
        rows, columns = each.sizes
        return (columns, rows) if each.transposed else (rows, columns)
