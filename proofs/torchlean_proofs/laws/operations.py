"""Laws of the primitive operations: each one's meaning, and its derivative."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.derivatives import (
    Application,
    Family,
    doubled,
    indices,
    negated,
    numbers,
    rule_agrees,
    without_upstream,
)
from torchlean_proofs.laws.law import Draws, Evidence, Law, law
from torchlean_spec.operations import OPERATIONS, operation_named
from torchlean_spec.operations.operation import Attribute, DerivativeRule
from torchlean_spec.shape import Shape, shape_of
from torchlean_spec.tensor import Tensor

Extents = tuple[int, ...]


def family(
    operation: str,
    *extents: Extents,
    exact: bool = True,
    positive: bool = False,
    nonzero: bool = False,
    count: int = 12,
    **attributes: Callable[[Draws], Attribute],
) -> Family:
    """Uses of an operation on operands of the given extents."""

    def drawn(draws: Draws) -> tuple[Tensor[Fraction, Shape], ...]:
        draw = draws.positive if positive else draws.fraction if nonzero else None
        return tuple(numbers(draws, each, draw) for each in extents)

    return Family(
        operation,
        drawn,
        lambda draws: {name: draw(draws) for name, draw in attributes.items()},
        exact,
        count,
    )


def fraction(draws: Draws) -> Fraction:
    """An exact attribute above 0."""
    return draws.positive(2)


FAMILIES: tuple[Family, ...] = (
    family("add", (2, 3), (2, 3)),
    family("subtract", (2, 3), (2, 3)),
    family("multiply", (2, 3), (2, 3)),
    family("divide", (2, 3), (2, 3), nonzero=True),
    family("maximum", (6,), (6,)),
    family("minimum", (6,), (6,)),
    family("negate", (4,)),
    family("absolute", (6,)),
    family("square", (4,)),
    family("sqrt", (4,), exact=False, positive=True),
    family("reciprocal", (4,), nonzero=True),
    family("exp", (4,), exact=False),
    family("log", (4,), exact=False, positive=True),
    family("scale", (4,), factor=fraction),
    family("relu", (6,)),
    family("leaky_relu", (6,), slope=fraction),
    family("elu", (6,), exact=False, nonzero=True, alpha=fraction),
    # The formula has kinks at 0 that cancel; dual numbers see each by itself.
    family("sigmoid", (4,), exact=False, nonzero=True),
    family("tanh", (4,), exact=False),
    family("softplus", (4,), exact=False),
    family("silu", (4,), exact=False),
    family("gelu", (4,), exact=False),
    family("gelu_tanh", (4,), exact=False),
    family("sum", (2, 3, 2), axis=lambda draws: draws.integer(-3, 2)),
    family("sum", (2, 3), count=3),
    family("mean", (2, 3, 2), axis=lambda draws: draws.integer(-3, 2)),
    family("mean", (2, 3), count=3),
    family("broadcast", (1, 3), target=lambda draws: shape_of([2, 2, 3])),
    family("reduce_to", (2, 2, 3), target=lambda draws: shape_of([1, 3])),
    family("softmax", (2, 4), exact=False, nonzero=True),
    family("log_softmax", (2, 4), exact=False, nonzero=True),
    family("linear", (3, 4), (2, 4), (2,)),
    family("linear", (2, 2, 3), (2, 3), (2,), count=4),
    family("matmul", (2, 3), (3, 4)),
    family("matmul_transposed_left", (3, 2), (3, 4)),
    family("matmul_transposed_right", (2, 3), (4, 3)),
    family("reshape", (2, 3), target=lambda draws: shape_of([3, 1, 2])),
    family(
        "transpose",
        (2, 3, 2),
        permutation=lambda draws: draws.choice([(2, 0, 1), (1, 2, 0), (0, 2, 1)]),
    ),
    family("concatenate", (2, 3), (2, 2), axis=lambda draws: 1),
    family("concatenate", (1, 3), (2, 3), axis=lambda draws: -2, count=4),
    family(
        "slice",
        (3, 4),
        axis=lambda draws: 1,
        start=lambda draws: draws.integer(0, 1),
        stop=lambda draws: draws.integer(2, 4),
    ),
    Family(
        "gather_rows",
        lambda draws: (numbers(draws, (3, 2)), indices(draws, 4, 3)),
    ),
    Family(
        "scatter_add_rows",
        lambda draws: (numbers(draws, (4, 2)), indices(draws, 4, 3)),
        lambda draws: {"rows": 3},
    ),
    Family(
        "dropout",
        lambda draws: (
            numbers(draws, (3, 4)),
            Tensor(shape_of([2]), (draws.integer(0, 99), draws.integer(1, 9))),
        ),
        lambda draws: {
            "probability": draws.choice([Fraction(1, 4), Fraction(1, 2)]),
            "stream": draws.integer(0, 2),
        },
    ),
)
"""How to draw uses of every operation that has a derivative, losses aside."""


def spoken_of(name: str) -> str:
    """The objects of a law on an operation, its own gradient operation included."""
    gradient = f"{name}_gradient"
    return f"operations.{name}" + (
        f" operations.{gradient}" if gradient in OPERATIONS else ""
    )


def derivative_law(name: str, families: Sequence[Family]) -> Law:
    """The law that an operation's derivative rule is right."""
    rule = operation_named(name).derivative
    assert rule is not None
    exact = all(each.exact for each in families)

    @law(
        f"operations.{name}.derivative",
        objects=spoken_of(name),
        evidence=Evidence.IDENTITY_TESTED if exact else Evidence.SEARCHED,
        subject=rule,
        mutants={
            "wrong sign": negated(rule),
            "chain rule forgotten": without_upstream(rule),
            "counted twice": doubled(rule),
        },
        cases=lambda draws: itertools.chain(*(f.draw(draws) for f in families)),
    )
    def agrees(rule: DerivativeRule, use: Application) -> bool:
        return rule_agrees(rule, use)

    how = "equals" if exact else "holds the same number as"
    sentence = f"The derivative rule of `{name}` {how} what dual numbers give."
    return replace(agrees, sentence=sentence)


def families_of(name: str) -> list[Family]:
    """The ways to draw uses of one operation."""
    return [each for each in FAMILIES if each.operation == name]


DERIVATIVES = tuple(
    derivative_law(name, families_of(name))
    for name in dict.fromkeys(each.operation for each in FAMILIES)
)
"""One law for each operation with a derivative."""
