"""What laws of derivatives share: a rule's answer, and that of dual numbers.

A derivative rule builds operations; the adjoint that it gives is held to forward
derivatives, one variable at a time, over the same numbers. Over exact rationals
the two must be equal. Over bounded numbers both sets hold the true value, so they
must overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws
from torchlean_spec.numbers import RATIONAL, Bounded, Dual, DualNumber, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands, operation_named
from torchlean_spec.operations.operation import (
    Attribute,
    DerivativeRule,
    Kind,
    Meaning,
    Use,
)
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.program import Input, Value, evaluate, trace
from torchlean_spec.shape import Shape, shape_of, size
from torchlean_spec.tensor import Tensor

Given = Tensor[Fraction, Shape] | Tensor[int, Shape]
"""An operand: rationals, or indices."""

WIDE = bounded("float64")
"""The bounded numbers of irrational operations."""


@dataclass(frozen=True)
class Application:
    """One use of an operation: attributes, operands and the upstream derivative."""

    operation: str
    attributes: Attributes
    operands: tuple[Given, ...]
    upstream: tuple[Fraction, ...]
    exact: bool
    """Whether the operation is rational at these operands."""

    def __repr__(self) -> str:
        values = ", ".join(str(list(map(str, each.values))) for each in self.operands)
        suffix = f" {{{self.attributes}}}" if self.attributes else ""
        return f"{self.operation}({values}){suffix}"

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        shapes = [each.shape for each in self.operands]
        return operation_named(self.operation).shape(self.attributes, shapes)


@dataclass(frozen=True)
class Family:
    """How to draw uses of one operation."""

    operation: str
    operands: Callable[[Draws], tuple[Given, ...]]
    attributes: Callable[[Draws], Mapping[str, Attribute]] = lambda draws: {}
    exact: bool = True
    count: int = 12

    def draw(self, draws: Draws) -> Iterator[Application]:
        """Some uses of the operation."""
        for _ in range(self.count):
            found = Application(
                self.operation,
                Attributes(**self.attributes(draws)),
                self.operands(draws),
                (),
                self.exact,
            )
            yield replace(found, upstream=draws.fractions(size(found.shape)))


def numbers(
    draws: Draws, extents: Sequence[int], draw: Callable[[], Fraction] | None = None
) -> Tensor[Fraction, Shape]:
    """A tensor of rationals; one in eight is 0 unless another draw is given."""

    def any_rational() -> Fraction:
        return draws.fraction(3) if draws.integer(0, 7) else Fraction(0)

    shape, drawn = shape_of(extents), draw or any_rational
    return Tensor(shape, tuple(drawn() for _ in range(size(shape))))


def indices(draws: Draws, count: int, below: int) -> Tensor[int, Shape]:
    """A vector of indices."""
    drawn = tuple(draws.integer(0, below - 1) for _ in range(count))
    return Tensor(shape_of([count]), drawn)


def into(
    system: NumberSystem[A], given: Given, kind: Kind
) -> Tensor[A, Shape] | Tensor[int, Shape]:
    """An operand over a number system."""
    if kind is Kind.INDEX:
        return Tensor(given.shape, tuple(int(value) for value in given.values))
    return Tensor(
        given.shape, tuple(system.constant(Fraction(v)) for v in given.values)
    )


def by_rule(
    rule: DerivativeRule, system: NumberSystem[A], use: Application
) -> list[Tensor[A, Shape] | None]:
    """The derivatives in the operands that a rule gives, over a number system."""
    kinds = operation_named(use.operation).kinds
    names = [f"operand{i}" for i in range(len(kinds))]
    inputs = {
        name: Input(each.shape, kind)
        for name, each, kind in zip(names, use.operands, kinds, strict=True)
    }
    present: list[int] = []

    def build(*values: Value) -> dict[str, Value]:
        builder = values[0].builder
        result = builder.add(use.operation, values[:-1], use.attributes)
        parts = rule(Use(use.attributes, values[:-1], result, values[-1]))
        outputs: dict[str, Value] = {}
        for i, part in enumerate(parts):
            if isinstance(part, Value):
                present.append(i)
                outputs[f"part{i}"] = part
        return outputs

    program = trace(build, {**inputs, "upstream": Input(use.shape)})
    given = {
        name: into(system, each, kind)
        for name, each, kind in zip(names, use.operands, kinds, strict=True)
    }
    upstream = Tensor(use.shape, tuple(map(system.constant, use.upstream)))
    found = evaluate(program, system, {**given, "upstream": upstream})
    return [found.get(f"part{i}") for i in range(len(kinds))]


def forward(
    meaning: Meaning, system: NumberSystem[A], use: Application, operand: int
) -> list[A]:
    """The derivative in each element of an operand, by dual numbers."""
    dual = Dual(system)
    kinds = operation_named(use.operation).kinds
    pairs = zip(use.operands, kinds, strict=True)
    fixed = [into(dual, each, kind) for each, kind in pairs]
    found: list[A] = []
    for place in range(size(use.operands[operand].shape)):
        varied = list(fixed)
        varied[operand] = _with_variable(dual, fixed[operand], place)
        result = meaning(dual, use.attributes, Operands(varied))
        slopes = [each.derivative for each in result.values]
        found.append(system.dot([system.constant(u) for u in use.upstream], slopes))
    return found


def _with_variable(
    dual: Dual[A],
    tensor: Tensor[DualNumber[A], Shape] | Tensor[int, Shape],
    place: int,
) -> Tensor[DualNumber[A], Shape]:
    values: list[DualNumber[A]] = []
    for i, value in enumerate(tensor.values):
        assert isinstance(value, DualNumber)
        values.append(dual.variable(value.value) if i == place else value)
    return Tensor(tensor.shape, tuple(values))


def agree(system: NumberSystem[A], left: A, right: A) -> bool:
    """Whether two numbers are equal, or over bounded numbers overlap."""
    if isinstance(left, Bounded) and isinstance(right, Bounded):
        with left.carrier.context():
            gap = abs(left.centre - right.centre)
            return not left.radius + right.radius < gap
    return left == right


def rule_agrees(rule: DerivativeRule, use: Application) -> bool:
    """Whether a rule gives what dual numbers give, at one use of its operation."""
    if use.exact:
        return _rule_agrees(rule, RATIONAL, use)
    return _rule_agrees(rule, WIDE, use)


def _rule_agrees(
    rule: DerivativeRule, system: NumberSystem[A], use: Application
) -> bool:
    meaning = operation_named(use.operation).meaning
    parts = by_rule(rule, system, use)
    kinds = operation_named(use.operation).kinds
    for operand, (part, kind) in enumerate(zip(parts, kinds, strict=True)):
        if part is None:
            # Indices have no derivative, and neither do the targets of losses.
            if kind is Kind.REAL and operand == 0:
                return False
            continue
        expected = forward(meaning, system, use, operand)
        pairs = list(zip(part.values, expected, strict=True))
        if not all(agree(system, left, right) for left, right in pairs):
            return False
    return True


def negated(rule: DerivativeRule) -> DerivativeRule:
    """A rule with the wrong sign."""

    def wrong(use: Use) -> Sequence[AnyValue | None]:
        return [part and part.apply("negate") for part in rule(use)]

    return wrong


def without_upstream(rule: DerivativeRule) -> DerivativeRule:
    """A rule that forgets the chain rule."""

    def wrong(use: Use) -> Sequence[AnyValue | None]:
        ones = use.upstream.build("fill", target=use.upstream.shape, value=1)
        return rule(replace(use, upstream=ones))

    return wrong


def doubled(rule: DerivativeRule) -> DerivativeRule:
    """A rule that counts everything twice."""

    def wrong(use: Use) -> Sequence[AnyValue | None]:
        return [part and part.apply("add", part) for part in rule(use)]

    return wrong
