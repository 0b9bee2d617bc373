"""Where a loader stands, and what is still to come of an epoch.

A loader has no state: which samples a batch has follows from its epoch and its
number in it. So the state of a pass over the data is those two numbers, a
`Position`, and a pass that is taken up at a position sees the batches that were
left, no other and none twice.

>>> loader = Loader(count=7, batch_size=3, seed=1)
>>> batch, position = next_batch(loader, Position(epoch=0, batch=1))
>>> batch, position
((4, 6, 2), Position(epoch=1, batch=0))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The batch that is next: its epoch, and its number within the epoch.

    Positions are ordered as the batches of a run are.

    Args:
        epoch: Counted from 0.
        batch: Counted from 0 within the epoch.

    Raises:
        TorchLeanError: `DOMAIN` if one of them is negative.

    >>> Position(0, 5) < Position(1, 0)
    True
    """

    epoch: int = 0
    batch: int = 0

    def __post_init__(self) -> None:
        for name, number in (("an epoch", self.epoch), ("a batch", self.batch)):
            if number < 0:
                raise TorchLeanError(
                    Reason.DOMAIN, f"expected {name} of at least 0, got {number}"
                )

    def to_json(self) -> dict[str, int]:
        """The position as JSON.

        >>> Position(2, 5).to_json()
        {'epoch': 2, 'batch': 5}
        """
        return {"epoch": self.epoch, "batch": self.batch}

    @staticmethod
    def from_json(written: object) -> Position:
        """The position that was written.

        Raises:
            TorchLeanError: `FILE_FORMAT` for what `to_json` does not write.

        >>> Position.from_json({"epoch": 2, "batch": 5})
        Position(epoch=2, batch=5)
        """
        if isinstance(written, Mapping) and set(written) == {"epoch", "batch"}:
            epoch, batch = written["epoch"], written["batch"]
            if type(epoch) is int and type(batch) is int and min(epoch, batch) >= 0:
                return Position(epoch, batch)
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"expected a position as {{'epoch': 0, 'batch': 0}}, got {written!r}",
        )


def require_position(loader: Loader, position: Position) -> None:
    """Refuse, unless the epoch of a position has its batch.

    Raises:
        TorchLeanError: `DOMAIN`.
    """
    if position.batch >= loader.batches_per_epoch:
        raise TorchLeanError(
            Reason.DOMAIN,
            f"expected a batch from 0 to {loader.batches_per_epoch - 1} of an epoch, "
            f"got {position.batch}",
        )


def position_of_step(loader: Loader, step: int) -> Position:
    """The position of one step, counted from 1 over the whole run.

    Raises:
        TorchLeanError: `DOMAIN` for a step below 1.

    >>> position_of_step(Loader(count=7, batch_size=3), 4)
    Position(epoch=1, batch=1)
    """
    if step < 1:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a step of at least 1, got {step}"
        )
    return Position(*divmod(step - 1, loader.batches_per_epoch))


def after(loader: Loader, position: Position) -> Position:
    """The position behind another: after an epoch's last batch, the next epoch's first.

    Raises:
        TorchLeanError: `DOMAIN` if the epoch has no such batch.

    >>> after(Loader(count=7, batch_size=3), Position(0, 0))
    Position(epoch=0, batch=1)
    """
    require_position(loader, position)
    if position.batch + 1 == loader.batches_per_epoch:
        return Position(position.epoch + 1)
    return Position(position.epoch, position.batch + 1)


def next_batch(loader: Loader, position: Position) -> tuple[tuple[int, ...], Position]:
    """The samples of the batch at a position, and the position after it.

    Raises:
        TorchLeanError: `DOMAIN` if the epoch has no such batch.
    """
    following = after(loader, position)
    return loader.batches(position.epoch)[position.batch], following


def rest_of_epoch(
    loader: Loader, position: Position
) -> tuple[list[tuple[int, ...]], Position]:
    """The batches from a position to its epoch's end, and the next epoch's start.

    Raises:
        TorchLeanError: `DOMAIN` if the epoch has no such batch.

    >>> loader = Loader(count=7, batch_size=3, shuffle=False)
    >>> rest_of_epoch(loader, Position(0, 1))
    ([(3, 4, 5)], Position(epoch=1, batch=0))
    """
    require_position(loader, position)
    left = loader.batches(position.epoch)[position.batch :]
    return left, Position(position.epoch + 1)
