"""Laws of positions: what is left of an epoch, and what a run sees."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torchlean_proofs.laws.data import loaders
from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_spec import batches
from torchlean_spec.batches import Position
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason

Samples = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A loader, and a batch of its second epoch."""

    loader: Loader
    batch: int

    @property
    def position(self) -> Position:
        """Where the batch is."""
        return Position(1, self.batch)


def places(draws: Draws) -> Iterator[Place]:
    """Every batch of every small loader."""
    for loader in loaders(draws):
        for batch in range(loader.batches_per_epoch):
            yield Place(loader, batch)


Rest = Callable[[Loader, Position], tuple[list[Samples], Position]]


@law(
    "batches.rest_of_epoch",
    objects="batches.rest_of_epoch batches.Position",
    evidence=Evidence.EXHAUSTIVE,
    subject=batches.rest_of_epoch,
    mutants={
        "the whole epoch again": lambda loader, position: (
            loader.batches(position.epoch),
            Position(position.epoch + 1),
        ),
        "one batch twice": lambda loader, position: (
            loader.batches(position.epoch)[max(position.batch - 1, 0) :],
            Position(position.epoch + 1),
        ),
        "one batch lost": lambda loader, position: (
            loader.batches(position.epoch)[position.batch + 1 :],
            Position(position.epoch + 1),
        ),
        "in another order": lambda loader, position: (
            loader.batches(position.epoch + 1)[position.batch :],
            Position(position.epoch + 1),
        ),
        "the same epoch for ever": lambda loader, position: (
            batches.rest_of_epoch(loader, position)[0],
            Position(position.epoch),
        ),
    },
    cases=places,
)
def rest_of_epochs(rest_of_epoch: Rest, case: Place) -> bool:
    """A pass taken up in mid-epoch sees what was left of it, then the next epoch.

    Tried for every batch of every loader of up to 8 samples.
    """
    left, following = rest_of_epoch(case.loader, case.position)
    seen = case.loader.batches(1)[: case.batch]
    return seen + left == case.loader.batches(1) and following == Position(2, 0)


Next = Callable[[Loader, Position], tuple[Samples, Position]]


@law(
    "batches.next_batch",
    objects="batches.next_batch batches.after batches.position_of_step "
    "data.Loader.batch_of_step",
    evidence=Evidence.EXHAUSTIVE,
    subject=batches.next_batch,
    mutants={
        "one epoch for ever": lambda loader, position: (
            batches.next_batch(loader, position)[0],
            Position(position.epoch, (position.batch + 1) % loader.batches_per_epoch),
        ),
        "standing still": lambda loader, position: (
            batches.next_batch(loader, position)[0],
            position,
        ),
        "the batch behind": lambda loader, position: batches.next_batch(
            loader, batches.after(loader, position)
        ),
    },
    cases=loaders,
)
def one_after_the_other(next_batch: Next, loader: Loader) -> bool:
    """From the first position on, batch after batch is that of step after step."""
    position = Position()
    for step in range(1, 2 * loader.batches_per_epoch + 2):
        if position != batches.position_of_step(loader, step):
            return False
        samples, position = next_batch(loader, position)
        if samples != loader.batch_of_step(step):
            return False
    return True


@law(
    "batches.position_json",
    objects="batches.Position.to_json batches.Position.from_json",
    evidence=Evidence.EXHAUSTIVE,
    subject=Position.from_json,
    mutants={
        "epoch and batch exchanged": lambda written: Position(
            written["batch"], written["epoch"]
        ),
        "the start of the epoch": lambda written: Position(written["epoch"]),
        "anything read": lambda written: Position(
            abs(int(written.get("epoch", 0))), abs(int(written.get("batch", 0)))
        ),
    },
    cases=lambda draws: itertools.product(range(4), range(4)),
)
def positions_are_read_back(
    from_json: Callable[[object], object], case: tuple[int, int]
) -> bool:
    """What was written of a position is read as that position, and nothing else is."""
    position = Position(*case)
    written = position.to_json()
    wrong = [{"epoch": case[0]}, {**written, "batch": -1 - case[1]}]
    return from_json(written) == position and all(
        refuses(Reason.FILE_FORMAT, lambda each=each: from_json(each))  # type: ignore[misc]
        for each in wrong
    )


@law(
    "batches.position_refused",
    objects="batches.require_position",
    evidence=Evidence.EXHAUSTIVE,
    subject=batches.require_position,
    mutants={
        "no check": lambda loader, position: None,
        "one too many": lambda loader, position: batches.require_position(
            loader, Position(position.epoch, max(position.batch - 1, 0))
        ),
        "one too few": lambda loader, position: batches.require_position(
            loader, Position(position.epoch, position.batch + 1)
        ),
    },
    cases=loaders,
)
def batches_that_are_there(
    require: Callable[[Loader, Position], None], loader: Loader
) -> bool:
    """Every batch of an epoch is admitted, and the one behind the last refused."""
    count = loader.batches_per_epoch
    for batch in range(count):
        require(loader, Position(3, batch))
    return refuses(Reason.DOMAIN, lambda: require(loader, Position(3, count)))
