"""The engine makes the spec's steps: to the bit in strict mode, in one order always."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.runtime.runs import (
    CLASSES,
    GENERATOR,
    NUMBERS,
    RUNS,
    SOME_CLASSES,
    dataset,
    floats,
    training_run,
)

from torchlean.engine import Data, Engine
from torchlean.state import State
from torchlean_spec import training as spec
from torchlean_spec.batches import Position
from torchlean_spec.clipping import ClipGlobalNorm, ClipValue
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import (
    Linear,
    ReLU,
    Sequential,
)
from torchlean_spec.losses import (
    CrossEntropy,
)
from torchlean_spec.numbers import BINARY32, FLOAT
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    AdaGrad,
)
from torchlean_spec.schedules import Constant
from torchlean_spec.training import TrainingRun


def assert_spec_steps(
    system: NumberSystem[A], run: TrainingRun, data: Data, engine: Engine
) -> None:
    """Every recorded step equals the spec's over a system, in every number."""
    for step in spec.run(system, run, data.to_spec()):
        recorded = engine.record_step()
        assert recorded.number == step.number
        assert recorded.loss == system.to_float(step.loss)
        assert recorded.gradients == floats(system, step.gradients)
        assert recorded.clipped == floats(system, step.clipped)
        assert recorded.after.parameters == floats(system, step.after.parameters)
        assert recorded.after.slots == {
            name: floats(system, tensors) for name, tensors in step.after.slots.items()
        }
        assert recorded.before.step == step.before.step
        assert recorded.after.step == step.after.step
        assert recorded.before.parameters == floats(system, step.before.parameters)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", list(RUNS))
def test_strict_steps_have_the_specs_bits(name: str, threads: int) -> None:
    """Every number of every step, in binary32, on one thread and on two."""
    run, data = RUNS[name]
    engine = Engine(run, data, strict=True, threads=threads)
    assert_spec_steps(BINARY32, run, data, engine)


@pytest.mark.parametrize("drop_last", [True, False])
def test_a_run_that_begins_within_an_epoch_has_the_specs_batches(
    drop_last: bool,
) -> None:
    """Its first step sees the batch at its position, a short last one too."""
    run = training_run(loss=CrossEntropy())
    loader = Loader(len(CLASSES), 4, drop_last=drop_last, seed=9)
    position = Position(1, loader.batches_per_epoch - 1)
    run = replace(run, loader=loader, steps=7, position=position)
    assert_spec_steps(BINARY32, run, CLASSES, Engine(run, CLASSES, strict=True))


def test_strict_float64_has_the_specs_bits() -> None:
    """Without elementary functions, binary64 is strict as well."""
    run = replace(training_run(), number_format="float64")
    assert_spec_steps(FLOAT, run, NUMBERS, Engine(run, NUMBERS, strict=True))


def test_strict_float64_with_elementary_functions_is_refused() -> None:
    """What cannot be promised is refused in one sentence."""
    run = replace(training_run(loss=CrossEntropy()), number_format="float64")
    with pytest.raises(TorchLeanError) as refusal:
        Engine(run, CLASSES, strict=True)
    assert refusal.value.reason is Reason.UNSUPPORTED
    assert str(refusal.value) == (
        "strict float64 has no elementary functions: expected a program without "
        "them, got cross_entropy_with_gradient"
    )


def bits(state: State) -> dict[str, bytes]:
    """All numbers of a state."""
    tensors = {"": state.parameters, **state.slots}
    return {
        f"{prefix}.{name}": array.tobytes()
        for prefix, found in tensors.items()
        for name, array in found.items()
    }


@pytest.mark.parametrize("number_format", ["float32", "float64"])
@pytest.mark.parametrize("name", list(RUNS))
def test_eager_equals_compiled(name: str, number_format: spec.NumberFormat) -> None:
    """Row by row from Python, or whole slices in one call: the same bits."""
    run, data = RUNS[name]
    run = replace(run, number_format=number_format)
    compiled, eager = Engine(run, data), Engine(run, data, backend="eager")
    assert compiled.run(11).tobytes() == eager.run(11).tobytes()
    assert bits(compiled.state()) == bits(eager.state())


def test_recording_and_slices_change_no_bits() -> None:
    """Steps may be made one by one, in slices, or recorded, in any mixture."""
    run = training_run(loss=CrossEntropy(), clipping=ClipGlobalNorm("0.1"))
    whole, mixed = Engine(run, CLASSES), Engine(run, CLASSES)
    losses = whole.run(200)
    found: list[float] = []
    sliced: list[float] = []
    for length in (1, 2, 30, 0, 4, 63, 90):
        found += mixed.run(length, lambda part: sliced.extend(part.tolist())).tolist()
        recorded = mixed.record_arrays()
        found.append(recorded.loss)
        sliced.append(recorded.loss)
    found += mixed.run(200 - len(found)).tolist()
    assert found == losses.tolist()
    assert sliced == found[: len(sliced)]
    assert bits(mixed.state()) == bits(whole.state())
    assert mixed.step == whole.step == 200


@pytest.mark.parametrize(
    ("count", "batch", "drop_last"), [(20, 8, True), (20, 5, True), (20, 8, False)]
)
def test_batches_are_the_loaders(count: int, batch: int, drop_last: bool) -> None:
    """Over several epochs, in slices of any length, each step sees its own batch."""
    loader = Loader(count, batch, drop_last=drop_last, seed=8)
    engine = Engine(replace(training_run(), loader=loader), NUMBERS)
    for length in (0, 1, 5, 2, 17, 3):
        engine.run(length)
        recorded = engine.record_arrays()
        wanted = loader.batch_of_step(recorded.number)
        assert tuple(recorded.indices.tolist()) == wanted


def test_recorded_steps_follow_from_one_another() -> None:
    """The state after a step is the state before the next, and the batch is known."""
    run = training_run()
    engine = Engine(run, NUMBERS)
    previous = engine.state()
    for number in range(1, 8):
        recorded = engine.record_arrays()
        assert recorded.number == number
        assert bits(recorded.before) == bits(previous)
        assert tuple(recorded.indices.tolist()) == run.loader.batch_of_step(number)
        previous = recorded.after


def test_a_state_can_be_taken_up_again() -> None:
    """Going on from a state gives the bits of not having stopped."""
    run, data = RUNS["dropout"]
    first, second = Engine(run, data), Engine(run, data)
    first.run(7)
    second.set_state(first.state())
    assert second.step == 7
    assert first.run(40).tobytes() == second.run(40).tobytes()
    assert bits(first.state()) == bits(second.state())


def test_a_state_of_another_model_is_refused() -> None:
    """Names and shapes of parameters and optimizer state must be the run's."""
    engine = Engine(training_run(), NUMBERS)
    state = engine.state()
    other = Engine(training_run(optimizer=SGD(1)), NUMBERS).state()
    renamed = {"w": np.zeros((5, 6))}
    turned = dict(state.parameters) | {"0.weight": np.zeros((6, 5))}
    for wrong, message in (
        (other, "expected the optimizer's state first, second, got none"),
        (
            State(1, renamed, state.slots),
            "expected the parameters 0.weight, 0.bias, 2.weight, 2.bias, 4.weight, "
            "4.bias, got w",
        ),
        (
            State(1, turned, state.slots),
            "0.weight: expected shape [5, 6], got [6, 5]",
        ),
    ):
        with pytest.raises(TorchLeanError) as refusal:
            engine.set_state(wrong)
        assert refusal.value.reason is Reason.OTHER_MODEL
        assert str(refusal.value) == message
    assert bits(engine.state()) == bits(state)


def diverging() -> TrainingRun:
    """A run whose loss overflows after some steps."""
    return replace(training_run(optimizer=SGD(10)), schedule=Constant())


@pytest.mark.parametrize("backend", ["compiled", "eager"])
def test_a_loss_that_is_not_finite_stops_the_run(backend: Any) -> None:
    """State and step are those after the step before; the loss is reported."""
    run = diverging()
    engine = Engine(run, NUMBERS, backend=backend)
    seen: list[float] = []
    with pytest.raises(TorchLeanError) as refusal:
        engine.run(100, lambda part: seen.extend(part.tolist()))
    stopped = len(seen)
    assert not np.isfinite(seen[-1])
    assert np.isfinite(seen[:-1]).all()
    assert refusal.value.reason is Reason.NOT_FINITE
    message = f"step {stopped}: expected a finite loss, got {seen[-1]}"
    assert str(refusal.value) == message
    assert engine.step == stopped - 1

    again = Engine(run, NUMBERS)
    again.run(stopped - 1)
    assert bits(again.state()) == bits(engine.state())
    with pytest.raises(TorchLeanError) as refusal:
        again.record_step()
    assert str(refusal.value) == message
    assert bits(again.state()) == bits(engine.state())


def test_a_run_that_stopped_can_go_on_from_another_state() -> None:
    """The stop is not kept."""
    engine = Engine(diverging(), NUMBERS)
    start = engine.state()
    with pytest.raises(TorchLeanError):
        engine.run(100)
    engine.set_state(start)
    assert engine.run(2).tobytes() == Engine(diverging(), NUMBERS).run(2).tobytes()


def test_an_interrupt_between_slices_leaves_a_whole_state() -> None:
    """Whatever a callback raises, the run can go on as if nothing had been."""
    run = training_run(loss=CrossEntropy())
    engine, whole = Engine(run, CLASSES), Engine(run, CLASSES)

    def interrupt(part: NDArray[Any]) -> None:
        if engine.step > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(1000, interrupt)
    made = engine.step
    assert 5 < made < 1000
    engine.run(100 - made)
    whole.run(100)
    assert bits(engine.state()) == bits(whole.state())


def needed_memory(engine: Engine, steps: int) -> tuple[int, int]:
    """Bytes that a run holds afterwards and needed meanwhile, beside its losses."""
    tracemalloc.start()
    try:
        losses = engine.run(steps)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return held - losses.nbytes, peak - losses.nbytes


def test_nothing_is_allocated_per_step() -> None:
    """280 000 further steps keep less than a pointer, 8 bytes, for each of them."""
    targets = GENERATOR.standard_normal((1024, 1))
    data = dataset(targets, GENERATOR.standard_normal((1024, 2)))
    model = Sequential(Linear(2, 8), ReLU(), Linear(8, 1))
    run = training_run(model, count=1024, batch=16)
    engine = Engine(replace(run, schedule=Constant()), data)
    engine.run(20_000)
    held, peak = needed_memory(engine, 20_000)
    held_later, peak_later = needed_memory(engine, 300_000)
    assert held_later - held < 8 * 280_000
    assert peak_later - peak < 8 * 280_000


def refusal(run: TrainingRun, data: Data) -> tuple[Reason, str]:
    """Why an engine cannot be made, and in which words."""
    with pytest.raises(TorchLeanError) as refused:
        Engine(run, data)
    return refused.value.reason, str(refused.value)


def test_a_data_set_of_another_size_is_refused() -> None:
    """The loader counts the samples."""
    assert refusal(training_run(count=21), NUMBERS) == (
        Reason.SHAPE_MISMATCH,
        "expected a data set of 21 samples as the loader counts, got 20",
    )


def test_inputs_of_another_shape_are_refused() -> None:
    """The model says which inputs it takes."""
    assert refusal(training_run(Linear(7, 3)), NUMBERS) == (
        Reason.SHAPE_MISMATCH,
        "Linear(7, 3): expected an input of shape [batch, .., 7], got [20, 6]",
    )
    engine = Engine(training_run(), NUMBERS)
    with pytest.raises(TorchLeanError) as refused:
        engine.predict(np.zeros((2, 5)))
    assert str(refused.value) == ("expected inputs of shape [samples, 6], got [2, 5]")


def test_targets_of_another_kind_are_refused() -> None:
    """Classes where numbers are needed, numbers where classes are needed."""
    assert refusal(training_run(), CLASSES) == (
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [20, 3] that are numbers, "
        "got [20] that are class indices",
    )
    assert refusal(training_run(loss=CrossEntropy()), NUMBERS) == (
        Reason.SHAPE_MISMATCH,
        "expected targets of shape [20] that are class indices, "
        "got [20, 3] that are numbers",
    )


def test_a_class_that_the_model_lacks_is_refused() -> None:
    """A label beyond the model's scores, and one to ignore that the loss does not."""
    narrow = training_run(Linear(6, 2), CrossEntropy())
    first = CLASSES.targets.tolist().index(2)
    assert refusal(narrow, CLASSES) == (
        Reason.CLASS_OUT_OF_RANGE,
        f"sample {first}: expected a class from 0 to 1, got 2",
    )
    first = SOME_CLASSES.targets.tolist().index(-1)
    assert refusal(training_run(loss=CrossEntropy()), SOME_CLASSES) == (
        Reason.CLASS_OUT_OF_RANGE,
        f"sample {first}: expected a class from 0 to 2, got -1",
    )


def test_the_plan_as_text() -> None:
    """The plan shows its buffers, and its rows phase by phase."""
    run = training_run(loss=CrossEntropy(), clipping=ClipValue(1))
    text = Engine(run, CLASSES).plan_text().split("\n")
    titles = [line for line in text if line.endswith(":")]
    assert titles == ["data:", "backward:", "clip:", "update:"]
    assert text[0].startswith("float32 fast, arena of ")
    clip = text.index("clip:")
    assert text[clip + 1].startswith("clip_value(limit=constants[")
    assert text[-1] == "advance(control=control[0:16], batch=8)"


def test_parameters_start_as_the_spec_says() -> None:
    """The initial state has the spec's bits, whatever the mode."""
    run = training_run(optimizer=AdaGrad(initial_accumulator="0.1"))
    wanted = spec.initial_state(BINARY32, run)
    for strict in (False, True):
        state = Engine(run, NUMBERS, strict=strict).state().to_spec()
        assert state.parameters == floats(BINARY32, wanted.parameters)
        assert state.slots["total"] == floats(BINARY32, wanted.slots["total"])
