"""Initial parameters and state have the spec's bits."""

from typing import Any

import numpy as np
import pytest

from torchlean.initial import initial_parameters, initial_slots, words
from torchlean.rounding import nearest
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.initializers import (
    Constant,
    FanInUniform,
    Initializer,
    KaimingUniform,
    Ones,
    Uniform,
    XavierUniform,
    Zeros,
)
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.numbers import BINARY32, BINARY64
from torchlean_spec.numbers.system import Exact
from torchlean_spec.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    Optimizer,
    ParameterGroup,
    ParameterGroups,
)
from torchlean_spec.random import word
from torchlean_spec.shape import sizes
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, TrainingRun, initial_state


class NumPyNumbers:
    """As much of a number system as initializers need, over NumPy's scalars."""

    def __init__(self, number_format: NumberFormat) -> None:
        self.number_format = number_format

    def constant(self, value: Exact, /) -> Any:
        """One rounding."""
        rounded = nearest(Constant(value).interval(1, 1)[0], self.number_format)
        return np.dtype(self.number_format).type(rounded)

    def from_float(self, value: float, /) -> Any:
        """One rounding."""
        return np.dtype(self.number_format).type(value)


INITIALIZERS: list[Initializer] = [
    Zeros(),
    Ones(),
    Constant("0.1"),
    Uniform("-0.3", "0.7"),
    Uniform(-1, 1),
    Uniform("-0.3", "0.7", dialect="lean"),
    XavierUniform(),
    XavierUniform(gain="1.7"),
    XavierUniform(dialect="lean"),
    KaimingUniform("0.01"),
    KaimingUniform(dialect="lean"),
    FanInUniform(),
]


@pytest.mark.parametrize("number_format", ["float32", "float64"])
@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_every_initializer(
    initializer: Initializer, number_format: NumberFormat
) -> None:
    """Each initializer gives the spec's numbers, for each parameter of a model."""
    model = Sequential(
        Linear(7, 5, weight_initializer=initializer, bias_initializer=FanInUniform()),
        ReLU(),
        Linear(5, 3, weight_initializer=initializer, bias_initializer=initializer),
    )
    seed = 2**63 + 12345
    found = initial_parameters(model, seed, number_format)
    described = model.parameters()
    assert list(found) == [each.name for each in described]
    system: Any = NumPyNumbers(number_format)
    for number, each in enumerate(described):
        wanted = each.initializer.initialize(
            system, each.shape, each.fan_in, each.fan_out, seed, number
        )
        array = np.array(wanted.values, number_format)
        assert found[each.name].dtype == np.dtype(number_format)
        assert found[each.name].tobytes() == array.tobytes()


def test_words_are_the_specs() -> None:
    """Random words at scattered blocks and streams are those of the spec."""
    streams = np.array([0, 1, 2**32 + 5, 2**63 + 17, 2**64 - 1], np.uint64)
    blocks = np.array([0, 3, 2**32 - 1, 2**32, 2**40 + 1], np.uint64)
    found = words(2**64 - 3, streams, blocks)
    for place in range(len(blocks)):
        first = 4 * int(blocks[place])
        stream = int(streams[place])
        wanted = [word(2**64 - 3, stream, first + i) for i in range(4)]
        assert found[place].tolist() == wanted


def test_a_seed_out_of_range_is_refused() -> None:
    """A seed has 64 bits."""
    with pytest.raises(TorchLeanError) as refusal:
        initial_parameters(Linear(1, 1), -1, "float32")
    assert refusal.value.reason is Reason.DOMAIN
    assert str(refusal.value) == f"expected a seed from 0 to {2**64 - 1}, got -1"


FORMATS: list[NumberFormat] = ["float32", "float64"]
ADAM, TOTALS = Adam(), AdaGrad(initial_accumulator="0.1")


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(1),
        ADAM,
        TOTALS,
        ParameterGroups(ParameterGroup(ADAM, "0.*"), ParameterGroup(TOTALS, "rest")),
    ],
)
def test_initial_slots(optimizer: Optimizer, number_format: NumberFormat) -> None:
    """What an optimizer keeps starts as the spec says, rounded once, and in shape."""
    task = Task(Sequential(Linear(3, 2), ReLU(), Linear(2, 2)), MeanSquaredError())
    run = TrainingRun(task, optimizer, Loader(4, 2), 1, number_format=number_format)
    system = BINARY32 if number_format == "float32" else BINARY64
    found, expected = initial_slots(run), initial_state(system, run).slots
    assert found.keys() == expected.keys()
    for slot, tensors in found.items():
        assert list(tensors) == list(expected[slot])
        for name, array in tensors.items():
            wanted = expected[slot][name]
            assert array.dtype == number_format
            assert array.shape == sizes(wanted.shape)
            numbers = [system.to_float(value) for value in wanted.values]
            assert array.ravel().tolist() == numbers
