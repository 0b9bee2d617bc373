"""Certificates of runs whose parameters have optimizers of several kinds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from torchlean.backend import CpuBackend
from torchlean_proofs.certify import certify
from torchlean_proofs.judge import Phase
from torchlean_proofs.report import lines
from torchlean_proofs.search import SearchedRun, steps_of
from torchlean_proofs.strict import strict_certificate
from torchlean_spec.certificate import Certificate, RecordedStep, from_text, to_text
from torchlean_spec.data import Loader
from torchlean_spec.layers import Linear, Sequential, Tanh
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    LowRankProjection,
    Muon,
    Optimizer,
    ParameterGroup,
    ParameterGroups,
    ProjectedSGD,
)
from torchlean_spec.schedules import Cosine
from torchlean_spec.sources import Source
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import TrainingRun

SOURCE = Source("two-moons", part="training", held_out="0.25", count=40, seed=3)
STEPS = (1, 2, 3, 5)


def with_rest(optimizer: Optimizer, select: str = "matrices") -> ParameterGroups:
    """An optimizer for some parameters, and Adam for the others."""
    assert not isinstance(optimizer, ParameterGroups)
    return ParameterGroups(
        ParameterGroup(optimizer, select), ParameterGroup(Adam("0.01"), "rest")
    )


OPTIMIZERS: dict[str, Optimizer] = {
    "groups": with_rest(SGD("0.1", momentum="0.9"), "0.*"),
    "muon": with_rest(Muon("0.05", weight_decay="0.1")),
    "identity": with_rest(Muon("0.05", nesterov=False, orthogonalizer="identity")),
    "projected": with_rest(
        ProjectedSGD("0.5", LowRankProjection(1, update_interval=2))
    ),
    "everything": ProjectedSGD("0.1"),
}


def run_of(name: str) -> TrainingRun:
    """A small run with an optimizer."""
    return TrainingRun(
        Task(Sequential(Linear(2, 4), Tanh(), Linear(4, 2)), CrossEntropy()),
        OPTIMIZERS[name],
        Loader(30, 8, seed=1),
        steps=5,
        schedule=Cosine(9),
        seed=2,
    )


@functools.cache
def strictly(name: str) -> Certificate:
    """A run of the spec, to the bit."""
    return strict_certificate(run_of(name), SOURCE.load(), STEPS, SOURCE)


@functools.cache
def recorded(name: str) -> Certificate:
    """A run of our backend in fast mode, every step of it."""
    searched = SearchedRun(run_of(name), SOURCE.load())
    steps = tuple(steps_of(CpuBackend(), searched))
    wanted = tuple(step for step in steps if step.number in STEPS)
    return replace(strictly(name), backend="fast", steps=wanted)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_strict_and_fast_runs_are_certified(name: str) -> None:
    """What the spec and our backend record is what the spec allows."""
    for certificate in (strictly(name), recorded(name)):
        report = certify(certificate)
        assert report.certified, lines(report)
        assert 0 < report.worst <= 1


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_strict_runs_of_the_backend_are_the_specs(name: str) -> None:
    """In strict mode our backend writes the spec's certificate, to the letter."""
    searched = SearchedRun(run_of(name), SOURCE.load())
    made = tuple(steps_of(CpuBackend(strict=True), searched))
    wanted = tuple(step for step in made if step.number in STEPS)
    assert to_text(replace(strictly(name), steps=wanted)) == to_text(strictly(name))


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_certificates_survive_their_file(name: str) -> None:
    """What each optimizer keeps is written for its own parameters, and read back."""
    read = from_text(to_text(strictly(name)))
    assert read.certificate == strictly(name)
    assert read.intact


def moved(
    step: RecordedStep, slot: str, name: str, change: Callable[[float], float]
) -> RecordedStep:
    """A step after which every number of one tensor has changed."""
    parameters, slots = dict(step.after.parameters), dict(step.after.slots)
    kept = parameters if slot == "parameter" else dict(slots[slot])
    tensor = kept[name]
    values = np.array([change(value) for value in tensor.values], np.float32)
    kept[name] = Tensor(tensor.shape, tuple(values.tolist()))
    if slot != "parameter":
        slots[slot] = kept
    return replace(step, after=replace(step.after, parameters=parameters, slots=slots))


def blamed(name: str, planted: RecordedStep) -> set[tuple[int, Phase, str]]:
    """What a judge says of a certificate in which one step has changed."""
    steps = [planted if s.number == planted.number else s for s in recorded(name).steps]
    report = certify(replace(recorded(name), steps=tuple(steps)))
    assert not report.certified
    return {(each.step, each.phase, each.tensor) for each in report.disagreements}


def kept_tensors(name: str) -> list[tuple[str, str]]:
    """Every tensor that an optimizer moves: its slot, and its parameter."""
    run = run_of(name)
    kept = [("parameter", each) for each in run.task.parameter_names()]
    return kept + [(slot, each) for slot, names in run.kept.items() for each in names]


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_wrong_number_is_blamed_on_its_own_tensor(name: str) -> None:
    """One tensor that is off at the last step is named, whichever it is."""
    last = recorded(name).steps[-1]
    for slot, parameter in kept_tensors(name):
        planted = moved(last, slot, parameter, lambda value: value * 1.01 + 1e-3)
        found = blamed(name, planted)
        assert (last.number, Phase.OPTIMIZER, f"{slot}.{parameter}") in found


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_step_that_was_left_out_is_refused(name: str) -> None:
    """Parameters that stay where they were have not been updated."""
    last = recorded(name).steps[-1]
    still = replace(last, after=replace(last.after, parameters=last.before.parameters))
    found = blamed(name, still)
    names = run_of(name).task.parameter_names()
    assert {tensor for _, _, tensor in found} == {f"parameter.{n}" for n in names}
