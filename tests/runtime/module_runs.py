"""A model, its batches and its loader, for the tests of loops over modules."""

from __future__ import annotations

from typing import Any

from tests.runtime.runs import NUMBERS

from torchlean.data import BatchLoader
from torchlean.execution import Parameters
from torchlean.stream import GivenBatch
from torchlean_spec.layers import Dropout, Linear, Sequential
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.task import Task

MODEL = Sequential(Linear(6, 8), Dropout("0.5"), Linear(8, 3))
TASK = Task(MODEL, MeanSquaredError())
BATCHES: list[GivenBatch] = [
    (NUMBERS.inputs[start : start + 5], NUMBERS.targets[start : start + 5])
    for start in (0, 5, 10, 15)
]


def assert_same(one: Parameters, other: Parameters) -> None:
    """The same names and bits."""
    assert list(one) == list(other)
    for name, array in one.items():
        assert array.tobytes() == other[name].tobytes()


def loader_of(**settings: Any) -> BatchLoader[Any, Any]:
    """Batches of 8 of the 20 samples, shuffled by seed 3."""
    return BatchLoader(NUMBERS, 8, seed=3, **settings)
