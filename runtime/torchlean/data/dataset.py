"""A data set as arrays, with what must hold of it checked where it is built.

>>> points = tensor_dataset([[0.0, 1.0], [2.0, 3.0]], [1, 0])
>>> points
TensorDataset(data: 2 samples of shape [2], 2 classes)
>>> points.to_spec().targets.indices
(1, 0)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Generic, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike

from torchlean.data.arrays import (
    MAPPED_FROM,
    Inputs,
    gather,
    is_mapped,
    label_vector,
    numbers_of,
    require_classes,
    require_finite,
    require_names,
    rows_as_tuples,
    rows_bytes,
)
from torchlean.data.arrays import TargetArray as TargetArray
from torchlean.tensor import Tensor
from torchlean_spec.data import Dataset, Labels, Rows, S_co, T_co, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Dim, N, S, Shape, shape_of, size, sizes
from torchlean_spec.sources import Source, inline

DT = TypeVar("DT", bound=np.generic)


@dataclass(frozen=True, eq=False, repr=False)
class TensorDataset(Generic[S_co, T_co]):
    """Samples as arrays: an input and a target each; immutable.

    Built by `tensor_dataset`, by `from_spec`, or by name.

    Args:
        inputs: `[samples, ..]`, float32 or float64; the run's number format rounds
            them once. They may be mapped from a file, and then stay there.
        targets: A class index for each sample, int64, or `[samples, ..]` numbers.
        classes: How many classes there are; `None` where the targets are numbers.
        name: What the data are called.
        class_names: What the classes are called; none, or one for each.
        feature_names: What the numbers of an input are called; none, or one each.
        ignore_index: A label outside the classes that marks samples to ignore.
        allow_non_finite: Admit NaN and infinities, which are refused otherwise.
        source: Where the data come from, so that they can be made anew; without
            it a certificate carries them.

    Raises:
        TorchLeanError: `EMPTY_DATA` without samples; `SHAPE_MISMATCH` if inputs
            and targets, or things and their names, differ in number;
            `NOT_FINITE` for a number that is not finite; `CLASS_OUT_OF_RANGE` for
            a label that is no class.
    """

    inputs: Inputs
    targets: TargetArray
    classes: int | None
    name: str = "data"
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    ignore_index: int | None = None
    allow_non_finite: bool = False
    source: Source | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for place in ("inputs", "targets"):
            array = np.ascontiguousarray(getattr(self, place)).view()
            array.flags.writeable = False
            object.__setattr__(self, place, array)
        if len(self.inputs) != len(self.targets):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected one target for each of the {len(self.inputs)} inputs, "
                f"got {len(self.targets)} targets",
            )
        if len(self.inputs) == 0:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected a data set of at least 1 sample, got none"
            )
        require_names("class", self.class_names, self.classes or 0)
        require_names("feature", self.feature_names, size(self.input_shape))
        if not self.allow_non_finite:
            require_finite("inputs", self.inputs)
        if self.classes is not None:
            require_classes(self.targets, self.classes, self.ignore_index)
        elif not self.allow_non_finite:
            require_finite("targets", self.targets)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        kind = (
            f"targets of shape {self.target_shape}"
            if self.classes is None
            else f"{self.classes} classes"
        )
        return (
            f"TensorDataset({self.name}: {len(self)} samples "
            f"of shape {self.input_shape}, {kind})"
        )

    @property
    def input_shape(self) -> S_co:
        """The shape of one input, without the batch axis."""
        return cast("S_co", shape_of(self.inputs.shape[1:]))

    @property
    def target_shape(self) -> Shape:
        """The shape of one target, without the batch axis; a scalar for a class."""
        return shape_of(self.targets.shape[1:])

    @property
    def mapped(self) -> bool:
        """Whether the inputs lie in a file, and not in memory of their own."""
        return is_mapped(self.inputs)

    def take(self, indices: Sequence[int]) -> TensorDataset[S_co, T_co]:
        """The samples at the given places, in the given order; repeats are allowed.

        Many samples of a mapped file go into another file, without a name, in the
        folder for temporary files.

        Raises:
            TorchLeanError: `EMPTY_DATA` for no places, `DOMAIN` for a place that
                no sample has.
        """
        ends = (indices[0], indices[-1]) if isinstance(indices, range) else indices
        for index in ends if len(indices) else ():
            if not 0 <= index < len(self):
                raise TorchLeanError(
                    Reason.DOMAIN,
                    f"expected a sample from 0 to {len(self) - 1}, got {index}",
                )
        if isinstance(indices, range) and indices.step == 1:
            # Neighbours are a view: what is mapped stays mapped.
            near = slice(indices.start, indices.stop)
            inputs, targets = self.inputs[near], self.targets[near]
        else:
            places = np.asarray(indices, np.int64)
            inputs = cast("Inputs", gather(self.inputs, places))
            targets = gather(self.targets, places)
        return replace(self, inputs=inputs, targets=targets, source=None)

    def with_source(self, source: Source) -> TensorDataset[S_co, T_co]:
        """The same data, known to come from somewhere."""
        return replace(self, source=source)

    @cached_property
    def _spec(self) -> Dataset[S_co, T_co]:
        targets: Targets
        if self.classes is None:
            rows = rows_as_tuples(self.targets)
            targets = Rows(self.target_shape, rows, self.allow_non_finite)
        else:
            labels: list[int] = self.targets.tolist()
            targets = Labels(
                self.classes, tuple(labels), self.class_names, self.ignore_index
            )
        inputs = Rows(
            self.input_shape, rows_as_tuples(self.inputs), self.allow_non_finite
        )
        return Dataset(inputs, cast("T_co", targets), self.name, self.feature_names)

    def to_spec(self) -> Dataset[S_co, T_co]:
        """The spec's data set of the same numbers; made once."""
        return self._spec

    def origin(self) -> Source:
        """Where the data come from; the data themselves where that is not known.

        Raises:
            TorchLeanError: `UNSUPPORTED` for a large file of data without a name: a
                source would carry all of it.
        """
        self.require_origin()
        if self.source is not None:
            return self.source
        return inline(cast("Dataset[Shape, Targets]", self.to_spec()))

    def require_origin(self) -> None:
        """Refuse data that have no name and are too large for a file to carry.

        Raises:
            TorchLeanError: As `origin`.
        """
        size = self.inputs.nbytes
        if self.source is None and self.mapped and size >= MAPPED_FROM:
            raise TorchLeanError(
                Reason.UNSUPPORTED,
                "expected data with a name, or data in memory, for a certificate to "
                f"carry, got {size} bytes of {self.name} in a file",
            )

    def digest(self) -> str:
        """The SHA-256 of shapes, numbers and labels: `Dataset.digest` of the spec.

        >>> points = tensor_dataset([[1.0]], [0], classes=2)
        >>> points.digest() == points.to_spec().digest()
        True
        """
        hashed = hashlib.sha256(b"torchlean data set, version 1\n")
        for part in chain(rows_bytes(self.inputs), self._target_bytes()):
            hashed.update(part)
        return hashed.hexdigest()

    def _target_bytes(self) -> Iterator[bytes]:
        if self.classes is None:
            yield from rows_bytes(self.targets)
        else:
            yield b"labels\n"
            yield np.array([self.classes, len(self)], "<i8").tobytes()
            yield self.targets.astype("<i8").tobytes()


AnyTensors = TensorDataset[Shape, Targets]
"""A data set as arrays, whatever its samples and targets are."""

AnyDataset = AnyTensors | Dataset[Shape, Targets]
"""A data set in either form; `as_tensors` makes the first of it."""


@overload
def tensor_dataset(
    inputs: Tensor[DT, Dim[N, S]],
    targets: ArrayLike,
    *,
    classes: int | None = None,
    name: str = "data",
    class_names: Sequence[str] = (),
    feature_names: Sequence[str] = (),
    ignore_index: int | None = None,
    allow_non_finite: bool = False,
) -> TensorDataset[S, Targets]: ...
@overload
def tensor_dataset(
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    classes: int | None = None,
    name: str = "data",
    class_names: Sequence[str] = (),
    feature_names: Sequence[str] = (),
    ignore_index: int | None = None,
    allow_non_finite: bool = False,
) -> TensorDataset[Shape, Targets]: ...
def tensor_dataset(
    inputs: ArrayLike | Tensor[DT, Dim[N, S]],
    targets: ArrayLike,
    *,
    classes: int | None = None,
    name: str = "data",
    class_names: Sequence[str] = (),
    feature_names: Sequence[str] = (),
    ignore_index: int | None = None,
    allow_non_finite: bool = False,
) -> TensorDataset[S, Targets] | TensorDataset[Shape, Targets]:
    """A data set from arrays.

    Whole numbers as targets are class indices, floats are numbers to predict; a
    vector of floats is a column, one number for each sample.

    Args:
        inputs: `[samples, features, ..]`, numbers that float64 holds exactly;
            float32 and what is mapped from a file are kept as they are.
        targets: One for each sample.
        classes: How many classes there are; by default one more than the largest
            label.
        name: What the data are called.
        class_names: What the classes are called; none, or one for each.
        feature_names: What the numbers of an input are called; none, or one each.
        ignore_index: A label outside the classes that marks samples to ignore.
        allow_non_finite: Admit NaN and infinities, which are refused otherwise.

    Raises:
        TorchLeanError: As `TensorDataset`; `DOMAIN` for what is no array of such
            numbers.

    >>> tensor_dataset([[0.0], [1.0]], [0.5, 1.5])
    TensorDataset(data: 2 samples of shape [1], targets of shape [1])
    >>> tensor_dataset([[0.0], [float("nan")]], [0, 1])
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: inputs, row 1, place 0: expected a finite \
number, got nan (allow_non_finite=True admits it)
    """
    numbers = numbers_of("inputs", inputs)
    if numbers.ndim < 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..], "
            f"got {list(numbers.shape)}",
        )
    wanted = np.asarray(targets)
    found: TargetArray
    if wanted.dtype.kind in "iub":
        found = label_vector(wanted)
        if classes is None:
            counted = found[found != ignore_index]
            classes = int(max(counted, default=-1)) + 1
    elif classes is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected whole numbers as targets of {classes} classes, "
            f"got {wanted.dtype}",
        )
    else:
        found = numbers_of("targets", targets)
        found = found.reshape(-1, 1) if found.ndim == 1 else found
    return TensorDataset(
        numbers,
        found,
        classes,
        name,
        tuple(class_names),
        tuple(feature_names),
        ignore_index,
        allow_non_finite,
    )


def from_spec(
    dataset: Dataset[S, T_co], source: Source | None = None
) -> TensorDataset[S, T_co]:
    """The arrays of a data set of the spec.

    >>> rows = Rows(shape_of([2]), ((0.0, 1.0), (2.0, 3.0)))
    >>> from_spec(Dataset(rows, Labels(10, (7, 0)))).targets
    array([7, 0])
    """
    targets: Targets = dataset.targets
    count = len(dataset)
    inputs = _array_of(dataset.inputs)
    found: TargetArray
    if isinstance(targets, Labels):
        found = np.array(targets.indices, np.int64)
        classes, names, ignored = targets.classes, targets.names, targets.ignore_index
        non_finite = dataset.inputs.allow_non_finite
    else:
        found = _array_of(targets).reshape(count, *sizes(targets.shape))
        classes, names, ignored = None, (), None
        non_finite = dataset.inputs.allow_non_finite or targets.allow_non_finite
    return TensorDataset(
        inputs.reshape(count, *sizes(dataset.inputs.shape)),
        found,
        classes,
        dataset.name,
        names,
        dataset.feature_names,
        ignored,
        non_finite,
        source,
    )


def as_tensors(dataset: AnyDataset) -> TensorDataset[Shape, Targets]:
    """A data set in either form, as arrays."""
    return dataset if isinstance(dataset, TensorDataset) else from_spec(dataset)


def _array_of(rows: Rows[Shape]) -> Inputs:
    return np.array(rows.values, np.float64).reshape(len(rows), size(rows.shape))
