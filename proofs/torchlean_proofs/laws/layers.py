"""Laws of layers: parameters, shapes, and what they are built of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses
from torchlean_proofs.laws.operations_applied import exact_table
from torchlean_proofs.laws.program_recipes import Direct
from torchlean_spec import layers
from torchlean_spec.errors import Reason
from torchlean_spec.initializers import Ones, XavierUniform, Zeros
from torchlean_spec.layers import (
    Context,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Parameter,
    ReLU,
    Sequential,
    Tanh,
)
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.operations import Attributes, Kind
from torchlean_spec.program import Input, Node, Program, Value, trace
from torchlean_spec.shape import Shape, matrix, shape_of, size, sizes
from torchlean_spec.tensor import Tensor

Rational = Tensor[Fraction, Shape]

# FOLLOWING A LAYER


def traced(layer: Layer, extents: Sequence[int], training: bool = False) -> Program:
    """The program of a layer alone, from its input and its parameters."""
    inputs = {"x": Input(shape_of(extents))}
    if training:
        inputs["draw"] = Input(shape_of([2]), Kind.INDEX)
    inputs |= {each.name: Input(each.shape) for each in layer.parameters()}

    def forward(x: Value, *rest: Value) -> Mapping[str, Value]:
        draw, parameters = (rest[0], rest[1:]) if training else (None, rest)
        return {"y": layer.apply(x, parameters, Context(draw))}

    return trace(forward, inputs)


def output(layer: Layer, x: Rational, parameters: Sequence[Rational]) -> Rational:
    """What a layer gives in evaluation, exactly."""
    values = [cast(Value, Direct(RATIONAL, each)) for each in (x, *parameters)]
    found = layer.apply(values[0], values[1:], Context(None))
    return cast(Rational, cast("Direct[Fraction]", found).tensor)


def parameters_of(draws: Draws, layer: Layer) -> tuple[Rational, ...]:
    """A random value for each parameter."""
    described = layer.parameters()
    return tuple(exact_table(draws, *sizes(each.shape)) for each in described)


# ACTIVATIONS


@dataclass(frozen=True, slots=True)
class Setting:
    """A hyperparameter, and the sizes of an input."""

    value: Fraction
    extents: tuple[int, ...]


def settings(draws: Draws) -> Iterator[Setting]:
    """Hyperparameters above 0, and inputs of 2 or 3 axes."""
    return (
        Setting(draws.positive(2), extents)
        for extents in ((2, 3), (4, 1), (2, 2, 3))
        for _ in range(3)
    )


Make = Callable[[Fraction], Layer]


def activation_law(
    name: str,
    make: Make,
    operation: str,
    mutants: Mapping[str, Make],
    attribute: str | None = None,
    identifier: str | None = None,
) -> Law:
    """The law of a layer that applies one operation.

    Args:
        name: The layer's record.
        make: The layer with a hyperparameter, which it may ignore.
        operation: The operation that it applies.
        mutants: Wrong layers.
        attribute: What the operation calls the hyperparameter, if it has one.
        identifier: The law's name, where it is not the record's.
    """

    def holds(make: Make, case: Setting) -> bool:
        layer = make(case.value)
        given = Attributes(**({attribute: case.value} if attribute else {}))
        node = Node(operation, given, (0,), shape_of(case.extents))
        found = traced(layer, case.extents)
        return layer.parameters() == () and found.nodes == (node,)

    holds.__doc__ = f"{name} has no parameters and is the operation `{operation}`."
    return law(
        identifier or f"layers.{name}",
        objects=f"layers.{name}",
        evidence=Evidence.SEARCHED,
        subject=make,
        mutants=mutants,
        cases=settings,
    )(holds)


ACTIVATIONS = (
    activation_law(
        "ReLU",
        lambda value: layers.ReLU(),
        "relu",
        {
            "leaky": lambda value: layers.LeakyReLU(),
            "twice": lambda value: Sequential(ReLU(), ReLU()),
        },
    ),
    activation_law(
        "SiLU",
        lambda value: layers.SiLU(),
        "silu",
        {
            "GELU": lambda value: layers.GELU(),
            "sigmoid": lambda value: layers.Sigmoid(),
        },
    ),
    activation_law(
        "Sigmoid",
        lambda value: layers.Sigmoid(),
        "sigmoid",
        {
            "tanh": lambda value: layers.Tanh(),
            "softmax": lambda value: layers.Softmax(),
        },
    ),
    activation_law(
        "Tanh",
        lambda value: layers.Tanh(),
        "tanh",
        {"sigmoid": lambda value: layers.Sigmoid()},
    ),
    activation_law(
        "Softplus",
        lambda value: layers.Softplus(),
        "softplus",
        {"ReLU": lambda value: layers.ReLU()},
    ),
    activation_law(
        "Softmax",
        lambda value: layers.Softmax(),
        "softmax",
        {"its logarithm": lambda value: layers.LogSoftmax()},
    ),
    activation_law(
        "LogSoftmax",
        lambda value: layers.LogSoftmax(),
        "log_softmax",
        {"no logarithm": lambda value: layers.Softmax()},
    ),
    activation_law(
        "GELU",
        lambda value: layers.GELU(),
        "gelu",
        {"by tanh": lambda value: layers.GELU("tanh")},
    ),
    activation_law(
        "GELU",
        lambda value: layers.GELU("tanh"),
        "gelu_tanh",
        {"exact": lambda value: layers.GELU()},
        identifier="layers.GELU.tanh",
    ),
    activation_law(
        "LeakyReLU",
        layers.LeakyReLU,
        "leaky_relu",
        {
            "the default slope": lambda value: layers.LeakyReLU(),
            "the slope's reciprocal": lambda value: layers.LeakyReLU(1 / value),
            "ELU": layers.ELU,
        },
        "slope",
    ),
    activation_law(
        "ELU",
        layers.ELU,
        "elu",
        {
            "the default alpha": lambda value: layers.ELU(),
            "leaky ReLU": layers.LeakyReLU,
        },
        "alpha",
    ),
)


# LINEAR


@dataclass(frozen=True, slots=True)
class Affine:
    """A linear layer's sizes, an input of it, and values of its parameters."""

    inputs: int
    outputs: int
    bias: bool
    x: Rational
    parameters: tuple[Rational, ...]


def affines(draws: Draws) -> Iterator[Affine]:
    """Linear layers, with and without bias, on inputs of 2 and 3 axes."""
    for outer in ((2,), (3, 2), (0,)):
        for inputs, outputs in ((2, 2), (3, 2), (1, 3)):
            for bias in (True, False):
                layer = Linear(inputs, outputs, bias)
                x = exact_table(draws, *outer, inputs)
                yield Affine(inputs, outputs, bias, x, parameters_of(draws, layer))


MakeLinear = Callable[[int, int, bool], Layer]


@dataclass(frozen=True, slots=True)
class Altered:
    """A layer whose description of its parameters is changed."""

    inner: Layer
    change: Callable[[Parameter], Parameter]

    def parameters(self) -> tuple[Parameter, ...]:
        """The changed ones."""
        return tuple(map(self.change, self.inner.parameters()))

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """As the inner layer."""
        return self.inner.apply(x, parameters, context)


@dataclass(frozen=True, slots=True)
class Twice:
    """A layer that doubles another's output."""

    inner: Layer

    def parameters(self) -> tuple[Parameter, ...]:
        """The inner layer's."""
        return self.inner.parameters()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The inner layer's output, added to itself."""
        found = self.inner.apply(x, parameters, context)
        return found.apply("add", found)


def _transposed(each: Parameter) -> Parameter:
    return replace(each, shape=shape_of(sizes(each.shape)[::-1]))


@law(
    "layers.Linear",
    objects="layers.Linear layers.Parameter operations.linear.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Linear,
    mutants={
        "never a bias": lambda inputs, outputs, bias: Linear(inputs, outputs, False),
        "the weight's axes exchanged": lambda inputs, outputs, bias: Altered(
            Linear(inputs, outputs, bias), _transposed
        ),
        "the fans exchanged": lambda inputs, outputs, bias: Altered(
            Linear(inputs, outputs, bias),
            lambda each: replace(each, fan_in=each.fan_out, fan_out=each.fan_in),
        ),
        "the bias starting at 1": lambda inputs, outputs, bias: Linear(
            inputs, outputs, bias, bias_initializer=Ones()
        ),
        "twice": lambda inputs, outputs, bias: Twice(Linear(inputs, outputs, bias)),
    },
    cases=affines,
)
def linear_layers(make: MakeLinear, case: Affine) -> bool:
    """A weight [outputs, inputs] and a bias; the output is x W^T + b, or x W^T.

    The weight starts Xavier-uniform, the bias at 0; their fans are the sizes.
    """
    layer = make(case.inputs, case.outputs, case.bias)
    fans = case.inputs, case.outputs
    weight = Parameter(
        "weight", matrix(case.outputs, case.inputs), XavierUniform(), *fans
    )
    bias = Parameter("bias", shape_of([case.outputs]), Zeros(), *fans)
    described = (weight, bias) if case.bias else (weight,)
    if layer.parameters() != described:
        return False
    w, *rest = case.parameters
    b = rest[0].values if case.bias else (Fraction(0),) * case.outputs
    expected = [
        start + sum((v * u for v, u in zip(row, weights, strict=True)), Fraction(0))
        for row in case.x.rows()
        for weights, start in zip(w.rows(), b, strict=True)
    ]
    shape = shape_of((*sizes(case.x.shape)[:-1], case.outputs))
    return output(layer, case.x, case.parameters) == Tensor(shape, tuple(expected))


@law(
    "layers.Linear.refused",
    objects="layers.Linear layers.output_shape",
    evidence=Evidence.EXHAUSTIVE,
    subject=Linear,
    mutants={
        "any size": lambda inputs, outputs: Linear(max(inputs, 1), max(outputs, 1)),
        "any input": lambda inputs, outputs: Sequential(),
    },
    cases=lambda draws: iter(((0, 1), (1, 0), (-1, 2), (2, 3))),
)
def refused_linear(make: Callable[[int, int], Layer], case: tuple[int, int]) -> bool:
    """Sizes below 1 are refused, and inputs of another size or without a batch."""
    if min(case) < 1:
        return refuses(Reason.HYPERPARAMETER, lambda: make(*case))
    layer = make(*case)
    other, single = shape_of([4, case[0] + 1]), shape_of([case[0]])
    return refuses(
        Reason.SHAPE_MISMATCH, lambda: layers.output_shape(layer, other)
    ) and refuses(Reason.SHAPE_MISMATCH, lambda: layers.output_shape(layer, single))


# FLATTEN AND DROPOUT


@dataclass(frozen=True, slots=True)
class Rowwise:
    """A layer that lays all axes but the last into one."""

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """A reshape."""
        last = sizes(x.shape)[-1]
        return x.apply("reshape", target=matrix(size(x.shape) // last, last))


@law(
    "layers.Flatten",
    objects="layers.Flatten operations.reshape.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Flatten(),
    mutants={
        "nothing": Sequential(),
        "all axes but the last": Rowwise(),
        "squared as well": Sequential(Flatten(), Twice(Sequential())),
    },
    cases=lambda draws: (
        exact_table(draws, *extents)
        for extents in ((2, 3), (2, 3, 2), (3, 1, 2), (2, 2, 2, 2), (2,))
    ),
)
def flattened(layer: Layer, x: Rational) -> bool:
    """Each sample becomes one row, its numbers in their order."""
    batch, *sample = sizes(x.shape)
    shape = matrix(batch, size(shape_of(sample)))
    return output(layer, x, ()) == Tensor(shape, x.values)


@dataclass(frozen=True, slots=True)
class AlwaysDropped:
    """A dropout layer that acts in evaluation too, as the original's does."""

    probability: Fraction

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """Dropout, or in evaluation the scaling by what is kept."""
        if context.draw is not None:
            return Dropout(self.probability).apply(x, parameters, context)
        context.dropout_layers += 1
        return x.apply("scale", factor=1 - self.probability)


@dataclass(frozen=True, slots=True)
class OneStream:
    """A dropout layer that reads the first layer's stream."""

    probability: Fraction

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """Dropout, without counting the layers."""
        return Dropout(self.probability).apply(x, parameters, Context(context.draw))


@law(
    "layers.Dropout",
    objects="layers.Dropout layers.Context operations.dropout.meaning",
    evidence=Evidence.SEARCHED,
    subject=Dropout,
    mutants={
        "in evaluation too": AlwaysDropped,
        "one stream for all layers": OneStream,
        "what is kept for what is dropped": lambda p: Dropout(1 - p if p else p),
        "never": lambda p: Sequential(),
    },
    cases=lambda draws: (
        Setting(probability, (2, 3))
        for probability in (Fraction(0), Fraction(1, 4), Fraction(9, 10))
    ),
)
def dropped(make: Callable[[Fraction], Layer], case: Setting) -> bool:
    """In training the layers read streams 0, 1, 2, ...; in evaluation they rest.

    So does a layer of probability 0, but it counts all the same.
    """
    layer = Sequential(make(case.value), Tanh(), make(case.value), Dropout(0.5))
    found = [node for node in traced(layer, case.extents, True).nodes]
    drops = [node for node in found if node.operation == "dropout"]
    resting = traced(layer, case.extents).nodes
    streams = [node.attributes.integer("stream") for node in drops]
    shares = [node.attributes.exact("probability") for node in drops]
    active = case.value != 0
    return (
        [node.operation for node in resting] == ["tanh"]
        and streams == ([0, 1, 2] if active else [2])
        and shares == [case.value] * (2 * active) + [Fraction(1, 2)]
    )
