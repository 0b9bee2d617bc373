"""Laws of rows at their edges: large scores, infinities, and nothing at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Protocol, cast

from torchlean_proofs.laws.law import Evidence, Law, law
from torchlean_proofs.laws.operations_applied import (
    meaning_of,
    of_rows,
)
from torchlean_spec.numbers import BINARY64
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.operations.reduction import softmax_row
from torchlean_spec.shape import Scalar, Shape, vector
from torchlean_spec.tensor import Tensor

Rows = tuple[tuple[float, ...], str]


def rows_law(
    name: str, sentence: str, rows: tuple[Rows, ...], mutants: Mapping[str, Meaning]
) -> Law:
    """The law of what an operation of a row gives in stated cases.

    Args:
        name: The operation.
        sentence: The cases in words.
        rows: Operands in binary64, and what they give, in words.
        mutants: Wrong meanings.
    """

    def holds(meaning: Meaning, case: Rows) -> bool:
        row, expected = case
        shape: Shape = vector(len(row))
        x = Tensor(shape, tuple(map(BINARY64.from_float, row)))
        result = meaning(BINARY64, Attributes(), Operands([x]))
        wanted = [BINARY64.from_float(float(each)) for each in expected.split()]
        return list(result.values) == wanted

    holds.__doc__ = sentence
    return law(
        f"reduction.{name}.edges",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.EXHAUSTIVE,
        subject=meaning_of(name),
        mutants=mutants,
        cases=lambda draws: iter(rows),
    )(holds)


class Total(Protocol):
    """A formula of a whole row, which gives one number."""

    def __call__(self, system: NumberSystem[A], row: Sequence[A], /) -> A:
        """The number."""
        ...


def to_one(formula: object) -> Meaning:
    """The operation that makes one number of everything."""
    form = cast(Total, formula)

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        return Tensor(Scalar(), (form(system, operands.real(0).values),))

    return meaning


INFINITY, NAN = math.inf, math.nan

ROWS = (
    rows_law(
        "softmax",
        "Large scores do not overflow; -inf has no share; inf and NaN give NaN.",
        (
            ((1000.0, 1000.0), "0.5 0.5"),
            ((-1000.0, -1000.0), "0.5 0.5"),
            ((-INFINITY, 0.0), "0.0 1"),
            ((-INFINITY, -INFINITY), "nan nan"),
            ((INFINITY, 0.0), "nan nan"),
            ((NAN, 0.0), "nan nan"),
            ((), ""),
        ),
        {
            "not shifted": of_rows(
                lambda s, row: [s.exp(x) / s.sum([s.exp(y) for y in row]) for x in row]
            )
        },
    ),
    rows_law(
        "log_softmax",
        "What has no share is -inf; large differences do not underflow.",
        (
            ((1000.0, 0.0), "0.0 -1000"),
            ((-INFINITY, 0.0), "-inf 0.0"),
            ((-INFINITY, -INFINITY), "nan nan"),
            ((INFINITY, 0.0), "nan nan"),
            ((), ""),
        ),
        {
            "logarithm of the softmax": of_rows(
                lambda s, row: [s.log(x) for x in softmax_row(s, row)]
            ),
            "not shifted": of_rows(
                lambda s, row: [x - s.log(s.sum([s.exp(y) for y in row])) for x in row]
            ),
        },
    ),
    rows_law(
        "sum",
        "Nothing adds up to +0, and so does -0 alone; inf - inf is NaN.",
        (
            ((), "0.0"),
            ((-0.0,), "0.0"),
            ((-0.0, -0.0), "0.0"),
            ((INFINITY, -INFINITY), "nan"),
            ((NAN, 1.0), "nan"),
        ),
        {
            "from the first number on": to_one(
                lambda s, row: reduce(add, row) if row else s.constant(0)
            ),
            "backwards from the last": to_one(
                lambda s, row: reduce(add, row[::-1], -s.constant(0))
            ),
        },
    ),
    rows_law(
        "mean",
        "The mean of nothing is 0/0.",
        (((), "nan"), ((INFINITY, 1.0), "inf"), ((-0.0,), "0.0")),
        {
            "0 of nothing": to_one(
                lambda s, row: s.sum(row) / s.constant(max(len(row), 1))
            )
        },
    ),
)
