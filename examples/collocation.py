"""Solve a differential equation with a loss of one's own, on a stream of points.

The equation is u' = -u with u(0) = 1 on [0, 2]; its solution is exp(-x). The trial
solution u(x) = 1 + x N(x) has the right value at 0 whatever the model N is. A sample is
a pair of points a twentieth apart, drawn anew for each step, and the loss is the square
of the residual by the trapezoid rule: (u1 - u0) / (x1 - x0) + (u0 + u1) / 2.

Run `python examples/collocation.py`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

import torchlean as tl
from torchlean_spec.operations import Kind
from torchlean_spec.program import Value
from torchlean_spec.shape import Shape

GAP = 1 / 20
PAIRS = 32


@dataclass(frozen=True)
class Residual:
    """How far the trial solution is from the equation, between two points."""

    reduction: Literal["mean"] = "mean"
    target_kind = Kind.REAL

    def target_shape(self, prediction: Shape, /) -> Shape:
        """The points, [pairs, 2, 1], as the model's outputs for them."""
        return prediction

    def apply(self, prediction: Value, target: Value, /) -> Value:
        """The mean square of the residual, built from the spec's operations."""
        one = prediction.build("fill", target=prediction.shape, value=1)
        solution = one + target * prediction
        left, right = (
            solution.apply("slice", axis=1, start=k, stop=k + 1) for k in (0, 1)
        )
        start, stop = (
            target.apply("slice", axis=1, start=k, stop=k + 1) for k in (0, 1)
        )
        slope = (right - left) / (stop - start)
        two = left.build("fill", target=left.shape, value=2)
        residual = slope + (left + right) / two
        return (residual * residual).apply("mean", axes=(0, 1, 2))


def pairs(index: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of points of a step; the model's inputs are the loss's targets."""
    left = np.random.default_rng((0, index)).uniform(0, 2 - GAP, (PAIRS, 1, 1))
    points = np.concatenate([left, left + GAP], axis=1)
    return points, points


def error(trained: tl.Trained) -> float:
    """The largest distance from exp(-x) on a grid."""
    grid = np.linspace(0, 2, 201).reshape(-1, 1, 1)
    both = np.concatenate([grid, grid], axis=1)
    answers = trained.predict(both)[:, :1].astype(np.float64)
    return float(np.abs(1 + grid * answers - np.exp(-grid)).max())


grid = np.linspace(0, 2 - GAP, 100).reshape(-1, 1, 1)
evenly = np.concatenate([grid, grid + GAP], axis=1)
trainer = tl.Trainer(
    tl.nn.Sequential(
        tl.nn.Linear(1, 16),
        tl.nn.Tanh(),
        tl.nn.Linear(16, 16),
        tl.nn.Tanh(),
        tl.nn.Linear(16, 1),
    ),
    loss=Residual(),
    optimizer=tl.optim.Adam(0.03),
    schedule=tl.schedule.Cosine(total=2000),
)
print(f"largest error before: {error(trainer.initial()):.4f}")
trained = trainer.train_stream(
    pairs, 2000, evaluation=tl.data.tensor_dataset(evenly, evenly), every=500
)
for step, residual in zip(
    trained.evaluations.steps, trained.evaluations.values, strict=True
):
    print(f"step {step}: mean square of the residual {residual:.2e}")
print(f"largest error after: {error(trained):.4f}")
