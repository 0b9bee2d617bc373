"""Laws of layers made of layers: sequences and residual blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.layers import (
    Altered,
    Rational,
    Twice,
    output,
    parameters_of,
)
from torchlean_proofs.laws.operations_applied import application as use_of
from torchlean_proofs.laws.operations_applied import exact_table, exactly, meaning_of
from torchlean_spec import layers
from torchlean_spec.errors import Reason
from torchlean_spec.layers import (
    Context,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Parameter,
    ReLU,
    Residual,
    Sequential,
)
from torchlean_spec.program import Value
from torchlean_spec.shape import shape_of


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers that keep the number of columns, an input, and parameters of them."""

    parts: tuple[Layer, ...]
    x: Rational
    parameters: tuple[tuple[Rational, ...], ...]


WIDTH = 3
PARTS: tuple[Layer, ...] = (
    ReLU(),
    Linear(WIDTH, WIDTH),
    Linear(WIDTH, WIDTH, bias=False),
    layers.LeakyReLU(0.5),
    Residual(Linear(WIDTH, WIDTH)),
    Sequential(Linear(WIDTH, WIDTH), ReLU()),
    Flatten(),
)


def stacks(draws: Draws) -> Iterator[Stack]:
    """Stacks of up to three layers."""

    def drawn() -> Stack:
        parts = tuple(draws.choice(PARTS) for _ in range(draws.integer(0, 3)))
        x = exact_table(draws, 2, WIDTH)
        return Stack(parts, x, tuple(parameters_of(draws, each) for each in parts))

    return repeat(30, drawn)


def one_by_one(parts: Sequence[Layer], case: Stack) -> Rational:
    """The output of layers, each given its own parameters."""
    x = case.x
    for part, parameters in zip(parts, case.parameters, strict=True):
        x = output(part, x, parameters)
    return x


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """A sequence whose parameters do not bear the layer's number."""

    parts: tuple[Layer, ...]

    def parameters(self) -> tuple[Parameter, ...]:
        """The layers' own."""
        return tuple(each for part in self.parts for each in part.parameters())

    def apply(
        self, x: Value, parameters: Sequence[Value], context: Context, /
    ) -> Value:
        """As a sequence."""
        return Sequential(*self.parts).apply(x, parameters, context)


@law(
    "layers.Sequential",
    objects="layers.Sequential layers.parameter_count layers.output_shape",
    evidence=Evidence.IDENTITY_TESTED,
    subject=lambda parts: Sequential(*parts),
    mutants={
        "backwards": lambda parts: Sequential(*parts[::-1]),
        "without the last": lambda parts: Sequential(*parts[:-1]),
        "names without numbers": Unnumbered,
        "numbers from 1": lambda parts: Sequential(Flatten(), *parts),
    },
    cases=stacks,
)
def one_after_the_other(
    make: Callable[[tuple[Layer, ...]], Layer], case: Stack
) -> bool:
    """Each layer takes the output of the one before; names start with its number."""
    layer = make(case.parts)
    flat = [each for own in case.parameters for each in own]
    names = [
        f"{number}.{each.name}"
        for number, part in enumerate(case.parts)
        for each in part.parameters()
    ]
    described = layer.parameters()
    expected = one_by_one(case.parts, case)
    return (
        [each.name for each in described] == names
        and layers.parameter_count(layer) == sum(len(each.values) for each in flat)
        and layers.output_shape(layer, case.x.shape) == expected.shape
        and output(layer, case.x, flat) == expected
    )


@law(
    "layers.Residual",
    objects="layers.Residual operations.add.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=Residual,
    mutants={
        "the inner layer alone": lambda inner: Sequential(inner),
        "the input alone": lambda inner: Altered(Sequential(), lambda each: each),
        "the inner layer twice": lambda inner: Residual(Twice(inner)),
    },
    cases=stacks,
    premise=lambda case: len(case.parts) == 1,
)
def residual(make: Callable[[Layer], Layer], case: Stack) -> bool:
    """A residual block is the sum of its input and its inner layer's output."""
    (inner,), (parameters,) = case.parts, case.parameters
    layer = make(inner)
    expected = use_of(case.x, output(inner, case.x, parameters))
    names = [f"inner.{each.name}" for each in inner.parameters()]
    return [each.name for each in layer.parameters()] == names and output(
        layer, case.x, parameters
    ) == exactly(meaning_of("add"), expected)


@law(
    "layers.refused",
    objects="layers.Residual layers.Dropout layers.GELU",
    evidence=Evidence.EXHAUSTIVE,
    subject=(Residual, Dropout, layers.GELU),
    mutants={
        "any inner shape": (Sequential, Dropout, layers.GELU),
        "any probability": (Residual, layers.LeakyReLU, layers.GELU),
        "any approximation": (Residual, Dropout, lambda name: layers.GELU()),
    },
    cases=lambda draws: iter((-1, 1, 2)),
)
def refused_layers(
    made: tuple[
        Callable[[Layer], Layer], Callable[[int], Layer], Callable[[str], Layer]
    ],
    probability: int,
) -> bool:
    """A block that changes the shape, a probability not in [0, 1), another GELU."""
    block, drop, gelu = made
    shape = shape_of([2, 3])
    return (
        refuses(
            Reason.SHAPE_MISMATCH,
            lambda: layers.output_shape(block(Linear(3, 2)), shape),
        )
        and refuses(Reason.HYPERPARAMETER, lambda: drop(probability))
        and refuses(Reason.UNKNOWN_NAME, lambda: gelu("sigmoid"))
    )
