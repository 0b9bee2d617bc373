"""Places in memory: values that are never alive at once share it.

A value lives from the call that writes it to the last call that reads it, both
included, so that what a call writes never overlaps what it reads.
"""

from __future__ import annotations

from torchlean.compiler.graph import Graph
from torchlean.plan import ALIGNMENT, WORD_BYTES, Place

ACTIVATIONS, ACTIVATION_INTEGERS = "activations", "activation_integers"
"""The buffers of values that the compiler places, of numbers and of integers."""


def place_activations(graph: Graph, width: int) -> tuple[int, int]:
    """Give a place to every value that has none.

    First fit, in the order of the calls.

    Args:
        graph: The graph; its values' places are filled in.
        width: Bytes of a number.

    Returns:
        How many numbers and how many integers the activations need.
    """
    last = _last_uses(graph)
    sizes = []
    for integers in (False, True):
        unit = ALIGNMENT // (WORD_BYTES if integers else width)
        buffer = ACTIVATION_INTEGERS if integers else ACTIVATIONS
        # Stretches in use: start, stop, and the last call that needs them.
        alive: list[tuple[int, int, int]] = []
        end = 0
        for number, call in enumerate(graph.calls):
            for _, written in graph.writes(call):
                value = graph.values[written]
                if value.place is not None or value.holds_integers != integers:
                    continue
                alive = [each for each in alive if each[2] >= number]
                size = -(-value.size // unit) * unit
                start = _first_gap(alive, size)
                alive.append((start, start + size, last[written]))
                end = max(end, start + size)
                value.place = Place(buffer, start)
        sizes.append(end)
    return sizes[0], sizes[1]


def _last_uses(graph: Graph) -> dict[int, int]:
    """For each value, the number of the last call that it is an argument of."""
    return {
        value: number
        for number, call in enumerate(graph.calls)
        for value in call.values.values()
    }


def _first_gap(alive: list[tuple[int, int, int]], size: int) -> int:
    """Where the first stretch of a size begins that nothing alive overlaps."""
    place = 0
    for start, stop, _ in sorted(alive):
        if start - place >= size:
            return place
        place = max(place, stop)
    return place
