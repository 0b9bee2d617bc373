"""The order in which an epoch sees the samples, as an array, to the spec's bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from torchlean.cpu.calling import call
from torchlean_spec import lean_random
from torchlean_spec.data import Loader
from torchlean_spec.random import Stream, stream

Order = NDArray[np.int64]


def as_signed(word: int) -> int:
    """The signed integer of the same 64 bits as a number from 0 to 2^64 - 1."""
    return word - 2**64 if word >= 2**63 else word


LONGEST_ORDER = 2**16
"""Samples whose order is drawn ahead, of as many epochs as fit."""


def used_places(loader: Loader) -> int:
    """How many samples an epoch uses: without those left out at its end."""
    return min(loader.count, loader.batches_per_epoch * loader.batch_size)


def epochs_together(loader: Loader) -> int:
    """How many epochs' orders lie one behind the other.

    One, if the last batch of an epoch is smaller than the others: it has a plan of
    its own.
    """
    used = used_places(loader)
    if used % loader.batch_size:
        return 1
    return max(1, LONGEST_ORDER // used)


def order_places(loader: Loader) -> int:
    """How many places the buffer of orders has."""
    return epochs_together(loader) * used_places(loader)


class Epochs:
    """The orders of a loader's epochs; asking for the next one is cheap.

    >>> epochs = Epochs(Loader(count=5, batch_size=1, seed=3))
    >>> epochs.order(1).tolist() == list(Loader(5, 1, seed=3).order(1))
    True
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._lean: Iterator[tuple[int, ...]] = iter(())
        self._next_lean = -1

    def order(self, epoch: int) -> Order:
        """The order of all samples in an epoch, counted from 0."""
        loader = self._loader
        if not loader.shuffle:
            return np.arange(loader.count)
        if loader.dialect == "lean":
            return np.array(self._lean_order(epoch), np.int64)
        order = np.empty(loader.count, np.int64)
        number = stream(Stream.SHUFFLE, epoch)
        seed = as_signed(loader.seed)
        call("shuffle", order=order, size=loader.count, seed=seed, stream=number)
        return order

    def load(self, buffer: Order, first: int, count: int) -> None:
        """Write the orders of some epochs into a buffer, one behind the other.

        Args:
            buffer: Where to write to.
            first: The first of the epochs.
            count: How many; at most `epochs_together`.
        """
        used = used_places(self._loader)
        for place in range(count):
            order = self.order(first + place)[:used]
            buffer[place * used : (place + 1) * used] = order

    def _lean_order(self, epoch: int) -> tuple[int, ...]:
        """The original's shuffles carry over from epoch to epoch."""
        if epoch < self._next_lean or self._next_lean < 0:
            self._lean = lean_random.orders(self._loader.seed, self._loader.count)
            self._next_lean = 0
        while True:
            order = next(self._lean)
            self._next_lean += 1
            if self._next_lean > epoch:
                return order


class Orders:
    """Which epochs' orders lie in an engine's buffer, one behind the other.

    Args:
        loader: The run's loader.

    >>> orders = Orders(Loader(count=4, batch_size=2, shuffle=False))
    >>> buffer = np.zeros(order_places(orders.loader), np.int64)
    >>> orders.load(buffer, number=5, stop=8)
    >>> orders.batches, buffer[:9].tolist()
    (range(4, 8), [0, 1, 2, 3, 0, 1, 2, 3, 0])
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.batches = range(0)
        """The batches whose samples the buffer names, counted from 0."""
        self._epochs = Epochs(loader)

    def load(self, buffer: Order, number: int, stop: int) -> None:
        """Have the order of a batch's epoch in the buffer, and of the next ones.

        Args:
            buffer: Where to write to.
            number: The batch, counted from 0 over all epochs.
            stop: No batch from this one on is needed.
        """
        if number in self.batches:
            return
        per_epoch = self.loader.batches_per_epoch
        epoch, last = number // per_epoch, -(-stop // per_epoch)
        count = min(epochs_together(self.loader), max(last - epoch, 1))
        # Should the drawing be interrupted, then nothing is loaded.
        self.batches = range(0)
        self._epochs.load(buffer, epoch, count)
        self.batches = range(epoch * per_epoch, (epoch + count) * per_epoch)
