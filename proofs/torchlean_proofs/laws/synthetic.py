"""Laws of made-up data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_spec import synthetic
from torchlean_spec.data import Dataset, Labels, Rows
from torchlean_spec.errors import Reason
from torchlean_spec.shape import Dim, Scalar, sizes

Spaced = Callable[[Fraction, Fraction, int], Sequence[float]]


def _by_steps(low: Fraction, high: Fraction, count: int) -> Sequence[float]:
    step = float(high - low) / max(count - 1, 1)
    return [float(low) + i * step for i in range(count)]


@law(
    "synthetic.linspace",
    objects="synthetic.linspace",
    evidence=Evidence.SEARCHED,
    subject=synthetic.linspace,
    mutants={
        "without the last": lambda low, high, count: synthetic.linspace(
            low, high, count + 1
        )[:count],
        "rounded at each step": _by_steps,
        "turned round": lambda low, high, count: synthetic.linspace(high, low, count),
    },
    cases=lambda draws: repeat(
        60, lambda: (draws.fraction(), draws.fraction(), draws.integer(0, 6))
    ),
)
def evenly_spaced(linspace: Spaced, case: tuple[Fraction, Fraction, int]) -> bool:
    """Numbers from low to high, both ends included, each the nearest to its place."""
    low, high, count = case
    places = [low] if count == 1 else []
    if count > 1:
        places = [low + (high - low) * i / (count - 1) for i in range(count)]
    return list(linspace(low, high, count)) == list(map(float, places)) and refuses(
        Reason.DOMAIN, lambda: linspace(low, high, -1)
    )


Pairs = Callable[[Sequence[float], Sequence[float]], tuple[tuple[float, float], ...]]


@law(
    "synthetic.grid",
    objects="synthetic.grid synthetic.grid_regression",
    evidence=Evidence.EXHAUSTIVE,
    subject=synthetic.grid,
    mutants={
        "the first runs fastest": lambda first, second: [
            (x, y) for y in second for x in first
        ],
        "side by side": lambda first, second: list(zip(first, second, strict=False)),
        "exchanged": lambda first, second: [(y, x) for x in first for y in second],
    },
    cases=lambda draws: ((m, n) for m in range(4) for n in range(4)),
)
def all_pairs(grid: Pairs, case: tuple[int, int]) -> bool:
    """Pair i of an m by n grid is of numbers i // n and i mod n."""
    first, second = range(case[0]), range(10, 10 + case[1])
    found = list(grid(first, second))
    return found == [(i // case[1], 10 + i % case[1]) for i in range(case[0] * case[1])]


Samples = Dataset[Dim[int, Scalar], Rows[synthetic.One]]


@dataclass(frozen=True, slots=True)
class Affine:
    """Weights, bias, noise and seed of five samples."""

    weights: tuple[Fraction, ...]
    bias: Fraction
    noise: Fraction
    seed: int

    @property
    def made(self) -> Samples:
        """The samples."""
        return synthetic.affine_regression(
            self.weights, self.bias, 5, self.noise, -1, 2, self.seed
        )


def _other_noise(case: Affine) -> Samples:
    other = replace(case, seed=case.seed ^ 1)
    return replace(case.made, targets=other.made.targets)


def affine_cases(draws: Draws) -> Iterator[Affine]:
    """Some weights; half of the cases without noise."""
    for _ in range(12):
        weights = draws.fractions(draws.integer(1, 3))
        noise = draws.choice((Fraction(0), draws.positive()))
        yield Affine(weights, draws.fraction(), noise, draws.integer(0, 2**32 - 1))


@law(
    "synthetic.affine_regression",
    objects="synthetic.affine_regression synthetic.affine",
    evidence=Evidence.SEARCHED,
    subject=lambda case: case.made,
    mutants={
        "the bias forgotten": lambda case: replace(case, bias=Fraction(0)).made,
        "the noise forgotten": lambda case: replace(case, noise=Fraction(0)).made,
        "the seed ignored": lambda case: replace(case, seed=0).made,
        "noise of other inputs": _other_noise,
        "noise with a mean": lambda case: (
            replace(case, bias=case.bias + 6 * case.noise).made
        ),
    },
    cases=affine_cases,
)
def affine_samples(make: Callable[[Affine], Samples], case: Affine) -> bool:
    """Targets are the exact affine value of the inputs plus the noise, rounded once.

    The noise is that of the same seed over weights of 0; inputs lie in [low, high);
    another seed gives other inputs.
    """
    found = make(case)
    zeros = (Fraction(0),) * len(case.weights)
    pure = Affine(zeros, Fraction(0), Fraction(1), case.seed).made
    for row, (target,), (normal,) in zip(
        found.inputs.values, found.targets.values, pure.targets.values, strict=True
    ):
        value = synthetic.affine(case.weights, case.bias, row)
        if target != float(value + case.noise * Fraction(normal)):
            return False
        if not all(-1 <= each < 2 for each in row):
            return False
    return make(replace(case, seed=case.seed + 1)).inputs != found.inputs


Bands = Callable[[int, int], object]


@law(
    "synthetic.band_images",
    objects="synthetic.band_images",
    evidence=Evidence.EXHAUSTIVE,
    subject=synthetic.band_images,
    mutants={
        "rows for columns": lambda size, bands: replace(
            synthetic.band_images(size, bands),
            targets=Labels(2, (1,) * bands + (0,) * bands),
        ),
        "one band too few": lambda size, bands: synthetic.band_images(
            size, max(bands - 1, 1)
        ),
        "one row too many": lambda size, bands: synthetic.band_images(size + 1, bands),
    },
    cases=lambda draws: (
        (size, bands) for size in range(2, 5) for bands in range(1, size + 1)
    ),
)
def one_bright_band(images: Bands, case: tuple[int, int]) -> bool:
    """Image i of a class is bright along its row, or column, i, and dark elsewhere."""
    size, bands = case
    made = images(size, bands)
    inputs, targets = getattr(made, "inputs", None), getattr(made, "targets", None)
    if not isinstance(inputs, Rows) or not isinstance(targets, Labels):
        return False
    if sizes(inputs.shape) != (1, size, size) or len(inputs) != 2 * bands:
        return False
    for number, (row, label) in enumerate(
        zip(inputs.values, targets.indices, strict=True)
    ):
        if label != number // bands:
            return False
        for place, value in enumerate(row):
            along = divmod(place, size)[label]
            if value != int(along == number % bands):
                return False
    return refuses(Reason.EMPTY_DATA, lambda: images(size, 0))
