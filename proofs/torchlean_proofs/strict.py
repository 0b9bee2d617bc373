"""The certificate that the spec itself writes, over IEEE binary numbers.

A strict backend records these bits. They are also an honest record to judge, of
any run, made without any backend.
"""

from __future__ import annotations

from collections.abc import Collection

from torchlean_spec import training
from torchlean_spec.certificate import Certificate, RecordedStep
from torchlean_spec.data import Dataset, Targets
from torchlean_spec.numbers.binary import BINARY32, BINARY64, Binary, BinaryNumber
from torchlean_spec.shape import Shape
from torchlean_spec.sources import Source, inline
from torchlean_spec.training import State, Step, Tensors, TrainingRun

SYSTEMS = {"float32": BINARY32, "float64": BINARY64}
"""The numbers of each format, to the bit."""


def strict_certificate(
    training_run: TrainingRun,
    dataset: Dataset[Shape, Targets],
    steps: Collection[int],
    source: Source | None = None,
) -> Certificate:
    """Run the spec to the bit, and record some steps.

    Args:
        training_run: The run.
        dataset: Its data.
        steps: Which steps to record, counted from 1.
        source: Where the data come from; they are written inline by default.
    """
    system = SYSTEMS[training_run.number_format]
    recorded = []
    for step in training.run(system, training_run, dataset):
        if step.number in steps:
            recorded.append(recorded_step(system, step))
        if step.number >= max(steps):
            break
    return Certificate(
        training_run,
        source or inline(dataset),
        dataset.digest(),
        f"spec over {system.name}",
        {},
        tuple(recorded),
    )


def recorded_step(system: Binary, step: Step[BinaryNumber]) -> RecordedStep:
    """One step's numbers as floats, which hold them exactly."""
    return RecordedStep(
        step.number,
        floats_of(system, step.before),
        system.to_float(step.loss),
        _floats(system, step.gradients),
        _floats(system, step.clipped),
        floats_of(system, step.after),
    )


def floats_of(system: Binary, state: State[BinaryNumber]) -> State[float]:
    """A state's numbers as floats, which hold them exactly."""
    slots = {slot: _floats(system, tensors) for slot, tensors in state.slots.items()}
    return State(state.step, _floats(system, state.parameters), slots)


def _floats(system: Binary, tensors: Tensors[BinaryNumber]) -> Tensors[float]:
    return {name: each.map(system.to_float) for name, each in tensors.items()}
