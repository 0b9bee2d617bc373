"""Orders of epochs are the spec's."""

from __future__ import annotations

import numpy as np
import pytest

from torchlean.epochs import (
    Epochs,
    as_signed,
    epochs_together,
    order_places,
    used_places,
)
from torchlean_spec.data import Loader


@pytest.mark.parametrize("count", [1, 2, 7, 1000, 4097])
@pytest.mark.parametrize("seed", [0, 12345, 2**64 - 1])
def test_shuffled_orders(count: int, seed: int) -> None:
    """Every epoch's order is that of the spec, whatever the seed and the count."""
    loader = Loader(count, 1, seed=seed)
    epochs = Epochs(loader)
    for epoch in (0, 1, 5):
        assert tuple(epochs.order(epoch).tolist()) == loader.order(epoch)


def test_orders_of_the_original() -> None:
    """The original's orders carry over; any epoch can be asked for, also again."""
    loader = Loader(13, 4, seed=5, dialect="lean")
    epochs = Epochs(loader)
    for epoch in (0, 1, 4, 2, 2, 3, 0):
        assert tuple(epochs.order(epoch).tolist()) == loader.order(epoch)


def test_without_shuffling() -> None:
    """Samples come as they lie."""
    assert Epochs(Loader(4, 2, shuffle=False)).order(3).tolist() == [0, 1, 2, 3]


def test_signed_words() -> None:
    """A word from 2^63 on is a negative number of the same bits."""
    assert [as_signed(word) for word in (0, 2**63 - 1, 2**63, 2**64 - 1)] == [
        0,
        2**63 - 1,
        -(2**63),
        -1,
    ]


@pytest.mark.parametrize(
    ("loader", "together", "used"),
    [
        (Loader(1000, 32), 66, 992),
        (Loader(1024, 32), 64, 1024),
        (Loader(1000, 32, drop_last=False), 1, 1000),
        (Loader(1000, 40, drop_last=False), 65, 1000),
        (Loader(70_000, 32), 1, 69_984),
    ],
)
def test_orders_one_behind_the_other(loader: Loader, together: int, used: int) -> None:
    """As many epochs as fit; one where the last batch is smaller than the others."""
    assert epochs_together(loader) == together
    assert used_places(loader) == used
    assert order_places(loader) == together * used
    buffer = np.full(order_places(loader), -1)
    count = min(together, 3)
    Epochs(loader).load(buffer, 4, count)
    for place in range(count):
        part = buffer[place * used : (place + 1) * used]
        assert tuple(part.tolist()) == loader.order(4 + place)[:used]
    assert (buffer[count * used :] == -1).all()
