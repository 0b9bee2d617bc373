"""Laws of programs: tracing, evaluation, reverse accumulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_proofs.laws.program_recipes import (
    INPUTS,
    VARIABLES,
    Direct,
    Recipe,
    recipe,
    recipes,
)
from torchlean_spec import program as programs
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import RATIONAL, Dual, DualNumber
from torchlean_spec.operations import Attributes, operation_named
from torchlean_spec.operations.operation import Use
from torchlean_spec.program import (
    Builder,
    Input,
    Node,
    Program,
    Value,
    evaluate,
    gradient,
    replay,
    trace,
)
from torchlean_spec.shape import Scalar, Shape, shape_of
from torchlean_spec.tensor import Tensor

Tensors = dict[str, Tensor[Fraction, Shape]]

# EVALUATION

Evaluate = Callable[..., Tensors]


def _exchanged(program: Program, system: object, given: object) -> Tensors:
    """Each node with its operands the other way about."""
    nodes = [replace(node, operands=node.operands[::-1]) for node in program.nodes]
    wrong = Program(program.inputs, tuple(nodes), program.outputs)
    return cast(Evaluate, evaluate)(wrong, system, given)


def _without_attributes(program: Program, system: object, given: object) -> Tensors:
    """The first node with an axis along axis 0."""
    nodes = [
        replace(
            node,
            attributes=type(node.attributes)(**{**node.attributes, "axis": 0}),
        )
        if "axis" in node.attributes
        else node
        for node in program.nodes
    ]
    wrong = Program(program.inputs, tuple(nodes), program.outputs)
    return cast(Evaluate, evaluate)(wrong, system, given)


def _last_node(program: Program, system: object, given: object) -> Tensors:
    """The output taken from the node before the last."""
    wrong = Program(program.inputs, program.nodes, {"out": len(program.inputs)})
    return cast(Evaluate, evaluate)(wrong, system, given)


@law(
    "program.evaluate",
    objects="program.evaluate program.trace program.Program",
    evidence=Evidence.IDENTITY_TESTED,
    subject=cast(Evaluate, evaluate),
    mutants={
        "operands the other way about": _exchanged,
        "always along axis 0": _without_attributes,
        "the first node for the output": _last_node,
    },
    cases=recipes(60),
)
def traced_functions(evaluate: Evaluate, case: Recipe) -> bool:
    """A traced function, evaluated, gives what the function gives on tensors."""
    given = case.given(RATIONAL)
    found = evaluate(case.program(), RATIONAL, given)
    direct = case.follow([Direct(RATIONAL, each) for each in given.values()])
    return found == {"out": cast("Direct[Fraction]", direct).tensor}


# TRACING

Trace = Callable[[Callable[..., Mapping[str, Value]], Mapping[str, Input]], Program]


class _Forgetful(Builder):
    """A builder that makes equal nodes each time anew."""

    def add(
        self, name: str, operands: Sequence[Value], attributes: Attributes
    ) -> Value:
        self.numbers.clear()
        return super().add(name, operands, attributes)


def _all_kept(
    function: Callable[..., Mapping[str, Value]], inputs: Mapping[str, Input]
) -> Program:
    """A tracing that drops no node."""
    builder = Builder(dict(inputs))
    outputs = function(*(builder.input(name) for name in inputs))
    numbers = {name: value.number for name, value in outputs.items()}
    return Program(builder.inputs, tuple(builder.nodes), numbers)


def _none_shared(
    function: Callable[..., Mapping[str, Value]], inputs: Mapping[str, Input]
) -> Program:
    """A tracing that shares no node."""
    builder = _Forgetful(dict(inputs))
    return builder.finish(function(*(builder.input(name) for name in inputs)))


def with_dead_nodes(draws: Draws) -> Iterator[tuple[Recipe, Recipe]]:
    """Programs, each with another whose nodes it does not need."""
    return ((recipe(draws), recipe(draws)) for _ in range(40))


@law(
    "program.dead_nodes",
    objects="program.trace program.Builder",
    evidence=Evidence.SEARCHED,
    subject=trace,
    mutants={"no node dropped": _all_kept},
    cases=with_dead_nodes,
)
def dead_nodes(trace: Trace, case: tuple[Recipe, Recipe]) -> bool:
    """Nodes that no output needs leave no trace, and every node left is needed."""
    wanted, dead = case

    def forward(*values: Value) -> Mapping[str, Value]:
        dead.traced(*values)
        return wanted.traced(*values)

    found = trace(forward, INPUTS)
    first, needed = len(INPUTS), set(found.outputs.values())
    for number in range(first + len(found.nodes) - 1, first - 1, -1):
        if number in needed:
            needed.update(found.nodes[number - first].operands)
    alone = sorted(node.operation for node in trace(wanted.traced, INPUTS).nodes)
    left = sorted(node.operation for node in found.nodes)
    return needed >= set(range(first, first + len(found.nodes))) and alone == left


@law(
    "program.sharing",
    objects="program.trace program.Builder program.Node",
    evidence=Evidence.SEARCHED,
    subject=trace,
    mutants={"no node shared": _none_shared},
    cases=recipes(30),
)
def shared_nodes(trace: Trace, case: Recipe) -> bool:
    """Equal nodes are made once: doing everything twice adds one node, the sum."""

    def twice(*values: Value) -> Mapping[str, Value]:
        first, second = case.traced(*values)["out"], case.traced(*values)["out"]
        return {"out": first + second}

    once = trace(case.traced, INPUTS)
    found = trace(twice, INPUTS)
    return found.nodes[:-1] == once.nodes and found.nodes[-1].operation == "add"


Replay = Callable[[Program, Builder], list[Value]]


def _reversed_operands(program: Program, builder: Builder) -> list[Value]:
    values = [builder.input(name) for name in program.inputs]
    for node in program.nodes:
        operands = [values[operand] for operand in node.operands[::-1]]
        values.append(builder.add(node.operation, operands, node.attributes))
    return values


def _added_for_subtracted(program: Program, builder: Builder) -> list[Value]:
    values = [builder.input(name) for name in program.inputs]
    for node in program.nodes:
        operands = [values[operand] for operand in node.operands]
        name = "add" if node.operation == "subtract" else node.operation
        values.append(builder.add(name, operands, node.attributes))
    return values


@law(
    "program.replay",
    objects="program.replay program.trace program.Builder",
    evidence=Evidence.SEARCHED,
    subject=replay,
    mutants={
        "operands the other way about": _reversed_operands,
        "an operation for another": _added_for_subtracted,
    },
    cases=recipes(30),
)
def replayed(replay: Replay, case: Recipe) -> bool:
    """Tracing is deterministic, and building a program's nodes anew gives it again."""
    program = case.program()
    builder = Builder(dict(program.inputs))
    values = replay(program, builder)
    again = builder.finish({k: values[n] for k, n in program.outputs.items()})
    return again == program == case.program() and str(again) == str(program)


@law(
    "program.shapes",
    objects="program.Program.shape program.Builder.add program.evaluate",
    evidence=Evidence.SEARCHED,
    subject=Program.shape,
    mutants={
        "of the value before": lambda program, number: Program.shape(
            program, max(number - 1, 0)
        ),
        "always the first input's": lambda program, number: Program.shape(program, 0),
    },
    cases=recipes(20),
)
def known_shapes(shape: Callable[[Program, int], Shape], case: Recipe) -> bool:
    """The shape that a program states for a value is the shape that it has."""
    program = case.program()
    count = len(program.inputs) + len(program.nodes)
    every = replace(program, outputs={str(i): i for i in range(count)})
    found = evaluate(every, RATIONAL, case.given(RATIONAL))
    return all(found[str(i)].shape == shape(program, i) for i in range(count))


# DERIVATIVES

Gradient = Callable[[Program, str, Sequence[str]], Program]


def accumulated(
    program: Program,
    of: str,
    variables: Sequence[str],
    combine: Callable[[Value, Value], Value],
    seed: int = 1,
) -> Program:
    """Reverse accumulation with something wrong; right if `combine` adds."""
    builder = Builder(dict(program.inputs))
    values = replay(program, builder)
    start, first = program.outputs[of], len(program.inputs)
    ones = values[start].build("fill", target=Scalar(), value=Fraction(seed))
    upstream = {start: ones}
    for number in range(len(values) - 1, first - 1, -1):
        if number not in upstream:
            continue
        node = program.nodes[number - first]
        for operand, part in _parts(node, values, number, upstream[number]):
            known = upstream.get(operand)
            upstream[operand] = part if known is None else combine(known, part)
    outputs = {name: values[number] for name, number in program.outputs.items()}
    for name in variables:
        shape = program.inputs[name].shape
        zero = values[start].build("fill", target=shape, value=Fraction(0))
        found = upstream.get(list(program.inputs).index(name), zero)
        outputs[f"gradient.{name}"] = found
    return builder.finish(outputs)


def _parts(
    node: Node, values: Sequence[Value], number: int, upstream: Value
) -> Iterator[tuple[int, Value]]:
    rule = operation_named(node.operation).derivative
    assert rule is not None
    operands = tuple(values[operand] for operand in node.operands)
    found = rule(Use(node.attributes, operands, values[number], upstream))
    for operand, part in zip(node.operands, found, strict=True):
        if part is not None:
            yield operand, cast(Value, part)


def by_dual_numbers(case: Recipe) -> Tensors:
    """The derivatives of a program, one element of one input at a time."""
    program, dual = case.program(), Dual(RATIONAL)
    found: Tensors = {}
    for name in VARIABLES:
        shape = program.inputs[name].shape
        slopes: list[Fraction] = []
        for place in range(len(case.given(RATIONAL)[name].values)):
            given: dict[str, Tensor[DualNumber[Fraction], Shape] | Tensor[int, Shape]]
            given = {}
            for each, tensor in case.given(RATIONAL).items():
                if each not in VARIABLES:
                    given[each] = cast("Tensor[int, Shape]", tensor)
                    continue
                numbers = cast("tuple[Fraction, ...]", tensor.values)
                here = [
                    dual.variable(value)
                    if (each, i) == (name, place)
                    else dual.constant(value)
                    for i, value in enumerate(numbers)
                ]
                given[each] = Tensor(tensor.shape, tuple(here))
            (value,) = evaluate(program, dual, given)["out"].values
            slopes.append(value.derivative)
        found[f"gradient.{name}"] = Tensor(shape, tuple(slopes))
    return found


@law(
    "program.gradient",
    objects="program.gradient program.evaluate numbers.dual.Dual",
    evidence=Evidence.IDENTITY_TESTED,
    subject=gradient,
    mutants={
        "the last contribution wins": lambda program, of, variables: accumulated(
            program, of, variables, lambda known, part: part
        ),
        "the first contribution wins": lambda program, of, variables: accumulated(
            program, of, variables, lambda known, part: known
        ),
        "contributions multiplied": lambda program, of, variables: accumulated(
            program, of, variables, lambda known, part: known * part
        ),
        "twice": lambda program, of, variables: accumulated(
            program, of, variables, lambda known, part: known + part, 2
        ),
        "of the first variable alone": lambda program, of, variables: replace(
            gradient(program, of, variables),
            outputs={
                name: gradient(program, of, variables).outputs[f"gradient.{first}"]
                if name.startswith("gradient")
                else number
                for first in variables[:1]
                for name, number in gradient(program, of, variables).outputs.items()
            },
        ),
        "outputs forgotten": lambda program, of, variables: replace(
            gradient(program, of, variables),
            outputs={
                name: number
                for name, number in gradient(program, of, variables).outputs.items()
                if name.startswith("gradient")
            },
        ),
    },
    cases=recipes(40),
)
def reverse_mode(gradient: Gradient, case: Recipe) -> bool:
    """The gradient of a program is what dual numbers give, of every input.

    Inputs that the output does not depend on have a derivative of zeros; the
    program's own outputs are kept.
    """
    program, given = case.program(), case.given(RATIONAL)
    expected = evaluate(program, RATIONAL, given) | by_dual_numbers(case)
    return evaluate(gradient(program, "out", VARIABLES), RATIONAL, given) == expected


@law(
    "program.gradient_once",
    objects="program.gradient program.evaluate",
    evidence=Evidence.IDENTITY_TESTED,
    subject=gradient,
    mutants={
        "the last contribution wins": lambda program, of, variables: accumulated(
            program, of, variables, lambda known, part: part
        ),
    },
    cases=recipes(20),
)
def linear_in_the_output(gradient: Gradient, case: Recipe) -> bool:
    """The gradient of an output added to three times itself is four times its own."""

    def more(*values: Value) -> Mapping[str, Value]:
        out = case.traced(*values)["out"]
        return {"out": out + out.apply("scale", factor=Fraction(3))}

    given = case.given(RATIONAL)
    four = gradient(trace(more, INPUTS), "out", VARIABLES)
    found = evaluate(four, RATIONAL, given)
    once = evaluate(
        programs.gradient(case.program(), "out", VARIABLES), RATIONAL, given
    )
    return all(
        found[name] == once[name].map(lambda slope: 4 * slope)
        for name in once
        if name.startswith("gradient")
    )


def _zeros(program: Program, of: str, variables: Sequence[str]) -> Program:
    """A gradient that is 0 where there is none."""

    def forward(*values: Value) -> Mapping[str, Value]:
        zero = values[0].build("fill", target=values[0].shape, value=0)
        return {"gradient.x": zero}

    return trace(forward, program.inputs)


@law(
    "program.not_differentiable",
    objects="program.gradient",
    evidence=Evidence.EXHAUSTIVE,
    subject=gradient,
    mutants={"0 where there is none": _zeros},
    cases=lambda draws: iter(
        [
            ("sign", Reason.NOT_DIFFERENTIABLE),
            ("target", Reason.NOT_DIFFERENTIABLE),
            ("matrix", Reason.SHAPE_MISMATCH),
        ]
    ),
)
def refused_gradients(gradient: Gradient, case: tuple[str, Reason]) -> bool:
    """No derivative passes through a constant operation or a target, or of a matrix."""
    kind, reason = case

    def forward(x: Value) -> Mapping[str, Value]:
        if kind == "sign":
            return {"out": x.apply("sign").apply("sum")}
        if kind == "target":
            fixed = x.build("fill", target=x.shape, value=1)
            loss = fixed.apply("mean_squared_error", x, reduction="mean")
            return {"out": loss}
        return {"out": x * x}

    program = trace(forward, {"x": Input(shape_of([2, 2]))})
    return refuses(reason, lambda: gradient(program, "out", ["x"]))
