"""The training log: named curves over steps, as a value and as JSON.

The file has the format of the Lean original (`NN/Runtime/Training/Log.lean`), so
that either side's tools read the other's logs:
`{"title", "steps", "series": [{"name", "values", "color"}], "notes"}`, where a value
is a number or one of "NaN", "Infinity" and "-Infinity". Numbers are written with
every digit that matters; `dialect="lean"` writes the original's six decimals.

>>> curve = Curve().push(0, 2.25).push(10, 1e-7)
>>> print(curve.to_train_log("digits", "loss").to_json(), end="")
{"title": "digits",
 "steps": [0, 10],
 "series": [{"values": [2.25, 1e-07], "name": "loss", "color": "#4e79a7"}],
 "notes": []}
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from torchlean.files import read_text, write_text
from torchlean.json_layout import Dialect, Json, layout, parse
from torchlean_spec.errors import Reason, TorchLeanError

BLUE = "#4e79a7"
"""The colour in which a viewer draws a loss unless told otherwise."""

GREEN = "#0a7"
"""The colour of a series that names none."""

DISABLED_WORDS = frozenset({"false", "off", "none", "no", "disabled"})
"""What `--log` takes for "write no log"."""

_NUMBER = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d+)?")
_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})


@dataclass(frozen=True, slots=True)
class Series:
    """One named curve: a value for each step of the log that holds it."""

    name: str
    values: tuple[float, ...] = ()
    color: str = GREEN
    """A CSS colour."""


@dataclass(frozen=True, slots=True)
class TrainLog:
    """Curves over common steps, with a title and notes.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if a series has another number of values
            than there are steps. (With no steps at all, values are counted from 0.)
    """

    title: str = "Training"
    steps: tuple[int, ...] = ()
    """The number of updates made before each row of values."""
    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in self.series:
            if self.steps and len(one.values) != len(self.steps):
                raise TorchLeanError(
                    Reason.SHAPE_MISMATCH,
                    f"series {one.name!r}: expected {len(self.steps)} values, "
                    f"one for each step, got {len(one.values)}",
                )

    def to_json(self, dialect: Dialect = "torchlean") -> str:
        """The log as JSON text, with a line end behind it.

        Args:
            dialect: `"torchlean"` loses nothing; `"lean"` writes what the original
                writes, byte for byte: numbers have at most six decimals there, and
                a loss below 5e-7 becomes 0.
        """
        value: Json = {
            "title": self.title,
            "steps": list(self.steps),
            "series": [
                {"name": one.name, "values": list(one.values), "color": one.color}
                for one in self.series
            ],
            "notes": list(self.notes),
        }
        return layout(value, dialect) + "\n"


@dataclass(frozen=True, slots=True)
class CurveEndpoints:
    """The first and the last value of a curve, and the step of the last."""

    final_step: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over steps, before they have a name.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if steps and values differ in number.
    """

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.values) != len(self.steps):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"curve: expected {len(self.steps)} values, one for each step, "
                f"got {len(self.values)}",
            )

    @staticmethod
    def of(points: Iterable[tuple[int, float]]) -> Curve:
        """The curve through (step, value) pairs; for many points, faster than push."""
        pairs = list(points)
        return Curve(
            tuple(step for step, _ in pairs), tuple(value for _, value in pairs)
        )

    def push(self, step: int, value: float) -> Curve:
        """The curve with one more point."""
        return Curve((*self.steps, step), (*self.values, value))

    def endpoints(self) -> CurveEndpoints | None:
        """First and last value; none of a curve without points.

        >>> Curve.of([(0, 2.0), (5, 0.5)]).endpoints()
        CurveEndpoints(final_step=5, first=2.0, last=0.5)
        """
        if not self.steps:
            return None
        return CurveEndpoints(self.steps[-1], self.values[0], self.values[-1])

    def summary(self) -> str:
        """One line for people; an empty curve has one too.

        >>> Curve.of([(0, 2.0), (5, 0.5)]).summary()
        'steps=5 loss0=2.000000 loss5=0.500000'
        >>> Curve().summary()
        'steps=0, no loss recorded'
        """
        ends = self.endpoints()
        if ends is None:
            return "steps=0, no loss recorded"
        return (
            f"steps={ends.final_step} loss0={ends.first:.6f} "
            f"loss{ends.final_step}={ends.last:.6f}"
        )

    def to_train_log(
        self,
        title: str,
        series_name: str,
        *,
        color: str = BLUE,
        notes: Iterable[str] = (),
    ) -> TrainLog:
        """The log that holds this one curve."""
        series = Series(series_name, self.values, color)
        return TrainLog(title, self.steps, (series,), tuple(notes))


def before_after_loss(
    title: str,
    steps: int,
    before: float,
    after: float,
    *,
    notes: Iterable[str] = (),
    color: str = BLUE,
) -> TrainLog:
    """The log of two points: the loss before training and after `steps` updates."""
    curve = Curve.of([(0, before), (steps, after)])
    return curve.to_train_log(title, "loss", color=color, notes=notes)


@dataclass(frozen=True, slots=True)
class LogDestination:
    """Where a log goes: to a JSON file, or nowhere.

    >>> LogDestination.parse("runs/log.json").is_enabled
    True
    >>> LogDestination.parse(" Off ").is_enabled
    False
    """

    path: Path | None = None
    """The file; none if no log is wanted."""

    @staticmethod
    def disabled() -> LogDestination:
        """The destination that writes nothing."""
        return LogDestination()

    @staticmethod
    def json(path: str | os.PathLike[str]) -> LogDestination:
        """The destination that writes one JSON file."""
        return LogDestination(Path(path))

    @staticmethod
    def parse(text: str) -> LogDestination:
        """Read a flag's value: a path, or a word of `DISABLED_WORDS` in any case.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` if the text is blank.
        """
        trimmed = text.strip()
        if not trimmed:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME, "expected a path for the log, or off, got nothing"
            )
        if trimmed.lower() in DISABLED_WORDS:
            return LogDestination()
        return LogDestination(Path(trimmed))

    @property
    def is_enabled(self) -> bool:
        """Whether a log is written."""
        return self.path is not None

    def write(self, log: TrainLog, dialect: Dialect = "torchlean") -> None:
        """Write a log, if one is wanted.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        if self.path is not None:
            write_train_log(self.path, log, dialect)


def write_train_log(
    path: str | os.PathLike[str], log: TrainLog, dialect: Dialect = "torchlean"
) -> None:
    """Write a log as a JSON file, whole or not at all; see `TrainLog.to_json`.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written.
    """
    write_text(path, log.to_json(dialect))


def read_train_log(path: str | os.PathLike[str]) -> TrainLog:
    """Read a log that either dialect wrote.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if
            it is no training log.
    """
    return parse_train_log(read_text(path), os.fspath(path))


def parse_train_log(text: str, what: str = "training log") -> TrainLog:
    """Read the JSON text of a log.

    As in the original, the title, the steps, the notes and the colours may be
    missing, and a number may be given as a string.

    Args:
        text: The JSON text.
        what: What the text is, for the error message.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is no training log.

    >>> parse_train_log('{"series": [{"name": "loss", "values": [1, "NaN"]}]}')
    ... # doctest: +NORMALIZE_WHITESPACE
    TrainLog(title='Training', steps=(),
             series=(Series(name='loss', values=(1.0, nan), color='#0a7'),), notes=())
    """
    top = _object(what, parse(what, text))
    series = []
    for position, entry in enumerate(_list(f"{what}: series", top.get("series"))):
        place = f"{what}: series[{position}]"
        one = _object(place, entry)
        values = _list(f"{place}.values", one.get("values"))
        series.append(
            Series(
                _text(f"{place}.name", one.get("name")),
                tuple(_number(f"{place}.values[{i}]", v) for i, v in enumerate(values)),
                _text(f"{place}.color", one.get("color", GREEN)),
            )
        )
    steps = enumerate(_list(f"{what}: steps", top.get("steps", [])))
    notes = enumerate(_list(f"{what}: notes", top.get("notes", [])))
    try:
        return TrainLog(
            _text(f"{what}: title", top.get("title", "Training")),
            tuple(_count(f"{what}: steps[{i}]", step) for i, step in steps),
            tuple(series),
            tuple(_text(f"{what}: notes[{i}]", note) for i, note in notes),
        )
    except TorchLeanError as error:
        if error.reason is Reason.SHAPE_MISMATCH:
            raise TorchLeanError(Reason.FILE_FORMAT, f"{what}: {error}") from error
        raise


def _object(place: str, value: Json) -> Mapping[str, Json]:
    if isinstance(value, Mapping):
        return value
    raise _unexpected(place, "an object", value)


def _list(place: str, value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise _unexpected(place, "a list", value)


def _text(place: str, value: Json) -> str:
    if isinstance(value, str):
        return value
    raise _unexpected(place, "a string", value)


def _count(place: str, value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _unexpected(place, "an integer of at least 0", value)


def _number(place: str, value: Json) -> float:
    if isinstance(value, str) and (value in _WORDS or _NUMBER.fullmatch(value)):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            return float(value)
    raise _unexpected(place, "a number", value)


def _unexpected(place: str, expected: str, value: Json) -> TorchLeanError:
    given = "nothing" if value is None else layout(value)
    shown = given if len(given) <= 40 else given[:39] + "\u2026"
    return TorchLeanError(
        Reason.FILE_FORMAT, f"{place}: expected {expected}, got {shown}"
    )
