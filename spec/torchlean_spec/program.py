"""A typed graph of operations: tracing, evaluation, reverse-mode derivatives.

A `Program` is a value: inputs, nodes in the order of evaluation, and named
outputs, every shape known. Ordinary Python functions are traced into programs;
the derivative of a program is again a program; `evaluate` gives its meaning over
any number system, and the runtime compiles the very same nodes.

>>> from torchlean_spec.numbers import FLOAT
>>> from torchlean_spec.shape import Scalar
>>> cube = trace(lambda x: {"y": x * x * x}, {"x": Input(Scalar())})
>>> slope = gradient(cube, of="y", variables=["x"])
>>> three = Tensor(Scalar(), (3.0,))
>>> evaluate(slope, FLOAT, {"x": three})["gradient.x"].values
(27.0,)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Kind, Operands, operation_named
from torchlean_spec.operations import operation as protocol
from torchlean_spec.operations.operation import Attribute, Use
from torchlean_spec.shape import Scalar, Shape, require_same
from torchlean_spec.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Input:
    """What a program expects of one input."""

    shape: Shape
    kind: Kind = Kind.REAL


@dataclass(frozen=True, slots=True)
class Node:
    """One use of an operation; values are numbered, the inputs before the nodes."""

    operation: str
    attributes: Attributes
    operands: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Program:
    """A graph of operations with every shape known; immutable."""

    inputs: Mapping[str, Input]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, int]

    def shape(self, number: int) -> Shape:
        """The shape of the value with a number."""
        inputs = list(self.inputs.values())
        if number < len(inputs):
            return inputs[number].shape
        return self.nodes[number - len(inputs)].shape

    def __str__(self) -> str:
        names = list(self.inputs)
        lines = [
            f"%{i} {name}: {self.inputs[name].shape}" for i, name in enumerate(names)
        ]
        for number, node in enumerate(self.nodes, len(names)):
            operands = ", ".join(f"%{operand}" for operand in node.operands)
            suffix = f" {{{node.attributes}}}" if node.attributes else ""
            call = f"{node.operation}({operands}){suffix}"
            lines.append(f"%{number} = {call}: {node.shape}")
        lines += [f"{name} = %{number}" for name, number in self.outputs.items()]
        return "\n".join(lines)


@dataclass(slots=True)
class Builder:
    """A program while it is being built; equal nodes are made once."""

    inputs: dict[str, Input]
    nodes: list[Node] = field(default_factory=list)
    numbers: dict[tuple[str, Attributes, tuple[int, ...]], int] = field(
        default_factory=dict
    )

    def input(self, name: str) -> Value:
        """The value of an input."""
        number = list(self.inputs).index(name)
        return Value(self, number, self.inputs[name].shape, self.inputs[name].kind)

    def add(
        self, name: str, operands: Sequence[Value], attributes: Attributes
    ) -> Value:
        """Apply an operation, checking kinds and shapes.

        Raises:
            TorchLeanError: what the operation's shape rule refuses.
        """
        operation = operation_named(name)
        kinds = tuple(operand.kind for operand in operands)
        if kinds != operation.kinds:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"{name}: expected operands of kind {list(map(str, operation.kinds))}, "
                f"got {list(map(str, kinds))}",
            )
        shape = operation.shape(attributes, [operand.shape for operand in operands])
        key = (name, attributes, tuple(operand.number for operand in operands))
        if key not in self.numbers:
            self.numbers[key] = len(self.inputs) + len(self.nodes)
            self.nodes.append(Node(name, attributes, key[2], shape))
        return Value(self, self.numbers[key], shape, Kind.REAL)

    def finish(self, outputs: Mapping[str, Value]) -> Program:
        """The program of what the outputs need; other nodes are dropped."""
        first = len(self.inputs)
        needed = {value.number for value in outputs.values()}
        for number in range(first + len(self.nodes) - 1, first - 1, -1):
            if number in needed:
                needed.update(self.nodes[number - first].operands)
        renumbered = {number: number for number in range(first)}
        kept: list[Node] = []
        for number, node in enumerate(self.nodes, first):
            if number in needed:
                renumbered[number] = first + len(kept)
                operands = tuple(renumbered[operand] for operand in node.operands)
                kept.append(Node(node.operation, node.attributes, operands, node.shape))
        numbers = {name: renumbered[value.number] for name, value in outputs.items()}
        return Program(dict(self.inputs), tuple(kept), numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor inside a program that is being built."""

    builder: Builder = field(repr=False)
    number: int
    shape: Shape
    kind: Kind

    def apply(
        self, operation: str, /, *others: protocol.Value, **attributes: Attribute
    ) -> Value:
        """Apply an operation to this value, and to others after it."""
        operands = [self, *(cast("Value", other) for other in others)]
        return self.builder.add(operation, operands, Attributes(**attributes))

    def build(self, operation: str, /, **attributes: Attribute) -> Value:
        """Apply an operation without operands, in the same program."""
        return self.builder.add(operation, [], Attributes(**attributes))

    def __add__(self, other: Value) -> Value:
        return self.apply("add", other)

    def __sub__(self, other: Value) -> Value:
        return self.apply("subtract", other)

    def __mul__(self, other: Value) -> Value:
        return self.apply("multiply", other)

    def __truediv__(self, other: Value) -> Value:
        return self.apply("divide", other)

    def __matmul__(self, other: Value) -> Value:
        return self.apply("matmul", other)

    def __neg__(self) -> Value:
        return self.apply("negate")


def trace(
    function: Callable[..., Mapping[str, Value]], inputs: Mapping[str, Input]
) -> Program:
    """Run an ordinary function over symbolic tensors and keep what it did.

    Args:
        function: Takes one value for each input, in order; returns named outputs.
        inputs: The inputs' names, shapes and kinds.
    """
    builder = Builder(dict(inputs))
    return builder.finish(function(*(builder.input(name) for name in inputs)))


def replay(program: Program, builder: Builder) -> list[Value]:
    """Build a program's nodes anew; the values of its inputs and nodes, in order."""
    values = [builder.input(name) for name in program.inputs]
    for node in program.nodes:
        operands = [values[operand] for operand in node.operands]
        values.append(builder.add(node.operation, operands, node.attributes))
    return values


def gradient(program: Program, of: str, variables: Sequence[str]) -> Program:
    """The program that also computes the derivative of a scalar output.

    Reverse accumulation: nodes are visited from the last to the first, and
    contributions to one value are added in the order in which they arrive.

    Args:
        program: The program; its outputs are kept.
        of: The output to differentiate, of shape `Scalar`.
        variables: The inputs to differentiate in.

    Returns:
        The program with an output `gradient.<variable>` for each variable, of the
        variable's shape; zeros where the output does not depend on it.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the output is not a scalar.
        TorchLeanError: `NOT_DIFFERENTIABLE` if the derivative would have to pass
            through an operation that has none.
    """
    builder = Builder(dict(program.inputs))
    values = replay(program, builder)
    start = program.outputs[of]
    require_same(f"gradient of {of}", Scalar(), values[start].shape)
    reached = _dependents(program, variables)
    upstream = {start: values[start].build("fill", target=Scalar(), value=Fraction(1))}
    first = len(program.inputs)
    for number in range(len(values) - 1, first - 1, -1):
        if number not in upstream or number not in reached:
            continue
        node = program.nodes[number - first]
        for operand, part in _parts(node, values, number, upstream[number], reached):
            known = upstream.get(operand)
            upstream[operand] = part if known is None else known + part
    outputs = {name: values[number] for name, number in program.outputs.items()}
    for name in variables:
        number = list(program.inputs).index(name)
        shape = program.inputs[name].shape
        zero = values[start].build("fill", target=shape, value=Fraction(0))
        outputs[f"gradient.{name}"] = upstream.get(number, zero)
    return builder.finish(outputs)


def _dependents(program: Program, variables: Sequence[str]) -> set[int]:
    """The numbers of the values that depend on a variable."""
    reached = {list(program.inputs).index(name) for name in variables}
    for number, node in enumerate(program.nodes, len(program.inputs)):
        if reached.intersection(node.operands):
            reached.add(number)
    return reached


def _parts(
    node: Node,
    values: Sequence[Value],
    number: int,
    upstream: Value,
    reached: set[int],
) -> list[tuple[int, Value]]:
    """What a node passes on to each operand that depends on a variable."""
    rule = operation_named(node.operation).derivative
    if rule is None:
        raise TorchLeanError(
            Reason.NOT_DIFFERENTIABLE,
            f"expected an operation with a derivative, got {node.operation!r}: "
            f"{operation_named(node.operation).why_constant}",
        )
    operands = tuple(values[operand] for operand in node.operands)
    use = Use(node.attributes, operands, values[number], upstream)
    parts: list[tuple[int, Value]] = []
    names = operation_named(node.operation).operands
    for name, operand, part in zip(names, node.operands, rule(use), strict=True):
        if operand not in reached:
            continue
        if part is None:
            raise TorchLeanError(
                Reason.NOT_DIFFERENTIABLE,
                f"{node.operation}: no derivative is defined in its operand {name!r}",
            )
        parts.append((operand, cast("Value", part)))
    return parts


def evaluate(
    program: Program,
    system: NumberSystem[A],
    inputs: Mapping[str, Tensor[A, Shape] | Tensor[int, Shape]],
) -> dict[str, Tensor[A, Shape]]:
    """The meaning of a program over a number system.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if an input has another shape.
    """
    values: list[Tensor[A, Shape] | Tensor[int, Shape]] = []
    for name, expected in program.inputs.items():
        require_same(f"input {name}", expected.shape, inputs[name].shape)
        values.append(inputs[name])
    for node in program.nodes:
        operands: Operands[A] = Operands([values[i] for i in node.operands])
        meaning = operation_named(node.operation).meaning
        values.append(meaning(system, node.attributes, operands))
    found = {name: values[number] for name, number in program.outputs.items()}
    return cast("dict[str, Tensor[A, Shape]]", found)
