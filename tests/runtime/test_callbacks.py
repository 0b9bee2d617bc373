"""Callbacks: a monoid, called in order, with events that count alike on every path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.callbacks import (
    Callbacks,
    EpochEvent,
    StepEvent,
    TrainReport,
    TrainStart,
    on_epoch_end,
    on_step,
    on_train_end,
    on_train_start,
)
from torchlean.data import two_moons
from torchlean.evaluation import Evaluation
from torchlean.trainer import Trainer
from torchlean_spec.data import Loader
from torchlean_spec.exact import exact
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
)
from torchlean_spec.schedules import Cosine
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

MOONS = two_moons(50)
MODEL = Sequential(Linear(2, 8), ReLU(), Linear(8, 2))
OPTIMIZERS = (SGD(0.1), SGD(0.1, momentum=0.9), Adam(), AdamW(), RMSProp(), AdaGrad())
PER_EPOCH = 6
"""Batches of 8 in 50 samples."""
TRAINING_RUN = TrainingRun(Task(MODEL, CrossEntropy()), SGD(0.1), Loader(50, 8), 2)


def trainer(optimizer: Optimizer) -> Trainer:
    """A trainer for the moons."""
    return Trainer(MODEL, loss=CrossEntropy(), optimizer=optimizer)


def writing(name: str, seen: list[str]) -> Callbacks:
    """Callbacks that write down each point that they are called at."""

    def hook(point: str) -> Callable[[object], None]:
        return lambda event: seen.append(f"{name} {point}")

    return Callbacks(
        on_train_start=hook("start"),
        on_step=hook("step"),
        on_epoch_end=hook("epoch"),
        on_train_end=hook("end"),
    )


POINTS = ("train_start", "step", "epoch_end", "train_end")
BUILDERS = {
    "train_start": on_train_start,
    "step": on_step,
    "epoch_end": on_epoch_end,
    "train_end": on_train_end,
}
Trace = list[tuple[str, str]]
"""Which hook was called at which point, in order."""


def noting(trace: Trace, hooks: list[tuple[str, str]]) -> Callbacks:
    """Callbacks made by the builders, each of which writes its name and its point."""
    made = Callbacks.empty()
    for point, name in hooks:

        def hook(event: object, entry: tuple[str, str] = (point, name)) -> None:
            trace.append(entry)

        made = made.append(BUILDERS[point](hook))
    return made


def trace_of(combine: Callable[[list[Callbacks]], Callbacks], *given: Trace) -> Trace:
    """What happens at the four points of a run, twice at a step."""
    trace: Trace = []
    hooks = combine([noting(trace, each) for each in given])
    start = TrainStart(TRAINING_RUN, Evaluation(1.0), None)
    hooks.train_start(start)
    for number in (1, 2):
        hooks.step(StepEvent(0, number, 0.5, float))
    hooks.epoch_end(EpochEvent(0, 2, 2, 0.5, None))
    hooks.train_end(TrainReport(2, Evaluation(1.0), Evaluation(0.5)))
    return trace


HOOKS = st.lists(st.tuples(st.sampled_from(POINTS), st.sampled_from("xyz")), max_size=4)


@given(a=HOOKS, b=HOOKS, c=HOOKS)
def test_callbacks_are_associative(a: Trace, b: Trace, c: Trace) -> None:
    """However three are grouped, the same hooks are called in the same order."""
    left = trace_of(lambda h: (h[0] + h[1]) + h[2], a, b, c)
    right = trace_of(lambda h: h[0] + (h[1] + h[2]), a, b, c)
    assert left == right
    points = ["train_start", "step", "step", "epoch_end", "train_end"]
    assert left == [hook for point in points for hook in a + b + c if hook[0] == point]


@given(a=HOOKS)
def test_empty_callbacks_are_a_unit(a: Trace) -> None:
    """On either side, by either name."""
    alone = trace_of(lambda h: h[0], a)
    assert trace_of(lambda h: Callbacks.empty() + h[0], a) == alone
    assert trace_of(lambda h: h[0].append(Callbacks()), a) == alone
    assert Callbacks.empty() == Callbacks()


@given(a=HOOKS, b=HOOKS)
def test_appending_is_adding(a: Trace, b: Trace) -> None:
    """Two names of one operation; neither changes its operands."""
    added = trace_of(lambda h: h[0] + h[1], a, b)
    assert trace_of(lambda h: h[0].append(h[1]), a, b) == added
    assert trace_of(lambda h: (h[0] + h[1], h[0])[1], a, b) == (
        trace_of(lambda h: h[0], a)
    )


def test_hooks_are_called_at_their_points() -> None:
    """Start, steps and epochs in order, end; a's hook before b's at each."""
    seen: list[str] = []
    trainer(SGD(0.1)).train(
        MOONS,
        batch_size=25,
        epochs=2,
        callbacks=writing("a", seen) + writing("b", seen),
    )
    points = ["start", "step", "step", "epoch", "step", "step", "epoch", "end"]
    assert [one for one in seen if one[0] == "a"] == [f"a {p}" for p in points]
    assert [one for one in seen if one[0] == "b"] == [f"b {p}" for p in points]
    assert seen[:2] == ["a start", "b start"]
    assert seen[-4:] == ["a epoch", "b epoch", "a end", "b end"]


def test_an_epoch_reports_its_own_steps() -> None:
    """Epochs count from 0, and the last one may be cut short."""
    events: list[EpochEvent] = []
    trainer(Adam()).train(
        MOONS, batch_size=8, steps=14, callbacks=Callbacks(on_epoch_end=events.append)
    )
    assert [(each.epoch, each.step, each.steps) for each in events] == [
        (0, PER_EPOCH, PER_EPOCH),
        (1, 2 * PER_EPOCH, PER_EPOCH),
        (2, 14, 2),
    ]


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, Adadelta()], ids=str)
def test_every_optimizer_reports_the_same_steps(optimizer: Optimizer) -> None:
    """Each step once, from 1, with its epoch and its loss before the update."""
    events: list[StepEvent] = []
    trained = trainer(optimizer).train(
        MOONS, batch_size=8, steps=13, callbacks=Callbacks(on_step=events.append)
    )
    assert [each.step for each in events] == list(range(1, 14))
    assert [each.epoch for each in events] == [0] * 6 + [1] * 6 + [2]
    assert [each.loss for each in events] == trained.losses.tolist()
    assert {each.learning_rate for each in events} == {
        float(exact(optimizer.learning_rate))
    }
    # The first loss is that of the initial parameters, whatever the optimizer.
    assert events[0].loss == trainer(SGD(0)).train(
        MOONS, batch_size=8, steps=1
    ).losses.item(0)


def test_a_step_reports_its_scheduled_rate() -> None:
    """The rate of step 1 is that of update 0."""
    rates: list[float] = []
    Trainer(
        MODEL, loss=CrossEntropy(), optimizer=SGD("0.5"), schedule=Cosine(total=2)
    ).train(
        MOONS,
        batch_size=8,
        steps=4,
        callbacks=Callbacks(on_step=lambda event: rates.append(event.learning_rate)),
    )
    assert rates == [0.5, 0.25, 0.0, 0.0]


def test_an_epoch_reports_the_mean_of_its_losses() -> None:
    """The mean over the epoch's own steps."""
    events: list[EpochEvent] = []
    trained = trainer(SGD(0.1)).train(
        MOONS, batch_size=25, epochs=3, callbacks=Callbacks(on_epoch_end=events.append)
    )
    pairs = trained.losses.reshape(3, 2).tolist()
    assert [each.mean_loss for each in events] == [(a + b) / 2 for a, b in pairs]


def test_start_and_end_report_the_same_samples() -> None:
    """Before and after are evaluations of all training samples, and so comparable."""
    starts: list[TrainStart] = []
    reports: list[TrainReport] = []
    trained = trainer(Adam(0.05)).train(
        MOONS,
        batch_size=8,
        epochs=5,
        callbacks=Callbacks(on_train_start=starts.append, on_train_end=reports.append),
    )
    assert starts[0].before == reports[0].before == trained.before
    assert reports[0].after == trained.after == trained.evaluate(MOONS)
    assert reports[0].steps == 30
    assert reports[0].after.loss < reports[0].before.loss


def test_callbacks_change_no_bits() -> None:
    """Listening to steps and epochs leaves the same parameters."""
    alone = trainer(Adam()).train(MOONS, batch_size=8, epochs=3)
    heard = trainer(Adam()).train(
        MOONS, batch_size=8, epochs=3, held_out=MOONS, callbacks=writing("a", [])
    )
    for name, array in alone.parameters.items():
        assert array.tobytes() == heard.parameters[name].tobytes()
    assert alone.losses.tobytes() == heard.losses.tobytes()


@pytest.mark.parametrize("point", ["train_start", "step", "epoch_end", "train_end"])
def test_what_a_callback_raises_is_raised_unchanged(point: str) -> None:
    """The training ends, with the callback's own error."""
    error = RuntimeError(point)

    def refuse(event: object) -> None:
        raise error

    hooks: dict[str, Callable[[object], None]] = {f"on_{point}": refuse}
    with pytest.raises(RuntimeError) as refused:
        trainer(Adam()).train(
            MOONS,
            batch_size=8,
            epochs=1,
            callbacks=Callbacks(**hooks),
        )
    assert refused.value is error
