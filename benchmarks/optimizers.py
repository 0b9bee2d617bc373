"""Adam's update against PyTorch's fused one, and against the speed of memory.

    python benchmarks/optimizers.py [--threads 2] [--rounds 9]

The roofline is a loop that moves the same bytes and computes next to nothing: it
reads the gradient, and reads and writes parameter and both moments, 28 bytes a
parameter. The updated numbers are compared with the spec in binary32, to the bit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import paired
import peers
from numpy.typing import NDArray

TENSORS, TENSOR_SIZE = 200, 1000
LARGE = 10_000_000
MILLION = 1_000_000
CHECKED = 2_000
UPDATES = 20
"""Updates in one call of ours, as in a training loop; PyTorch is called for each."""

Array = NDArray[numpy.float32]


def start(size: int) -> Array:
    """Numbers to begin with."""
    return numpy.random.default_rng(0).standard_normal(size).astype(numpy.float32)


def torchlean_adam(size: int, threads: int) -> Any:
    """The machine that updates a flat arena."""
    from torchlean.coefficients import coefficient_table
    from torchlean.compiler.parallel import shared_out
    from torchlean.cpu.registry import Dtype, Mode
    from torchlean.cpu.running import CONTROL_WORDS
    from torchlean.interpreter import Machine
    from torchlean.plan import Buffer, Plan, Row
    from torchlean_spec.optimizers import Adam
    from torchlean_spec.schedules import Constant

    optimizer = Adam(learning_rate=peers.LEARNING_RATE)
    table = coefficient_table(optimizer, Constant(), 1, 1, "float32")
    flat = ("parameter", "gradient", "first", "second")
    buffers = [Buffer(name, size, initial=True) for name in flat]
    buffers.append(Buffer("coefficients", table.size, initial=True))
    buffers.append(Buffer("control", CONTROL_WORDS, holds_integers=True, initial=True))
    row = Row.of(
        optimizer.variant,
        **{name: name for name in (*flat, "coefficients", "control")},
        table_rows=1,
        size=size,
    )
    rows = [shared_out(row, Mode.FAST)]
    plan = Plan.of(Dtype.FLOAT32, Mode.FAST, buffers, rows)
    machine = Machine(plan, threads=threads)
    machine.array("coefficients")[:] = table.reshape(-1)
    machine.array("parameter")[:] = start(size)
    machine.array("gradient")[:] = start(size)
    return machine


def check_bits(machine: Any, size: int) -> None:
    """Compare the first update with the spec's binary32 numbers, to the bit."""
    from torchlean_spec.numbers import BINARY32
    from torchlean_spec.optimizers import Adam, coefficients_at

    optimizer = Adam(learning_rate=peers.LEARNING_RATE)
    coefficient = coefficients_at(optimizer, BINARY32, 1)
    zero = BINARY32.constant(0)
    given = start(size)
    places = numpy.random.default_rng(1).integers(0, size, min(CHECKED, size))
    after = machine.array("parameter")
    for place in places.tolist():
        x = BINARY32.from_float(float(given[place]))
        updated, _ = optimizer.update(BINARY32, coefficient, x, x, (zero, zero))
        if BINARY32.to_float(updated) != float(after[place]):
            raise SystemExit(f"element {place}: the update is not the spec's")
    print(f"size {size}: {len(places)} updated parameters have the spec's bits")


def roofline(size: int, threads: int) -> Callable[[], object]:
    """The same traffic without the arithmetic."""
    import numba

    numba.set_num_threads(threads)

    def move(p: Array, g: Array, m: Array, v: Array) -> None:
        for i in numba.prange(p.size):
            m[i] = m[i] + g[i]
            v[i] = v[i] + g[i]
            p[i] = p[i] + g[i]

    compiled = numba.njit(parallel=True)(move)
    # Written once, or the gradient would be one page of zeros in the nearest cache.
    arrays = [numpy.zeros(size, numpy.float32) + 1 for _ in range(4)]
    return lambda: compiled(*arrays)


def run(size: int, tensors: int, threads: int, rounds: int) -> paired.Comparison:
    """Compare one size, in one tensor or in many."""
    machine = torchlean_adam(size, threads)
    machine.run(1)
    check_bits(machine, size)
    split = [each.copy() for each in numpy.split(start(size), tensors)]
    work = {
        "torchlean": lambda: machine.run(UPDATES),
        "torch, fused": peers.torch_adam(split, threads),
        "memory roofline": roofline(size, threads),
    }
    goals = {"torch, fused": 20.0} if tensors > 1 else {}
    if size == LARGE:
        goals["memory roofline"] = 0.95
    title = f"Adam, {tensors} x {size // tensors} float32, {threads} threads"
    calls = {name: UPDATES if name == "torchlean" else 1 for name in work}
    return paired.compare(
        title, work, ours="torchlean", per_call=calls, goals=goals, rounds=rounds
    )


def main(arguments: list[str]) -> int:
    """Run every size and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    peers.pin_threads(given.threads)
    sizes = ((TENSORS * TENSOR_SIZE, TENSORS), (MILLION, 1), (LARGE, 1))
    results = [run(*size, given.threads, given.rounds) for size in sizes]
    if given.json:
        paired.write(given.json, results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
