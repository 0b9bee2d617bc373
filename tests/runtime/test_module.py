"""Modules: losses, gradients and predictions at parameters that change."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.runtime.runs import CLASSES, INPUTS, NETWORK, NUMBERS, RUNS, SOME_CLASSES

from torchlean.data import BatchLoader, tensor_dataset
from torchlean.module import GivenBatch, Module, Samples
from torchlean.options import Options
from torchlean.state import to_spec
from torchlean.stepper import stepper
from torchlean_spec import training as spec
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Linear, Sequential
from torchlean_spec.losses import CrossEntropy, MeanSquaredError
from torchlean_spec.numbers import BINARY32
from torchlean_spec.optimizers import SGD
from torchlean_spec.program import evaluate
from torchlean_spec.shape import vector
from torchlean_spec.task import DRAW, INPUT, PREDICTION, TARGET, Task, loss_program
from torchlean_spec.tensor import Tensor, of_any_shape
from torchlean_spec.training import TrainingRun

STRICT = Options(strict=True, seed=2**63 + 9)
RANDOM = Task(
    Sequential(Linear(6, 8), Dropout("0.5"), Linear(8, 3)), MeanSquaredError()
)


def batch(count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The first samples of the shared numbers."""
    return NUMBERS.inputs[:count], NUMBERS.targets[:count]


@pytest.mark.parametrize("name", list(RUNS))
def test_losses_and_gradients_are_the_specs(name: str) -> None:
    """In strict mode to the bit, with the draw of the step that is next."""
    run, data = RUNS[name]
    module = Module(run.task, STRICT)
    given = TrainingRun(run.task, SGD("0.1"), Loader(8, 8), 1, seed=STRICT.seed)
    samples = spec.samples(BINARY32, data.to_spec(), tuple(range(8)))
    parameters = {
        key: tensor.map(BINARY32.from_float)
        for key, tensor in to_spec(module.parameters).items()
    }
    stepping = stepper(module, SGD(0))
    for number in (1, 2):
        loss, gradients = spec.backward(BINARY32, given, parameters, samples, number)
        inputs, targets = data.inputs[:8], data.targets[:8]
        assert module.steps == number - 1
        assert module.forward(inputs, targets) == BINARY32.to_float(loss)
        found = to_spec(module.backward(inputs, targets))
        assert found == {
            key: tensor.map(BINARY32.to_float) for key, tensor in gradients.items()
        }
        assert stepping.step(inputs, targets) == BINARY32.to_float(loss)


def test_predictions_in_training_are_the_specs() -> None:
    """To the bit, with the draw of the step that is next."""
    run, data = RUNS["dropout"]
    module = Module(run.task, STRICT)
    stepping = stepper(module, SGD(0))
    samples = spec.samples(BINARY32, data.to_spec(), tuple(range(8)))
    program = loss_program(run.task, samples.inputs.shape, training=True)
    parameters = {
        key: tensor.map(BINARY32.from_float)
        for key, tensor in to_spec(module.parameters).items()
    }
    for number in (1, 2):
        draw = of_any_shape(Tensor(vector(2), (STRICT.seed, number)))
        given = {INPUT: samples.inputs, TARGET: samples.targets, DRAW: draw}
        found = evaluate(program, BINARY32, {**parameters, **given})[PREDICTION]
        wanted = [BINARY32.to_float(each) for each in found.values]
        predicted = module.predict(data.inputs[:8], "train")
        assert predicted.ravel().tolist() == wanted
        stepping.step(data.inputs[:8], data.targets[:8])


def test_a_mask_is_that_of_the_step_over_the_whole_batch() -> None:
    """Training predictions with parameters of one show the mask itself."""
    model = Sequential(Dropout("0.5"), Linear(4, 4, bias=False))
    module = Module(Task(model, MeanSquaredError()), Options(seed=5))
    module.set_parameters({"1.weight": np.eye(4)})
    many = np.ones((1300, 4))
    masked = module.predict(many, "train")
    assert set(np.unique(masked).tolist()) == {0.0, 2.0}
    assert masked[:512].tobytes() != masked[512:1024].tobytes()
    assert module.predict(many, "train").tobytes() == masked.tobytes()
    assert module.predict(many, "eval").tobytes() == many.astype("f4").tobytes()


def test_evaluation_rests_whatever_was_done_before() -> None:
    """Mean losses are those of the evaluation program, at any mode of the steps."""
    module = Module(RANDOM)
    before = module.mean_loss(NUMBERS)
    assert module.forward(*batch(20)) != before
    assert module.forward(*batch(20), mode="eval") == before
    assert module.mean_loss(NUMBERS, "train") != before
    assert module.mean_loss(NUMBERS) == before


def test_samples_come_in_many_forms() -> None:
    """A data set in either form, a loader, whose data set counts, and batches."""
    module = Module(Task(NETWORK, MeanSquaredError()))
    wanted = module.evaluate(NUMBERS)
    forms: list[Samples] = [
        NUMBERS.to_spec(),
        BatchLoader(NUMBERS, 8, seed=3),
        [batch(20)],
        iter([batch(20)]),
    ]
    assert all(module.evaluate(each) == wanted for each in forms)
    loader = BatchLoader(NUMBERS, 8, drop_last=False)
    parts = [module.mean_loss([each]) * len(each[0]) for each in loader.epoch(0)]
    whole = module.mean_loss(loader.epoch(0))
    assert abs(whole - sum(parts) / 20) <= 20 * 3 * 2.0**-24 * whole


def test_counts_are_added_over_batches() -> None:
    """A batch whose labels are all ignored adds nothing; one that is all there may."""
    task = Task(NETWORK, CrossEntropy(ignore_index=-1))
    module = Module(task)
    inputs, labels = SOME_CLASSES.inputs, SOME_CLASSES.targets
    ignored = labels == -1
    parts = [(inputs[ignored], labels[ignored]), (inputs[~ignored], labels[~ignored])]
    split, whole = module.evaluate(parts), module.evaluate(SOME_CLASSES)
    assert split.count == whole.count
    assert whole.count is not None and whole.count.total == int((~ignored).sum())
    with pytest.raises(TorchLeanError) as refused:
        module.evaluate(parts[:1])
    assert refused.value.reason is Reason.EMPTY_DATA
    assert str(refused.value) == "expected at least 1 sample that counts, got none"


def test_nothing_to_evaluate_is_refused() -> None:
    """No batches have no loss."""
    with pytest.raises(TorchLeanError) as refused:
        Module(RANDOM).mean_loss([])
    assert refused.value.reason is Reason.EMPTY_DATA
    assert str(refused.value) == "expected at least 1 batch to evaluate, got none"


def test_a_label_is_named_by_its_place_in_all_batches() -> None:
    """The sentence counts samples from the first batch on."""
    module = Module(Task(NETWORK, CrossEntropy()))
    good = CLASSES.inputs[:4], CLASSES.targets[:4]
    with pytest.raises(TorchLeanError) as refused:
        module.mean_loss([good, (INPUTS[:2], [0, 7])])
    assert str(refused.value) == "sample 5: expected a class from 0 to 2, got 7"


def peak_of_evaluation(module: Module, samples: Callable[[], Samples]) -> int:
    """The bytes that an evaluation needs beside what stays from call to call."""
    module.mean_loss(samples())
    given = samples()
    gc.collect()
    tracemalloc.start()
    try:
        module.mean_loss(given)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


def test_evaluation_keeps_one_batch_at_a_time() -> None:
    """Of twenty batches one is alive at a time, and of a data set no copy is made."""
    count, width, size = 20, 256, 512
    module = Module(Task(Linear(width, 2), CrossEntropy()))
    labels = np.zeros(size, np.int64)

    def stream() -> Iterator[GivenBatch]:
        for number in range(count):
            yield np.full((size, width), float(number)), labels

    one = size * width * 8
    assert peak_of_evaluation(module, stream) < 2 * one
    data = tensor_dataset(np.zeros((count * size, width)), np.tile(labels, count))
    assert data.inputs.nbytes == count * one
    assert peak_of_evaluation(module, lambda: data) < one


@pytest.mark.parametrize("options", [Options(), Options(strict=True)])
def test_parameters_are_copies_and_can_be_set(options: Options) -> None:
    """They are read-only copies; setting them is felt by all that follows."""
    module = Module(RANDOM, options)
    start = module.parameters
    with pytest.raises(ValueError, match="read-only"):
        start["0.weight"][0, 0] = 1
    before = module.mean_loss(NUMBERS)
    doubled = {name: 2 * array for name, array in start.items()}
    module.set_parameters(doubled)
    assert module.mean_loss(NUMBERS) != before
    for name, array in module.parameters.items():
        assert array.tobytes() == doubled[name].tobytes()
    module.set_parameters(start)
    assert module.mean_loss(NUMBERS) == before


def test_parameters_of_another_model_are_refused() -> None:
    """By names, by shapes, by kind, before anything is changed."""
    module = Module(Task(Linear(2, 1), MeanSquaredError()))
    start = module.parameters
    refusals: list[tuple[Any, Reason, str]] = [
        (
            {"weight": [[1.0, 2.0]]},
            Reason.OTHER_MODEL,
            "expected the parameters weight, bias, got weight",
        ),
        (
            {"weight": [[1.0], [2.0]], "bias": [0.0]},
            Reason.OTHER_MODEL,
            "weight: expected shape [1, 2], got [2, 1]",
        ),
        (
            {"weight": [[1.0, 2.0]], "bias": ["x"]},
            Reason.DOMAIN,
            "bias: expected numbers, got an array of <U1",
        ),
    ]
    for wrong, reason, message in refusals:
        with pytest.raises(TorchLeanError) as refused:
            module.set_parameters(wrong)
        assert (refused.value.reason, str(refused.value)) == (reason, message)
    for name, array in module.parameters.items():
        assert array.tobytes() == start[name].tobytes()


def test_inputs_of_several_sizes_share_the_parameters() -> None:
    """A model that takes sequences of any length has one set of parameters."""
    module = Module(Task(Linear(3, 2), MeanSquaredError()))
    generator = np.random.default_rng(1)
    for shape in ((5, 3), (4, 7, 3), (9, 3), (2, 2, 3)):
        inputs = generator.standard_normal(shape)
        targets = np.zeros((*shape[:-1], 2))
        stepper(module, SGD("0.5")).step(inputs, targets)
        parameters = module.parameters
        twin = Module(Task(Linear(3, 2), MeanSquaredError()))
        twin.set_parameters(parameters)
        assert twin.forward(inputs, targets) == module.forward(inputs, targets)
        assert twin.mean_loss([(inputs, targets)]) == (
            module.mean_loss([(inputs, targets)])
        )
        # Other sizes than those of the last step, few samples and many.
        for count in (1, 11):
            longer = np.zeros((count, 5, 3)), np.ones((count, 5, 2))
            assert twin.forward(*longer) == module.forward(*longer)


def test_wrong_inputs_and_modes_are_refused() -> None:
    """One sentence each."""
    module = Module(RANDOM)
    calls: list[tuple[Any, Reason, str]] = [
        (
            lambda: module.predict([1.0] * 6),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..] of at least 1 sample, "
            "got [6]",
        ),
        (
            lambda: module.predict(np.zeros((0, 6))),
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..] of at least 1 sample, "
            "got [0, 6]",
        ),
        (
            lambda: module.predict(np.zeros((2, 5))),
            Reason.SHAPE_MISMATCH,
            "Linear(6, 8): expected an input of shape [batch, .., 6], got [1, 5]",
        ),
        (
            lambda: module.mean_loss(NUMBERS, "test"),  # type: ignore[arg-type]
            Reason.UNKNOWN_NAME,
            "expected mode 'train' or 'eval', got 'test'",
        ),
        (
            lambda: module.forward(INPUTS[:2], [0, 1]),
            Reason.SHAPE_MISMATCH,
            "expected targets of shape [2, 3] that are numbers, "
            "got [2] that are class indices",
        ),
    ]
    for call, reason, message in calls:
        with pytest.raises(TorchLeanError) as refused:
            call()
        assert (refused.value.reason, str(refused.value)) == (reason, message)


def test_larger_batches_are_taken_as_they_come() -> None:
    """The room for a batch grows, and the parameters move with it."""
    module = Module(RANDOM, Options(threads=1))
    losses = [module.forward(*batch(count)) for count in (3, 20, 8)]
    again = [Module(RANDOM).forward(*batch(count)) for count in (3, 20, 8)]
    assert losses == again


def test_a_larger_batch_has_the_draw_of_the_next_step_too() -> None:
    """Whichever engine computes it: the count of steps moves with the parameters."""
    module = Module(RANDOM)
    stepping = stepper(module, SGD("0.1"))
    for _ in range(3):
        stepping.step(*batch(8))
    told = module.forward(*batch(20))
    assert module.steps == 3
    assert told != Module(RANDOM).forward(*batch(20))
    assert stepping.step(*batch(20)) == told


def test_lists_are_taken() -> None:
    """Whatever NumPy takes for an array of numbers."""
    module = Module(Task(Linear(2, 1), MeanSquaredError()))
    rows = [[1.0, 2.0], [3.0, 4.0]]
    predicted = module.predict(np.array(rows))
    assert module.predict(rows).tobytes() == predicted.tobytes()
    data = tensor_dataset(rows, [0.0, 1.0])
    assert module.mean_loss(data) == module.mean_loss([(rows, [[0.0], [1.0]])])
