"""Laws of positions and of padding: what a run sees, and what of it counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from torchlean_proofs.laws.data import loaders
from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_spec import batches
from torchlean_spec.batches import Position
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.dual import Dual, DualNumber

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


# PADDING


@dataclass(frozen=True, slots=True)
class Short:
    """The losses of a short batch, and how many rows it shall have."""

    losses: tuple[Fraction, ...]
    batch_size: int

    @property
    def samples(self) -> Samples:
        """The samples of the batch, in an order of their own."""
        return tuple(range(10, 10 + len(self.losses)))


def short_batches(draws: Draws) -> Iterator[Short]:
    """Every length up to 5, with up to 4 rows of padding."""
    for count in range(1, 6):
        for missing in range(5):
            yield Short(draws.fractions(count), count + missing)


@law(
    "batches.padded",
    objects="batches.padded",
    evidence=Evidence.EXHAUSTIVE,
    subject=batches.padded,
    mutants={
        "padding in front": lambda samples, size: tuple(
            each[::-1] for each in batches.padded(samples[::-1], size)
        ),
        "a row too many": lambda samples, size: batches.padded(samples, size + 1),
        "padding counted": lambda samples, size: (
            batches.padded(samples, size)[0],
            (1,) * size,
        ),
        "other samples as padding": lambda samples, size: (
            samples + (0,) * (size - len(samples)),
            batches.padded(samples, size)[1],
        ),
    },
    cases=short_batches,
)
def fills_up(
    pad: Callable[[Samples, int], tuple[Samples, Samples]], case: Short
) -> bool:
    """A padded batch has its size, begins with its samples, and has one mask a row.

    The mask is 1 for the samples and 0 behind them, where the last one is repeated.
    """
    samples, mask = pad(case.samples, case.batch_size)
    count = len(case.samples)
    return (
        len(samples) == len(mask) == case.batch_size
        and samples[:count] == case.samples
        and set(samples[count:]) <= {case.samples[-1]}
        and mask == tuple(int(row < count) for row in range(case.batch_size))
        and refuses(Reason.BATCH_SIZE, lambda: pad(case.samples, count - 1))
        and refuses(Reason.BATCH_SIZE, lambda: pad((), case.batch_size))
    )


Mean = Callable[..., object]


@law(
    "batches.masked_mean",
    objects="batches.masked_mean",
    evidence=Evidence.IDENTITY_TESTED,
    subject=batches.masked_mean,
    mutants={
        "divided by all rows": lambda system, values, mask: (
            batches.masked_mean(system, values, mask)
            * system.constant(sum(mask))
            / system.constant(len(mask))
        ),
        "the mask ignored": lambda system, values, mask: batches.masked_mean(
            system, values, (1,) * len(mask)
        ),
        "the mask turned round": lambda system, values, mask: batches.masked_mean(
            system, values, [1 - each for each in mask]
        ),
        "the sum": lambda system, values, mask: (
            batches.masked_mean(system, values, mask) * system.constant(sum(mask))
        ),
    },
    cases=short_batches,
)
def padding_does_not_count(masked_mean: Mean, case: Short) -> bool:
    """The masked mean over a padded batch is the mean over the short batch.

    Its derivative in the loss of each sample is that of the short batch's mean, and
    in the loss of padding it is 0.
    """
    places, mask = batches.padded(tuple(range(len(case.losses))), case.batch_size)
    values = [case.losses[place] for place in places]
    count = len(case.losses)
    if masked_mean(RATIONAL, values, mask) != sum(case.losses) / count:
        return False
    system = Dual(RATIONAL)
    for row, keep in enumerate(mask):
        moved = [
            DualNumber(value, Fraction(int(at == row)))
            for at, value in enumerate(values)
        ]
        found = masked_mean(system, moved, mask)
        if getattr(found, "derivative", None) != Fraction(keep, count):
            return False
    return True
