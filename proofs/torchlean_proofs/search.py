"""A grammar of valid runs, drawn by Hypothesis, and a judge for any backend.

A run is drawn for a pair of a loss and an optimizer; model, initial values,
schedule, clipping, batches, data and number format are drawn freely, so that shapes
and kinds always fit. The backend makes each step through the door that is open to
any backend, and the step is judged from the state that the backend was given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace

from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st

from torchlean_proofs.certify import initial_floats
from torchlean_proofs.report import Report
from torchlean_proofs.search_choices import (
    CLIPPINGS,
    LOSSES,
    OPTIMIZERS,
    PAIRS,
    SCHEDULES,
)
from torchlean_proofs.search_models import models
from torchlean_proofs.steps import judge_step
from torchlean_proofs.strict import strict_certificate
from torchlean_spec import layers
from torchlean_spec.backend import TRAIN_STEP, Backend, Buffer, Call
from torchlean_spec.certificate import RecordedStep, to_text
from torchlean_spec.data import Dataset, Labels, Loader, Rows, Targets
from torchlean_spec.description import Json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    CrossEntropyOfProbabilities,
    Loss,
    NegativeLogLikelihood,
    Poisson,
)
from torchlean_spec.numbers import bounded
from torchlean_spec.numbers.floating import FLOAT
from torchlean_spec.operations import Kind
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import Batch, State, Tensors, TrainingRun, batch_of

CLASSES, MOST_SAMPLES = 3, 9
CLASSIFYING = (CrossEntropy, CrossEntropyOfProbabilities, NegativeLogLikelihood)
"""The losses whose rows of targets are probabilities."""

STEPS = 2
"""How many steps of a run are made and judged; the second one has a history."""


@dataclass(frozen=True)
class SearchedRun:
    """A run and its data."""

    training_run: TrainingRun
    dataset: Dataset[Shape, Targets]


def last_layer(loss: Loss) -> Layer | None:
    """What a model must end with, so that a loss gets what it is defined for."""
    if isinstance(loss, BinaryCrossEntropy) and not loss.from_logits:
        return layers.Sigmoid()
    if isinstance(loss, Poisson) and not loss.log_input:
        return layers.Softplus()
    if isinstance(loss, CrossEntropyOfProbabilities):
        return layers.Softmax()
    return layers.LogSoftmax() if isinstance(loss, NegativeLogLikelihood) else None


@st.composite
def targets(draw: st.DrawFn, loss: Loss, outputs: int, loader: Loader) -> Targets:
    """Targets that a loss takes."""
    count = loader.count
    if loss.target_kind is Kind.INDEX:
        classes = draw(st.tuples(*[st.integers(0, outputs - 1)] * count))
        ignored = getattr(loss, "ignore_index", None)
        smallest = loader.batch_size
        if not loader.drop_last and count % smallest:
            smallest = count % smallest
        # At most one sample is ignored, so that in each batch some sample counts.
        if ignored is not None and smallest > 1 and draw(st.booleans()):
            classes = (ignored, *classes[1:])
        return Labels(outputs, classes, (), ignored)
    rows = draw(numbers(count, outputs, 0, 10))
    if isinstance(loss, CLASSIFYING):
        rows = tuple(tuple(v / (sum(row) or 1.0) for v in row) for row in rows)
    return Rows(shape_of([outputs]), rows)


def numbers(
    rows: int, width: int, low: int, high: int
) -> st.SearchStrategy[tuple[tuple[float, ...], ...]]:
    """Rows of tenths, most of which no binary format holds."""
    row = st.tuples(*[st.integers(low, high).map(lambda n: n / 10)] * width)
    return st.tuples(*[row] * rows)


@st.composite
def runs(draw: st.DrawFn, loss_name: str, optimizer_name: str) -> SearchedRun:
    """A run with a given kind of loss and of optimizer, and data for it."""
    outputs = draw(st.integers(2, CLASSES))
    loss = draw(LOSSES[loss_name](outputs))
    sample = draw(st.sampled_from(((1,), (3,), (5,), (2, 3), (2, 1, 2))))
    count = draw(st.integers(2, MOST_SAMPLES))
    width = math.prod(sample)
    inputs = Rows(shape_of(sample), draw(numbers(count, width, -15, 15)))
    loader = Loader(
        count,
        draw(st.integers(1, count)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.integers(0, 99)),
    )
    dataset: Dataset[Shape, Targets] = Dataset(
        inputs, draw(targets(loss, outputs, loader))
    )
    training_run = TrainingRun(
        Task(draw(models(sample, outputs, last_layer(loss))), loss),
        draw(OPTIMIZERS[optimizer_name]),
        loader,
        STEPS,
        draw(SCHEDULES),
        draw(CLIPPINGS),
        draw(st.integers(0, 2**64 - 1)),
        draw(st.sampled_from(("float32", "float32", "float32", "float64"))),
    )
    return SearchedRun(training_run, dataset)


# THE DOOR


def made_step(
    backend: Backend,
    training_run: TrainingRun,
    batch: Batch[float],
    before: State[float],
    number: int,
) -> RecordedStep:
    """Have a backend make one step, and keep what it answers.

    Raises:
        UnsupportedError: If the backend does not offer it.
        TorchLeanError: If the backend refuses it.
    """
    dtype = training_run.number_format
    given = {f"parameter.{name}": t for name, t in before.parameters.items()}
    for slot, tensors in before.slots.items():
        given |= {f"{slot}.{name}": tensor for name, tensor in tensors.items()}
    buffers = {
        name: Buffer.of(dtype, sizes(tensor.shape), tensor.values)
        for name, tensor in {**given, "input": batch.inputs}.items()
    }
    indices = training_run.task.loss.target_kind is Kind.INDEX
    target_dtype = "int64" if indices else dtype
    target = batch.targets
    buffers["target"] = Buffer.of(target_dtype, sizes(target.shape), target.values)
    run: Json = to_json(training_run)
    answer = backend.run(Call(TRAIN_STEP, {"run": run, "step": number}, buffers))

    def tensors_of(prefix: str, names: Iterable[str]) -> Tensors[float]:
        return {
            name: Tensor(shape_of(found.shape), found.values())
            for name in names
            for found in (answer[f"{prefix}.{name}"],)
        }

    return RecordedStep(
        number,
        before,
        answer["loss"].values()[0],
        tensors_of("gradient", before.parameters),
        tensors_of("clipped", before.parameters),
        State(
            number,
            tensors_of("parameter", before.parameters),
            {slot: tensors_of(slot, kept) for slot, kept in before.slots.items()},
        ),
    )


def steps_of(backend: Backend, searched: SearchedRun) -> Iterator[RecordedStep]:
    """The steps that a backend makes from the initial state on."""
    training_run = searched.training_run
    state = initial_floats(training_run)
    for number in range(1, training_run.steps + 1):
        batch = batch_of(FLOAT, training_run, searched.dataset, number)
        step = made_step(backend, training_run, batch, state, number)
        yield step
        state = step.after


def judged(backend: Backend, searched: SearchedRun) -> Report:
    """Judge every step that a backend makes of a run."""
    training_run, dataset = searched.training_run, searched.dataset
    ulps: Mapping[str, float] = getattr(backend, "ulps", {})
    system = bounded(training_run.number_format, ulps=ulps)
    found = [
        judge_step(
            system,
            training_run,
            batch_of(system, training_run, dataset, step.number),
            None,
            step,
        )
        for step in steps_of(backend, searched)
    ]
    return Report(backend.name, tuple(found), True, True, ulps)


def same_bits(backend: Backend, searched: SearchedRun) -> list[str]:
    """What of a backend's steps has not the bits of the spec's own run.

    Returns:
        The names of the parts that differ, each with its step.
    """
    training_run = searched.training_run
    expected = strict_certificate(
        training_run, searched.dataset, range(1, training_run.steps + 1)
    )
    found: list[str] = []
    for wanted, got in zip(expected.steps, steps_of(backend, searched), strict=True):
        ours, theirs = (to_text(replace(expected, steps=(s,))) for s in (wanted, got))
        if ours != theirs:
            parts = ("before", "loss", "gradients", "clipped", "after")
            found += [
                f"step {wanted.number}: {part}"
                for part in parts
                if repr(getattr(wanted, part)) != repr(getattr(got, part))
            ]
    return found


# THE SEARCH


def constructors(value: object) -> Iterator[str]:
    """The dotted names of all records that a description is made of."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from constructors(each)
    elif is_dataclass(value) and not isinstance(value, type):
        module = type(value).__module__.removeprefix("torchlean_spec.")
        yield f"{module.split('.')[0]}.{type(value).__name__}"
        for each in fields(value):
            yield from constructors(getattr(value, each.name))


@dataclass
class Counts:
    """What a search has seen."""

    runs: int = 0
    constructors: Counter[str] = field(default_factory=Counter)
    """In how many runs each record occurs."""
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many runs had each loss with each optimizer."""


def search(
    check: Callable[[SearchedRun], None],
    examples: int,
    pairs: Iterable[tuple[str, str]] = PAIRS,
    shrinking: bool = True,
) -> Counts:
    """Draw runs for each pair of a loss and an optimizer, and check each of them.

    The draws are the same each time. A run whose loss overflows is passed over.

    Args:
        check: Raises if something is wrong with a run.
        examples: How many runs to draw for each pair.
        pairs: The pairs; all of them by default.
        shrinking: Whether to look for a simpler run where the check raises.

    Returns:
        What was seen of the runs that were checked.
    """
    counts = Counts()
    rules = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if shrinking else [])],
    )
    for number, pair in enumerate(pairs):
        _search_pair(check, rules, pair, number, counts)
    return counts


def _search_pair(
    check: Callable[[SearchedRun], None],
    rules: settings,
    pair: tuple[str, str],
    number: int,
    counts: Counts,
) -> None:
    @seed(number)
    @rules
    @given(runs(*pair))
    def checked(searched: SearchedRun) -> None:
        try:
            check(searched)
        except TorchLeanError as error:
            if error.reason is Reason.NOT_FINITE:
                reject()
            raise
        counts.runs += 1
        counts.constructors.update(set(constructors(searched.training_run)))
        counts.pairs[pair] += 1

    checked()
