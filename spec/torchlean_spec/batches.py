"""Where a loader stands, what is still to come of an epoch, and padding.

A loader has no state: which samples a batch has follows from its epoch and its
number in it. So the state of a pass over the data is those two numbers, a
`Position`, and a pass that is taken up at a position sees the batches that were
left, no other and none twice. A last batch that is short may be padded: then a mask
says what counts.

>>> loader = Loader(count=7, batch_size=3, seed=1)
>>> batch, position = next_batch(loader, Position(epoch=0, batch=1))
>>> batch, position
((4, 6, 2), Position(epoch=1, batch=0))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem


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


def padded(
    samples: tuple[int, ...], batch_size: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A batch filled up to a size, and the mask of what was in it before.

    The last sample is repeated, so that whatever is computed of the padding is as
    harmless as of the data. The mask is 1 for a sample and 0 for padding.

    Args:
        samples: From 1 to `batch_size` samples.
        batch_size: How many there shall be.

    Raises:
        TorchLeanError: `BATCH_SIZE` for no samples, or more than there shall be.

    >>> padded((7, 2), batch_size=4)
    ((7, 2, 2, 2), (1, 1, 0, 0))
    """
    missing = batch_size - len(samples)
    if not samples or missing < 0:
        raise TorchLeanError(
            Reason.BATCH_SIZE,
            f"expected from 1 to {batch_size} samples to pad, got {len(samples)}",
        )
    return samples + samples[-1:] * missing, (1,) * len(samples) + (0,) * missing


def masked_mean(system: NumberSystem[A], values: Sequence[A], mask: Sequence[int]) -> A:
    """The mean over the samples of a padded batch: `sum(m_i v_i) / sum(m_i)`.

    The value of padding is taken for 0 before anything is done with it, so that a
    NaN there is of no consequence. With one loss for each sample as values, this is
    the mean loss of the batch without its padding, and its derivative in the loss
    of padding is 0: a model that treats each sample by itself has the gradient of
    the short batch. (One that does not, such as a normalization over the batch,
    sees the padding.)

    Args:
        system: The numbers.
        values: One for each row of the batch.
        mask: 1 for a sample, 0 for padding.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless there is a mask for each value,
            `EMPTY_DATA` if all of it is padding, `DOMAIN` for another mask.

    >>> from torchlean_spec.numbers.floating import Floating
    >>> masked_mean(Floating(), [1.0, 2.0, float("nan")], [1, 1, 0])
    1.5
    """
    if len(values) != len(mask):
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected a mask of {len(values)} numbers, got {len(mask)}",
        )
    if not set(mask) <= {0, 1}:
        wrong = next(each for each in mask if each not in (0, 1))
        raise TorchLeanError(
            Reason.DOMAIN, f"expected a mask of zeros and ones, got {wrong}"
        )
    if not any(mask):
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected a batch of at least 1 sample, got padding only"
        )
    zero = system.constant(0)
    kept = [value if keep else zero for value, keep in zip(values, mask, strict=True)]
    return system.sum(kept) / system.constant(sum(mask))
