"""Values share memory, and never while both are alive."""

from __future__ import annotations

import itertools
import random

from tests.runtime.compiler.programs import small_run

from torchlean.compiler.graph import Graph
from torchlean.compiler.lower import compile_step
from torchlean.compiler.memory import (
    ACTIVATION_INTEGERS,
    ACTIVATIONS,
    place_activations,
)
from torchlean.cpu.registry import Mode
from torchlean_spec.layers import Linear, Sequential, Tanh


def random_graph(generator: random.Random) -> Graph:
    """Calls that read earlier values, some of them long after."""
    graph = Graph(Mode.FAST)
    made = [graph.value(8)]
    graph.call("fill", {"size": 8}, value=graph.constant(), out=made[0])
    for _ in range(30):
        size = generator.randint(1, 100)
        out = graph.value(size)
        x, y = generator.choice(made), generator.choice(made)
        graph.call("add", {"size": size}, x=x, y=y, out=out)
        made.append(out)
    return graph


def test_what_is_alive_at_once_lies_apart() -> None:
    """Over random graphs, no two values overlap while both are needed."""
    generator = random.Random(4)
    for _ in range(20):
        graph = random_graph(generator)
        needed, _ = place_activations(graph, width=4)
        born: dict[int, int] = {}
        last: dict[int, int] = {}
        for number, call in enumerate(graph.calls):
            for _, value in graph.writes(call):
                born.setdefault(value, number)
            for value in call.values.values():
                last[value] = number
        for one, other in itertools.combinations(born, 2):
            if born[one] <= last[other] and born[other] <= last[one]:
                first, second = graph.values[one], graph.values[other]
                assert first.place is not None
                assert second.place is not None
                assert (
                    first.place.start + first.size <= second.place.start
                    or second.place.start + second.size <= first.place.start
                )
        for value in born:
            place = graph.values[value].place
            assert place is not None
            assert place.buffer == ACTIVATIONS
            assert place.start % 16 == 0
            assert place.start + graph.values[value].size <= needed


def test_memory_is_used_again() -> None:
    """Derivatives take the places of activations that are no longer needed."""
    layers = [layer for _ in range(20) for layer in (Linear(64, 64), Tanh())]
    run = small_run(Sequential(*layers), samples=64)
    compiled = compile_step(run, (64,), Mode.FAST, batch=16)
    compiled.verify()
    kept_for_the_way_back = 41 * 16 * 64
    assert compiled.plan.buffers[ACTIVATIONS].extent < kept_for_the_way_back + 9000


def test_integers_lie_by_themselves() -> None:
    """Numbers and integers have buffers of their own."""
    graph = Graph(Mode.FAST)
    numbers, integers = graph.value(10), graph.value(10, holds_integers=True)
    graph.call("copy", {"size": 10}, x=graph.value(10), out=numbers)
    source = graph.integers(*range(10))
    graph.call("copy_indices", {"size": 10}, x=source, out=integers)
    assert place_activations(graph, width=8) == (16, 16)
    place = graph.values[integers].place
    assert place is not None
    assert place.buffer == ACTIVATION_INTEGERS
