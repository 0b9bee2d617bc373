"""Laws of data that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from torchlean_proofs.laws.data import Data, dataset
from torchlean_proofs.laws.law import Evidence, law, refuses, repeat
from torchlean_spec.data import Dataset, Labels, Rows, split
from torchlean_spec.errors import Reason
from torchlean_spec.shape import shape_of


@law(
    "data.Rows",
    objects="data.Rows",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda values, allowed: Rows(shape_of([2]), values, allowed),
    mutants={
        "never refused": lambda values, allowed: Rows(
            shape_of([2]), ((0.0, 0.0),), allowed
        ),
        "always refused": lambda values, allowed: Rows(shape_of([2]), values, False),
        "other rows": lambda values, allowed: Rows(
            shape_of([2]), values[::-1], allowed
        ),
    },
    cases=lambda draws: (
        (place, value, allowed)
        for place in range(4)
        for value in (0.5, math.nan, math.inf, -math.inf)
        for allowed in (False, True)
    ),
)
def finite_rows(
    make: Callable[[tuple[tuple[float, ...], ...], bool], object],
    case: tuple[int, float, bool],
) -> bool:
    """Rows keep their numbers; NaN and infinities only where they are allowed."""
    place, value, allowed = case
    numbers = [1.0, 2.0, 3.0, 4.0]
    numbers[place] = value
    rows = tuple(numbers[:2]), tuple(numbers[2:])
    ragged = (*rows, (1.0,))
    if not math.isfinite(value) and not allowed:
        return refuses(Reason.NOT_FINITE, lambda: make(rows, allowed))
    made = make(rows, allowed)
    return repr(getattr(made, "values", None)) == repr(rows) and refuses(
        Reason.SHAPE_MISMATCH,
        lambda: Rows(shape_of([2]), ragged, allow_non_finite=True),
    )


@law(
    "data.Labels",
    objects="data.Labels",
    evidence=Evidence.EXHAUSTIVE,
    subject=Labels,
    mutants={
        "cut to the classes": lambda classes, indices, names, ignored: Labels(
            classes, tuple(min(max(i, 0), classes - 1) for i in indices), names, ignored
        ),
        "nothing ignored": lambda classes, indices, names, ignored: Labels(
            classes, indices, names
        ),
        "one class more": lambda classes, indices, names, ignored: Labels(
            classes + 1, indices, names, ignored
        ),
    },
    cases=lambda draws: (
        (label, ignored) for label in range(-2, 6) for ignored in (None, -1, 5)
    ),
)
def labels_in_range(
    make: Callable[[int, tuple[int, ...], tuple[str, ...], int | None], object],
    case: tuple[int, int | None],
) -> bool:
    """A label is a class, or the one to be ignored; any other is refused."""
    label, ignored = case
    given = (0, label, 2)
    if 0 <= label < 3 or label == ignored:
        made = make(3, given, (), ignored)
        return getattr(made, "indices", None) == given
    return refuses(
        Reason.CLASS_OUT_OF_RANGE, lambda: make(3, given, (), ignored)
    ) and refuses(Reason.SHAPE_MISMATCH, lambda: Labels(3, (0,), ("a", "b")))


@law(
    "data.Dataset",
    objects="data.Dataset data.split",
    evidence=Evidence.SEARCHED,
    subject=Dataset,
    mutants={
        "cut to the shorter": lambda inputs, targets: Dataset(
            inputs.take(range(min(len(inputs), len(targets)))),
            targets.take(range(min(len(inputs), len(targets)))),
        ),
        "anything goes": lambda inputs, targets: None,
    },
    cases=lambda draws: repeat(20, lambda: dataset(draws, 2)),
)
def matching_data(make: Callable[..., object], given: Data) -> bool:
    """Inputs and targets are as many, and some; a part of a split is never empty."""
    inputs, targets = given.inputs, given.targets
    fewer, none = targets.take(range(len(given) - 1)), targets.take(())
    return (
        refuses(Reason.SHAPE_MISMATCH, lambda: make(inputs, fewer))
        and refuses(Reason.EMPTY_DATA, lambda: make(inputs.take(()), none))
        and refuses(Reason.EMPTY_DATA, lambda: split(given, 0, 0))
        and refuses(Reason.EMPTY_DATA, lambda: split(given, Fraction(1), 0))
        and refuses(Reason.DOMAIN, lambda: given.take([len(given)]))
    )
