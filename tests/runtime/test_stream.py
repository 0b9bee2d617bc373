"""Streams: one batch for each step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.stream import GivenBatch, StepBatchStream
from torchlean_spec.errors import Reason, TorchLeanError

INDICES = st.integers(0, 10**9)


def batch(number: int) -> GivenBatch:
    """A batch that is known by its number."""
    return [[float(number)]], [[0.0]]


@given(index=INDICES)
def test_a_fixed_stream_has_one_batch(index: int) -> None:
    """Whatever the step."""
    assert StepBatchStream.fixed(*batch(3)).batch(index) == batch(3)


@given(index=INDICES)
def test_a_function_is_given_the_index(index: int) -> None:
    """Unchanged, and asked again for each step."""
    asked: list[int] = []

    def function(number: int) -> GivenBatch:
        asked.append(number)
        return batch(number)

    stream = StepBatchStream.of_function(function)
    assert stream.batch(index) == stream.batch(index) == batch(index)
    assert asked == [index, index]


@given(index=INDICES, length=st.integers(1, 9))
def test_a_cycle_begins_again(index: int, length: int) -> None:
    """Batch i is that of i modulo their number; the batches are taken once."""
    stream = StepBatchStream.cycle(batch(number) for number in range(length))
    assert stream.batch(index) == batch(index % length)


def test_an_empty_cycle_is_refused_where_it_is_made() -> None:
    """In one sentence, and not at the first step."""
    with pytest.raises(TorchLeanError) as refused:
        StepBatchStream.cycle([])
    assert refused.value.reason is Reason.EMPTY_DATA
    assert str(refused.value) == "expected a cycle of at least 1 batch, got none"


def test_a_negative_step_is_refused() -> None:
    """Indices count from 0; a cycle does not wrap backwards."""
    with pytest.raises(TorchLeanError) as refused:
        StepBatchStream.cycle([batch(0), batch(1)]).batch(-1)
    assert refused.value.reason is Reason.DOMAIN
    assert str(refused.value) == "expected a step counted from 0, got -1"
