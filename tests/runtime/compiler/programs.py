"""Small runs that the compiler's tests share, and how to run their plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.coefficients import coefficient_table
from torchlean.compiler import layout as names
from torchlean.compiler.lower import compile_step
from torchlean.compiler.rewrites import Rewrite
from torchlean.compiler.updates import coefficient_starts
from torchlean.cpu.registry import Mode
from torchlean.inference import machine_of
from torchlean.initial import initial_parameters
from torchlean_spec.data import Loader
from torchlean_spec.layers import Layer, Linear, ReLU, Sequential
from torchlean_spec.losses import Loss, MeanSquaredError
from torchlean_spec.optimizers import Adam, Optimizer
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

STEPS = 3


def small_run(
    model: Layer | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    samples: int = 40,
    batch: int = 16,
) -> TrainingRun:
    """A run of a few steps; by default a network 6-5-4-3 with squared errors."""
    layers = (Linear(6, 5), ReLU(), Linear(5, 4), ReLU(), Linear(4, 3))
    return TrainingRun(
        Task(model or Sequential(*layers), loss or MeanSquaredError()),
        optimizer or Adam("0.01"),
        Loader(samples, batch, drop_last=False),
        steps=6,
    )


def run_plan(
    run: TrainingRun,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mode: Mode,
    rewrites: Sequence[Rewrite],
) -> tuple[list[str], list[bytes]]:
    """Run some steps of a run over samples in their order.

    Returns:
        The kernels that ran, and the bits of losses, gradients and parameters.
    """
    count, batch = len(inputs), len(inputs) // STEPS
    sample = inputs.shape[1:]
    compiled = compile_step(run, sample, mode, batch, rewrites)
    number_format = run.number_format
    shared: dict[str, NDArray[Any]] = {}
    for name, buffer in compiled.plan.buffers.items():
        if buffer.outside:
            kind = "int64" if buffer.holds_integers else number_format
            shared[name] = np.zeros(buffer.extent, kind)
    is_index = targets.dtype == np.int64
    shared[names.INPUTS] = inputs.astype(number_format).reshape(-1)
    shared[names.TARGETS] = (
        targets if is_index else targets.astype(number_format)
    ).reshape(-1)
    shared[names.ORDER][:count] = np.arange(count)
    layout = compiled.layout
    started = initial_parameters(run.task.model, 0, number_format)
    layout.write(shared[names.PARAMETERS], started)
    for part, start in coefficient_starts(run.parts):
        rule = part.optimizer
        table = coefficient_table(rule, run.schedule, 1, STEPS, number_format)
        shared[names.COEFFICIENTS][start : start + table.size] = table.reshape(-1)
    machine = machine_of(compiled, shared, threads=1)
    assert machine.run(STEPS) == STEPS
    tensors = [
        *layout.read(shared[names.GRADIENTS]).values(),
        *layout.read(shared[names.PARAMETERS]).values(),
    ]
    kernels = [row.kernel for row in compiled.plan.single_rows()]
    bits = [shared[names.LOSSES][:STEPS].tobytes()]
    return kernels, bits + [tensor.tobytes() for tensor in tensors]
