"""What is done to samples before a model sees them, on arrays, data sets and batches.

A transform is any function of an array `[samples, ..]`; it is applied to all samples at
once.

>>> from torchlean.data.dataset import tensor_dataset
>>> points = tensor_dataset([[1.0], [3.0]], [0, 1])
>>> normalized = map_inputs(points, Normalize.fitted(points))
>>> normalized.inputs.tolist()
[[-1.0], [1.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.data.arrays import (
    Inputs,
    is_mapped,
    label_vector,
    mapped_file,
    numbers_of,
    require_classes,
    row_slices,
)
from torchlean.data.dataset import TensorDataset
from torchlean.data.loader import Batch
from torchlean.data.moments import moments
from torchlean_spec.data import Labels, Rows, S_co, T_co, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Dim, Scalar, Shape

Array = NDArray[Any]
Transform = Callable[[Array], Array]
"""A function of an array `[samples, ..]` to another of as many samples."""

Vector = Dim[int, Scalar]


def compose(*transforms: Transform) -> Transform:
    """The transforms one after the other, the first one first; none changes nothing.

    >>> compose(np.negative, np.exp)(np.array([0.0])).tolist()
    [1.0]
    """
    return lambda array: reduce(lambda done, each: each(done), transforms, array)


@dataclass(frozen=True, slots=True, eq=False)
class Normalize:
    """`(x - mean) / deviation`, place by place, in binary64: two roundings.

    Source: the original's `normalizeTensor`, NN/API/Data/Transforms.lean.

    Args:
        mean: Of the shape of a sample, or any that broadcasts to it.
        deviation: As the mean; no zero in it.

    Raises:
        TorchLeanError: `DOMAIN` for a deviation of 0 or below, or what is no
            number.

    >>> Normalize(2.0, 1.5)([[5.0]]).tolist()
    [[2.0]]
    """

    mean: ArrayLike
    deviation: ArrayLike

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            array = np.array(getattr(self, name), np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not (np.asarray(self.deviation) > 0).all():
            least = np.asarray(self.deviation).min()
            raise TorchLeanError(
                Reason.DOMAIN, f"expected deviations above 0, got {least}"
            )

    @staticmethod
    def fitted(
        training: TensorDataset[Shape, Targets],
        constant: Literal["refuse", "centre"] = "refuse",
    ) -> Normalize:
        """Mean and deviation of each place of the inputs, exact and rounded once.

        Fit on the samples to train on alone: what is held out must not show.

        Args:
            training: The samples.
            constant: What to do where all inputs have the same number: refuse, or
                take off the mean and divide by 1.

        Raises:
            TorchLeanError: `DOMAIN` for a place of one number, unless it shall be
                centred; `NOT_FINITE` for a NaN or an infinity.
        """
        mean, deviation = moments(training.inputs)
        alike = deviation == 0
        if constant == "refuse" and alike.any():
            place = int(np.argmax(alike.reshape(-1)))
            raise TorchLeanError(
                Reason.DOMAIN,
                f"inputs, place {place}: expected different numbers, got only "
                f"{mean.reshape(-1)[place]} (constant='centre' admits it)",
            )
        return Normalize(mean, np.where(alike, 1.0, deviation))

    def __call__(self, array: ArrayLike) -> NDArray[np.float64]:
        """The numbers of an array `[samples, ..]`, normalised."""
        given = np.asarray(array, np.float64)
        mean, deviation = np.asarray(self.mean), np.asarray(self.deviation)
        # A quotient beyond the largest number is an infinity, and a data set says so.
        with np.errstate(over="ignore", invalid="ignore"):
            found: NDArray[np.float64] = (given - mean) / deviation
        return found


def standardize(
    training: TensorDataset[S_co, T_co],
    *others: TensorDataset[S_co, T_co],
    constant: Literal["refuse", "centre"] = "refuse",
) -> tuple[TensorDataset[S_co, T_co], ...]:
    """Data sets with their inputs normalised as the first one's are.

    Args:
        training: The samples that mean and deviation are taken from.
        others: More samples, such as those held out.
        constant: As in `Normalize.fitted`.

    Returns:
        As many data sets, in the same order; inputs that were mapped lie in a file
        without a name, in the folder for temporary files.

    Raises:
        TorchLeanError: As `Normalize.fitted`; `FILE_ACCESS` if that file cannot be
            written.
    """
    fitted = Normalize.fitted(cast("TensorDataset[Shape, Targets]", training), constant)
    return tuple(
        replace(each, inputs=_in_slices(fitted, each.inputs), source=None)
        for each in (training, *others)
    )


def _in_slices(fitted: Normalize, inputs: Inputs) -> Inputs:
    """Mapped inputs stay in a file: no place needs more than its own row."""
    if not is_mapped(inputs):
        return fitted(inputs)
    parts = (fitted(rows) for _, rows in row_slices(inputs))
    return mapped_file(parts, np.dtype(np.float64), inputs.shape)


def one_hot(labels: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Classes as rows of numbers: 1 in the place of the class, 0 elsewhere.

    Args:
        labels: `[samples]`, whole numbers.
        classes: How many classes there are.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE`, naming the row, for a label that is no
            class; `SHAPE_MISMATCH` unless they are a vector.

    >>> one_hot([1, 0], 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    found = label_vector(np.asarray(labels))
    require_classes(found, classes, None)
    rows: NDArray[np.float64] = np.eye(classes)[found]
    return rows


def one_hot_targets(
    dataset: TensorDataset[S_co, T_co],
) -> TensorDataset[S_co, Rows[Vector]]:
    """The same samples with rows of numbers as targets, one place for each class.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for a label to be ignored, which is no
            class; `CONTRADICTION` where the targets are numbers already.
    """
    classes = _classes_of(cast("TensorDataset[Shape, Targets]", dataset))
    rows = one_hot(dataset.targets, classes)
    made = replace(
        dataset, targets=rows, classes=None, class_names=(), ignore_index=None,
        source=None,
    )  # fmt: skip
    return cast("TensorDataset[S_co, Rows[Vector]]", made)


def map_inputs(
    dataset: TensorDataset[S_co, T_co], transform: Transform
) -> TensorDataset[Shape, T_co]:
    """The same samples with transformed inputs, which then lie in memory.

    Raises:
        TorchLeanError: As `TensorDataset`, of what the transform gives.
    """
    inputs = numbers_of("inputs", transform(dataset.inputs))
    names = dataset.feature_names if inputs.shape == dataset.inputs.shape else ()
    made = replace(dataset, inputs=inputs, feature_names=names, source=None)
    return cast("TensorDataset[Shape, T_co]", made)


def map_targets(
    dataset: TensorDataset[S_co, Targets], transform: Transform
) -> TensorDataset[S_co, Rows[Shape]]:
    """The same inputs with transformed numbers to predict.

    Raises:
        TorchLeanError: `CONTRADICTION` where the targets are classes, which
            `map_labels` maps; else as `TensorDataset`.
    """
    if dataset.classes is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected numbers as targets, got classes"
        )
    targets = numbers_of("targets", transform(dataset.targets))
    made = replace(dataset, targets=targets, source=None)
    return cast("TensorDataset[S_co, Rows[Shape]]", made)


def map_labels(
    dataset: TensorDataset[S_co, T_co],
    mapping: Callable[[int], int],
    classes: int,
    class_names: tuple[str, ...] = (),
) -> TensorDataset[S_co, Labels]:
    """The same inputs with other classes; labels to be ignored stay as they are.

    Args:
        dataset: The samples.
        mapping: The new class of an old one.
        classes: How many classes there are then.
        class_names: What they are called; none, or one for each.

    Raises:
        TorchLeanError: `CLASS_OUT_OF_RANGE` for what is no class then;
            `CONTRADICTION` where the targets are numbers.
    """
    known = _classes_of(cast("TensorDataset[Shape, Targets]", dataset))
    table = {old: mapping(old) for old in range(known)}
    labels: list[int] = dataset.targets.tolist()
    found = np.array([table.get(label, label) for label in labels], np.int64)
    made = replace(
        dataset, targets=found, classes=classes, class_names=class_names, source=None
    )
    return cast("TensorDataset[S_co, Labels]", made)


def map_samples(
    dataset: TensorDataset[S_co, T_co], transform: Callable[[Batch], Batch]
) -> TensorDataset[Shape, T_co]:
    """All inputs and targets transformed together; classes stay classes.

    Raises:
        TorchLeanError: As `TensorDataset`, of what the transform gives.
    """
    inputs, targets = transform((dataset.inputs, dataset.targets))
    made = replace(
        dataset,
        inputs=numbers_of("inputs", inputs),
        targets=_as_targets(targets, dataset.classes),
        feature_names=(),
        source=None,
    )
    return cast("TensorDataset[Shape, T_co]", made)


def map_batches(
    batches: Iterable[Batch],
    inputs: Transform | None = None,
    targets: Transform | None = None,
) -> Iterator[Batch]:
    """Batches with transformed inputs, or targets, one at a time.

    >>> batches = [(np.array([[1.0]]), np.array([0]))]
    >>> [x.tolist() for x, _ in map_batches(batches, inputs=np.negative)]
    [[[-1.0]]]
    """
    for given, wanted in batches:
        made: Inputs = given if inputs is None else inputs(given)
        yield made, wanted if targets is None else targets(wanted)


def _as_targets(targets: Array, classes: int | None) -> Array:
    if classes is None:
        return cast("Array", numbers_of("targets", targets))
    return label_vector(targets)


def _classes_of(dataset: TensorDataset[Shape, Targets]) -> int:
    if dataset.classes is None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected classes as targets, got numbers"
        )
    return dataset.classes
