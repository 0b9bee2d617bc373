"""Laws of projected descent, and of the bases that it makes of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.operations_applied import DOUBLE, agree
from torchlean_proofs.laws.optimizers_orthogonal import (
    Matrix,
    matrix_of,
    path,
    transposed,
)
from torchlean_proofs.laws.optimizers_orthogonal import Steps as MuonSteps
from torchlean_spec.errors import Reason
from torchlean_spec.numbers import BINARY32, FLOAT, Bounded
from torchlean_spec.optimizers import (
    SGD,
    LowRankProjection,
    Muon,
    ProjectedSGD,
    coefficients_at,
)
from torchlean_spec.optimizers.projection import orthonormal_rows, signs
from torchlean_spec.optimizers.tensors import initial_tensors, update_tensor
from torchlean_spec.shape import Shape, sizes
from torchlean_spec.tensor import Tensor

THRESHOLD = Fraction(1, 1000)
_FULL = ProjectedSGD(1, LowRankProjection(5))
_ANY = Muon()
Rows = list[tuple[Bounded, ...]]


def gradients(count: int) -> Callable[[Draws], Iterator[Matrix]]:
    """Random matrices of up to 4 by 5."""
    return lambda draws: repeat(
        count, lambda: matrix_of(draws, draws.integer(1, 4), draws.integer(1, 5))
    )


def steps(draws: Draws) -> Iterator[MuonSteps]:
    """Two steps, with matrices of both kinds; the record is of no account."""
    for extents in ((2, 3), (3, 2), (1, 1)) * 4:
        given = tuple(matrix_of(draws, *extents) for _ in range(2))
        yield MuonSteps(_ANY, matrix_of(draws, *extents), given)


@law(
    "optimizers.ProjectedSGD.identity",
    objects="optimizers.ProjectedSGD optimizers.IdentityProjection optimizers.SGD",
    evidence=Evidence.SEARCHED,
    subject=ProjectedSGD,
    mutants={
        "one direction alone": lambda rate: ProjectedSGD(rate, LowRankProjection(1)),
        "another rate": lambda rate: ProjectedSGD(rate * 2),
    },
    cases=lambda draws: ((each, abs(draws.integer(1, 99))) for each in steps(draws)),
    premise=lambda case: any(case[0].gradients[0].values),
)
def identity_is_descent(
    projected: Callable[[Fraction], ProjectedSGD], case: tuple[MuonSteps, int]
) -> bool:
    """With the identity for the projection, the rule is descent, to the bit."""
    walk, rate = case[0], Fraction(case[1], 100)
    found = path(projected(rate), BINARY32, walk)
    wanted = path(SGD(rate), BINARY32, walk)
    size = len(walk.parameter.values)
    return [row[:size] for row in found] == wanted


def basis_of(gradient: Matrix, rule: ProjectedSGD) -> Rows:
    """The basis that a gradient gives, over bounded numbers, row after row."""
    given = gradient.map(DOUBLE.constant)
    state = initial_tensors(rule, DOUBLE, given.shape)
    coefficient = coefficients_at(rule, DOUBLE, 1)
    (basis,) = rule.next_state(DOUBLE, coefficient, 1, given, state)
    return basis.rows()


def decided(rows: Rows) -> bool:
    """Whether the bounds say of each row that it is nothing, or what it is."""
    return all(float(value.radius) < 1e-6 for row in rows for value in row)


def _plain(system: object, rows: Sequence[tuple[Bounded, ...]]) -> Rows:
    """Each row by itself."""
    return [orthonormal_rows(DOUBLE, [row], THRESHOLD)[0] for row in rows]


@law(
    "optimizers.projection.orthonormal",
    objects="optimizers.projection.orthonormal_rows",
    evidence=Evidence.SEARCHED,
    subject=lambda system, rows: orthonormal_rows(system, rows, THRESHOLD),
    mutants={
        "each row by itself": _plain,
        "rows as they are": lambda system, rows: list(rows),
        "every row dropped": lambda system, rows: [
            tuple(DOUBLE.constant(0) for _ in row) for row in rows
        ],
    },
    cases=lambda draws: repeat(30, lambda: matrix_of(draws, draws.integer(1, 4), 5)),
    premise=lambda case: (
        decided(orthonormal_rows(DOUBLE, case.map(DOUBLE.constant).rows(), THRESHOLD))
        and any(case.values)
    ),
)
def orthonormal(make: Callable[..., Rows], case: Matrix) -> bool:
    """Rows become units or nothing, at right angles, and span what they spanned."""
    given = case.map(DOUBLE.constant).rows()
    found = make(DOUBLE, given)
    zero, one = DOUBLE.constant(0), DOUBLE.constant(1)
    for i, row in enumerate(found):
        for j, other in enumerate(found):
            wanted = one if i == j and any(map(float_of, row)) else zero
            if not near(DOUBLE.dot(row, other), wanted):
                return False
    for row in given:
        along = [DOUBLE.dot(each, row) for each in found]
        for place, value in enumerate(row):
            pairs = zip(along, found, strict=True)
            lifted = DOUBLE.sum([share * each[place] for share, each in pairs])
            # What was dropped may be a thousandth of a row.
            if abs(float_of(lifted) - float_of(value)) > 1e-3 * (1 + norm(row)):
                return False
    return True


def float_of(value: Bounded) -> float:
    """The centre."""
    return float(value.centre)


def norm(row: Sequence[Bounded]) -> float:
    """The length of a row."""
    return float(DOUBLE.sqrt(DOUBLE.dot(row, row)).upper())


def near(x: Bounded, y: Bounded) -> bool:
    """Whether two sets meet."""
    return agree(x, y)


@law(
    "optimizers.projection.basis",
    objects="optimizers.ProjectedSGD optimizers.LowRankProjection "
    "optimizers.projection.signs",
    evidence=Evidence.SEARCHED,
    subject=basis_of,
    mutants={
        "another seed": lambda gradient, rule: basis_of(
            gradient, replace(rule, projection=LowRankProjection(2, seed=6))
        ),
        "one direction less": lambda gradient, rule: basis_of(
            gradient, replace(rule, projection=LowRankProjection(1, seed=5))
        ),
        "of the longer side": lambda gradient, rule: basis_of(
            transposed(gradient) if len(set(sizes(gradient.shape))) == 1 else gradient,
            rule,
        ),
    },
    cases=gradients(40),
)
def bases(make: Callable[[Matrix, ProjectedSGD], Rows], case: Matrix) -> bool:
    """A basis is made of random sums of columns of the gradient, shorter side first."""
    rows, columns = sizes(case.shape)
    wide = case if rows <= columns else transposed(case)
    drawn = signs(5, min(2, rows, columns), max(rows, columns))
    sums = [
        tuple(
            DOUBLE.constant(sum(s * x for s, x in zip(each, row, strict=True)))
            for row in wide.rows()
        )
        for each in drawn
    ]
    wanted = orthonormal_rows(DOUBLE, sums, THRESHOLD)
    found = make(case, ProjectedSGD(1, LowRankProjection(2, seed=5)))
    return len(found) == len(wanted) and all(
        near(x, y)
        for row, other in zip(found, wanted, strict=True)
        for x, y in zip(row, other, strict=True)
    )


Descend = Callable[[ProjectedSGD, Matrix], Tensor[Bounded, Shape]]


def descended(rule: ProjectedSGD, gradient: Matrix) -> Tensor[Bounded, Shape]:
    """Zeros after one step at rate 1: minus what the projection takes."""
    given = gradient.map(DOUBLE.constant)
    state = initial_tensors(rule, DOUBLE, given.shape)
    zeros = given.map(lambda value: DOUBLE.constant(0))
    coefficient = coefficients_at(rule, DOUBLE, 1)
    moved, _ = update_tensor(rule, DOUBLE, coefficient, 1, zeros, given, state)
    return moved


@law(
    "optimizers.projection.whole",
    objects="optimizers.ProjectedSGD optimizers.LowRankProjection",
    evidence=Evidence.SEARCHED,
    subject=descended,
    mutants={
        "one direction": lambda rule, gradient: descended(
            replace(rule, projection=LowRankProjection(1)), gradient
        ),
        "uphill": lambda rule, gradient: descended(
            rule, gradient.map(lambda value: -value)
        ),
    },
    cases=lambda draws: repeat(
        60, lambda: matrix_of(draws, draws.integer(1, 3), draws.integer(3, 5))
    ),
    premise=lambda case: (
        all(any(map(float_of, row)) for row in basis_of(case, _FULL) if decided([row]))
        and decided(basis_of(case, _FULL))
    ),
)
def whole(descend: Descend, case: Matrix) -> bool:
    """A basis of as many directions as there are takes the whole gradient."""
    found = descend(_FULL, case)
    pairs = zip(found.values, case.values, strict=True)
    return all(near(x, DOUBLE.constant(-value)) for x, value in pairs)


@law(
    "optimizers.projection.refreshed",
    objects="optimizers.LowRankProjection optimizers.LowRankProjection.refreshes",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda interval, steps: [
        step
        for step in range(1, steps + 1)
        if LowRankProjection(1, interval).refreshes(step)
    ],
    mutants={
        "at the end of an interval": lambda interval, steps: list(
            range(interval, steps + 1, interval)
        ),
        "never again": lambda interval, steps: [1],
    },
    cases=lambda draws: (
        (interval, steps) for interval in range(1, 6) for steps in (1, 9)
    ),
)
def refreshed(made: Callable[[int, int], list[int]], case: tuple[int, int]) -> bool:
    """Step 1 has a new basis, and then every step at a distance of the interval."""
    interval, steps = case
    return made(interval, steps) == list(range(1, steps + 1, interval))


BAD: tuple[tuple[type, dict[str, object]], ...] = (
    (ProjectedSGD, {"learning_rate": "-0.1"}),
    (LowRankProjection, {"rank": 0}),
    (LowRankProjection, {"rank": 1, "update_interval": 0}),
    (LowRankProjection, {"rank": 1, "threshold": 1}),
)


@law(
    "optimizers.projection.ranges",
    objects="optimizers.ProjectedSGD optimizers.LowRankProjection",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda record, fields: record(**fields),
    mutants={"ranges unchecked": lambda record, fields: object.__new__(record)},
    cases=lambda draws: BAD,
)
def projection_ranges(
    make: Callable[..., object], case: tuple[type, dict[str, object]]
) -> bool:
    """A rank, an interval, a threshold or a rate outside its range is refused."""
    return refuses(Reason.HYPERPARAMETER, lambda: make(*case))


@law(
    "optimizers.projection.found",
    objects="optimizers.projection.orthonormal_rows",
    evidence=Evidence.SEARCHED,
    subject=lambda system, rows, found: orthonormal_rows(
        system, rows, THRESHOLD, found
    ),
    mutants={
        "the first row's set for all": lambda system, rows, found: orthonormal_rows(
            system, [rows[0]] * len(rows), THRESHOLD
        ),
        "each row by itself": lambda system, rows, found: _plain(system, rows),
    },
    cases=lambda draws: repeat(30, lambda: matrix_of(draws, 4, 6)),
)
def of_what_was_found(make: Callable[..., Rows], case: Matrix) -> bool:
    """Made orthogonal to the rows that were found, each row found is allowed."""
    floats = orthonormal_rows(FLOAT, case.map(float).rows(), THRESHOLD)
    found = [tuple(map(DOUBLE.from_float, row)) for row in floats]
    allowed = make(DOUBLE, case.map(DOUBLE.constant).rows(), found)
    return all(
        each.admits(value)
        for sets, row in zip(allowed, floats, strict=True)
        for each, value in zip(sets, row, strict=True)
    )
