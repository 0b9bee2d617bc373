"""Parameters, and the optimizer's state, in a safetensors file.

Tensors are named by their place in the model (`layers.0.weight`), the optimizer's
state stands beside them under `optimizer.`, and the header says which version of
this format it is and which model the parameters belong to. What is read is held
against the model that asks for it: a tensor of another shape or dtype, one that is
missing and one too many are refused.

>>> import tempfile
>>> path = tempfile.mkdtemp() + "/parameters.safetensors"
>>> weight = np.eye(2, dtype=np.float32)
>>> save_parameters(path, {"layers.0.weight": weight})
>>> load_parameters(path, {"layers.0.weight": ("float32", (2, 2))})
{'layers.0.weight': array([[1., 0.],
       [0., 1.]], dtype=float32)}
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from torchlean.files import read_bytes, read_text, write_bytes, write_text
from torchlean.json_layout import Dialect
from torchlean.lean_parameters import from_lean_text, to_lean_text
from torchlean_spec.errors import Reason, TorchLeanError

Layout = tuple[str, tuple[int, ...]]
"""What a tensor is beside its values: the name of its dtype, and its sizes."""

FORMAT_VERSION = "1"
"""The version of this format: what the names of tensors and of metadata mean."""

OPTIMIZER_PREFIX = "optimizer."
"""What the names of the optimizer's tensors begin with, in the file only."""

_RESERVED = "torchlean."
_FORMAT_KEY = _RESERVED + "format"
_MODEL_KEY = _RESERVED + "model"
RUN_KEY = _RESERVED + "run"
"""The key of the description of the run that the parameters come from."""

# The names that safetensors gives to the dtypes that NumPy has.
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}


def save_parameters(
    path: str | os.PathLike[str],
    parameters: Mapping[str, NDArray[np.generic]],
    metadata: Mapping[str, str] | None = None,
    *,
    optimizer_state: Mapping[str, NDArray[np.generic]] | None = None,
    model_digest: str = "",
    run: str = "",
    dialect: Dialect = "torchlean",
) -> None:
    """Write parameters to a file, whole or not at all.

    Args:
        path: Where to; missing folders are made.
        parameters: Each parameter by its name, in the model's order.
        metadata: Further facts, as text, kept in the header.
        optimizer_state: The optimizer's tensors by their names, if they are kept.
        model_digest: A digest of the model's description, if there is one; reading
            for another model is then refused even if all shapes agree.
        run: What is to be known of the run that made the parameters; see
            `saved_run`.
        dialect: `"lean"` writes the original's file instead: bit patterns in JSON,
            without names, metadata or optimizer state.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written, `CONTRADICTION`
            if the dialect cannot hold what is given or a name is reserved.
    """
    extra = dict(metadata or {})
    state = dict(optimizer_state or {})
    if dialect == "lean":
        if extra or state or model_digest or run:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "dialect lean: expected parameters alone, "
                "got metadata, a model digest or an optimizer state beside them",
            )
        write_text(path, to_lean_text(parameters))
        return
    _refuse_reserved(parameters, OPTIMIZER_PREFIX, "a parameter")
    _refuse_reserved(extra, _RESERVED, "a metadata key")
    extra[_FORMAT_KEY] = FORMAT_VERSION
    if model_digest:
        extra[_MODEL_KEY] = model_digest
    if run:
        extra[RUN_KEY] = run
    tensors = dict(parameters)
    tensors.update((OPTIMIZER_PREFIX + name, value) for name, value in state.items())
    # The library writes memory as it lies, so it must lie in row-major order.
    ordered = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    write_bytes(path, _settled(safetensors.numpy.save(ordered, extra)))


def load_parameters(
    path: str | os.PathLike[str],
    expected: Mapping[str, Layout],
    *,
    model_digest: str = "",
    dialect: Dialect = "torchlean",
) -> dict[str, NDArray[np.generic]]:
    """Read the parameters of one model.

    Args:
        path: The file.
        expected: The model's parameters: name, dtype and sizes, in its order.
        model_digest: The digest of the model's description, to be held against the
            file's if both are known.
        dialect: `"lean"` reads a file of the original; names are given in order.

    Returns:
        The parameters by their names, in the model's order.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if
            it is truncated or not of this format, `OTHER_MODEL` if it holds the
            parameters of another model; the message names the first tensor that
            differs.
    """
    what = os.fspath(path)
    if dialect == "lean":
        return from_lean_text(what, read_text(path), expected)
    metadata, found = _read(what, read_bytes(path))
    theirs = metadata.get(_MODEL_KEY, "")
    parameters = {
        name: tensor
        for name, tensor in found.items()
        if not name.startswith(OPTIMIZER_PREFIX)
    }
    matched = _match(what, expected, parameters)
    if model_digest and theirs and model_digest != theirs:
        raise TorchLeanError(
            Reason.OTHER_MODEL,
            f"{what}: expected parameters of the model {model_digest}, "
            f"got those of {theirs}",
        )
    return matched


def load_optimizer_state(
    path: str | os.PathLike[str], expected: Mapping[str, Layout] | None = None
) -> dict[str, NDArray[np.generic]]:
    """Read the optimizer's state that was saved beside the parameters.

    Args:
        path: The file.
        expected: The optimizer's tensors: name, dtype and sizes, in its order;
            whatever there is, if they are not known.

    Returns:
        The tensors by their names.

    Raises:
        TorchLeanError: As `load_parameters`.
    """
    what = os.fspath(path)
    _, found = _read(what, read_bytes(path))
    state = {
        name.removeprefix(OPTIMIZER_PREFIX): tensor
        for name, tensor in found.items()
        if name.startswith(OPTIMIZER_PREFIX)
    }
    if expected is None:
        expected = {
            name: (dtype, extents) for name, (dtype, extents, _) in state.items()
        }
    return _match(f"{what}: optimizer state", expected, state)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The facts that were saved beside the parameters, `torchlean.format` included.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if
            it is truncated or not of this format.
    """
    metadata, _ = _read(os.fspath(path), read_bytes(path))
    return metadata


def layouts(parameters: Mapping[str, NDArray[np.generic]]) -> dict[str, Layout]:
    """Dtype and sizes of each tensor.

    >>> layouts({"bias": np.zeros(3)})
    {'bias': ('float64', (3,))}
    """
    return {name: (value.dtype.name, value.shape) for name, value in parameters.items()}


class _Entry(TypedDict):
    dtype: str
    shape: list[int]
    data: bytes


_Found = tuple[str, tuple[int, ...], bytes]
_deserialize: Callable[[bytes], list[tuple[str, _Entry]]] = safetensors.deserialize


def _read(what: str, data: bytes) -> tuple[dict[str, str], dict[str, _Found]]:
    """The metadata, and each tensor's dtype, sizes and bytes."""
    try:
        entries = _deserialize(data)
    except safetensors.SafetensorError as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT, f"{what}: expected a safetensors file, got: {error}"
        ) from error
    # The library has checked the header; its first eight bytes are its length.
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    version = metadata.get(_FORMAT_KEY, FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{what}: expected version {FORMAT_VERSION} of the format, got {version}",
        )
    found = {
        name: (
            _DTYPES.get(entry["dtype"], entry["dtype"].lower()),
            tuple(entry["shape"]),
            entry["data"],
        )
        for name, entry in entries
    }
    return metadata, found


def _settled(data: bytes) -> bytes:
    """The same file with its metadata in alphabetical order.

    The library writes them in an order that changes from run to run; equal content
    should give equal bytes.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # The numbers begin at a multiple of eight bytes, as the library has it.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _match(
    what: str, expected: Mapping[str, Layout], found: Mapping[str, _Found]
) -> dict[str, NDArray[np.generic]]:
    """The expected tensors, and nothing else."""
    given = {name: (dtype, extents) for name, (dtype, extents, _) in found.items()}
    require_layouts(what, expected, given)
    return {
        name: np.frombuffer(found[name][2], np.dtype(dtype).newbyteorder("<"))
        .astype(dtype)
        .reshape(extents)
        for name, (dtype, extents) in expected.items()
    }


def require_layouts(
    what: str, expected: Mapping[str, Layout], found: Mapping[str, Layout]
) -> None:
    """Refuse tensors that are not those expected: by name, sizes and dtype.

    Raises:
        TorchLeanError: `OTHER_MODEL`, naming the first tensor that differs.

    >>> require_layouts("here", {"bias": ("float32", (3,))}, {})
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: here: expected bias of shape [3], got none
    """
    for name, (dtype, extents) in expected.items():
        if name not in found:
            raise _other(what, f"expected {name} of shape {list(extents)}, got none")
        their_dtype, their_extents = found[name]
        if their_extents != tuple(extents):
            raise _other(
                f"{what}: {name}",
                f"expected shape {list(extents)}, got {list(their_extents)}",
            )
        if their_dtype != dtype:
            raise _other(f"{what}: {name}", f"expected {dtype}, got {their_dtype}")
    for name in sorted(found.keys() - expected.keys()):
        raise _other(
            what,
            f"expected {len(expected)} tensors, "
            f"got also {name} of shape {list(found[name][1])}",
        )


def _other(what: str, message: str) -> TorchLeanError:
    return TorchLeanError(Reason.OTHER_MODEL, f"{what}: {message}")


def _refuse_reserved(names: Mapping[str, object], prefix: str, what: str) -> None:
    for name in names:
        if name.startswith(prefix):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected {what} that does not begin with {prefix!r}, got {name!r}",
            )
