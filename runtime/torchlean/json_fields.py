"""The fields of a JSON file, each checked where it stands.

Each function takes a place, for the message, and a JSON value, and gives the value
back as what it must be, or says in one sentence what stands there instead.

>>> count("log.json: steps[0]", 3), number("log.json: values[0]", "-Infinity")
(3, -inf)
>>> text("log.json: title", 3)
Traceback (most recent call last):
torchlean_spec.errors.TorchLeanError: log.json: title: expected a string, got 3
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress

from torchlean.json_layout import Json, layout
from torchlean_spec.errors import Reason, TorchLeanError

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def members(place: str, value: Json) -> Mapping[str, Json]:
    """The members of an object.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none.
    """
    if isinstance(value, Mapping):
        return value
    raise unexpected(place, "an object", value)


def elements(place: str, value: Json) -> list[Json]:
    """The elements of a list.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none.
    """
    if isinstance(value, list):
        return value
    raise unexpected(place, "a list", value)


def text(place: str, value: Json) -> str:
    """A string.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none.
    """
    if isinstance(value, str):
        return value
    raise unexpected(place, "a string", value)


def count(place: str, value: Json) -> int:
    """A natural number.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise unexpected(place, "an integer of at least 0", value)


def number(place: str, value: Json) -> float:
    """A number, given as such, as a numeric string, or as one of three words.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is none, or larger than any binary64.

    >>> number("loss", "1.5e-7"), number("loss", 2)
    (1.5e-07, 2.0)
    """
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        is_number = _NUMBER.fullmatch(value) is not None
    else:
        is_number = not isinstance(value, bool)
    if is_number and isinstance(value, str | int | float):
        with suppress(OverflowError):
            found = float(value)
            if math.isfinite(found):
                return found
    raise unexpected(place, "a number", value)


def unexpected(place: str, expected: str, value: Json) -> TorchLeanError:
    """The refusal of what stands in a place."""
    try:
        given = "nothing" if value is None else layout(value)
    except RecursionError:
        given = "brackets within brackets"
    shown = given if len(given) <= 40 else given[:39] + "\u2026"
    return TorchLeanError(
        Reason.FILE_FORMAT, f"{place}: expected {expected}, got {shown}"
    )
