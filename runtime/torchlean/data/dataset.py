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
from typing import Generic, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean.tensor import Tensor
from torchlean_spec.data import Dataset, Labels, Rows, S_co, T_co, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Dim, N, S, Shape, shape_of, size, sizes
from torchlean_spec.sources import Source, inline

Inputs = NDArray[np.float64]
TargetArray = NDArray[np.float64] | NDArray[np.int64]
DT = TypeVar("DT", bound=np.generic)

_KIND_OF_NUMBERS = "expected numbers that float64 holds exactly"


@dataclass(frozen=True, eq=False, repr=False)
class TensorDataset(Generic[S_co, T_co]):
    """Samples as arrays: an input and a target each; immutable.

    Built by `tensor_dataset`, by `from_spec`, or by name.

    Args:
        inputs: `[samples, ..]`, float64; the run's number format rounds them once.
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
        _require_names("class", self.class_names, self.classes or 0)
        _require_names("feature", self.feature_names, size(self.input_shape))
        if not self.allow_non_finite:
            _require_finite("inputs", self.inputs)
        if self.classes is not None:
            _require_classes(self.targets, self.classes, self.ignore_index)
        elif not self.allow_non_finite:
            _require_finite("targets", self.targets)

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

    def take(self, indices: Sequence[int]) -> TensorDataset[S_co, T_co]:
        """The samples at the given places, in the given order; repeats are allowed.

        Raises:
            TorchLeanError: `EMPTY_DATA` for no places, `DOMAIN` for a place that
                no sample has.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise TorchLeanError(
                    Reason.DOMAIN,
                    f"expected a sample from 0 to {len(self) - 1}, got {index}",
                )
        places = np.asarray(indices, np.int64)
        return replace(
            self,
            inputs=self.inputs[places],
            targets=self.targets[places],
            source=None,
        )

    def with_source(self, source: Source) -> TensorDataset[S_co, T_co]:
        """The same data, known to come from somewhere."""
        return replace(self, source=source)

    @cached_property
    def _spec(self) -> Dataset[S_co, T_co]:
        targets: Targets
        if self.classes is None:
            rows = _rows_of(self.targets)
            targets = Rows(self.target_shape, rows, self.allow_non_finite)
        else:
            labels: list[int] = self.targets.tolist()
            targets = Labels(
                self.classes, tuple(labels), self.class_names, self.ignore_index
            )
        inputs = Rows(self.input_shape, _rows_of(self.inputs), self.allow_non_finite)
        return Dataset(inputs, cast("T_co", targets), self.name, self.feature_names)

    def to_spec(self) -> Dataset[S_co, T_co]:
        """The spec's data set of the same numbers; made once."""
        return self._spec

    def origin(self) -> Source:
        """Where the data come from; the data themselves where that is not known."""
        return self.source or inline(cast("Dataset[Shape, Targets]", self.to_spec()))

    def digest(self) -> str:
        """The SHA-256 of shapes, numbers and labels: `Dataset.digest` of the spec.

        >>> points = tensor_dataset([[1.0]], [0], classes=2)
        >>> points.digest() == points.to_spec().digest()
        True
        """
        hashed = hashlib.sha256(b"torchlean data set, version 1\n")
        for part in (*_rows_bytes(self.inputs), *self._target_bytes()):
            hashed.update(part)
        return hashed.hexdigest()

    def _target_bytes(self) -> Iterator[bytes]:
        if self.classes is None:
            yield from _rows_bytes(self.targets)
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
        inputs: `[samples, features, ..]`, numbers that float64 holds exactly.
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
    numbers = _float64("inputs", inputs)
    if numbers.ndim < 2:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected inputs of shape [samples, features, ..], "
            f"got {list(numbers.shape)}",
        )
    wanted = np.asarray(targets)
    found: TargetArray
    if wanted.dtype.kind in "iub":
        found = _label_vector(wanted)
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
        found = _float64("targets", targets)
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


def _rows_of(array: TargetArray) -> tuple[tuple[float, ...], ...]:
    flat = array.reshape(len(array), -1)
    return tuple(map(tuple, cast("list[list[float]]", flat.tolist())))


def _rows_bytes(array: TargetArray) -> Iterator[bytes]:
    extents = array.shape[1:]
    yield b"rows\n"
    yield np.array([len(extents), *extents, len(array)], "<i8").tobytes()
    numbers = array.astype("<f8")
    numbers[np.isnan(numbers)] = np.nan
    yield numbers.tobytes()


def _float64(what: str, given: object) -> Inputs:
    """The numbers as float64, if that rounds none of them."""
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise TorchLeanError(
            Reason.DOMAIN, f"{what}: {_KIND_OF_NUMBERS}, got an array of {array.dtype}"
        )
    converted = array.astype(np.float64)
    if array.dtype.kind == "f":
        rounded = (converted != array) & (array == array)
    else:
        # Whole numbers up to this size are exact; Python compares larger ones.
        rounded = np.abs(converted) >= 2.0**53
        for place in zip(*np.nonzero(rounded), strict=True):
            rounded[place] = int(converted[place]) != int(array[place])
    if rounded.any():
        first = array[np.unravel_index(int(np.argmax(rounded)), array.shape)]
        raise TorchLeanError(
            Reason.DOMAIN, f"{what}: {_KIND_OF_NUMBERS}, got {array.dtype} {first}"
        )
    return converted


def _label_vector(wanted: NDArray[np.generic]) -> NDArray[np.int64]:
    if wanted.ndim != 1:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected one class index for each sample, "
            f"got whole numbers of shape {list(wanted.shape)}",
        )
    return wanted.astype(np.int64)


def _require_names(what: str, names: tuple[str, ...], count: int) -> None:
    if names and len(names) != count:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH, f"expected {count} {what} names, got {len(names)}"
        )


def _require_finite(what: str, array: TargetArray) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        flat = finite.reshape(len(array), -1)
        row, place = np.unravel_index(int(np.argmin(flat)), flat.shape)
        value = array.reshape(len(array), -1)[row, place]
        raise TorchLeanError(
            Reason.NOT_FINITE,
            f"{what}, row {row}, place {place}: expected a finite number, got "
            f"{value} (allow_non_finite=True admits it)",
        )


def _require_classes(labels: TargetArray, classes: int, ignored: int | None) -> None:
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TorchLeanError(
            Reason.CLASS_OUT_OF_RANGE,
            f"targets, row {row}: expected a class from 0 to {classes - 1}, "
            f"got {labels[row]}",
        )
