"""Laws of descriptions as JSON: written, read back, and told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import clipping, initializers, layers, losses, optimizers
from torchlean_spec import schedules as schedule_records
from torchlean_spec.batches import Position
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Loader
from torchlean_spec.description import (
    RECORDS,
    Json,
    canonical,
    digest,
    from_json,
    to_json,
    training_run_from_json,
)
from torchlean_spec.errors import Reason
from torchlean_spec.initializers import Initializer
from torchlean_spec.layers import Layer
from torchlean_spec.losses import Loss, Reduction
from torchlean_spec.optimizers import Optimizer, PartOptimizer
from torchlean_spec.schedules import Schedule
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, TrainingRun

# THE GRAMMAR


def decimal(draws: Draws, low: int = 1, high: int = 99) -> Decimal:
    """A decimal with two digits after the point."""
    return Decimal(draws.integer(low, high)) / 100


def initializer(draws: Draws) -> Initializer:
    """Any initializer, in any dialect."""
    found: tuple[Initializer, ...] = (
        initializers.Zeros(),
        initializers.Ones(),
        initializers.Constant(draws.fraction()),
        initializers.Uniform(-draws.positive(), draws.positive(), dialect="lean"),
        initializers.XavierUniform(draws.positive()),
        initializers.KaimingUniform(decimal(draws)),
        initializers.FanInUniform(),
    )
    return draws.choice(found)


def layer(draws: Draws, depth: int = 2) -> Layer:
    """Any layer, nested up to a depth."""
    found: list[Layer] = [
        layers.ReLU(),
        layers.SiLU(),
        layers.Sigmoid(),
        layers.Tanh(),
        layers.Softplus(),
        layers.Softmax(),
        layers.LogSoftmax(),
        layers.GELU(draws.choice(("none", "tanh"))),
        layers.LeakyReLU(draws.positive()),
        layers.ELU(decimal(draws)),
        layers.Flatten(),
        layers.Dropout(draws.share()),
        layers.Linear(
            draws.integer(1, 9),
            draws.integer(1, 9),
            bool(draws.integer(0, 1)),
            initializer(draws),
            initializer(draws),
        ),
    ]
    if depth:
        count = draws.integer(0, 3)
        found.append(layers.Residual(layer(draws, depth - 1)))
        inner = (layer(draws, depth - 1) for _ in range(count))
        found += [layers.Sequential(*inner)] * 3
    return draws.choice(found)


def loss(draws: Draws) -> Loss:
    """Any loss that is reduced to a number."""
    reductions: tuple[Reduction, ...] = ("mean", "sum")
    reduction = draws.choice(reductions)
    weights = draws.choice((None, tuple(draws.positive() for _ in range(3))))
    found: tuple[Loss, ...] = (
        losses.MeanSquaredError(reduction),
        losses.MeanAbsoluteError(reduction),
        losses.Huber(draws.positive(), reduction),
        losses.SmoothL1(decimal(draws), reduction),
        losses.BinaryCrossEntropy(bool(draws.integer(0, 1)), reduction),
        losses.CrossEntropy(
            "index", draws.choice((None, -1)), weights, decimal(draws), reduction
        ),
        losses.CrossEntropy("distribution", class_weights=weights),
        losses.NegativeLogLikelihood(-100, weights, reduction),
        losses.NegativeLogLikelihood(None, weights, reduction, "distribution"),
        losses.Hinge(reduction),
        losses.Poisson(bool(draws.integer(0, 1)), reduction),
        losses.LogCosh(reduction),
        losses.CosineSimilarity(decimal(draws), reduction),
        losses.CrossEntropyOfProbabilities(decimal(draws, 0, 49), reduction),
    )
    return draws.choice(found)


def optimizer(draws: Draws) -> Optimizer:
    """Any optimizer."""
    rate = decimal(draws)
    found: tuple[PartOptimizer, ...] = (
        optimizers.SGD(rate, momentum=decimal(draws), nesterov=True),
        optimizers.SGD(rate, weight_decay=decimal(draws)),
        optimizers.Adam(rate, amsgrad=bool(draws.integer(0, 1))),
        optimizers.AdamW(rate, weight_decay=decimal(draws)),
        optimizers.RMSProp(rate, momentum=decimal(draws), centered=True),
        optimizers.AdaGrad(rate, initial_accumulator=decimal(draws)),
        optimizers.Adadelta(rate, decay=decimal(draws)),
    )
    rule: PartOptimizer = draws.choice(found)
    if draws.integer(0, 3):
        return rule
    # These words fit every model, and these rules every matrix.
    muon = optimizers.Muon(rate, steps=draws.integer(1, 9), scale="none")
    basis = optimizers.LowRankProjection(draws.integer(1, 9), seed=draws.integer(0, 9))
    projections: tuple[optimizers.Projection, ...] = (
        basis,
        optimizers.IdentityProjection(),
    )
    projected = optimizers.ProjectedSGD(rate, draws.choice(projections))
    rule = draws.choice((rule, muon, projected))
    matrices = optimizers.ParameterGroup(rule, "matrices")
    others = optimizers.ParameterGroup(draws.choice(found), ("rest",))
    return optimizers.ParameterGroups(matrices, others)


def schedule(draws: Draws, depth: int = 2) -> Schedule:
    """Any schedule, nested up to a depth."""
    found: list[Schedule] = [
        schedule_records.Constant(),
        schedule_records.StepDecay(draws.integer(1, 9), decimal(draws)),
        schedule_records.Exponential(decimal(draws)),
        schedule_records.Cosine(draws.integer(1, 9), decimal(draws)),
        schedule_records.PeriodicCosine(draws.integer(1, 9), decimal(draws)),
        schedule_records.RateFinder(draws.integer(1, 9), draws.positive()),
        schedule_records.Cyclic(
            decimal(draws), draws.integer(1, 9), "exp_range", decimal(draws)
        ),
        schedule_records.OneCycle(
            draws.integer(20, 40),
            final_divisor=decimal(draws),
            three_phase=bool(draws.integer(0, 1)),
        ),
        schedule_records.Table((decimal(draws), draws.positive())),
    ]
    if depth:
        inner = schedule(draws, depth - 1)
        count = draws.integer(1, 9)
        found.append(schedule_records.WarmUp(count, decimal(draws), inner))
        found.append(schedule_records.PerEpoch(inner, count))
    return draws.choice(found)


def clip(draws: Draws) -> Clipping | None:
    """Any clipping, or none."""
    found: tuple[Clipping | None, ...] = (
        None,
        clipping.ClipValue(decimal(draws)),
        clipping.ClipRange(-decimal(draws), decimal(draws)),
        clipping.ClipPercentile(decimal(draws)),
        clipping.ClipNorm(decimal(draws), norm=1),
        clipping.ClipGlobalNorm(decimal(draws), norm="infinity"),
    )
    return draws.choice(found)


def training_run(draws: Draws) -> TrainingRun:
    """Any run; its parts need not fit each other."""
    count = draws.integer(1, 99)
    loader = Loader(
        count,
        draws.integer(1, count),
        bool(draws.integer(0, 1)),
        bool(draws.integer(0, 1)),
        draws.integer(0, 2**32 - 1),
    )
    formats: tuple[NumberFormat, ...] = ("float32", "float64")
    return TrainingRun(
        Task(layer(draws), loss(draws)),
        optimizer(draws),
        loader,
        draws.integer(0, 99),
        schedule(draws),
        clip(draws),
        draws.integer(0, 2**32 - 1) * 2**32,
        draws.choice(formats),
        Position(draws.integer(0, 9), draws.integer(1, loader.batches_per_epoch) - 1),
    )


def runs(draws: Draws) -> Iterator[TrainingRun]:
    """Random runs."""
    return repeat(60, lambda: training_run(draws))


# WRITTEN AND READ BACK

Write = Callable[[object], Json]


def changed(written: Json, change: Callable[[str], Json]) -> Json:
    """JSON with every text changed."""
    if isinstance(written, dict):
        return {
            name: value if name == "type" else changed(value, change)
            for name, value in written.items()
        }
    if isinstance(written, list):
        return [changed(each, change) for each in written]
    return change(written) if isinstance(written, str) else written


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace("/", "").replace(".", "").isdigit()


def _rounded(text: str) -> Json:
    """A number as the binary64 number nearest to it."""
    return str(Fraction(float(Fraction(text)))) if _is_number(text) else text


def _two_digits(text: str) -> Json:
    """A number cut to two digits after the point."""
    return f"{float(Fraction(text)):.2f}" if _is_number(text) else text


def _flattened(value: object) -> Json:
    """A run whose sequences inside sequences are lost."""

    def without(written: Json) -> Json:
        if isinstance(written, list):
            return [without(each) for each in written if not _is_sequence(each)]
        if isinstance(written, dict):
            return {name: without(each) for name, each in written.items()}
        return written

    return without(to_json(value))


def _is_sequence(written: Json) -> bool:
    return isinstance(written, dict) and written.get("type") == "Sequential"


@law(
    "description.round_trip",
    objects="description.to_json description.from_json training.TrainingRun",
    evidence=Evidence.SEARCHED,
    subject=to_json,
    mutants={
        "numbers as binary64": lambda value: changed(to_json(value), _rounded),
        "numbers to two digits": lambda value: changed(to_json(value), _two_digits),
        "inner sequences lost": _flattened,
    },
    cases=runs,
)
def round_trip(write: Write, case: TrainingRun) -> bool:
    """A run that is written, as text, and read back is the same run."""
    text = json.dumps(write(case))
    read = json.loads(text)
    return (
        from_json(read) == case
        and training_run_from_json(read) == case
        and to_json(from_json(read)) == read
    )


@law(
    "description.records",
    objects="description.RECORDS description.to_json description.from_json",
    evidence=Evidence.SEARCHED,
    subject=to_json,
    mutants={
        "numbers as binary64": lambda value: changed(to_json(value), _rounded),
        "numbers to two digits": lambda value: changed(to_json(value), _two_digits),
    },
    cases=lambda draws: (
        each(draws)
        for _ in range(25)
        for each in (layer, loss, initializer, optimizer, schedule)
    ),
)
def single_records(write: Write, case: object) -> bool:
    """Each record is written by itself, under a name of its own, and read back."""
    written = write(case)
    assert isinstance(written, dict)
    name = written["type"]
    return (
        isinstance(name, str)
        and RECORDS[name] is type(case)
        and from_json(json.loads(json.dumps(written))) == case
    )


# TOLD APART

Digest = Callable[[Json], str]


def _unsorted(written: Json) -> str:
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def _of_numbers(written: Json) -> str:
    """A digest that takes no notice of words."""
    return digest(changed(written, lambda text: text if _is_number(text) else ""))


def backwards(written: Json) -> Json:
    """The same JSON, the fields of its objects in reverse order."""
    if isinstance(written, dict):
        return {name: backwards(written[name]) for name in reversed(written)}
    if isinstance(written, list):
        return [backwards(each) for each in written]
    return written


def pairs(draws: Draws) -> Iterator[tuple[object, object]]:
    """Records of one kind, equal ones and nearly equal ones among them."""
    yield losses.Huber(1, "mean"), losses.Huber(1, "sum")
    yield layers.GELU("none"), layers.GELU("tanh")
    for _ in range(30):
        for each in (loss, optimizer, schedule, layer):
            yield each(draws), each(draws)


@law(
    "description.digest",
    objects="description.digest description.canonical",
    evidence=Evidence.SEARCHED,
    subject=digest,
    mutants={
        "in the order written": _unsorted,
        "of the length": lambda written: str(len(canonical(written))),
        "of the numbers alone": _of_numbers,
        "of the type": lambda written: str(
            written["type"] if isinstance(written, dict) else written
        ),
    },
    cases=pairs,
)
def digests(digest: Digest, case: tuple[object, object]) -> bool:
    """Two descriptions have one digest exactly if they are equal, in any order."""
    first, second = map(to_json, case)
    same = digest(first) == digest(second)
    return same == (case[0] == case[1]) and digest(backwards(first)) == digest(first)


# REFUSED

Read = Callable[[Json], object]


def _lenient(written: Json) -> object:
    """A reading that skips what it does not know and fills in what is missing."""
    if not isinstance(written, dict):
        return written
    record = RECORDS.get(str(written.get("type")), layers.ReLU)
    known = set(getattr(record, "__dataclass_fields__", ()))
    given = {name: value for name, value in written.items() if name in known}
    return record(**given)


BROKEN: tuple[Json, ...] = (
    None,
    "Linear",
    {},
    {"type": "Lineal"},
    {"type": 3},
    {"type": "Huber", "delta": "1"},
    {"type": "Huber", "delta": "1", "reduction": "mean", "beta": "1"},
    [{"type": "ReLU"}],
)


@law(
    "description.refused",
    objects="description.from_json description.training_run_from_json",
    evidence=Evidence.EXHAUSTIVE,
    subject=from_json,
    mutants={
        "unknown fields skipped": _lenient,
        "nothing read": lambda written: None,
    },
    cases=lambda draws: iter(BROKEN),
)
def refused_json(read: Read, written: Json) -> bool:
    """What no record was written as is refused: another type, or other fields."""
    relu = to_json(layers.ReLU())
    return refuses(Reason.FILE_FORMAT, lambda: read(written)) and refuses(
        Reason.FILE_FORMAT, lambda: training_run_from_json(relu)
    )


UNCHECKED: tuple[Json, ...] = (
    {"type": "Huber", "delta": "-1", "reduction": "mean"},
    {"type": "Dropout", "probability": "1"},
    {"type": "Dropout", "probability": "nan"},
)


@law(
    "description.checked",
    objects="description.from_json",
    evidence=Evidence.EXHAUSTIVE,
    subject=from_json,
    mutants={"without the record's checks": lambda written: None},
    cases=lambda draws: iter(UNCHECKED),
)
def checked_json(read: Read, written: Json) -> bool:
    """A record that is read back runs its own checks again."""
    return refuses(Reason.HYPERPARAMETER, lambda: read(written))
