"""The parameter file of the Lean original: bit patterns in JSON.

`{"params": [{"values": [...], "shape": [...]}, ...], "format": ...}`, each value
the 64 bits of an IEEE binary64 number as an integer, row-major; no names, no
optimizer state (the original's `NN/Runtime/Autograd/TorchLean/ParamIO.lean`).

>>> text = to_lean_text({"bias": np.array([1.0, -0.0])})
>>> print(text)
{"params":
 [{"values": [4607182418800017408, 9223372036854775808], "shape": [2]}],
 "format": "torchlean_paramlist_bits_v1"}
>>> from_lean_text("parameters.json", text, {"bias": ("float32", (2,))})
{'bias': array([ 1., -0.], dtype=float32)}
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from torchlean.json_layout import Json, layout, parse
from torchlean_spec.errors import Reason, TorchLeanError

LEAN_FORMAT = "torchlean_paramlist_bits_v1"
"""What the original calls this format."""

_FLOATS = ("float16", "float32", "float64")


def to_lean_text(parameters: Mapping[str, NDArray[np.generic]]) -> str:
    """The original's text for some parameters, in their order; names are lost.

    Raises:
        TorchLeanError: `CONTRADICTION` if a parameter does not hold floating-point
            numbers of at most 64 bits.
    """
    entries: list[Json] = []
    for name, parameter in parameters.items():
        if parameter.dtype.name not in _FLOATS:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{name}: expected one of {', '.join(_FLOATS)} for dialect lean, "
                f"got {parameter.dtype.name}",
            )
        bits = np.asarray(parameter, np.float64, order="C").reshape(-1).view(np.uint64)
        entries.append({"shape": list(parameter.shape), "values": bits.tolist()})
    # The original ends the file without a line end.
    return layout({"format": LEAN_FORMAT, "params": entries})


def from_lean_text(
    what: str, text: str, expected: Mapping[str, tuple[str, tuple[int, ...]]]
) -> dict[str, NDArray[np.generic]]:
    """The parameters of one model from the original's text.

    Args:
        what: What the text is, for the error message.
        text: The file's text.
        expected: The model's parameters: name, dtype and sizes, in the file's order.

    Returns:
        The parameters by their names.

    Raises:
        TorchLeanError: `FILE_FORMAT` if the text is not of the format,
            `OTHER_MODEL` if a shape differs, if parameters are missing or too many
            (the original ignores surplus ones: `docs/deviations.md`, B22), or if a
            number needs more digits than the expected dtype has.
    """
    top = parse(what, text)
    given = top.get("format") if isinstance(top, Mapping) else None
    entries = top.get("params") if isinstance(top, Mapping) else None
    if given != LEAN_FORMAT or not isinstance(entries, list):
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{what}: expected an object with params and the format {LEAN_FORMAT}, "
            f"got the format {layout(given)}",
        )
    if len(entries) != len(expected):
        raise TorchLeanError(
            Reason.OTHER_MODEL,
            f"{what}: expected {len(expected)} parameters, got {len(entries)}",
        )
    return {
        name: _parameter(f"{what}: {name}", entry, dtype, extents)
        for entry, (name, (dtype, extents)) in zip(
            entries, expected.items(), strict=True
        )
    }


def _parameter(
    place: str, entry: Json, dtype: str, extents: tuple[int, ...]
) -> NDArray[np.generic]:
    shape = entry.get("shape") if isinstance(entry, Mapping) else None
    values = entry.get("values") if isinstance(entry, Mapping) else None
    if not isinstance(shape, list) or not isinstance(values, list):
        raise TorchLeanError(
            Reason.FILE_FORMAT, f"{place}: expected an object with shape and values"
        )
    if shape != list(extents):
        raise TorchLeanError(
            Reason.OTHER_MODEL,
            f"{place}: expected shape {list(extents)}, got {layout(shape)}",
        )
    if len(values) != math.prod(extents):
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{place}: expected {math.prod(extents)} values, got {len(values)}",
        )
    words = [_word(f"{place}[{i}]", value) for i, value in enumerate(values)]
    wide = np.array(words, np.uint64).view(np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype)
    lost = np.flatnonzero((narrow.astype(np.float64) != wide) & ~np.isnan(wide))
    if lost.size:
        raise TorchLeanError(
            Reason.OTHER_MODEL,
            f"{place}[{lost[0]}]: expected a {dtype} number, got {wide[lost[0]]!s}",
        )
    return narrow.reshape(extents)


def _word(place: str, value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise TorchLeanError(
        Reason.FILE_FORMAT,
        f"{place}: expected an integer from 0 to 2^64 - 1, got {layout(value)[:40]}",
    )
