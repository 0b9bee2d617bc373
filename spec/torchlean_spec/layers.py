"""Models as descriptions: layers, sequences, residual blocks.

A layer is an immutable record. It says which parameters it has and how its
output is built from operations; it holds no numbers. The first axis of every
input is the batch.

>>> model = Sequential(Linear(64, 32), ReLU(), Linear(32, 10))
>>> [(each.name, each.shape) for each in model.parameters()]
[('0.weight', [32, 64]), ('0.bias', [32]), ('2.weight', [10, 32]), ('2.bias', [10])]
>>> output_shape(model, shape_of([128, 64]))
[128, 10]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Generic, Protocol

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact
from torchlean_spec.initializers import Initializer, XavierUniform, Zeros
from torchlean_spec.program import Input, Value, trace
from torchlean_spec.shape import (
    M,
    N,
    Shape,
    matrix,
    rank,
    require_same,
    shape_of,
    size,
    sizes,
    vector,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a model: a name, a shape and what it starts as."""

    name: str
    shape: Shape
    initializer: Initializer
    fan_in: int
    """How many inputs each output of the layer depends on."""
    fan_out: int
    """How many outputs each input of the layer contributes to."""


@dataclass(slots=True)
class Context:
    """What a layer may ask for while a program is built."""

    draw: Value | None
    """The pair (seed, step) for random layers; `None` in evaluation."""
    dropout_layers: int = 0
    """How many dropout layers stand before this point; each has its own stream."""


class Layer(Protocol):
    """What a layer must say of itself."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in order."""
        ...

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """Its output, built from operations on its input and its parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Linear(Generic[N, M]):
    """The affine map `x W^T + b` along the last axis.

    Shapes: `[batch, .., inputs]` to `[batch, .., outputs]`; W is
    `[outputs, inputs]` and b `[outputs]`, as in PyTorch and in the original. The
    weight starts Xavier-uniform and the bias at zero, as in the original
    (`NN/Runtime/Autograd/Torch/Utils.lean:41`); PyTorch draws both from
    `FanInUniform()`, Keras starts as we do.

    Raises:
        TorchLeanError: `HYPERPARAMETER` if a size is not positive.
    """

    inputs: N
    outputs: M
    bias: bool = True
    weight_initializer: Initializer = field(default_factory=XavierUniform)
    bias_initializer: Initializer = field(default_factory=Zeros)

    def __post_init__(self) -> None:
        for name, extent in (("inputs", self.inputs), ("outputs", self.outputs)):
            if int(extent) < 1:
                raise TorchLeanError(
                    Reason.HYPERPARAMETER,
                    f"Linear: expected {name} of at least 1, got {int(extent)}",
                )

    def parameters(self) -> tuple[Parameter, ...]:
        """`weight`, and `bias` unless it is left out."""
        fans = int(self.inputs), int(self.outputs)
        shape = matrix(self.outputs, self.inputs)
        weight = Parameter("weight", shape, self.weight_initializer, *fans)
        bias = Parameter("bias", vector(self.outputs), self.bias_initializer, *fans)
        return (weight, bias) if self.bias else (weight,)

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """`linear`, or a matrix product without a bias."""
        extents = sizes(x.shape)
        if len(extents) < 2 or extents[-1] != int(self.inputs):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"Linear({int(self.inputs)}, {int(self.outputs)}): expected an input "
                f"of shape [batch, .., {int(self.inputs)}], got {x.shape}",
            )
        if self.bias:
            return x.apply("linear", *parameters)
        rows = matrix(size(x.shape) // max(extents[-1], 1), extents[-1])
        flat = x if len(extents) == 2 else x.apply("reshape", target=rows)
        product = flat.apply("matmul_transposed_right", parameters[0])
        if len(extents) == 2:
            return product
        return product.apply(
            "reshape", target=shape_of((*extents[:-1], int(self.outputs)))
        )


class _WithoutParameters:
    """A layer that learns nothing."""

    __slots__ = ()

    def parameters(self) -> tuple[Parameter, ...]:
        """None."""
        return ()


class _Activation(_WithoutParameters):
    """A layer without parameters that applies one operation."""

    __slots__ = ()
    operation = ""

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation, applied to every element or every row."""
        return x.apply(self.operation)


@dataclass(frozen=True)
class ReLU(_Activation):
    """`max(x, 0)`; the derivative at 0 is 0."""

    operation = "relu"


@dataclass(frozen=True)
class SiLU(_Activation):
    """`x sigmoid(x)`."""

    operation = "silu"


@dataclass(frozen=True)
class Sigmoid(_Activation):
    """`1 / (1 + e^-x)`."""

    operation = "sigmoid"


@dataclass(frozen=True)
class Tanh(_Activation):
    """Hyperbolic tangent."""

    operation = "tanh"


@dataclass(frozen=True)
class Softplus(_Activation):
    """`log(1 + e^x)`, in the form that cannot overflow."""

    operation = "softplus"


@dataclass(frozen=True)
class Softmax(_Activation):
    """Softmax along the last axis."""

    operation = "softmax"


@dataclass(frozen=True)
class LogSoftmax(_Activation):
    """The logarithm of the softmax along the last axis."""

    operation = "log_softmax"


@dataclass(frozen=True, slots=True)
class GELU(_WithoutParameters):
    """`x Phi(x)`, exactly by the error function, or by tanh (`approximate="tanh"`).

    The original has the tanh form only. PyTorch's default is the exact one.
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        if self.approximate not in ("none", "tanh"):
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                "GELU: expected approximate 'none' or 'tanh', "
                f"got {self.approximate!r}",
            )

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation `gelu` or `gelu_tanh`."""
        return x.apply("gelu" if self.approximate == "none" else "gelu_tanh")


@dataclass(frozen=True, slots=True)
class LeakyReLU(_WithoutParameters):
    """`x` where x > 0, else `slope x`."""

    slope: Hyperparameter = Decimal("0.01")

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", exact(self.slope))

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation `leaky_relu`."""
        return x.apply("leaky_relu", slope=exact(self.slope))


@dataclass(frozen=True, slots=True)
class ELU(_WithoutParameters):
    """`x` where x > 0, else `alpha (e^x - 1)`."""

    alpha: Hyperparameter = Decimal(1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", exact(self.alpha))

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation `elu`."""
        return x.apply("elu", alpha=exact(self.alpha))


@dataclass(frozen=True, slots=True)
class Flatten(_WithoutParameters):
    """All axes but the batch, laid into one."""

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """A reshape to `[batch, size of a sample]`; nothing for a matrix."""
        if rank(x.shape) == 2:
            return x
        batch, *sample = sizes(x.shape)
        return x.apply("reshape", target=matrix(batch, size(shape_of(sample))))


@dataclass(frozen=True, slots=True)
class Dropout(_WithoutParameters):
    """Each element is dropped with a probability, the others are scaled up.

    A new mask at every step, a function of seed, layer and step alone; nothing
    happens in evaluation. (The original keeps one mask for the whole run, its
    B10, and scales in inference too, its B45.)
    """

    probability: Hyperparameter

    def __post_init__(self) -> None:
        if not 0 <= exact(self.probability) < 1:
            raise TorchLeanError(
                Reason.HYPERPARAMETER,
                f"Dropout: expected probability in [0, 1), got {self.probability}",
            )
        object.__setattr__(self, "probability", exact(self.probability))

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The operation `dropout` in training, nothing in evaluation."""
        number = context.dropout_layers
        context.dropout_layers += 1
        if context.draw is None or exact(self.probability) == 0:
            return x
        probability: Fraction = exact(self.probability)
        return x.apply("dropout", context.draw, probability=probability, stream=number)


@dataclass(frozen=True, slots=True)
class Residual:
    """`x + inner(x)`; the inner layer keeps the shape."""

    inner: Layer

    def parameters(self) -> tuple[Parameter, ...]:
        """The inner layer's."""
        return tuple(
            replace(each, name=f"inner.{each.name}") for each in self.inner.parameters()
        )

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The sum of the input and the inner layer's output."""
        inner = self.inner.apply(x, parameters, context)
        require_same("Residual: output of the inner layer", x.shape, inner.shape)
        return x + inner


@dataclass(frozen=True, slots=True, init=False)
class Sequential:
    """Layers one after the other; parameter names start with the layer's number."""

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", tuple(layers))

    def parameters(self) -> tuple[Parameter, ...]:
        """The layers' parameters, in order."""
        return tuple(
            replace(each, name=f"{number}.{each.name}")
            for number, layer in enumerate(self.layers)
            for each in layer.parameters()
        )

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """The layers' outputs, each the next one's input."""
        used = 0
        for layer in self.layers:
            count = len(layer.parameters())
            x = layer.apply(x, parameters[used : used + count], context)
            used += count
        return x


def output_shape(model: Layer, input_shape: Shape) -> Shape:
    """The shape that a model gives for an input shape, batch axis included.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the model does not take that input.
    """
    described = model.parameters()
    inputs = {each.name: Input(each.shape) for each in described}

    def forward(x: Value, *parameters: Value) -> dict[str, Value]:
        return {"output": model.apply(x, parameters, Context(None))}

    program = trace(forward, {"input": Input(input_shape), **inputs})
    return program.shape(program.outputs["output"])


def parameter_count(model: Layer) -> int:
    """How many numbers the model learns."""
    return sum(size(each.shape) for each in model.parameters())
