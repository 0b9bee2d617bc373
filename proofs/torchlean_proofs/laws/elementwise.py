"""Laws of elementwise arithmetic: meanings, and derivative rules.

A meaning is held to a relation between each element of the result and the elements
that it is made of, over exact rationals; the exponential and the logarithm to their
functional equations, over bounded numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, repeat
from torchlean_proofs.laws.operations_applied import (
    DOUBLE,
    Application,
    Cases,
    application,
    applied,
    ends,
    exact_table,
    exactly,
    formulas,
    meaning_of,
    meet,
    positive_table,
    row_of,
    rule_of,
    table,
)
from torchlean_proofs.laws.operations_derivatives import Rule, parts, rule_law
from torchlean_spec.operations import OPERATIONS, Attributes, Operands
from torchlean_spec.operations.operation import Attribute, Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue

TOPIC = "elementwise"
FACTOR = Fraction(3, 7)


def operands_of(name: str, **attributes: Attribute) -> Cases:
    """Rational operands of several shapes, some elements equal."""
    count = len(OPERATIONS[name].operands)

    def cases(draws: Draws) -> Iterator[Application]:
        for extents in ((), (5,), (2, 3), (2, 1, 2), (0,)):
            drawn = [exact_table(draws, *extents) for _ in range(count)]
            yield Application(Attributes(**attributes), tuple(drawn))
        ties = [row_of(2, -1, 1), row_of(2, 1, -1)][:count]
        yield Application(Attributes(**attributes), tuple(ties))

    return cases


def squares(draws: Draws) -> Iterator[Application]:
    """Squares of rationals, 0 among them."""
    for extents in ((), (5,), (2, 3)):
        sides = exact_table(draws, *extents)
        yield application(sides.map(lambda x: x * x))
    yield application(row_of(0, 1))


def related(
    name: str,
    sentence: str,
    relation: Callable[..., bool],
    mutants: Mapping[str, object],
    cases: Cases | None = None,
    **attributes: Attribute,
) -> Law:
    """The law that a relation holds between each result and its operands.

    Args:
        name: The operation.
        sentence: The relation in words.
        relation: Takes an element of the result, then of each operand.
        mutants: Wrong formulas.
        cases: Uses of the operation.
        attributes: Those of the operation.
    """

    def holds(meaning: Meaning, use: Application) -> bool:
        result = exactly(meaning, use)
        columns = [result.values, *(each.values for each in use.operands)]
        return result.shape == use.operands[0].shape and all(
            relation(*row) for row in zip(*columns, strict=True)
        )

    holds.__doc__ = sentence
    return law(
        f"{TOPIC}.{name}",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.IDENTITY_TESTED,
        subject=meaning_of(name),
        mutants=formulas(mutants),
        cases=cases or operands_of(name, **attributes),
    )(holds)


MEANINGS = (
    related(
        "add",
        "A sum less one of its terms is the other.",
        lambda z, x, y: z - y == x,
        {
            "difference": lambda s, a, x, y: x - y,
            "a term twice": lambda s, a, x, y: x + x,
        },
    ),
    related(
        "subtract",
        "A difference and what was taken off are what it was taken off from.",
        lambda z, x, y: z + y == x,
        {
            "the other way about": lambda s, a, x, y: y - x,
            "sum": lambda s, a, x, y: x + y,
        },
    ),
    related(
        "multiply",
        "A product divided by one of its factors is the other.",
        lambda z, x, y: z / y == x,
        {"sum": lambda s, a, x, y: x + y, "quotient": lambda s, a, x, y: x / y},
    ),
    related(
        "divide",
        "A quotient times the divisor is the dividend.",
        lambda z, x, y: z * y == x,
        {
            "the other way about": lambda s, a, x, y: y / x,
            "product": lambda s, a, x, y: x * y,
        },
    ),
    related(
        "maximum",
        "A maximum is one of the two and not below either.",
        lambda z, x, y: z in (x, y) and z >= x and z >= y,
        {
            "minimum": lambda s, a, x, y: s.minimum(x, y),
            "the first": lambda s, a, x, y: x,
            "of the sizes": lambda s, a, x, y: s.maximum(s.absolute(x), s.absolute(y)),
        },
    ),
    related(
        "minimum",
        "A minimum is one of the two and not above either.",
        lambda z, x, y: z in (x, y) and z <= x and z <= y,
        {
            "maximum": lambda s, a, x, y: s.maximum(x, y),
            "the first": lambda s, a, x, y: x,
        },
    ),
    related(
        "negate",
        "A number and its negative cancel.",
        lambda z, x: z + x == 0,
        {"itself": lambda s, a, x: x, "always negative": lambda s, a, x: -abs(x)},
    ),
    related(
        "absolute",
        "An absolute value is not negative and has the number's square.",
        lambda z, x: z >= 0 and z * z == x * x,
        {"itself": lambda s, a, x: x, "square": lambda s, a, x: x * x},
    ),
    related(
        "sign",
        "A sign is -1, 0 or 1, and times the absolute value the number itself.",
        lambda z, x: z in (-1, 0, 1) and z * abs(x) == x,
        {
            "never 0 or 1": lambda s, a, x: -s.constant(1),
            "itself": lambda s, a, x: x,
            "the other way about": lambda s, a, x: -x / abs(x),
        },
    ),
    related(
        "square",
        "A square divided by the number is the number.",
        lambda z, x: z / x == x,
        {"double": lambda s, a, x: x + x, "cube": lambda s, a, x: x * x * x},
    ),
    related(
        "sqrt",
        "A root is not negative, and its square is the number.",
        lambda z, x: z >= 0 and z * z == x,
        {
            "the negative root": lambda s, a, x: -s.sqrt(x),
            "half": lambda s, a, x: x / s.constant(2),
        },
        squares,
    ),
    related(
        "reciprocal",
        "A number times its reciprocal is 1.",
        lambda z, x: z * x == 1,
        {
            "negative": lambda s, a, x: -(s.constant(1) / x),
            "of the square": lambda s, a, x: s.constant(1) / (x * x),
        },
    ),
    related(
        "scale",
        "A scaled number divided by the factor is the number.",
        lambda z, x: z / FACTOR == x,
        {
            "divided": lambda s, a, x: x / s.constant(a.exact("factor")),
            "shifted": lambda s, a, x: x + s.constant(a.exact("factor")),
            "by the numerator": lambda s, a, x: (
                x * s.constant(a.exact("factor").numerator)
            ),
        },
        factor=FACTOR,
    ),
)


def _pairs(draws: Draws) -> Iterator[Application]:
    return repeat(12, lambda: application(table(draws, 2)))


@law(
    "elementwise.exp",
    objects="operations.exp.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("exp"),
    mutants=formulas(
        {
            "2 for e": lambda s, a, x: s.exp(x * s.log(s.constant(2))),
            "less 1": lambda s, a, x: s.expm1(x),
            "3 for e": lambda s, a, x: s.exp(x * s.log(s.constant(3))),
            "1 + x": lambda s, a, x: s.constant(1) + x,
        }
    ),
    cases=_pairs,
)
def the_exponential(exp: Meaning, use: Application) -> bool:
    """An exponential turns sums into products, and lies above its tangent at 0."""
    pair = use.real(0).values
    near = (Fraction(1, 64), Fraction(-1, 64))
    values = (*pair, sum(pair, Fraction(0)), *near)
    found = applied(exp, DOUBLE, application(row_of(*values))).values
    above = all(ends(y)[1] >= 1 + x for x, y in zip(values, found, strict=True))
    return above and meet(found[0] * found[1], found[2])


@law(
    "elementwise.log",
    objects="operations.log.meaning",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("log"),
    mutants=formulas(
        {
            "to base 2": lambda s, a, x: s.log(x) / s.log(s.constant(2)),
            "of 1 + x": lambda s, a, x: s.log1p(x),
            "negative": lambda s, a, x: -s.log(x),
        }
    ),
    cases=lambda draws: repeat(8, lambda: application(positive_table(draws, 3))),
)
def the_logarithm(log: Meaning, use: Application) -> bool:
    """The exponential of the logarithm of a number is the number."""
    logarithms = applied(log, DOUBLE, use)
    powers = meaning_of("exp")(DOUBLE, Attributes(), Operands([logarithms]))
    pairs = zip(powers.values, use.real(0).values, strict=True)
    return all(meet(power, DOUBLE.constant(x)) for power, x in pairs)


# DERIVATIVES


def exact_pairs(draws: Draws) -> Iterator[Application]:
    """Rational operands, with a tie, and shapes of every rank."""
    for extents in ((), (4,), (2, 2)):
        yield application(exact_table(draws, *extents), exact_table(draws, *extents))
    yield application(row_of(2, -1), row_of(2, 3))


def exact_operands(draws: Draws) -> Iterator[Application]:
    """Rational operands, none of them 0."""
    return (application(exact_table(draws, *e)) for e in ((), (4,), (2, 2)))


def with_kink(draws: Draws) -> Iterator[Application]:
    """Rational operands, 0 among them."""
    yield from exact_operands(draws)
    yield application(row_of(0, 1, -1))


def real_operands(draws: Draws) -> Iterator[Application]:
    """Multiples of 1/16."""
    return (application(table(draws, *e)) for e in ((), (4,)))


def positive_operands(draws: Draws) -> Iterator[Application]:
    """Positive multiples of 1/16."""
    return (application(positive_table(draws, *e)) for e in ((), (4,)))


def _winner_takes_all(larger: bool) -> Rule:
    """A wrong rule for extremes: of a tie, neither operand gets anything."""

    def rule(use: Use) -> Sequence[AnyValue | None]:
        x, y = use.operands
        lead = x.apply("subtract", y).apply("sign")
        wins = [lead.apply("relu"), lead.apply("negate").apply("relu")]
        return [
            use.upstream.apply("multiply", win)
            for win in (wins if larger else wins[::-1])
        ]

    return rule


def _by_operand(operation: str) -> Rule:
    """A wrong rule of one operand: upstream and operand by an operation."""
    return parts(lambda use: use.upstream.apply(operation, use.operands[0]))


def _by_result(operation: str) -> Rule:
    """A wrong rule of one operand: upstream and result by an operation."""
    return parts(lambda use: use.upstream.apply(operation, use.result))


def _one_at_the_kink(use: Use) -> Sequence[AnyValue | None]:
    """A wrong rule for |x|: the slope 1 at 0, elsewhere the right one."""
    (x,) = use.operands
    zeros = x.apply("sign").apply("square")  # 0 at the kink, 1 elsewhere
    slope = x.build("fill", target=x.shape, value=1).apply("subtract", zeros)
    return [use.upstream.apply("multiply", slope.apply("add", x.apply("sign")))]


_PASSED_ON = parts(lambda use: use.upstream)
_PASSED_TO_BOTH = parts(lambda use: use.upstream, lambda use: use.upstream)

RULES = (
    rule_law(TOPIC, "add", exact_pairs, rational=True),
    rule_law(
        TOPIC,
        "subtract",
        exact_pairs,
        rational=True,
        mutants={"as of a sum": _PASSED_TO_BOTH},
    ),
    rule_law(
        TOPIC,
        "multiply",
        exact_pairs,
        rational=True,
        mutants={
            "each operand by itself": parts(
                lambda use: use.upstream.apply("multiply", use.operands[0]),
                lambda use: use.upstream.apply("multiply", use.operands[1]),
            )
        },
    ),
    rule_law(
        TOPIC,
        "divide",
        exact_pairs,
        rational=True,
        mutants={
            "the divisor once": parts(
                lambda use: use.upstream.apply("divide", use.operands[1]),
                lambda use: use.upstream.apply("multiply", use.result).apply("negate"),
            )
        },
    ),
    rule_law(
        TOPIC,
        "maximum",
        exact_pairs,
        rational=True,
        mutants={
            "to the smaller": rule_of("minimum"),
            "of a tie nothing": _winner_takes_all(True),
        },
    ),
    rule_law(
        TOPIC,
        "minimum",
        exact_pairs,
        rational=True,
        mutants={
            "to the larger": rule_of("maximum"),
            "of a tie nothing": _winner_takes_all(False),
        },
    ),
    rule_law(TOPIC, "negate", exact_operands, rational=True),
    rule_law(
        TOPIC,
        "absolute",
        with_kink,
        rational=True,
        mutants={
            "times the operand": _by_operand("multiply"),
            "1 at the kink": _one_at_the_kink,
        },
    ),
    rule_law(
        TOPIC,
        "square",
        with_kink,
        rational=True,
        mutants={"without the 2": _by_operand("multiply")},
    ),
    rule_law(
        TOPIC,
        "sqrt",
        lambda draws: itertools.islice(squares(draws), 3),
        rational=True,
        mutants={"without the 2": _by_result("divide")},
    ),
    rule_law(
        TOPIC,
        "reciprocal",
        exact_operands,
        rational=True,
        mutants={
            "not squared": parts(
                lambda use: use.upstream.apply("multiply", use.result).apply("negate")
            )
        },
    ),
    rule_law(
        TOPIC,
        "exp",
        real_operands,
        mutants={
            "times the operand": _by_operand("multiply"),
            "as of log": _by_operand("divide"),
        },
    ),
    rule_law(
        TOPIC,
        "log",
        positive_operands,
        mutants={
            "as of exp": _by_result("multiply"),
            "by the result": _by_result("divide"),
        },
    ),
    rule_law(
        TOPIC,
        "scale",
        lambda draws: (
            Application(Attributes(factor=FACTOR), use.operands)
            for use in exact_operands(draws)
        ),
        rational=True,
        mutants={"without the factor": _PASSED_ON},
    ),
)
