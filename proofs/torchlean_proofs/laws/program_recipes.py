"""Random programs, drawn from a grammar: what the laws of programs are tried on.

A recipe is a list of steps, each an operation on values that stand before it. It
can be followed symbolically, which traces a program, or directly, on tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, cast

from torchlean_proofs.laws.law import Draws, repeat
from torchlean_proofs.laws.operations_applied import (
    Operand,
    exact_table,
    indices,
    lifted,
)
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import OPERATIONS, Attributes, Kind, Operands
from torchlean_spec.operations.operation import Attribute
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.program import Input, Program, Value, trace
from torchlean_spec.shape import Shape, rank, shape_of, size, sizes
from torchlean_spec.tensor import Tensor

LARGEST_SIZE, LARGEST_RANK = 18, 3
TRIES = 30
"""How often operands are drawn for an operation before another one is."""
ROWS = 2
"""The outermost extent of every tensor that rows are gathered from."""

INPUTS = {"x": Input(shape_of([2, 3])), "y": Input(shape_of([2, 3]))}
INPUTS |= {"z": Input(shape_of([3])), "w": Input(shape_of([3, 2]))}
INPUTS |= {"index": Input(shape_of([2]), Kind.INDEX)}
VARIABLES = ("x", "y", "z", "w")
"""The inputs that hold numbers."""

INDEX = list(INPUTS).index("index")


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on values before it, by their numbers."""

    operation: str
    operands: tuple[int, ...]
    attributes: Attributes

    def __repr__(self) -> str:
        numbers = ", ".join(f"%{operand}" for operand in self.operands)
        return f"{self.operation}({numbers})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps, and the numbers of the values that are added up into the output."""

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    values: tuple[Operand, ...]
    """What the inputs are given."""

    def __repr__(self) -> str:
        return "; ".join(map(repr, self.steps))

    def follow(self, inputs: Sequence[AnyValue]) -> AnyValue:
        """The output, of symbolic values or of tensors."""
        known = list(inputs)
        for step in self.steps:
            first, *others = (known[operand] for operand in step.operands)
            known.append(first.apply(step.operation, *others, **step.attributes))
        total, *rest = (known[number].apply("sum") for number in self.outputs)
        for value in rest:
            total = total.apply("add", value)
        return total

    def program(self) -> Program:
        """The traced program, with the output `out`."""
        return trace(self.traced, INPUTS)

    def traced(self, *values: Value) -> dict[str, Value]:
        """The function that is traced."""
        return {"out": cast(Value, self.follow(values))}

    def given(
        self, system: NumberSystem[A]
    ) -> dict[str, Tensor[A, Shape] | Tensor[int, Shape]]:
        """The inputs' values over a number system."""
        return dict(zip(INPUTS, lifted(system, self.values), strict=True))


@dataclass(frozen=True, slots=True)
class Direct(Generic[A]):
    """A tensor that operations are applied to at once, without a program."""

    system: NumberSystem[A]
    tensor: Tensor[A, Shape] | Tensor[int, Shape]

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return self.tensor.shape

    @property
    def kind(self) -> Kind:
        """Numbers; an index is told by its values."""
        return Kind.REAL

    def apply(
        self, operation: str, /, *others: AnyValue, **attributes: Attribute
    ) -> Direct[A]:
        """What the operation means, of this tensor and others."""
        tensors = [self.tensor, *(cast(Direct[A], each).tensor for each in others)]
        given: Operands[A] = Operands(tensors)
        meaning = OPERATIONS[operation].meaning
        return Direct(
            self.system, meaning(self.system, Attributes(**attributes), given)
        )

    def __add__(self, other: Direct[A]) -> Direct[A]:
        return self.apply("add", other)

    def build(self, operation: str, /, **attributes: Attribute) -> Direct[A]:
        """What an operation without operands means."""
        given: Operands[A] = Operands([])
        meaning = OPERATIONS[operation].meaning
        return Direct(
            self.system, meaning(self.system, Attributes(**attributes), given)
        )


# THE GRAMMAR

Shapes = list[Shape]
Rule = Callable[[Draws, Shape], Attributes | None]


def _none(draws: Draws, shape: Shape) -> Attributes | None:
    return Attributes()


def _axis(draws: Draws, shape: Shape) -> Attributes | None:
    count = rank(shape)
    return Attributes(axis=draws.integer(-count, count - 1)) if count else None


def _broadcast(draws: Draws, shape: Shape) -> Attributes | None:
    return Attributes(target=shape_of((draws.integer(1, 2), *sizes(shape))))


def _reduce(draws: Draws, shape: Shape) -> Attributes | None:
    extents = sizes(shape)[draws.integer(0, rank(shape)) :]
    return Attributes(target=shape_of([draws.choice((1, n)) for n in extents]))


def _reshape(draws: Draws, shape: Shape) -> Attributes | None:
    count = size(shape)
    widths = [n for n in range(1, count + 1) if count % n == 0]
    width = draws.choice(widths)
    return Attributes(target=shape_of([count // width, width]))


def _transpose(draws: Draws, shape: Shape) -> Attributes | None:
    axes = list(range(rank(shape)))
    turn = draws.integer(0, len(axes))
    return Attributes(permutation=tuple(axes[turn:] + axes[:turn]))


def _slice(draws: Draws, shape: Shape) -> Attributes | None:
    if not rank(shape):
        return None
    axis = draws.integer(0, rank(shape) - 1)
    start = draws.integer(0, sizes(shape)[axis] - 1)
    stop = draws.integer(start + 1, sizes(shape)[axis])
    return Attributes(axis=axis, start=start, stop=stop)


def _factor(draws: Draws, shape: Shape) -> Attributes | None:
    return Attributes(factor=draws.fraction(2))


def _slope(draws: Draws, shape: Shape) -> Attributes | None:
    return Attributes(slope=Fraction(1, 8))


def _rows(draws: Draws, shape: Shape) -> Attributes | None:
    return Attributes(rows=ROWS)


GRAMMAR: dict[str, Rule] = {
    **dict.fromkeys(("add", "subtract", "multiply", "maximum", "minimum"), _none),
    **dict.fromkeys(("negate", "absolute", "square", "relu"), _none),
    **dict.fromkeys(("matmul", "matmul_transposed_left"), _none),
    **dict.fromkeys(("matmul_transposed_right", "gather_rows"), _none),
    **dict.fromkeys(("sum", "mean", "concatenate"), _axis),
    "scale": _factor,
    "leaky_relu": _slope,
    "broadcast": _broadcast,
    "reduce_to": _reduce,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "scatter_add_rows": _rows,
}
"""The operations of programs that are rational, and how to draw their attributes."""


def _step(draws: Draws, shapes: Shapes) -> tuple[Step, Shape] | None:
    """A step by a random operation; nothing if no operands were found that fit."""
    operation = draws.choice(tuple(GRAMMAR))
    found = (_fitting(draws, shapes, operation) for _ in range(TRIES))
    return next((each for each in found if each is not None), None)


def _fitting(draws: Draws, shapes: Shapes, operation: str) -> tuple[Step, Shape] | None:
    """A step by an operation, or nothing where the operands drawn do not fit."""
    kinds = OPERATIONS[operation].kinds
    real = [i for i in range(len(shapes)) if i != INDEX]
    operands = tuple(
        INDEX if kind is Kind.INDEX else draws.choice(real) for kind in kinds
    )
    attributes = GRAMMAR[operation](draws, shapes[operands[0]])
    if attributes is None:
        return None
    if Kind.INDEX in kinds and sizes(shapes[operands[0]])[:1] != (ROWS,):
        return None
    try:
        given = [shapes[operand] for operand in operands]
        shape = OPERATIONS[operation].shape(attributes, given)
    except TorchLeanError:
        return None
    if size(shape) > LARGEST_SIZE or rank(shape) > LARGEST_RANK:
        return None
    return Step(operation, operands, attributes), shape


def recipe(draws: Draws, least: int = 3, most: int = 7) -> Recipe:
    """A random program."""
    shapes = [each.shape for each in INPUTS.values()]
    steps: list[Step] = []
    wanted = draws.integer(least, most)
    while len(steps) < wanted:
        found = _step(draws, shapes)
        if found is not None:
            steps.append(found[0])
            shapes.append(found[1])
    last = len(shapes) - 1
    others = [draws.integer(len(INPUTS), last) for _ in range(draws.integer(0, 2))]
    values: list[Operand] = [exact_table(draws, *sizes(i.shape)) for i in REAL_INPUTS]
    return Recipe(tuple(steps), (last, *others), (*values, indices(draws, ROWS, ROWS)))


REAL_INPUTS = [each for each in INPUTS.values() if each.kind is Kind.REAL]


def recipes(count: int) -> Callable[[Draws], Iterator[Recipe]]:
    """Some random programs."""
    return lambda draws: repeat(count, lambda: recipe(draws))
