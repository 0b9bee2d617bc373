"""Laws of Muon, and of the steps that make a matrix orthogonal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.operations_applied import DOUBLE, agree
from torchlean_spec.errors import Reason
from torchlean_spec.exact import exact
from torchlean_spec.numbers import BINARY32, RATIONAL, Bounded, bounded
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    Muon,
    PartOptimizer,
    coefficients_at,
    orthogonal,
)
from torchlean_spec.optimizers.orthogonal import QUINTIC, orthogonalized
from torchlean_spec.optimizers.orthogonal_bounds import (
    LARGEST_QUOTIENT,
    LARGEST_VALUE,
    ROOM,
    Quintic,
    slope,
    spread,
)
from torchlean_spec.optimizers.tensors import initial_tensors, update_tensor
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.tensor import Tensor

SINGLE = bounded("float32")
EPSILON = Fraction(1, 10**7)
Matrix = Tensor[Fraction, Shape]


def matrix_of(draws: Draws, rows: int, columns: int) -> Matrix:
    """A matrix of eighths, which every format holds."""
    values = tuple(Fraction(draws.integer(-24, 24), 8) for _ in range(rows * columns))
    return Tensor(shape_of((rows, columns)), values)


def transposed(x: Tensor[A, Shape]) -> Tensor[A, Shape]:
    """The transpose."""
    rows, columns = sizes(x.shape)
    values = (x.values[i * columns + j] for j in range(columns) for i in range(rows))
    return Tensor(shape_of((columns, rows)), tuple(values))


# STEPS OF A RECORD


@dataclass(frozen=True)
class Steps:
    """A record, where a parameter starts, and the gradients that it meets."""

    record: Muon
    parameter: Matrix
    gradients: tuple[Matrix, ...]


def path(
    rule: PartOptimizer, system: NumberSystem[A], case: Steps
) -> list[tuple[A, ...]]:
    """Parameter and state after each step."""
    parameter = case.parameter.map(system.constant)
    state = initial_tensors(rule, system, parameter.shape)
    found = []
    for number, gradient in enumerate(case.gradients, 1):
        coefficient = coefficients_at(rule, system, number)
        given = (parameter, gradient.map(system.constant), state)
        parameter, state = update_tensor(rule, system, coefficient, number, *given)
        found.append((*parameter.values, *(v for each in state for v in each.values)))
    return found


def steps_of(records: Sequence[Muon]) -> Callable[[Draws], Iterator[Steps]]:
    """Two steps of each record, with matrices of both kinds."""
    return lambda draws: (
        Steps(
            record,
            matrix_of(draws, *extents),
            tuple(matrix_of(draws, *extents) for _ in range(2)),
        )
        for record in records
        for extents in ((2, 3), (3, 2), (2, 2), (1, 4))
    )


IDENTITIES = tuple(
    Muon("0.125", momentum="0.75", nesterov=ahead, orthogonalizer="identity")
    for ahead in (False, True)
)


@law(
    "optimizers.Muon.identity",
    objects="optimizers.Muon optimizers.SGD optimizers.momentum optimizers.nesterov",
    evidence=Evidence.SEARCHED,
    subject=lambda record: record,
    mutants={
        "made orthogonal": lambda record: replace(
            record, orthogonalizer="newton-schulz"
        ),
        "looking ahead or not": lambda record: replace(
            record, nesterov=not record.nesterov
        ),
        "decaying": lambda record: replace(record, weight_decay="0.5"),
    },
    cases=steps_of(IDENTITIES),
)
def identity_is_momentum(record_of: Callable[[Muon], Muon], case: Steps) -> bool:
    """With the identity for the orthogonalizer, Muon is momentum, to the bit."""
    record = case.record
    other = SGD(record.learning_rate, record.momentum, nesterov=record.nesterov)
    return path(record_of(record), BINARY32, case) == path(other, BINARY32, case)


RECORDS = (
    Muon("0.125", "0.75", False, 0, 5, "0.001", "rows-over-columns"),
    Muon("0.125", "0.75", True, 0, 5, "0.001", "none"),
    Muon("0.125", "0.75", True, "0.25", 3, "0.001", "root-mean-square"),
    Muon("0.125", "0.75", False, "0.25", 1, "0.001", "rows-over-columns"),
)
"""Muon under every option that changes its equation."""


def by_definition(case: Steps) -> list[list[Decimal]]:
    """Parameter and buffer after each step, over decimals of 60 digits."""
    record = case.record

    def number(value: object) -> Decimal:
        """A hyperparameter or an element."""
        real = exact(value)  # type: ignore[arg-type]
        return Decimal(real.numerator) / Decimal(real.denominator)

    with localcontext(Context(prec=60)):
        rate, mu = number(record.learning_rate), number(record.momentum)
        decay, rows = number(record.weight_decay), sizes(case.parameter.shape)[0]
        columns = sizes(case.parameter.shape)[1]
        p = [number(v) for v in case.parameter.values]
        buffer, found = [Decimal(0)] * len(p), []
        scale = {
            "none": Decimal(1),
            "rows-over-columns": (max(Decimal(1), Decimal(rows) / columns)).sqrt(),
            "root-mean-square": Decimal("0.2") * Decimal(max(rows, columns)).sqrt(),
        }[record.scale]
        for gradient in case.gradients:
            g = [number(v) for v in gradient.values]
            buffer = [mu * b + x for b, x in zip(buffer, g, strict=True)]
            ahead = [x + mu * b for b, x in zip(buffer, g, strict=True)]
            turned = _orthogonal(ahead if record.nesterov else buffer, columns, record)
            pairs = zip(p, turned, strict=True)
            p = [x - rate * decay * x - rate * scale * o for x, o in pairs]
            found.append(p + buffer)
    return found


def _orthogonal(values: list[Decimal], width: int, record: Muon) -> list[Decimal]:
    """The steps by `a X + b X X^T X + c X X^T X X^T X`, product by product."""
    a, b, c = (Decimal(q.numerator) / Decimal(q.denominator) for q in QUINTIC)
    norm = sum((v * v for v in values), Decimal(0)).sqrt() + Decimal(
        str(record.epsilon)
    )
    x = [
        [v / norm for v in values[i : i + width]] for i in range(0, len(values), width)
    ]

    def cubed(y: list[list[Decimal]]) -> list[list[Decimal]]:
        """`X X^T Y`."""
        inner = [[sum(u * v for u, v in zip(r, s, strict=True)) for s in x] for r in x]
        turned = list(zip(*y, strict=True))
        return [
            [sum(u * v for u, v in zip(r, s, strict=True)) + Decimal(0) for s in turned]
            for r in inner
        ]

    for _ in range(record.steps):
        third = cubed(x)
        fifth = cubed(third)
        x = [
            [a * u + b * v + c * w for u, v, w in zip(*rows, strict=True)]
            for rows in zip(x, third, fifth, strict=True)
        ]
    return [v for row in x for v in row]


@law(
    "optimizers.Muon.equation",
    objects="optimizers.Muon optimizers.TensorOptimizer optimizers.RatedOptimizer "
    "optimizers.orthogonal.orthogonalized",
    evidence=Evidence.SEARCHED,
    subject=lambda record: record,
    mutants={
        "one step more": lambda record: replace(record, steps=record.steps + 1),
        "another scale": lambda record: replace(
            record, scale="none" if record.scale != "none" else "root-mean-square"
        ),
        "a rate that is 1/64 too large": lambda record: replace(
            record, learning_rate=exact(record.learning_rate) * Fraction(65, 64)
        ),
        "half of the decay": lambda record: replace(
            record, weight_decay=exact(record.weight_decay) / 2
        ),
    },
    cases=steps_of(RECORDS),
)
def muon_is_its_equation(record_of: Callable[[Muon], Muon], case: Steps) -> bool:
    """Two steps of Muon are what its equation gives, for each of its options."""
    found = path(record_of(case.record), DOUBLE, case)
    return all(
        agree(value, DOUBLE.constant(Fraction(wanted)))
        for row, expected in zip(found, by_definition(case), strict=True)
        for value, wanted in zip(row, expected, strict=True)
    )


BAD: tuple[dict[str, object], ...] = (
    {"learning_rate": "-0.1"},
    {"momentum": 1},
    {"steps": 0},
    {"epsilon": "-1e-8"},
    {"weight_decay": -1},
)


@law(
    "optimizers.Muon.ranges",
    objects="optimizers.Muon",
    evidence=Evidence.EXHAUSTIVE,
    subject=Muon,
    mutants={"ranges unchecked": lambda **fields: object.__new__(Muon)},
    cases=lambda draws: BAD,
)
def muon_ranges(make: Callable[..., Muon], case: dict[str, object]) -> bool:
    """A hyperparameter of Muon outside its stated range is refused."""
    return refuses(Reason.HYPERPARAMETER, lambda: make(**case))


# THE STEPS OF NEWTON AND SCHULZ

Turn = Callable[..., Tensor[Bounded, Shape]]


def _of_rows(
    system: NumberSystem[Bounded], x: Tensor[Bounded, Shape], steps: int, e: Fraction
) -> Tensor[Bounded, Shape]:
    """Every row made orthogonal by itself."""
    rows = [Tensor(shape_of((1, len(row))), row) for row in x.rows()]
    turned = [orthogonalized(system, row, steps, e).values for row in rows]
    return Tensor(x.shape, tuple(value for row in turned for value in row))


def matrices(count: int) -> Callable[[Draws], Iterator[Matrix]]:
    """Random matrices of up to 3 by 4."""
    return lambda draws: repeat(
        count, lambda: matrix_of(draws, draws.integer(1, 3), draws.integer(1, 4))
    )


@law(
    "optimizers.orthogonal.transposed",
    objects="optimizers.orthogonal.orthogonalized",
    evidence=Evidence.SEARCHED,
    subject=orthogonalized,
    mutants={"row by row": _of_rows},
    cases=matrices(30),
)
def transposes(turn: Turn, case: Matrix) -> bool:
    """A transposed matrix is made the transpose, whichever side is the shorter one."""
    x = case.map(DOUBLE.constant)
    found = transposed(turn(DOUBLE, x, 5, EPSILON))
    other = turn(DOUBLE, transposed(x), 5, EPSILON)
    return all(map(agree, found.values, other.values))


def _without_norm(
    system: NumberSystem[Bounded], x: Tensor[Bounded, Shape], steps: int, e: Fraction
) -> Tensor[Bounded, Shape]:
    """The steps from the matrix as it is."""
    for _ in range(steps):
        x = orthogonal.quintic_step(system, x)
    return x


@law(
    "optimizers.orthogonal.scaled",
    objects="optimizers.orthogonal.orthogonalized",
    evidence=Evidence.SEARCHED,
    subject=orthogonalized,
    mutants={"no norm": _without_norm},
    cases=lambda draws: repeat(
        20, lambda: (matrix_of(draws, 2, 3), Fraction(2) ** draws.integer(-9, 9))
    ),
    premise=lambda case: any(case[0].values),
)
def scaled(turn: Turn, case: tuple[Matrix, Fraction]) -> bool:
    """Without epsilon, a multiple of a matrix is made the same orthogonal matrix."""
    x, factor = case
    larger = Tensor(x.shape, tuple(value * factor for value in x.values))
    found, other = (
        turn(DOUBLE, each.map(DOUBLE.constant), 3, Fraction(0)) for each in (x, larger)
    )
    return all(map(agree, found.values, other.values))


def on_a_diagonal(values: tuple[Fraction, ...], count: int) -> list[Fraction]:
    """Steps over the rationals of a diagonal matrix, of which the diagonal is kept."""
    size = len(values)
    entries = [
        values[i] if i == j else Fraction(0) for i in range(size) for j in range(size)
    ]
    x = Tensor(shape_of((size, size)), tuple(entries))
    for _ in range(count):
        x = orthogonal.quintic_step(RATIONAL, x)
    rest = [v for i, v in enumerate(x.values) if i % (size + 1)]
    return [*x.values[:: size + 1], *rest]


@law(
    "optimizers.orthogonal.polynomial",
    objects="optimizers.orthogonal.orthogonalized",
    evidence=Evidence.IDENTITY_TESTED,
    subject=on_a_diagonal,
    mutants={
        "one step more": lambda values, count: on_a_diagonal(values, count + 1),
        "one value for all": lambda values, count: on_a_diagonal(
            (values[0],) * len(values), count
        ),
    },
    cases=lambda draws: repeat(
        20, lambda: (draws.fractions(draws.integer(2, 3), 2), draws.integer(1, 2))
    ),
)
def polynomial(
    diagonal: Callable[[tuple[Fraction, ...], int], list[Fraction]],
    case: tuple[tuple[Fraction, ...], int],
) -> bool:
    """On a diagonal, each step is the quintic of each singular value, exactly."""
    values, count = case
    a, b, c = QUINTIC
    expected = list(values)
    for _ in range(count):
        expected = [a * x + b * x**3 + c * x**5 for x in expected]
    zeros = [Fraction(0)] * (len(values) * (len(values) - 1))
    return diagonal(values, count) == expected + zeros


# THE BOUNDS


def honest(x: Matrix, seed: int) -> Tensor[float, Shape]:
    """Five steps in binary32, the columns taken in another order."""
    rows, columns = sizes(x.shape)
    order = [(j * (2 * seed + 1) + seed) % columns for j in range(columns)]
    if len(set(order)) < columns:
        order = list(range(columns))[::-1]
    mixed = tuple(row[j] for row in x.map(BINARY32.constant).rows() for j in order)
    found = orthogonalized(BINARY32, Tensor(x.shape, mixed), 5, EPSILON)
    values = [0.0] * len(mixed)
    for i in range(rows):
        for j, place in enumerate(order):
            value = found.values[i * columns + j]
            values[i * columns + place] = BINARY32.to_float(value)
    return Tensor(x.shape, tuple(values))


@law(
    "optimizers.orthogonal.bounds",
    objects="optimizers.orthogonal.orthogonalized "
    "optimizers.orthogonal_bounds.enclosed",
    evidence=Evidence.SEARCHED,
    subject=honest,
    mutants={
        "a hundredth too long": lambda x, seed: honest(x, seed).map(
            lambda value: value * 1.01
        ),
        "turned": lambda x, seed: Tensor(x.shape, honest(x, seed).values[::-1]),
        "the matrix itself": lambda x, seed: x.map(float),
    },
    cases=lambda draws: repeat(
        40,
        lambda: (
            matrix_of(draws, draws.integer(1, 3), draws.integer(1, 5)),
            draws.integer(0, 9),
        ),
    ),
)
def bounds_hold(
    steps: Callable[[Matrix, int], Tensor[float, Shape]], case: tuple[Matrix, int]
) -> bool:
    """What binary32 gives, in any order of columns, is among the allowed answers."""
    x, seed = case
    allowed = orthogonalized(SINGLE, x.map(SINGLE.constant), 5, EPSILON)
    pairs = zip(allowed.values, steps(x, seed).values, strict=True)
    return all(each.admits(value) for each, value in pairs)


CELLS = 2000
"""The parts of [0, 1.21] on which slopes are tried."""


def walked(count: int, x: float) -> tuple[float, float]:
    """The value and the size of the slope of some steps at a point."""
    a, b, c = map(float, QUINTIC)
    value, steep = x, 1.0
    for _ in range(count):
        square = value * value
        steep *= a + 3 * b * square + 5 * c * square * square
        value = (a + (b + c * square) * square) * value
    return value, abs(steep)


def parts(draws: Draws) -> Iterator[tuple[int, int]]:
    """Up to eight steps, on each twentieth of the interval."""
    return ((count, part) for count in range(1, 9) for part in range(20))


def points(part: int, end: float) -> Iterator[float]:
    """Some points of a twentieth of an interval, its ends among them."""
    return (end * cell / CELLS for cell in range(part * 100, part * 100 + 101))


@law(
    "optimizers.orthogonal_slopes",
    objects="optimizers.orthogonal_bounds.slope "
    "optimizers.orthogonal_bounds.LARGEST_VALUE optimizers.orthogonal_bounds.ROOM",
    evidence=Evidence.SEARCHED,
    subject=slope,
    mutants={
        "one step no steeper than at 0": lambda count, quintic: (
            float(quintic[0]) ** count
        ),
        "steps that do not grow": lambda count, quintic: 4.25,
    },
    cases=parts,
)
def slopes(bound: Callable[[int, Quintic], float], case: tuple[int, int]) -> bool:
    """Steps stay below 1.21, but for roundings, and no steeper than is said."""
    count, part = case
    found = [walked(count, x) for x in points(part, LARGEST_VALUE)]
    return all(
        value <= LARGEST_VALUE - ROOM and steep <= bound(count, QUINTIC)
        for value, steep in found
    )


@law(
    "optimizers.orthogonal_spreads",
    objects="optimizers.orthogonal_bounds.spread "
    "optimizers.orthogonal_bounds.LARGEST_QUOTIENT",
    evidence=Evidence.SEARCHED,
    subject=spread,
    mutants={
        "one and a half for each step": lambda count: 1.5**count,
        "no more than one": lambda count: 1.0,
    },
    cases=parts,
)
def spreads(bound: Callable[[int], float], case: tuple[int, int]) -> bool:
    """What a common factor changes is no more than is said."""
    count, part = case
    found = [(x, walked(count, x)[1]) for x in points(part, LARGEST_QUOTIENT)]
    return all(x * steep <= bound(count) for x, steep in found)
