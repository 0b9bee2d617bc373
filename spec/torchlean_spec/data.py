"""Data sets, and which samples each step of a run sees.

A data set holds exact binary64 numbers and class indices; a number system takes
them in through `from_float`. A loader says, from a seed alone, which samples make
up the batch of any step, so that a batch can be derived anew by whoever checks
the run.

>>> inputs = Rows(vector(2), ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0)))
>>> dataset = Dataset(inputs, Labels(10, (7, 0, 9)))
>>> dataset.take([2, 0]).targets.indices
(9, 7)
>>> Loader(count=7, batch_size=3, seed=1).batches(epoch=0)
[(3, 5, 0), (4, 6, 2)]
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from torchlean_spec import lean_random
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.random import (
    Dialect,
    Stream,
    permutation,
    require_dialect,
    require_seed,
    stream,
)
from torchlean_spec.shape import Dim, Scalar, Shape, size, sizes, vector
from torchlean_spec.tensor import Tensor

S_co = TypeVar("S_co", bound=Shape, covariant=True)

CANONICAL_NAN = struct.pack("<Q", 0x7FF8000000000000)
"""The bytes that stand for every NaN in a digest."""


@dataclass(frozen=True, slots=True)
class Rows(Generic[S_co]):
    """One row of binary64 numbers a sample, all of one shape, row-major.

    Args:
        shape: the shape of one sample, without the batch axis.
        values: the rows.
        allow_non_finite: admit NaN and infinities, which are refused otherwise.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for a row of another length,
            `NOT_FINITE` for a number that is not finite.
    """

    shape: S_co
    values: tuple[tuple[float, ...], ...]
    allow_non_finite: bool = False

    def __post_init__(self) -> None:
        width = size(self.shape)
        for number, row in enumerate(self.values):
            if len(row) != width:
                raise TorchLeanError(
                    Reason.SHAPE_MISMATCH,
                    f"row {number}: expected {width} numbers for shape {self.shape}, "
                    f"got {len(row)}",
                )
            if not self.allow_non_finite and not all(map(math.isfinite, row)):
                place = next(i for i, each in enumerate(row) if not math.isfinite(each))
                raise TorchLeanError(
                    Reason.NOT_FINITE,
                    f"row {number}, place {place}: expected a finite number, got "
                    f"{row[place]} (allow_non_finite=True admits it)",
                )

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Sequence[int]) -> Rows[S_co]:
        """The rows at the given places, in the given order."""
        chosen = tuple(self.values[index] for index in indices)
        return Rows(self.shape, chosen, self.allow_non_finite)

    def tensor(self, system: NumberSystem[A]) -> Tensor[A, Dim[int, S_co]]:
        """All rows as one tensor, with the batch axis outermost.

        >>> from torchlean_spec.numbers.floating import Floating
        >>> Rows(vector(2), ((0.5, 1.0), (2.0, 3.0))).tensor(Floating()).shape
        [2, 2]
        """
        numbers = tuple(system.from_float(each) for row in self.values for each in row)
        return Tensor(Dim(len(self.values), self.shape), numbers)

    def canonical_bytes(self) -> Iterable[bytes]:
        """What a digest reads: rank, sizes, rows as int64; the numbers as float64."""
        extents = sizes(self.shape)
        yield b"rows\n"
        yield _integers((len(extents), *extents, len(self.values)))
        for row in self.values:
            if self.allow_non_finite and any(map(math.isnan, row)):
                yield b"".join(
                    CANONICAL_NAN if math.isnan(each) else struct.pack("<d", each)
                    for each in row
                )
            else:
                yield struct.pack(f"<{len(row)}d", *row)


@dataclass(frozen=True, slots=True)
class Labels:
    """One class index a sample.

    Args:
        classes: how many classes there are.
        indices: the class of each sample, from 0 to `classes - 1`.
        names: what the classes are called; none, or one for each.
        ignore_index: a label outside the classes that marks samples to ignore.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label that is no class,
            `SHAPE_MISMATCH` for another number of names. (The original turns such
            a label into a row of zeros: `docs/deviations.md`, B9.)
    """

    classes: int
    indices: tuple[int, ...]
    names: tuple[str, ...] = ()
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        if self.names and len(self.names) != self.classes:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected {self.classes} class names, got {len(self.names)}",
            )
        for number, label in enumerate(self.indices):
            if not 0 <= label < self.classes and label != self.ignore_index:
                raise TorchLeanError(
                    Reason.CLASS_OUT_OF_RANGE,
                    f"row {number}: expected a class from 0 to {self.classes - 1}, "
                    f"got {label}",
                )

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, indices: Sequence[int]) -> Labels:
        """The labels at the given places, in the given order."""
        chosen = tuple(self.indices[index] for index in indices)
        return Labels(self.classes, chosen, self.names, self.ignore_index)

    def tensor(self) -> Tensor[int, Dim[int, Scalar]]:
        """All labels as a vector."""
        return Tensor(vector(len(self.indices)), self.indices)

    def canonical_bytes(self) -> Iterable[bytes]:
        """What a digest reads: number of classes, of labels, the labels, as int64."""
        yield b"labels\n"
        yield _integers((self.classes, len(self.indices), *self.indices))


Targets = Labels | Rows[Shape]
"""What a model should answer: classes, or numbers."""

T_co = TypeVar("T_co", bound=Targets, covariant=True)


@dataclass(frozen=True, slots=True)
class Dataset(Generic[S_co, T_co]):
    """Samples: an input and a target each; immutable.

    Args:
        inputs: what the model reads.
        targets: what it should answer, sample by sample.
        name: what the data are called.
        feature_names: what the numbers of an input are called; none, or one each.

    Raises:
        TorchLeanError: `EMPTY_DATA` without samples, `SHAPE_MISMATCH` if inputs
            and targets, or features and their names, differ in number.
    """

    inputs: Rows[S_co]
    targets: T_co
    name: str = "data"
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected one target for each of the {len(self.inputs)} inputs, "
                f"got {len(self.targets)} targets",
            )
        if len(self.inputs) == 0:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected a data set of at least 1 sample, got none"
            )
        width = size(self.inputs.shape)
        if self.feature_names and len(self.feature_names) != width:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected {width} feature names, got {len(self.feature_names)}",
            )

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, indices: Sequence[int]) -> Dataset[S_co, T_co]:
        """The samples at the given places, in the given order; repeats are allowed.

        Raises:
            TorchLeanError: `EMPTY_DATA` for no places, `DOMAIN` for a place that
                no sample has.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise TorchLeanError(
                    Reason.DOMAIN,
                    f"expected a sample from 0 to {len(self) - 1}, got {index}",
                )
        targets: T_co = self.targets.take(indices)  # type: ignore[assignment]
        return Dataset(
            self.inputs.take(indices), targets, self.name, self.feature_names
        )

    def digest(self) -> str:
        """The SHA-256 of shapes, numbers and labels, in hexadecimal.

        Integers are written as little-endian int64, numbers as little-endian
        binary64, every NaN as one and the same. Names do not count.

        >>> Dataset(Rows(Scalar(), ((1.0,),)), Labels(2, (0,))).digest()[:16]
        '40dbfb3761d2b807'
        """
        hashed = hashlib.sha256(b"torchlean data set, version 1\n")
        for part in (self.inputs, self.targets):
            for written in part.canonical_bytes():
                hashed.update(written)
        return hashed.hexdigest()


def append(
    first: Dataset[S_co, T_co], second: Dataset[S_co, T_co]
) -> Dataset[S_co, T_co]:
    """The samples of one data set, and behind them those of another.

    Names, and the label to be ignored, are those of the first.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` for inputs or targets of different shapes,
            or different numbers of classes; `CLASS_OUT_OF_RANGE` for a label that
            is no class of the first.

    >>> left = Dataset(Rows(Scalar(), ((1.0,),)), Labels(2, (0,)))
    >>> right = Dataset(Rows(Scalar(), ((2.0,),)), Labels(2, (1,)))
    >>> append(left, right).targets.indices
    (0, 1)
    """
    kinds = [(each.inputs.shape, _kind(each.targets)) for each in (first, second)]
    if kinds[0] != kinds[1]:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected inputs of shape {kinds[0][0]} and {kinds[0][1]}, "
            f"got {kinds[1][0]} and {kinds[1][1]}",
        )
    targets: T_co = _appended(first.targets, second.targets)  # type: ignore[assignment]
    inputs = _appended_rows(first.inputs, second.inputs)
    return Dataset(inputs, targets, first.name, first.feature_names)


def _kind(targets: Targets) -> str:
    if isinstance(targets, Labels):
        return f"{targets.classes} classes"
    return f"targets of shape {targets.shape}"


def _appended_rows(first: Rows[S_co], second: Rows[S_co]) -> Rows[S_co]:
    admitted = first.allow_non_finite or second.allow_non_finite
    return Rows(first.shape, first.values + second.values, admitted)


def _appended(first: Targets, second: Targets) -> Targets:
    if isinstance(first, Labels) and isinstance(second, Labels):
        indices = first.indices + second.indices
        return Labels(first.classes, indices, first.names, first.ignore_index)
    if isinstance(first, Rows) and isinstance(second, Rows):
        return _appended_rows(first, second)
    raise AssertionError("kinds were compared before")


def split(
    dataset: Dataset[S_co, T_co], held_out: int | Fraction | Decimal | float, seed: int
) -> tuple[Dataset[S_co, T_co], Dataset[S_co, T_co]]:
    """Part a data set into samples to train on and samples held out.

    The first entries of the permutation of stream `SPLIT`, ordinal 0, are held
    out. Both parts keep the order of the data set, so that the seed decides which
    samples are held out and nothing else.

    Args:
        dataset: at least 2 samples.
        held_out: how many samples to hold out, or, unless an int, which share of
            them; the number is then the nearest one, of two the even one.
        seed: from 0 to 2^64 - 1.

    Returns:
        The training part and the held-out part, neither of them empty.

    Raises:
        TorchLeanError: `EMPTY_DATA` if a part would be empty.

    >>> inputs = Rows(Scalar(), tuple((float(i),) for i in range(8)))
    >>> training, kept = split(Dataset(inputs, Labels(8, tuple(range(8)))), 0.25, 0)
    >>> kept.targets.indices
    (1, 3)
    """
    count = (
        held_out if isinstance(held_out, int) else round(exact(held_out) * len(dataset))
    )
    if not 0 < count < len(dataset):
        raise TorchLeanError(
            Reason.EMPTY_DATA,
            f"expected from 1 to {len(dataset) - 1} of the {len(dataset)} samples "
            f"held out, got {count}",
        )
    order = permutation(seed, stream(Stream.SPLIT), len(dataset))
    return dataset.take(sorted(order[count:])), dataset.take(sorted(order[:count]))


@dataclass(frozen=True, slots=True)
class Loader:
    """Which samples make up the batch of each step.

    In each epoch the order of the samples is a permutation of its own, drawn from
    stream `SHUFFLE` with the epoch as ordinal; consecutive runs of `batch_size`
    samples are the batches.

    A last, shorter batch is left out by default: every step then averages over
    the same number of samples and has the same shapes, and since each epoch has
    another order, no sample is left out for good. (PyTorch keeps it by default;
    the original's typed loader leaves it out, as here.) Without shuffling the
    same samples would be left out in every epoch: then ask for
    `drop_last=False`, or for a batch size that divides the count.

    Args:
        count: how many samples there are.
        batch_size: samples in a batch.
        shuffle: whether each epoch has an order of its own.
        drop_last: whether a last, shorter batch is left out.
        seed: from 0 to 2^64 - 1.
        dialect: `lean` shuffles as the original does, where order and seed carry
            over from epoch to epoch (so epoch e takes e + 1 shuffles to find).

    Raises:
        TorchLeanError: `EMPTY_DATA` for no samples, `BATCH_SIZE` unless the batch
            size is from 1 to the count, `DOMAIN` for a seed out of range,
            `UNKNOWN_NAME` for another dialect.

    >>> loader = Loader(count=1000, batch_size=32, seed=3)
    >>> loader.batches_per_epoch
    31
    >>> loader.batch_of_step(33) == loader.batches(epoch=1)[1]
    True
    """

    count: int
    batch_size: int
    shuffle: bool = True
    drop_last: bool = True
    seed: int = 0
    dialect: Dialect = "torchlean"

    def __post_init__(self) -> None:
        require_dialect(self.dialect)
        require_seed(self.seed)
        if self.count < 1:
            raise TorchLeanError(
                Reason.EMPTY_DATA,
                f"expected a data set of at least 1 sample, got {self.count}",
            )
        if not 1 <= self.batch_size <= self.count:
            raise TorchLeanError(
                Reason.BATCH_SIZE,
                f"expected a batch size from 1 to the {self.count} samples of the "
                f"data set, got {self.batch_size}",
            )

    @property
    def batches_per_epoch(self) -> int:
        """How many batches, and so steps, an epoch has."""
        whole, rest = divmod(self.count, self.batch_size)
        return whole if self.drop_last or rest == 0 else whole + 1

    def order(self, epoch: int) -> tuple[int, ...]:
        """The order of all samples in an epoch, counted from 0.

        Raises:
            TorchLeanError: `DOMAIN` for a negative epoch.
        """
        if epoch < 0:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected an epoch of at least 0, got {epoch}"
            )
        if not self.shuffle:
            return tuple(range(self.count))
        if self.dialect == "lean":
            return lean_random.order_of_epoch(self.seed, self.count, epoch)
        return permutation(self.seed, stream(Stream.SHUFFLE, epoch), self.count)

    def batches(self, epoch: int) -> list[tuple[int, ...]]:
        """The samples of each batch of an epoch, counted from 0."""
        order = self.order(epoch)
        starts = range(0, self.batches_per_epoch * self.batch_size, self.batch_size)
        return [order[start : start + self.batch_size] for start in starts]

    def batch_of_step(self, step: int) -> tuple[int, ...]:
        """The samples of one step, counted from 1 over the whole run.

        Takes the time of one shuffle, whatever the step.

        Raises:
            TorchLeanError: `DOMAIN` for a step below 1.
        """
        if step < 1:
            raise TorchLeanError(
                Reason.DOMAIN, f"expected a step of at least 1, got {step}"
            )
        epoch, number = divmod(step - 1, self.batches_per_epoch)
        start = number * self.batch_size
        return self.order(epoch)[start : start + self.batch_size]


def _integers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)
