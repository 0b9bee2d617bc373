"""Positions: a pass over the data is taken up where it was left."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.batches import (
    Position,
    after,
    masked_mean,
    next_batch,
    padded,
    position_of_step,
    rest_of_epoch,
)
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.floating import Floating
from torchlean_spec.numbers.rational import RATIONAL


@st.composite
def loaders(draw: st.DrawFn) -> Loader:
    count = draw(st.integers(1, 20))
    return Loader(
        count,
        batch_size=draw(st.integers(1, count)),
        shuffle=draw(st.booleans()),
        drop_last=draw(st.booleans()),
        seed=draw(st.integers(0, 2**64 - 1)),
    )


@given(loaders(), st.integers(1, 40))
def test_batch_after_batch_is_the_run(loader: Loader, steps: int) -> None:
    """From the first position on, each step's batch comes at its position."""
    position = Position()
    for step in range(1, steps + 1):
        assert position == position_of_step(loader, step)
        batch, position = next_batch(loader, position)
        assert batch == loader.batch_of_step(step)


@given(loaders(), st.integers(0, 3), st.data())
def test_an_epoch_goes_on_in_the_middle(
    loader: Loader, epoch: int, data: st.DataObject
) -> None:
    """The batches before a position and those from it on are the epoch."""
    batch = data.draw(st.integers(0, loader.batches_per_epoch - 1))
    left, following = rest_of_epoch(loader, Position(epoch, batch))
    assert loader.batches(epoch)[:batch] + left == loader.batches(epoch)
    assert following == Position(epoch + 1, 0)


@given(st.integers(0, 2**70), st.integers(0, 2**70))
def test_a_position_is_read_back(epoch: int, batch: int) -> None:
    """What JSON holds of a position is the whole of it."""
    position = Position(epoch, batch)
    assert Position.from_json(position.to_json()) == position


def test_positions_are_ordered_as_batches_are() -> None:
    """An epoch's last batch comes before the next epoch's first."""
    assert Position(0, 9) < Position(1, 0) < Position(1, 1)


@given(st.lists(st.fractions(), min_size=1, max_size=6), st.integers(0, 4))
def test_padding_does_not_count(values: list[Fraction], missing: int) -> None:
    """The masked mean over a padded batch is the mean over the batch."""
    places, mask = padded(tuple(range(len(values))), len(values) + missing)
    filled = [values[place] for place in places]
    assert masked_mean(RATIONAL, filled, mask) == sum(values) / len(values)
    assert places[: len(values)] == tuple(range(len(values)))
    assert mask == (1,) * len(values) + (0,) * missing


def test_a_nan_in_the_padding_is_of_no_consequence() -> None:
    """What the padding gives is not multiplied by 0 but left out."""
    values = [0.5, math.nan, math.inf]
    assert masked_mean(Floating(), values, [1, 0, 0]) == 0.5


@pytest.mark.parametrize(
    ("call", "reason", "message"),
    [
        (
            lambda: padded((), 3),
            Reason.BATCH_SIZE,
            "expected from 1 to 3 samples to pad, got 0",
        ),
        (
            lambda: padded((1, 2), 1),
            Reason.BATCH_SIZE,
            "expected from 1 to 1 samples to pad, got 2",
        ),
        (
            lambda: masked_mean(RATIONAL, [Fraction(1)], [1, 0]),
            Reason.SHAPE_MISMATCH,
            "expected a mask of 1 numbers, got 2",
        ),
        (
            lambda: masked_mean(RATIONAL, [Fraction(1)], [2]),
            Reason.DOMAIN,
            "expected a mask of zeros and ones, got 2",
        ),
        (
            lambda: masked_mean(RATIONAL, [Fraction(1)], [0]),
            Reason.EMPTY_DATA,
            "expected a batch of at least 1 sample, got padding only",
        ),
        (
            lambda: Position(-1, 0),
            Reason.DOMAIN,
            "expected an epoch of at least 0, got -1",
        ),
        (
            lambda: Position(0, -1),
            Reason.DOMAIN,
            "expected a batch of at least 0, got -1",
        ),
        (
            lambda: after(Loader(7, 3), Position(0, 2)),
            Reason.DOMAIN,
            "expected a batch from 0 to 1 of an epoch, got 2",
        ),
        (
            lambda: rest_of_epoch(Loader(7, 3), Position(0, 2)),
            Reason.DOMAIN,
            "expected a batch from 0 to 1 of an epoch, got 2",
        ),
        (
            lambda: position_of_step(Loader(7, 3), 0),
            Reason.DOMAIN,
            "expected a step of at least 1, got 0",
        ),
        (
            lambda: Position.from_json({"epoch": 1}),
            Reason.FILE_FORMAT,
            "expected a position as {'epoch': 0, 'batch': 0}, got {'epoch': 1}",
        ),
        (
            lambda: Position.from_json({"epoch": True, "batch": 0}),
            Reason.FILE_FORMAT,
            "expected a position as {'epoch': 0, 'batch': 0}, "
            "got {'epoch': True, 'batch': 0}",
        ),
        (
            lambda: Position.from_json({"epoch": 0, "batch": -1}),
            Reason.FILE_FORMAT,
            "expected a position as {'epoch': 0, 'batch': 0}, "
            "got {'epoch': 0, 'batch': -1}",
        ),
    ],
)
def test_refusals(call: Callable[[], object], reason: Reason, message: str) -> None:
    """A position that no pass has is refused in one sentence."""
    with pytest.raises(TorchLeanError) as caught:
        call()
    assert caught.value.reason is reason
    assert str(caught.value) == message
