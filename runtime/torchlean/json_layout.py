"""JSON text in the layout that the Lean original writes, and a strict reader.

A bracket that fits in 80 columns, with what follows it up to the next possible
line end, stays on one line. Otherwise each of its elements takes a line of its
own, indented one space past the bracket; a member whose value does not fit behind
its key has the value on the next line. Keys come in descending order. (The
original prints with Lean 4's `Json.pretty`; see `docs/deviations.md`, B2, for the
numbers.)

>>> print(layout({"title": "digits", "steps": list(range(20)), "notes": ["a"]}))
{"title": "digits",
 "steps":
 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
 "notes": ["a"]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NoReturn

from torchlean_spec.errors import Reason, TorchLeanError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value; a float that is not finite becomes one of three strings."""

Dialect = Literal["torchlean", "lean"]
"""How numbers are written: with every digit that matters, or as the original does."""

WIDTH = 80
"""The number of columns that the layout fills."""

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_SURROGATES = range(0xD800, 0xE000)


def layout(value: Json, dialect: Dialect = "torchlean", *, pretty: bool = True) -> str:
    """JSON text of a value, without a line end behind it.

    Args:
        value: What to write.
        dialect: `"torchlean"` writes the shortest decimal that reads back as the
            same number; `"lean"` writes six decimals, less trailing zeros, byte
            for byte as the original does.
        pretty: Whether to lay the text out in 80 columns; otherwise it has no white
            space at all, as what the original's `compress` writes.

    Returns:
        The text.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another dialect.

    >>> layout({"steps": [0, 25], "notes": []}, pretty=False)
    '{"steps":[0,25],"notes":[]}'
    """
    require_dialect(dialect)
    # A number of NumPy that is a float as well would write its type's name.
    number = _six_decimals if dialect == "lean" else float.__repr__
    if not pretty:
        return _flat(value, number, "")
    return _grouped(value, number, column=0, indent=0, behind=0)


def require_dialect(dialect: Dialect) -> None:
    """Refuse a way of writing numbers that does not exist.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    if dialect not in ("torchlean", "lean"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected 'torchlean' or 'lean', got {dialect!r}"
        )


def parse(what: str, text: str) -> Json:
    """Read JSON text.

    Args:
        what: What the text is, for the error message.
        text: The text.

    Returns:
        The value; numbers with a point or an exponent are floats.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is not JSON, holds a bare `NaN` or
            `Infinity`, or a number too large for a binary64.

    >>> parse("settings", '{"rate": 1e-3}')
    {'rate': 0.001}
    """
    try:
        value: Json = json.loads(
            text, parse_float=_finite, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT, f"{what}: expected JSON, got {error}"
        ) from error
    return value


def _grouped(
    value: Json, number: Callable[[float], str], column: int, indent: int, behind: int
) -> str:
    """One bracket, on one line if it fits.

    `column` is where it starts, `indent` how far its lines are indented already,
    and `behind` how many columns must stay free behind it: the comma or the closing
    brackets that no line end can precede.
    """
    flat = _flat(value, number)
    if column + len(flat) + behind <= WIDTH or not _is_bracket(value):
        return flat
    pieces = _pieces(value)
    texts: list[str] = []
    start = column + 1
    for position, (key, element) in enumerate(pieces):
        free = behind + 1 if position == len(pieces) - 1 else 1
        if not key:
            texts.append(_grouped(element, number, start, indent + 1, free))
            start = indent + 1
            continue
        beside = f"{key} {_flat(element, number)}"
        if start + len(beside) + free <= WIDTH:
            texts.append(beside)
        else:
            below = _grouped(element, number, indent + 1, indent + 1, free)
            texts.append(f"{key}\n{' ' * (indent + 1)}{below}")
        start = indent + 1
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return opening + (",\n" + " " * (indent + 1)).join(texts) + closing


def _is_bracket(value: Json) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str)


def _pieces(value: Json) -> list[tuple[str, Json]]:
    """What stands between the brackets: keys with their colon (or none), values."""
    if isinstance(value, Mapping):
        members = sorted(value.items(), reverse=True)
        return [(_string(key) + ":", member) for key, member in members]
    if isinstance(value, Sequence):
        return [("", element) for element in value]
    return []


def _flat(value: Json, number: Callable[[float], str], space: str = " ") -> str:
    """A value on one line, however long, with a space behind commas and colons."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else _string(named(value))
    if value is None or isinstance(value, int):
        return json.dumps(value)
    inner = f",{space}".join(
        (key and key + space) + _flat(element, number, space)
        for key, element in _pieces(value)
    )
    return f"{{{inner}}}" if isinstance(value, Mapping) else f"[{inner}]"


def named(value: float) -> str:
    """The word that stands for a number that JSON cannot write.

    >>> named(float("-inf"))
    '-Infinity'
    """
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _string(text: str) -> str:
    """A JSON string: only quotes, backslashes and control characters escaped.

    So are lone surrogates, which stand for the bytes of a file's name that are no
    UTF-8, and which UTF-8 cannot write.
    """
    escaped = "".join(
        _ESCAPES.get(c, f"\\u{ord(c):04x}" if _is_escaped(c) else c) for c in text
    )
    return f'"{escaped}"'


def _is_escaped(character: str) -> bool:
    return character < " " or ord(character) in _SURROGATES


def _six_decimals(value: float) -> str:
    """The original's printer: C's `%f`, then no trailing zeros and no sign of zero."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text}, which no binary64 number holds")
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"a bare {text}")
