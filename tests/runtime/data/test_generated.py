"""Batches from a generator function: pass after pass, and by their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import data
from torchlean.stream import StepBatchStream
from torchlean_spec.errors import Reason, TorchLeanError

Pair = tuple[list[list[float]], list[int]]


def numbered(length: int) -> Callable[[], Iterator[Pair]]:
    """Batches that can be told apart."""

    def batches() -> Iterator[Pair]:
        return (([[float(number)]], [number]) for number in range(length))

    return batches


@given(st.integers(1, 5), st.lists(st.integers(0, 20), min_size=1, max_size=8))
def test_batches_by_their_number(length: int, steps: list[int]) -> None:
    """In any order, forwards and back; behind the last comes the first."""
    stream = data.generated_batches(numbered(length))
    for step in steps:
        inputs, labels = stream.batch(step)
        assert labels.tolist() == [step % length]
        assert inputs.tolist() == [[float(step % length)]]


def test_going_on_generates_each_batch_once() -> None:
    """A pass is not begun anew for every step."""
    passes = count()

    def batches() -> Iterator[Pair]:
        next(passes)
        return numbered(3)()

    stream = data.generated_batches(batches)
    assert [stream.batch(step)[1][0] for step in range(6)] == [0, 1, 2, 0, 1, 2]
    assert next(passes) == 2


def test_a_stream_without_an_end() -> None:
    """Of an endless stream the first batches can be had, and each by its number."""

    def batches() -> Iterator[Pair]:
        return (([[float(number)]], [number]) for number in count())

    stream = data.generated_batches(batches)
    assert [labels.tolist() for _, labels in stream.take(2)] == [[0], [1]]
    assert stream.batch(50)[1].tolist() == [50]


def test_passes_are_alike() -> None:
    """Each pass begins at the start."""
    stream = data.generated_batches(numbered(2))
    first, second = ([labels.tolist() for _, labels in stream] for _ in range(2))
    assert first == second == [[0], [1]]


def test_steps_of_a_run_take_generated_batches() -> None:
    """The method is the function that a stream of steps asks for."""
    stream = StepBatchStream.of_function(data.generated_batches(numbered(3)).batch)
    found = [np.asarray(stream.batch(step)[1]).tolist() for step in range(4)]
    assert found == [[0], [1], [2], [0]]


def only(inputs: object, targets: object) -> data.GeneratedBatches:
    """A stream of one batch."""
    return data.generated_batches(lambda: [(inputs, targets)])  # type: ignore[list-item]


REFUSED: list[tuple[Callable[[], object], Reason, str]] = [
    (
        lambda: only([[0.0]], [0, 1]).batch(0),
        Reason.SHAPE_MISMATCH,
        "expected one target for each input of a batch, got inputs of shape [1, 1] "
        "and targets of shape [2]",
    ),
    (
        lambda: only(1.0, 2.0).take(1),
        Reason.SHAPE_MISMATCH,
        "expected one target for each input of a batch, got inputs of shape [] "
        "and targets of shape []",
    ),
    (
        lambda: only(np.zeros((0, 2)), []).batch(0),
        Reason.EMPTY_DATA,
        "expected a batch of at least 1 sample, got none",
    ),
    (
        lambda: data.generated_batches(numbered(0)).batch(0),
        Reason.EMPTY_DATA,
        "expected at least 1 generated batch, got none",
    ),
    (
        lambda: data.generated_batches(numbered(1)).batch(-1),
        Reason.DOMAIN,
        "expected a step of at least 0, got -1",
    ),
]


@pytest.mark.parametrize(("call", "reason", "message"), REFUSED)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """One sentence says what was expected and what was given."""
    with pytest.raises(TorchLeanError) as refused:
        call()
    assert str(refused.value) == message
    assert refused.value.reason is reason
