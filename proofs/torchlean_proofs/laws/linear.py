"""Laws of matrix products and of the affine map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law
from torchlean_proofs.laws.operations_applied import (
    Application,
    application,
    element,
    exact_law,
    exact_table,
    exactly,
    meaning_of,
    rule_of,
)
from torchlean_proofs.laws.operations_derivatives import Rule, parts, rule_law
from torchlean_spec.numbers import BINARY32, Bounded, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.shape import Shape, matrix, shape_of, sizes
from torchlean_spec.tensor import Tensor

TOPIC = "linear"
EXTENTS = ((2, 2, 2), (3, 3, 3), (2, 3, 1), (1, 3, 2), (2, 0, 2), (0, 2, 2))
"""Rows, inner size and columns of a product; square ones hide no transposition."""


def products(left: str, right: str) -> Callable[[Draws], Iterator[Application]]:
    """Matrices whose axes bear the letters m (rows), k (summed over), n (columns)."""

    def cases(draws: Draws) -> Iterator[Application]:
        for m, k, n in EXTENTS:
            extent = {"m": m, "k": k, "n": n}
            yield application(
                exact_table(draws, *(extent[letter] for letter in left)),
                exact_table(draws, *(extent[letter] for letter in right)),
            )

    return cases


Relation = Callable[[Application, Tensor[Fraction, Shape]], bool]


def sums_of_products(left: str, right: str) -> Relation:
    """Whether entry (m, n) is the sum over k of the products, axes by letters."""

    def relation(use: Application, result: Tensor[Fraction, Shape]) -> bool:
        a, b = use.real(0), use.real(1)
        extent = dict(zip(left, sizes(a.shape), strict=True))
        extent |= dict(zip(right, sizes(b.shape), strict=True))
        expected = []
        for m in range(extent["m"]):
            for n in range(extent["n"]):
                total = Fraction(0)
                for k in range(extent["k"]):
                    at = {"m": m, "k": k, "n": n}
                    first = element(a, [at[letter] for letter in left])
                    total += first * element(b, [at[letter] for letter in right])
                expected.append(total)
        shape = matrix(extent["m"], extent["n"])
        return result == Tensor(shape, tuple(expected))

    return relation


def transposed(tensor: Tensor[A, Shape]) -> Tensor[A, Shape]:
    """A matrix with its axes exchanged."""
    rows, columns = sizes(tensor.shape)
    values = tuple(v for c in range(columns) for v in tensor.values[c::columns])
    return Tensor(matrix(columns, rows), values)


def altered(
    name: str, left: bool = False, right: bool = False, result: bool = False
) -> Meaning:
    """A product of which something is transposed."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        a, b = operands.real(0), operands.real(1)
        given = [transposed(a) if left else a, transposed(b) if right else b]
        found = meaning_of(name)(system, attributes, Operands(given))
        return transposed(found) if result else found

    return meaning


def without_last(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A product that leaves out the last of the products in each sum."""
    a, b = operands.real(0), transposed(operands.real(1))
    values = [
        system.dot(row[:-1], column[:-1]) for row in a.rows() for column in b.rows()
    ]
    return Tensor(matrix(sizes(a.shape)[0], sizes(b.shape)[0]), tuple(values))


PRODUCTS = (
    exact_law(
        TOPIC,
        "matmul",
        "Entry (m, n) of A B is the sum over k of A[m, k] B[k, n].",
        sums_of_products("mk", "kn"),
        products("mk", "kn"),
        {
            "the left one transposed": meaning_of("matmul_transposed_left"),
            "the right one transposed": meaning_of("matmul_transposed_right"),
            "the result transposed": altered("matmul", result=True),
            "the last product left out": without_last,
        },
    ),
    exact_law(
        TOPIC,
        "matmul_transposed_left",
        "Entry (m, n) of A^T B is the sum over k of A[k, m] B[k, n].",
        sums_of_products("km", "kn"),
        products("km", "kn"),
        {
            "nothing transposed": meaning_of("matmul"),
            "the right one transposed": meaning_of("matmul_transposed_right"),
            "both transposed": altered("matmul", left=True, right=True),
            "the result transposed": altered("matmul_transposed_left", result=True),
        },
    ),
    exact_law(
        TOPIC,
        "matmul_transposed_right",
        "Entry (m, n) of A B^T is the sum over k of A[m, k] B[n, k].",
        sums_of_products("mk", "nk"),
        products("mk", "nk"),
        {
            "nothing transposed": meaning_of("matmul"),
            "the left one transposed": meaning_of("matmul_transposed_left"),
            "both transposed": altered("matmul", left=True, right=True),
            "the result transposed": altered("matmul_transposed_right", result=True),
        },
    ),
)


def affine_uses(draws: Draws) -> Iterator[Application]:
    """Inputs of rank 1, 2 and 3, with a weight and a bias."""
    for outer, inputs, outputs in (
        ((), 2, 3),
        ((2,), 2, 2),
        ((3,), 3, 3),
        ((2, 2), 2, 3),
        ((0,), 2, 1),
        ((2,), 0, 2),
    ):
        yield application(
            exact_table(draws, *outer, inputs),
            exact_table(draws, outputs, inputs),
            exact_table(draws, outputs),
        )


def is_affine(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether the result is the bias and the product with the transposed weight."""
    x, weight, bias = (use.real(i) for i in range(3))
    outer, inputs = sizes(x.shape)[:-1], sizes(x.shape)[-1]
    rows = [x.values[i : i + inputs] for i in range(0, len(x.values), inputs or 1)]
    if not inputs:
        rows = [()] * (len(result.values) // len(bias.values))
    expected = [
        sum((a * b for a, b in zip(row, weights, strict=True)), start)
        for row in rows
        for weights, start in zip(_rows_of(weight), bias.values, strict=True)
    ]
    shape = shape_of((*outer, len(bias.values)))
    return result == Tensor(shape, tuple(expected))


def _rows_of(table: Tensor[Fraction, Shape]) -> list[tuple[Fraction, ...]]:
    count, width = sizes(table.shape)
    return [table.values[i * width : (i + 1) * width] for i in range(count)]


def wrong_affine(
    bias_times: int = 1, weight_transposed: bool = False, by_row: bool = False
) -> Meaning:
    """An affine map with something wrong about its weight or its bias."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        x, weight, bias = (operands.real(i) for i in range(3))
        if weight_transposed:
            weight = transposed(weight)
        values = bias.values
        if by_row:
            values = (values[0],) * len(values)
        factor = system.constant(bias_times)
        scaled = Tensor(bias.shape, tuple(b * factor for b in values))
        given = Operands([x, weight, scaled])
        return meaning_of("linear")(system, attributes, given)

    return meaning


AFFINE = exact_law(
    TOPIC,
    "linear",
    "Entry n of a row is b[n] and the sum over k of x[k] W[n, k].",
    is_affine,
    affine_uses,
    {
        "no bias": wrong_affine(bias_times=0),
        "the bias taken off": wrong_affine(bias_times=-1),
        "the first bias for all": wrong_affine(by_row=True),
        "the weight transposed": wrong_affine(weight_transposed=True),
    },
)


@law(
    "linear.linearity",
    objects="operations.matmul.meaning operations.matmul_transposed_left.meaning "
    "operations.matmul_transposed_right.meaning operations.linear.meaning",
    evidence=Evidence.IDENTITY_TESTED,
    subject=meaning_of("matmul"),
    mutants={
        "the left one transposed": altered("matmul", left=True),
        "both transposed": altered("matmul", left=True, right=True),
        "the result transposed": altered("matmul", result=True),
    },
    cases=products("mk", "kn"),
    premise=lambda use: 0 not in sizes(use.operands[0].shape),
)
def one_product(matmul: Meaning, use: Application) -> bool:
    """(A B)^T = B^T A^T; the other products are A B of transposed operands.

    An affine map of bias 0 is such a product too.
    """
    a, b = use.real(0), use.real(1)
    product = exactly(matmul, use)
    mirrored = exactly(matmul, application(transposed(b), transposed(a)))
    others = [
        exactly(meaning_of("matmul_transposed_left"), application(transposed(a), b)),
        exactly(meaning_of("matmul_transposed_right"), application(a, transposed(b))),
    ]
    zeros = Tensor(shape_of([sizes(b.shape)[1]]), (Fraction(0),) * sizes(b.shape)[1])
    affine = application(a, transposed(b), zeros)
    others.append(exactly(meaning_of("linear"), affine))
    return transposed(mirrored) == product and all(each == product for each in others)


# ROUNDING


def strict(meaning: Meaning, use: Application) -> list[float]:
    """The binary32 numbers of an operation's result."""
    operands = Operands([each.map(BINARY32.constant) for each in _reals(use)])
    return [float(v) for v in meaning(BINARY32, use.attributes, operands).values]


def _reals(use: Application) -> Sequence[Tensor[Fraction, Shape]]:
    return [use.real(i) for i in range(len(use.operands))]


def in_order(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A product that adds one after the other, starting with the first."""
    a, b = operands.real(0), transposed(operands.real(1))
    values = []
    for row in a.rows():
        for column in b.rows():
            total = row[0] * column[0]
            for x, y in zip(row[1:], column[1:], strict=True):
                total = total + x * y
            values.append(total)
    return Tensor(matrix(sizes(a.shape)[0], sizes(b.shape)[0]), tuple(values))


def starting_with_one_more(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A product whose first entry is off by one part in 2^16."""
    right = meaning_of("matmul")(system, attributes, operands)
    off = system.constant(1 + Fraction(1, 2**16))
    return Tensor(right.shape, (right.values[0] * off, *right.values[1:]))


def long_products(draws: Draws) -> Iterator[Application]:
    """Products over more numbers than the lanes of a sum."""
    return (
        application(exact_table(draws, 2, inner), exact_table(draws, inner, 2))
        for inner in (33, 65, 100)
    )


@law(
    "linear.matmul.strict",
    objects="operations.matmul.meaning numbers.summation.tree_dot "
    "numbers.binary.Binary",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("matmul"),
    mutants={"one after the other": in_order},
    cases=long_products,
)
def strict_products(matmul: Meaning, use: Application) -> bool:
    """In binary32 each entry is the strict sum of the products, each rounded."""
    a = use.real(0).map(BINARY32.constant)
    columns = transposed(use.real(1).map(BINARY32.constant)).rows()
    expected = [
        float(BINARY32.sum([x * y for x, y in zip(row, column, strict=True)]))
        for row in a.rows()
        for column in columns
    ]
    return strict(matmul, use) == expected


@law(
    "linear.matmul.bounded",
    objects="operations.matmul.meaning numbers.bounded.BoundedSystem",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("matmul"),
    mutants={"one part in 2^16 off": starting_with_one_more},
    cases=long_products,
)
def admitted_products(matmul: Meaning, use: Application) -> bool:
    """Whatever the order of summation, an honest product is admitted."""
    operands = Operands([each.map(FLOAT32.constant) for each in _reals(use)])
    allowed = meaning_of("matmul")(FLOAT32, use.attributes, operands).values
    return all(map(Bounded.admits, allowed, strict(matmul, use))) and all(
        map(Bounded.admits, allowed, strict(in_order, use))
    )


FLOAT32 = bounded("float32")


# DERIVATIVES


def wrong_product(left: Callable[[Use], AnyValue], name: str) -> Rule:
    """A rule of a product that is right in its second operand alone."""
    rule = rule_of(name)
    return lambda use: [left(use), rule(use)[1]]


def _bias_first_row(use: Use) -> Sequence[AnyValue | None]:
    """A rule of the affine map: the bias gets one row's derivative, not all rows'."""
    in_x, in_weight, in_bias = rule_of("linear")(use)
    assert in_bias is not None
    rows = 1
    for extent in sizes(use.upstream.shape)[:-1]:
        rows *= extent
    return [in_x, in_weight, in_bias.apply("scale", factor=Fraction(1, max(rows, 1)))]


RULES = (
    rule_law(
        TOPIC,
        "matmul",
        products("mk", "kn"),
        rational=True,
        mutants={
            "B not transposed": wrong_product(
                lambda use: use.upstream.apply("matmul", use.operands[1]), "matmul"
            )
        },
    ),
    rule_law(
        TOPIC,
        "matmul_transposed_left",
        products("km", "kn"),
        rational=True,
        mutants={
            "as of A B": rule_of("matmul"),
            "not transposed": wrong_product(
                lambda use: use.upstream.apply(
                    "matmul_transposed_right", use.operands[1]
                ),
                "matmul_transposed_left",
            ),
        },
    ),
    rule_law(
        TOPIC,
        "matmul_transposed_right",
        products("mk", "nk"),
        rational=True,
        mutants={
            "as of A B": rule_of("matmul"),
            "the second transposed": parts(
                lambda use: use.upstream.apply("matmul", use.operands[1]),
                lambda use: use.operands[0].apply(
                    "matmul_transposed_left", use.upstream
                ),
            ),
        },
    ),
    rule_law(
        TOPIC,
        "linear",
        lambda draws: (
            use for use in affine_uses(draws) if 0 not in sizes(use.operands[0].shape)
        ),
        rational=True,
        mutants={"the bias by the mean of the rows": _bias_first_row},
    ),
)
