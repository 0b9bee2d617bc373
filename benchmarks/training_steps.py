"""Whole training steps of multilayer perceptrons against PyTorch and JAX.

    python benchmarks/training_steps.py [--threads 2] [--rounds 9] [--json PATH]

An epoch of every competitor trains the same batches of the same data from the same
initial weights with Adam. The first losses are compared before anything is timed, so
that nobody is fast by doing something else; later ones drift apart, once a unit
within rounding of its kink falls on either side.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paired
import peers

COMPARED = 5
"""How many of the first losses are compared."""


@dataclass(frozen=True)
class Case:
    """One model, one batch size, and the ratios to reach."""

    widths: tuple[int, ...]
    batch: int
    batches: int
    classify: bool
    torch_goal: float
    jax_goal: float

    def __str__(self) -> str:
        return f"MLP {'-'.join(map(str, self.widths))}, batch {self.batch}, Adam"


CASES = (
    Case((2, 8, 1), 16, 1000, False, 200, 2),
    Case((784, 256, 128, 10), 32, 100, True, 2.5, 1.3),
    Case((784, 256, 128, 10), 1024, 10, True, 1.2, 1.1),
)


def run(case: Case, threads: int, rounds: int) -> paired.Comparison:
    """Compare one case."""
    import numpy

    import torchlean as tl
    from torchlean.engine import Engine
    from torchlean_spec.data import Loader
    from torchlean_spec.task import Task
    from torchlean_spec.training import TrainingRun

    source = numpy.random.default_rng(0)
    count = case.batch * case.batches
    inputs = source.standard_normal((count, case.widths[0])).astype(numpy.float32)
    targets: Any
    if case.classify:
        targets = source.integers(0, case.widths[-1], count)
    else:
        targets = source.standard_normal((count, 1)).astype(numpy.float32)
    layers: list[Any] = []
    for width, following in zip(case.widths, case.widths[1:], strict=False):
        layers += [tl.nn.Linear(width, following), tl.nn.ReLU()]
    model = tl.nn.Sequential(*layers[:-1])
    loss = tl.loss.CrossEntropy() if case.classify else tl.loss.MeanSquaredError()
    described = TrainingRun(
        Task(model, loss),
        tl.optim.Adam(learning_rate=peers.LEARNING_RATE),
        Loader(count, case.batch, shuffle=False),
        steps=10**9,
    )
    engine = Engine(described, tl.data.tensor_dataset(inputs, targets), threads=threads)
    weights = [
        values.copy()
        for name, values in engine.state().parameters.items()
        if name.endswith("weight")
    ]
    shaped = inputs.reshape(case.batches, case.batch, -1)
    wanted = targets.reshape(case.batches, case.batch, *targets.shape[1:])
    given = (case.widths, shaped, wanted, weights)
    torch_epoch = peers.torch_epoch(*given, threads)
    jax_epoch = peers.jax_epoch(*given)

    def epoch() -> list[float]:
        return [float(each) for each in engine.run(case.batches)]

    ours = epoch()
    for name, theirs in (("torch", torch_epoch()), ("jax", jax_epoch())):
        pairs = zip(ours[:COMPARED], theirs[:COMPARED], strict=True)
        worst = max(abs(a - b) for a, b in pairs)
        print(f"{case}: the first losses differ from {name}'s by at most {worst:.2g}")
    work = {
        "torchlean": epoch,
        "torch, eager, fused Adam": torch_epoch,
        "jax, lax.scan": jax_epoch,
    }
    goals = {
        "torch, eager, fused Adam": case.torch_goal,
        "jax, lax.scan": case.jax_goal,
    }
    title = f"{case}, {threads} threads: microseconds a step"
    return paired.compare(
        title, work, ours="torchlean", per_call=case.batches, goals=goals, rounds=rounds
    )


def main(arguments: list[str]) -> int:
    """Run every case and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    peers.pin_threads(given.threads)
    results = [run(case, given.threads, given.rounds) for case in CASES]
    if given.json:
        paired.write(given.json, results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
