"""Laws of data sets, splits and loaders."""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import data, lean_random
from torchlean_spec.data import Dataset, Labels, Loader, Rows, Targets
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.random import Dialect, Stream, permutation, stream
from torchlean_spec.shape import Shape, shape_of, size, sizes

Data = Dataset[Shape, Targets]

DIALECTS: tuple[Dialect, ...] = ("torchlean", "lean")

# LOADERS


def loaders(draws: Draws) -> Iterator[Loader]:
    """Every small loader: count, batch size, order, last batch, dialect."""
    for count in range(1, 9):
        for batch_size in range(1, count + 1):
            for shuffle, drop_last in itertools.product((True, False), repeat=2):
                dialect = draws.choice(DIALECTS)
                seed = draws.integer(0, 2**32 - 1)
                yield Loader(count, batch_size, shuffle, drop_last, seed, dialect)


Batches = Callable[[Loader, int], list[tuple[int, ...]]]


def _overlapping(loader: Loader, epoch: int) -> list[tuple[int, ...]]:
    order, width = loader.order(epoch), loader.batch_size
    return [order[i : i + width] for i in range(loader.batches_per_epoch)]


@law(
    "data.batches",
    objects="data.Loader.batches data.Loader.order data.Loader.batches_per_epoch",
    evidence=Evidence.EXHAUSTIVE,
    subject=Loader.batches,
    mutants={
        "overlapping": _overlapping,
        "the last batch always dropped": lambda loader, epoch: [
            batch for batch in loader.batches(epoch) if len(batch) == loader.batch_size
        ],
        "the last batch never dropped": lambda loader, epoch: replace(
            loader, drop_last=False
        ).batches(epoch),
        "the last batch filled up": lambda loader, epoch: [
            (batch + loader.order(epoch))[: loader.batch_size]
            for batch in loader.batches(epoch)
        ],
        "the first batch twice": lambda loader, epoch: [
            *loader.batches(epoch)[:1],
            *loader.batches(epoch),
        ],
    },
    cases=loaders,
)
def batches_partition(batches: Batches, loader: Loader) -> bool:
    """The batches of an epoch, end to end, are its order, all but the last full.

    Where the last is dropped, fewer samples than a batch holds are left out. Tried
    for every count up to 8, with every batch size.
    """
    found = batches(loader, 1)
    samples = [sample for batch in found for sample in batch]
    whole, rest = divmod(loader.count, loader.batch_size)
    lengths = [loader.batch_size] * whole
    if rest and not loader.drop_last:
        lengths.append(rest)
    return (
        list(map(len, found)) == lengths
        and loader.batches_per_epoch == len(found)
        and samples == list(loader.order(1))[: len(samples)]
        and len(set(samples)) == len(samples)
    )


@law(
    "data.order",
    objects="data.Loader.order random.permutation lean_random.order_of_epoch",
    evidence=Evidence.SEARCHED,
    subject=Loader.order,
    mutants={
        "one order for all epochs": lambda loader, epoch: loader.order(0),
        "always shuffled": lambda loader, epoch: replace(loader, shuffle=True).order(
            epoch
        ),
        "never shuffled": lambda loader, epoch: tuple(range(loader.count)),
        "the seed ignored": lambda loader, epoch: replace(loader, seed=0).order(epoch),
        "the dialect ignored": lambda loader, epoch: replace(
            loader, dialect="torchlean"
        ).order(epoch),
        "drawn with repetition": lambda loader, epoch: tuple(
            sample // 2 for sample in loader.order(epoch)
        ),
    },
    cases=loaders,
)
def orders(order: Callable[[Loader, int], Sequence[int]], loader: Loader) -> bool:
    """The order of an epoch is the permutation of its stream; its own place if not."""
    for epoch in range(3):
        found = order(loader, epoch)
        expected: Sequence[int] = range(loader.count)
        if loader.shuffle and loader.dialect == "torchlean":
            expected = permutation(
                loader.seed, stream(Stream.SHUFFLE, epoch), loader.count
            )
        elif loader.shuffle:
            every = lean_random.orders(loader.seed, loader.count)
            expected = list(itertools.islice(every, epoch + 1))[-1]
        if tuple(found) != tuple(expected) or sorted(found) != sorted(expected):
            return False
    return True


@law(
    "data.steps",
    objects="data.Loader.batch_of_step data.Loader.batches",
    evidence=Evidence.EXHAUSTIVE,
    subject=Loader.batch_of_step,
    mutants={
        "steps from 0": lambda loader, step: loader.batch_of_step(step + 1),
        "one epoch for ever": lambda loader, step: loader.batch_of_step(
            (step - 1) % loader.batches_per_epoch + 1
        ),
        "epochs from 1": lambda loader, step: loader.batches(
            1 + (step - 1) // loader.batches_per_epoch
        )[(step - 1) % loader.batches_per_epoch],
    },
    cases=loaders,
)
def steps_of_batches(
    batch_of_step: Callable[[Loader, int], Sequence[int]], loader: Loader
) -> bool:
    """Steps, counted from 1, go through the batches of one epoch after the other."""
    epochs = [loader.batches(epoch) for epoch in range(3)]
    batches = [batch for epoch in epochs for batch in epoch]
    return all(
        tuple(batch_of_step(loader, step)) == batch
        for step, batch in enumerate(batches, 1)
    )


@law(
    "data.loader_refuses",
    objects="data.Loader",
    evidence=Evidence.EXHAUSTIVE,
    subject=Loader,
    mutants={
        "the batch cut to the count": lambda count, batch_size: Loader(
            count, max(min(batch_size, count), 1)
        ),
        "no check": lambda count, batch_size: (count, batch_size),
    },
    cases=lambda draws: itertools.product(range(-1, 5), range(-1, 6)),
)
def refused_loaders(
    loader: Callable[[int, int], object], case: tuple[int, int]
) -> bool:
    """No samples are refused, and a batch unless it holds from 1 to all of them."""
    count, batch_size = case
    if count < 1:
        return refuses(Reason.EMPTY_DATA, lambda: loader(count, batch_size))
    if not 1 <= batch_size <= count:
        return refuses(Reason.BATCH_SIZE, lambda: loader(count, batch_size))
    return isinstance(loader(count, batch_size), Loader)


# DATA SETS


def dataset(draws: Draws, least: int = 1) -> Data:
    """A small data set, of classes or of numbers."""
    count, shape = draws.integer(least, 6), shape_of(draws.extents(2, 2, 1))
    rows = tuple(
        tuple(draws.float32() for _ in range(size(shape))) for _ in range(count)
    )
    targets: Targets = Labels(4, tuple(draws.integer(0, 3) for _ in range(count)))
    if draws.integer(0, 1):
        answers = tuple((draws.float32(),) for _ in range(count))
        targets = Rows(shape_of([1]), answers)
    return Dataset(Rows(shape, rows), targets)


def samples_of(given: Data) -> list[tuple[object, object]]:
    """Each sample: its numbers and its answer."""
    targets = given.targets
    answers: Sequence[object] = (
        targets.indices if isinstance(targets, Labels) else targets.values
    )
    return list(zip(given.inputs.values, answers, strict=True))


@dataclass(frozen=True, slots=True)
class Choice:
    """A data set and places in it."""

    given: Data
    places: tuple[int, ...]


def choices(draws: Draws) -> Iterator[Choice]:
    """Data sets, and places in any order, some of them twice."""

    def drawn() -> Choice:
        given = dataset(draws)
        count = draws.integer(1, 5)
        places = tuple(draws.integer(0, len(given) - 1) for _ in range(count))
        return Choice(given, places)

    return repeat(40, drawn)


@law(
    "data.take",
    objects="data.Dataset.take data.Rows.take data.Labels.take",
    evidence=Evidence.SEARCHED,
    subject=Dataset.take,
    mutants={
        "in the order of the data set": lambda given, places: given.take(
            sorted(places)
        ),
        "each once": lambda given, places: given.take(list(dict.fromkeys(places))),
        "targets as they stand": lambda given, places: replace(
            given, inputs=given.inputs.take(places)
        ),
        "counted from 1": lambda given, places: given.take(
            [(place + 1) % len(given) for place in places]
        ),
    },
    cases=choices,
)
def taken(take: Callable[[Data, Sequence[int]], Data], case: Choice) -> bool:
    """Taking samples keeps each input with its target, in the order asked for."""
    samples = samples_of(case.given)
    found = samples_of(take(case.given, case.places))
    return found == [samples[place] for place in case.places]


@law(
    "data.collate",
    objects="data.Rows.tensor data.Labels.tensor",
    evidence=Evidence.SEARCHED,
    subject=Rows.tensor,
    mutants={
        "samples last": lambda rows, system: Rows(rows.shape, rows.values[::-1]).tensor(
            system
        ),
        "flat": lambda rows, system: Rows(
            shape_of([size(rows.shape)]), rows.values
        ).tensor(system),
        "rounded to binary32": lambda rows, system: Rows(
            rows.shape,
            tuple(
                tuple(struct.unpack("f", struct.pack("f", x / 3))[0] for x in row)
                for row in rows.values
            ),
        ).tensor(system),
    },
    cases=lambda draws: repeat(30, lambda: dataset(draws, 2)),
)
def collated(tensor: Callable[..., object], given: Data) -> bool:
    """Along a new outermost axis the rows lie one after the other, unchanged."""
    rows = given.inputs
    made = tensor(rows, RATIONAL)
    exact = tuple(Fraction(x) for row in rows.values for x in row)
    shape = getattr(made, "shape", None)
    return (
        getattr(made, "values", None) == exact
        and isinstance(shape, Shape)
        and sizes(shape) == (len(rows), *sizes(rows.shape))
    )


def _changed(given: Data, draws: Draws) -> Data:
    """The data set with one thing about it changed."""
    inputs, targets = given.inputs, given.targets
    row = draws.integer(0, len(given) - 1)
    if isinstance(targets, Labels) and draws.integer(0, 2) == 0:
        other = list(targets.indices)
        other[row] = (other[row] + 1) % targets.classes
        return replace(given, targets=replace(targets, indices=tuple(other)))
    if isinstance(targets, Labels) and draws.integer(0, 2) == 0:
        return replace(given, targets=replace(targets, classes=targets.classes + 1))
    if draws.integer(0, 3) == 0:
        wider = shape_of((1, *sizes(inputs.shape)))
        return replace(given, inputs=Rows(wider, inputs.values))
    values = [list(each) for each in inputs.values]
    place = draws.integer(0, len(values[row]) - 1)
    values[row][place] = math.nextafter(values[row][place], math.inf)
    return replace(given, inputs=Rows(inputs.shape, tuple(map(tuple, values))))


def _digest_of_values(given: Data) -> str:
    return hashlib.sha256(repr(given.inputs.values).encode()).hexdigest()


def _digest_of_singles(given: Data) -> str:
    numbers = [x for row in given.inputs.values for x in row]
    written = struct.pack(f"<{len(numbers)}f", *numbers)
    return hashlib.sha256(written + repr(given.targets).encode()).hexdigest()


@law(
    "data.digest",
    objects="data.Dataset.digest data.Rows.canonical_bytes data.Labels.canonical_bytes",
    evidence=Evidence.SEARCHED,
    subject=Dataset.digest,
    mutants={
        "of the inputs' numbers alone": _digest_of_values,
        "of binary32 numbers": _digest_of_singles,
        "of the names too": lambda given: Dataset.digest(given) + given.name,
        "of the number of samples": lambda given: str(len(given)),
    },
    cases=lambda draws: (
        (given, _changed(given, draws)) for given in repeat(60, lambda: dataset(draws))
    ),
)
def digests(digest: Callable[[Data], str], case: tuple[Data, Data]) -> bool:
    """Any change of a number, a label, a class count or a shape changes the digest.

    A change of names does not.
    """
    given, changed = case
    renamed = replace(given, name="other")
    return digest(given) == digest(renamed) != digest(changed)


def _with(value: float) -> Data:
    inputs = Rows(shape_of([1]), ((value,),), allow_non_finite=True)
    return Dataset(inputs, Labels(2, (0,)))


NANS = (math.nan, -math.nan, struct.unpack("<d", b"\1\0\0\0\0\0\xf0\x7f")[0])


@law(
    "data.digest_nan",
    objects="data.Dataset.digest data.Rows.canonical_bytes",
    evidence=Evidence.SEARCHED,
    subject=Dataset.digest,
    mutants={
        "NaN by its bits": lambda given: struct.pack(
            "<d", given.inputs.values[0][0]
        ).hex(),
        "-0 as +0": lambda given: str(given.inputs.values[0][0] + 0.0),
    },
    cases=lambda draws: iter(itertools.combinations(NANS, 2)),
)
def digests_of_specials(
    digest: Callable[[Data], str], pair: tuple[float, float]
) -> bool:
    """Every NaN has the same digest; the two zeros have different ones."""
    first, second = (digest(_with(value)) for value in pair)
    return first == second and digest(_with(0.0)) != digest(_with(-0.0))


# SPLITS


@dataclass(frozen=True, slots=True)
class Split:
    """A data set of samples 0, 1, 2, ..., and how many to hold out."""

    count: int
    held_out: int
    seed: int

    @property
    def given(self) -> Data:
        """Sample i holds the number i and is of class i."""
        rows = tuple((float(i),) for i in range(self.count))
        indices = tuple(range(self.count))
        return Dataset(Rows(shape_of([1]), rows), Labels(self.count, indices))


Splitting = Callable[[Data, int | Fraction, int], tuple[Data, Data]]


def splits(draws: Draws) -> Iterator[Split]:
    """Every number of samples up to 9, and every number of them held out."""
    for count in range(2, 10):
        for held_out in range(1, count):
            yield Split(count, held_out, draws.integer(0, 2**32 - 1))


def _overlapping_split(
    given: Data, held_out: int | Fraction, seed: int
) -> tuple[Data, Data]:
    _, kept = data.split(given, held_out, seed)
    return given, kept


def _tail(given: Data, held_out: int | Fraction, seed: int) -> tuple[Data, Data]:
    count = data.split(given, held_out, seed)[1]
    cut = len(given) - len(count)
    return given.take(range(cut)), given.take(range(cut, len(given)))


@law(
    "data.split",
    objects="data.split",
    evidence=Evidence.EXHAUSTIVE,
    subject=data.split,
    mutants={
        "held-out samples trained on": _overlapping_split,
        "the last ones held out": _tail,
        "the parts exchanged": lambda given, held_out, seed: data.split(
            given, held_out, seed
        )[::-1],
        "the seed ignored": lambda given, held_out, seed: data.split(
            given, held_out, 0
        ),
        "in drawn order": lambda given, held_out, seed: (
            given.take(permutation(seed, stream(Stream.SPLIT), len(given))[held_out:]),
            given.take(permutation(seed, stream(Stream.SPLIT), len(given))[:held_out]),
        ),
    },
    cases=splits,
)
def parts(split: Splitting, case: Split) -> bool:
    """The parts are disjoint, hold every sample once, in order, as the seed says."""
    training, kept = split(case.given, case.held_out, case.seed)
    drawn = permutation(case.seed, stream(Stream.SPLIT), case.count)[: case.held_out]
    ours, theirs = training.targets, kept.targets
    if not (isinstance(ours, Labels) and isinstance(theirs, Labels)):
        return False
    rest = [i for i in range(case.count) if i not in drawn]
    together = FLOAT.sum([row[0] for row in training.inputs.values])
    return (
        list(theirs.indices) == sorted(drawn)
        and list(ours.indices) == rest
        and together == sum(rest)
    )


@law(
    "data.split_share",
    objects="data.split",
    evidence=Evidence.EXHAUSTIVE,
    subject=data.split,
    mutants={
        "rounded down": lambda given, held_out, seed: data.split(
            given, int(held_out * len(given)), seed
        ),
        "rounded up": lambda given, held_out, seed: data.split(
            given, math.ceil(held_out * len(given)), seed
        ),
    },
    cases=lambda draws: (
        Split(count, 4 * numerator, 0)
        for count in range(4, 12)
        for numerator in range(1, 10)
    ),
    premise=lambda case: (
        0 < round(Fraction(case.held_out, 40) * case.count) < case.count
    ),
)
def shares(split: Splitting, case: Split) -> bool:
    """Of a share the nearest number of samples is held out, of two the even one."""
    share = Fraction(case.held_out, 40)
    _, kept = split(case.given, share, case.seed)
    wanted = share * case.count
    nearest = min(range(case.count), key=lambda n: (abs(n - wanted), n % 2))
    return len(kept) == nearest
