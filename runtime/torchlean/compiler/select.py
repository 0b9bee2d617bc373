"""From steps to calls of kernels: which kernel, with which integers and constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torchlean.compiler.graph import Graph, has_kernel
from torchlean.compiler.steps import Sizes, Step, Steps
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.operations import operation_named


@dataclass(slots=True)
class Selection:
    """A graph that is being filled with the calls of some steps."""

    program: Steps
    graph: Graph
    numbers: dict[int, int]
    """The graph's value for each value of the steps that is known so far."""

    transposed: frozenset[int]
    """Values that are matrices and lie transposed: weights and their derivatives."""

    control: int
    """The control block, in which a call says that an index is out of range."""

    def operands(self, step: Step) -> list[int]:
        """The graph's values of a step's operands."""
        return [self.numbers[each] for each in step.operands]

    def result(self, step: Step, place: int = 0) -> int:
        """The graph's value of a result; a new one unless its place is fixed."""
        number = step.results[place]
        if number not in self.numbers:
            size = math.prod(step.result_sizes[place])
            self.numbers[number] = self.graph.value(size)
        return self.numbers[number]


Selector = Callable[[Selection, Step], None]

SELECTORS: dict[str, Selector] = {}
"""How each operation becomes calls, where it is not one elementwise call."""


def selects(*names: str) -> Callable[[Selector], Selector]:
    """Enter a selector for some operations."""

    def enter(selector: Selector) -> Selector:
        SELECTORS.update(dict.fromkeys(names, selector))
        return selector

    return enter


def select(selection: Selection) -> None:
    """Add the calls of all steps to the graph.

    Raises:
        TorchLeanError: `UNSUPPORTED` for an operation without a CPU kernel.
    """
    for step in selection.program.steps:
        selector = SELECTORS.get(step.operation, elementwise)
        selector(selection, step)


def elementwise(selection: Selection, step: Step) -> None:
    """One call, whose arguments bear the names of the spec's operands."""
    graph = selection.graph
    if not has_kernel(step.operation, graph.mode):
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected operations that have a CPU kernel, got {step.operation}",
        )
    names = operation_named(step.operation).operands
    values = dict(zip(names, selection.operands(step), strict=True))
    for name in step.attributes:
        values[name] = graph.constant(step.attributes.exact(name))
    size = math.prod(step.result_sizes[0])
    graph.call(step.operation, {"size": size}, **values, out=selection.result(step))


@selects("fill")
def fill(selection: Selection, step: Step) -> None:
    """No call: a constant that is there from the start."""
    value = step.attributes.exact("value")
    size = math.prod(step.result_sizes[0])
    if step.results[0] not in selection.numbers:
        selection.numbers[step.results[0]] = selection.graph.filled(size, value)
    else:
        number = selection.graph.constant(value)
        out = selection.result(step)
        selection.graph.call("fill", {"size": size}, value=number, out=out)


def rows_and_width(sizes: Sizes) -> tuple[int, int]:
    """How many runs along the last axis there are, and how long each is."""
    width = sizes[-1] if sizes else 1
    return math.prod(sizes[:-1]), width
