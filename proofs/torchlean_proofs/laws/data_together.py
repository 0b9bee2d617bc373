"""Laws of data sets that are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from torchlean_proofs.laws.data import Data, dataset, samples_of
from torchlean_proofs.laws.law import Draws, Evidence, law, refuses
from torchlean_spec import data
from torchlean_spec.data import Dataset, Labels, Rows
from torchlean_spec.errors import Reason
from torchlean_spec.shape import shape_of, sizes

Append = Callable[[Data, Data], Data]


def pairs(draws: Draws) -> Iterator[tuple[Data, Data]]:
    """A data set in two parts, neither of them empty."""
    for _ in range(40):
        given = dataset(draws, 2)
        cut = draws.integer(1, len(given) - 1)
        yield given.take(range(cut)), given.take(range(cut, len(given)))


def _interleaved(first: Data, second: Data) -> Data:
    whole = data.append(first, second)
    order = sorted(range(len(whole)), key=lambda i: (i % len(first), i))
    return whole.take(order)


def _targets_exchanged(first: Data, second: Data) -> Data:
    return replace(
        data.append(first, second), targets=data.append(second, first).targets
    )


@law(
    "data.append",
    objects="data.append",
    evidence=Evidence.SEARCHED,
    subject=data.append,
    mutants={
        "the second in front": lambda first, second: data.append(second, first),
        "the first alone": lambda first, second: first,
        "interleaved": _interleaved,
        "targets exchanged": _targets_exchanged,
        "without the last": lambda first, second: data.append(first, second).take(
            range(len(first) + len(second) - 1)
        ),
    },
    cases=pairs,
)
def one_behind_the_other(append: Append, case: tuple[Data, Data]) -> bool:
    """Put together, the samples are those of the first and then those of the second.

    Each input keeps its target, and the first ones and the others, taken apart
    again, are the data sets that were put together.
    """
    first, second = case
    made = append(first, second)
    cut = len(first)
    return (
        samples_of(made) == samples_of(first) + samples_of(second)
        and made.take(range(cut)).digest() == first.digest()
        and made.take(range(cut, len(made))).digest() == second.digest()
    )


def _other_shape(given: Data) -> Data:
    """The same numbers as inputs of one axis more."""
    wider = shape_of((1, *sizes(given.inputs.shape)))
    return replace(given, inputs=Rows(wider, given.inputs.values))


def _other_kind(given: Data) -> Data:
    """Classes instead of numbers, or one class more."""
    targets = given.targets
    if isinstance(targets, Labels):
        return replace(given, targets=replace(targets, classes=targets.classes + 1))
    return replace(given, targets=Labels(4, (0,) * len(given)))


def _as_the_first(first: Data, second: Data) -> Data:
    """Whatever it is, taken for what the first is."""
    inputs = Rows(first.inputs.shape, first.inputs.values + second.inputs.values)
    targets = (first.targets.take((0,) * len(inputs)),)
    return Dataset(inputs, *targets)


@law(
    "data.append_refused",
    objects="data.append",
    evidence=Evidence.SEARCHED,
    subject=data.append,
    mutants={
        "taken for what the first is": _as_the_first,
        "the first alone": lambda first, second: first,
    },
    cases=pairs,
)
def different_samples(append: Append, case: tuple[Data, Data]) -> bool:
    """Inputs of another shape are refused, and so are targets of another kind."""
    first, second = case
    return all(
        refuses(Reason.SHAPE_MISMATCH, lambda other=other: append(first, other))  # type: ignore[misc]
        for other in (_other_shape(second), _other_kind(second))
    )
