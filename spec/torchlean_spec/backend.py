"""What an implementation looks like to whoever judges it.

A backend takes a `Call` and answers named buffers. Numbers travel as bytes, so
that an adapter in any language needs no library of ours; attributes are exact, and
the backend rounds them once. These are the calls:

* an operation of the registry, by its name: buffers under the operands' names, the
  answer under `result`;
* `update`, one step of an optimizer: attributes `optimizer` (its description),
  `step` (counted from 1) and `learning_rate` (that of the step); buffers
  `parameter`, `gradient` and the state's names, the answer without `gradient`;
* `clip`: attribute `clipping` (its description); buffers `0`, `1`, ... are the
  gradients of all parameters in order, and the answer has the same names;
* `train_step`, one whole step: attributes `run` (its description) and `step`;
  buffers `input`, `target`, `parameter.<name>` and `<slot>.<name>`, the answer
  `loss`, `gradient.<name>`, `clipped.<name>`, `parameter.<name>`, `<slot>.<name>`;
  a slot has a buffer for each parameter whose optimizer keeps it
  (`TrainingRun.kept`).

Descriptions are those of `torchlean_spec.description`.

>>> Buffer.of("float32", (2,), [1.0, -2.0]).data.hex()
'0000803f000000c0'
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from torchlean_spec.description import Json
from torchlean_spec.errors import Reason, TorchLeanError

Dtype = Literal["float32", "float64", "int64"]
"""What the numbers of a buffer are; `int64` holds indices."""

FORMAT_CODES = {"float32": ("f", 4), "float64": ("d", 8), "int64": ("q", 8)}
"""How `struct` reads a number of each dtype, and how many bytes it has."""

AttributeValue = Json | Fraction | tuple[int, ...] | tuple[Fraction, ...]
"""What a call may be parameterised by: an exact value, or a description."""

UPDATE, CLIP, TRAIN_STEP, RESULT = "update", "clip", "train_step", "result"
"""The calls beside the operations, and the name of an operation's answer."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Numbers in row-major order, as little-endian bytes.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another dtype, `SHAPE_MISMATCH` if the
            bytes are not as many as the shape needs.
    """

    dtype: Dtype
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        if self.dtype not in FORMAT_CODES:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"expected dtype {', '.join(FORMAT_CODES)}, got {self.dtype}",
            )
        wanted = math.prod(self.shape) * FORMAT_CODES[self.dtype][1]
        if len(self.data) != wanted:
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"expected {wanted} bytes for {self.dtype} of shape "
                f"{list(self.shape)}, got {len(self.data)}",
            )

    @staticmethod
    def of(dtype: Dtype, shape: tuple[int, ...], values: Sequence[float]) -> Buffer:
        """The buffer of some numbers, each rounded once if it does not fit."""
        code, _ = FORMAT_CODES[dtype]
        return Buffer(dtype, shape, struct.pack(f"<{len(values)}{code}", *values))

    def values(self) -> tuple[float, ...]:
        """The numbers, exactly.

        >>> Buffer.of("int64", (3,), [3, 1, 4]).values()
        (3, 1, 4)
        """
        code, _ = FORMAT_CODES[self.dtype]
        return struct.unpack(f"<{math.prod(self.shape)}{code}", self.data)


@dataclass(frozen=True, slots=True)
class Call:
    """Something that a backend is asked to compute."""

    operation: str
    attributes: Mapping[str, AttributeValue]
    buffers: Mapping[str, Buffer]


class UnsupportedError(TorchLeanError):
    """A backend does not offer what was asked for; never counted as right.

    >>> print(UnsupportedError("expected an operation of mine, got 'add'").reason)
    unsupported
    """

    def __init__(self, message: str) -> None:
        super().__init__(Reason.UNSUPPORTED, message)

    def __reduce__(self) -> tuple[type[UnsupportedError], tuple[str]]:  # type: ignore[override]
        return type(self), (str(self),)


class Backend(Protocol):
    """An implementation."""

    @property
    def name(self) -> str:
        """Shown in reports."""
        ...

    def run(self, call: Call) -> Mapping[str, Buffer]:
        """Compute what a call asks for; the call's buffers stay as they are.

        Raises:
            UnsupportedError: If the backend does not offer it.
            TorchLeanError: If the call is refused, with the spec's reason.
        """
        ...
