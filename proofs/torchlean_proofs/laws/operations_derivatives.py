"""What a law of a derivative rule is: reverse accumulation against dual numbers.

A rule is given an upstream tensor u and must give, for each operand, the tensor
whose element i is the sum of `u_j d y_j / d x_i`. That derivative is found anew by
running the operation's meaning over dual numbers, one element of one operand at a
time: over the rationals where the operation is rational, where both sides must be
equal, else over bounded numbers in float64, where both are intervals that hold the
exact derivative, and must meet.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import cast

from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    agree,
    formulas,
    holds_integers,
    lifted,
    meaning_of,
    rule_of,
    table,
)
from torchlean_spec.numbers import RATIONAL, Dual, DualNumber
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import OPERATIONS, Kind, Operands
from torchlean_spec.operations.operation import DerivativeRule, Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.program import Input, Value, evaluate, trace
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.tensor import Tensor

CACHED_SLOPES = 1024
"""How many derivatives by dual numbers are remembered."""


@dataclass(frozen=True, slots=True, repr=False)
class Point:
    """Where a derivative is taken: a use of an operation, and what comes upstream."""

    use: Application
    upstream: Tensor[Fraction, Shape]

    def __repr__(self) -> str:
        return f"{self.use!r}; upstream {' '.join(map(str, self.upstream.values))}"


def points(name: str, cases: Cases) -> Callable[[Draws], Iterator[Point]]:
    """Uses of an operation, each with an upstream tensor of its own."""

    def drawn(draws: Draws) -> Iterator[Point]:
        for use in cases(draws):
            shapes = [operand.shape for operand in use.operands]
            result = OPERATIONS[name].shape(use.attributes, shapes)
            upstream = table(draws, *sizes(result), low=Fraction(1, 16))
            yield Point(use, upstream)

    return drawn


def pulled_back(
    system: NumberSystem[A], name: str, rule: DerivativeRule, point: Point
) -> list[Tensor[A, Shape] | None]:
    """What a rule gives for each operand, run as a program."""
    operands = point.use.operands
    inputs = {
        f"operand {i}": Input(
            each.shape, Kind.INDEX if holds_integers(each) else Kind.REAL
        )
        for i, each in enumerate(operands)
    }
    missing: set[int] = set()

    def backward(*values: Value) -> dict[str, Value]:
        *given, upstream = values
        result = given[0].apply(name, *given[1:], **point.use.attributes)
        parts = rule(Use(point.use.attributes, tuple(given), result, upstream))
        missing.update(i for i, part in enumerate(parts) if part is None)
        found = {str(i): part for i, part in enumerate(parts) if part is not None}
        return cast("dict[str, Value]", found)

    program = trace(backward, {**inputs, "upstream": Input(point.upstream.shape)})
    numbers = lifted(system, (*operands, point.upstream))
    found = evaluate(program, system, dict(zip(program.inputs, numbers, strict=True)))
    return [
        None if i in missing else found[str(i)]
        for i in range(len(found) + len(missing))
    ]


def pushed_forward(
    system: NumberSystem[A], meaning: Meaning, point: Point, operand: int, place: int
) -> A:
    """The sum of `u_j d y_j` in one element of one operand, by dual numbers."""
    dual = Dual(system)
    one, zero = system.constant(1), system.constant(0)
    given: list[Tensor[DualNumber[A], Shape] | Tensor[int, Shape]] = []
    for number, tensor in enumerate(lifted(system, point.use.operands)):
        if holds_integers(point.use.operands[number]):
            given.append(cast("Tensor[int, Shape]", tensor))
            continue
        values = tuple(
            DualNumber(value, one if (number, i) == (operand, place) else zero)
            for i, value in enumerate(cast("tuple[A, ...]", tensor.values))
        )
        given.append(Tensor(tensor.shape, values))
    result = meaning(dual, point.use.attributes, Operands(given))
    upstream = [system.constant(value) for value in point.upstream.values]
    return system.dot(upstream, [each.derivative for each in result.values])


@lru_cache(CACHED_SLOPES)
def slope(
    system: Hashable, name: str, point: Point, operand: int, place: int
) -> object:
    """The same of an operation by its name, found once for a law and its mutants."""
    numbers = cast("NumberSystem[Fraction]", system)
    return pushed_forward(numbers, meaning_of(name), point, operand, place)


def agrees(
    system: NumberSystem[A],
    name: str,
    point: Point,
    operand: int,
    found: Tensor[A, Shape],
) -> bool:
    """Whether a tensor is the derivative in an operand."""
    wanted = point.use.operands[operand].shape
    return found.shape == wanted and all(
        agree(value, slope(cast(Hashable, system), name, point, operand, place))
        for place, value in enumerate(found.values)
    )


Rule = Callable[[Use], Sequence[AnyValue | None]]


def parts(*formulas: Callable[[Use], AnyValue]) -> Rule:
    """A wrong rule, one formula for each operand."""
    return lambda use: [formula(use) for formula in formulas]


def common_mutants(rule: DerivativeRule, variables: int) -> dict[str, Rule]:
    """What can be wrong with any rule."""

    def ignoring(use: Use) -> Sequence[AnyValue | None]:
        ones = use.upstream.build("fill", target=use.upstream.shape, value=1)
        return rule(replace(use, upstream=ones))

    def negated(use: Use) -> Sequence[AnyValue | None]:
        return [part.apply("negate") if part else None for part in rule(use)]

    def without(dropped: int) -> Rule:
        def mutant(use: Use) -> Sequence[AnyValue | None]:
            parts = list(rule(use))
            shape = use.operands[dropped].shape
            parts[dropped] = use.upstream.build("fill", target=shape, value=0)
            return parts

        return mutant

    zeros = {f"0 in operand {i}": without(i) for i in range(variables)}
    return {"upstream ignored": ignoring, "the other sign": negated, **zeros}


def rule_law(
    topic: str,
    name: str,
    cases: Cases,
    *,
    rational: bool = False,
    variables: int | None = None,
    mutants: Mapping[str, Rule] | None = None,
) -> Law:
    """The law of an operation's derivative rule.

    Args:
        topic: The file that the law stands in.
        name: The operation.
        cases: Uses of it.
        rational: Whether it is rational, and so the derivative compared exactly.
        variables: How many operands have a derivative; by default, all that hold
            numbers. The others must have none.
        mutants: Wrong rules, beside those that any rule may be confused with.
    """
    rule = rule_of(name)
    kinds = OPERATIONS[name].kinds
    count = kinds.count(Kind.REAL) if variables is None else variables
    wanted = [i < count for i in range(len(kinds))]

    def holds(rule: DerivativeRule, point: Point) -> bool:
        if rational:
            return all_found(RATIONAL, rule, point)
        return all_found(DOUBLE, rule, point)

    def all_found(system: NumberSystem[A], rule: DerivativeRule, point: Point) -> bool:
        parts = pulled_back(system, name, rule, point)
        return [part is not None for part in parts] == wanted and all(
            agrees(system, name, point, operand, part)
            for operand, part in enumerate(parts)
            if part is not None
        )

    holds.__doc__ = (
        f"The derivative rule of `{name}` is the adjoint of its derivative by dual "
        f"numbers."
    )
    return law(
        f"{topic}.{name}.derivative",
        objects=f"operations.{name}.derivative",
        evidence=Evidence.IDENTITY_TESTED if rational else Evidence.SEARCHED,
        subject=rule,
        mutants={**common_mutants(rule, count), **(mutants or {})},
        cases=points(name, cases),
    )(holds)


def gradient_law(
    topic: str,
    name: str,
    cases: Cases,
    mutants: Mapping[str, object],
    *,
    of_result: bool = False,
    rational: bool = False,
    elementwise: bool = True,
) -> Law:
    """The law of the operation `<name>_gradient`, which the rule of `name` uses.

    Args:
        topic: The file that the law stands in.
        name: The operation whose derivative it is.
        cases: Uses of that operation.
        mutants: Wrong formulas, or wrong meanings where it is not elementwise.
        of_result: Whether it takes the result of the operation, not its operands.
        rational: Whether both are rational, and so compared exactly.
        elementwise: Whether the mutants are formulas.
    """
    gradient = f"{name}_gradient"

    def holds(meaning: Meaning, point: Point) -> bool:
        if rational:
            return found(RATIONAL, meaning, point)
        return found(DOUBLE, meaning, point)

    def found(system: NumberSystem[A], meaning: Meaning, point: Point) -> bool:
        operands = lifted(system, point.use.operands)
        if of_result:
            forward: Operands[A] = Operands(operands)
            operands = [meaning_of(name)(system, point.use.attributes, forward)]
        given: Operands[A] = Operands([*operands, *lifted(system, [point.upstream])])
        slope = meaning(system, point.use.attributes, given)
        return agrees(system, name, point, 0, slope)

    holds.__doc__ = (
        f"`{gradient}` is the upstream tensor times the derivative of `{name}`."
    )
    return law(
        f"{topic}.{gradient}",
        objects=f"operations.{gradient}.meaning",
        evidence=Evidence.IDENTITY_TESTED if rational else Evidence.SEARCHED,
        subject=meaning_of(gradient),
        mutants=formulas(mutants) if elementwise else mutants,
        cases=points(name, cases),
    )(holds)
