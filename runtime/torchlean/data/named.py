"""Data sets by name, as arrays that know where they come from.

A certificate of a run on such data names them instead of carrying them: whoever
checks it makes the same data anew.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

from torchlean.data.dataset import TensorDataset, from_spec
from torchlean_spec import data as spec
from torchlean_spec import datasets
from torchlean_spec.data import Labels, Rows, S_co, T_co, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact
from torchlean_spec.shape import Dim, Scalar, Shape
from torchlean_spec.sources import Source

_Patients = Dim[Literal[10], Scalar]

NAMES = ("digits", "diabetes", "two-moons")
"""What `dataset_named` knows."""


def digits() -> TensorDataset[Dim[Literal[64], Scalar], Labels]:
    """1797 handwritten digits of 8 x 8 pixels from 0 to 1; see the spec's `datasets`.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without scikit-learn, which carries
            the data.

    >>> digits().inputs.shape
    (1797, 64)
    """
    return from_spec(datasets.digits(), Source("digits"))


def diabetes() -> TensorDataset[
    Dim[Literal[10], Scalar], Rows[Dim[Literal[1], Scalar]]
]:
    """442 patients: 10 measurements, and how the disease went; all standardised.

    Raises:
        TorchLeanError: As `digits`.

    >>> diabetes().targets.shape
    (442, 1)
    """
    return from_spec(datasets.diabetes(), Source("diabetes"))


def two_moons(
    count: int = 1000, noise: Hyperparameter = Decimal("0.1"), seed: int = 0
) -> TensorDataset[Dim[Literal[2], Scalar], Labels]:
    """Points along two half circles that clasp each other, drawn from the seed.

    Args:
        count: Points in all, at least 2.
        noise: The standard deviation of the noise, at least 0.
        seed: From 0 to 2^64 - 1.

    Raises:
        TorchLeanError: As the spec's `datasets.two_moons`.

    >>> two_moons(200).inputs.shape
    (200, 2)
    """
    source = Source("two-moons", seed=seed, count=count, noise=noise)
    return from_spec(datasets.two_moons(count, noise, seed), source)


def dataset_named(name: str, seed: int = 0) -> TensorDataset[Shape, Targets]:
    """The data set with a name; the seed draws the points of `two-moons`.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`, listing the names.
    """
    if name == "digits":
        return digits()
    if name == "diabetes":
        return cast("TensorDataset[Shape, Targets]", diabetes())
    if name == "two-moons":
        return two_moons(seed=seed)
    raise TorchLeanError(
        Reason.UNKNOWN_NAME,
        f"expected a data set named {', '.join(NAMES)}, got {name!r}",
    )


def split(
    dataset: TensorDataset[S_co, T_co],
    held_out: int | Fraction | Decimal | float = 0.2,
    seed: int = 0,
) -> tuple[TensorDataset[S_co, T_co], TensorDataset[S_co, T_co]]:
    """Part a data set into samples to train on and samples held out.

    The same samples as the spec's `data.split` takes.

    Args:
        dataset: At least 2 samples.
        held_out: How many samples to hold out, or, unless an int, which share.
        seed: From 0 to 2^64 - 1.

    Returns:
        The training part and the held-out part, neither of them empty.

    Raises:
        TorchLeanError: `EMPTY_DATA` if a part would be empty.

    >>> training, rest = split(two_moons(200), held_out=0.25)
    >>> len(training), len(rest)
    (150, 50)
    """
    # The spec says which samples go where; it is asked about their numbers alone.
    count = len(dataset)
    numbers = spec.Dataset(
        Rows(Scalar(), ((0.0,),) * count), Labels(count, tuple(range(count)))
    )
    training, rest = (
        dataset.take(part.targets.indices)
        for part in spec.split(numbers, held_out, seed)
    )
    whole = dataset.source
    if whole is None or whole.part != "all" or whole.name == "inline":
        return training, rest
    if whole.name == "two-moons" and whole.seed != seed:
        # A source has one seed for the points and for the split.
        return training, rest
    part = replace(whole, part="training", held_out=exact(held_out), seed=seed)
    return (
        training.with_source(part),
        rest.with_source(replace(part, part="held-out")),
    )
