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
from collections.abc import Iterable
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Protocol, SupportsFloat, SupportsIndex

from torchlean import json_fields
from torchlean.files import read_text, write_text
from torchlean.json_layout import Dialect, Json, layout, parse
from torchlean_spec.errors import Reason, TorchLeanError

BLUE = "#4e79a7"
"""The colour in which a viewer draws a loss unless told otherwise."""

GREEN = "#0a7"
"""The colour of a series that names none."""

DISABLED_WORDS = frozenset({"false", "off", "none", "no", "disabled"})
"""What `--log` takes for "write no log"."""


class Experiment(Protocol):
    """What can be written as a training log; an `ExperimentLog` for one."""

    def to_train_log(self, title: str = "", /) -> TrainLog:
        """The log of all metrics."""
        ...


def natural_steps(steps: Iterable[SupportsIndex]) -> tuple[int, ...]:
    """Steps as Python's integers, none of them negative.

    Raises:
        TorchLeanError: `DOMAIN` for a negative one.
    """
    natural = tuple(map(index, steps))
    if natural and min(natural) < 0:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected steps of at least 0, got {min(natural)}"
        )
    return natural


@dataclass(frozen=True, slots=True)
class Series:
    """One named curve: a value for each step of the log that holds it.

    Any real numbers are taken for the values, NumPy's among them; they are kept as
    binary64 numbers.

    >>> Series("loss", (2, 0.5))
    Series(name='loss', values=(2.0, 0.5), color='#0a7')
    """

    name: str
    values: tuple[float, ...] = ()
    color: str = GREEN
    """A CSS colour."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(map(float, self.values)))

    def push(self, value: SupportsFloat) -> Series:
        """The series with one more value."""
        return self._with_values((*self.values, float(value)))

    def with_last(self, value: SupportsFloat) -> Series:
        """The series with another last value.

        >>> Series("loss", (2, 0.5)).with_last(1).values
        (2.0, 1.0)
        """
        return self._with_values((*self.values[:-1], float(value)))

    def _with_values(self, values: tuple[float, ...]) -> Series:
        """The series with other values, known to be floats: long ones grow fast."""
        made = object.__new__(Series)
        for name, held in (("name", self.name), ("values", values)):
            object.__setattr__(made, name, held)
        object.__setattr__(made, "color", self.color)
        return made


@dataclass(frozen=True, slots=True)
class TrainLog:
    """Curves over common steps, with a title and notes.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if a series has another number of values
            than there are steps. (With no steps at all, values are counted from 0.)
            `DOMAIN` for a negative step.
    """

    title: str = "Training"
    steps: tuple[int, ...] = ()
    """The number of updates made before each row of values."""
    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", natural_steps(self.steps))
        for one in self.series:
            if self.steps and len(one.values) != len(self.steps):
                raise TorchLeanError(
                    Reason.SHAPE_MISMATCH,
                    f"series {one.name!r}: expected {len(self.steps)} values, "
                    f"one for each step, got {len(one.values)}",
                )

    @staticmethod
    def before_after_loss(
        title: str,
        steps: int,
        before: float,
        after: float,
        *,
        notes: Iterable[str] = (),
        color: str = BLUE,
    ) -> TrainLog:
        """The log of two points: the loss before training and after `steps` updates.

        >>> TrainLog.before_after_loss("digits", 200, 2.25, 0.5).steps
        (0, 200)
        """
        curve = Curve.of([(0, before), (steps, after)])
        return curve.to_train_log(title, "loss", color=color, notes=notes)

    def curve(self, name: str) -> Curve:
        """One series with its steps; they are counted from 0 where the log has none.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` if no series has the name.

        >>> TrainLog(series=(Series("loss", (2.0, 0.5)),)).curve("loss")
        Curve(steps=(0, 1), values=(2.0, 0.5))
        """
        for one in self.series:
            if one.name == name:
                return Curve(self.steps or tuple(range(len(one.values))), one.values)
        names = ", ".join(repr(one.name) for one in self.series) or "no series"
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"expected one of {names}, got {name!r}"
        )

    def to_json(self, dialect: Dialect = "torchlean", *, pretty: bool = True) -> str:
        """The log as JSON text, with a line end behind it.

        Args:
            dialect: `"torchlean"` loses nothing; `"lean"` writes what the original
                writes, byte for byte: numbers have at most six decimals there, and
                a loss below 5e-7 becomes 0.
            pretty: Whether to lay it out in 80 columns, or without white space.
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
        return layout(value, dialect, pretty=pretty) + "\n"

    def write_json(
        self,
        path: str | os.PathLike[str],
        dialect: Dialect = "torchlean",
        *,
        pretty: bool = True,
    ) -> None:
        """Write the log as a JSON file, whole or not at all; see `to_json`.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        write_text(path, self.to_json(dialect, pretty=pretty))

    @staticmethod
    def read_json(path: str | os.PathLike[str]) -> TrainLog:
        """Read a log that either dialect wrote.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT`
                if it is no training log.
        """
        return parse_train_log(read_text(path), os.fspath(path))


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
        TorchLeanError: `SHAPE_MISMATCH` if steps and values differ in number,
            `DOMAIN` for a negative step.
    """

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", natural_steps(self.steps))
        object.__setattr__(self, "values", tuple(map(float, self.values)))
        if len(self.values) != len(self.steps):
            raise TorchLeanError(
                Reason.SHAPE_MISMATCH,
                f"curve: expected {len(self.steps)} values, one for each step, "
                f"got {len(self.values)}",
            )

    @staticmethod
    def of(points: Iterable[tuple[SupportsIndex, SupportsFloat]]) -> Curve:
        """The curve through (step, value) pairs; for many points, faster than push."""
        pairs = list(points)
        steps = tuple(index(step) for step, _ in pairs)
        return Curve(steps, tuple(float(value) for _, value in pairs))

    def push(self, step: SupportsIndex, value: SupportsFloat) -> Curve:
        """The curve with one more point.

        Raises:
            TorchLeanError: `DOMAIN` for a negative step.
        """
        # The points that are there need not be looked at again.
        made = object.__new__(Curve)
        object.__setattr__(made, "steps", self.steps + natural_steps((step,)))
        object.__setattr__(made, "values", (*self.values, float(value)))
        return made

    def endpoints(self) -> CurveEndpoints | None:
        """First and last value; none of a curve without points.

        >>> Curve.of([(0, 2.0), (5, 0.5)]).endpoints()
        CurveEndpoints(final_step=5, first=2.0, last=0.5)
        """
        if not self.steps:
            return None
        return CurveEndpoints(self.steps[-1], self.values[0], self.values[-1])

    def require_endpoints(self, context: str) -> CurveEndpoints:
        """First and last value of a curve that must have points.

        Args:
            context: Who needs them, for the message.

        Raises:
            TorchLeanError: `EMPTY_DATA` for a curve without points.

        >>> Curve().require_endpoints("summary")
        Traceback (most recent call last):
        torchlean_spec.errors.TorchLeanError: summary: expected a curve of at least \
1 point, got none
        """
        ends = self.endpoints()
        if ends is None:
            raise TorchLeanError(
                Reason.EMPTY_DATA,
                f"{context}: expected a curve of at least 1 point, got none",
            )
        return ends

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
    def parse_value(text: str) -> LogDestination:
        """Read a flag's value: a path, or a word of `DISABLED_WORDS` in any case.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` if the text is blank. (The original takes
                a blank for a path.)
        """
        trimmed = text.strip()
        if not trimmed:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME, "expected a path for the log, or off, got nothing"
            )
        if trimmed.lower() in DISABLED_WORDS:
            return LogDestination()
        return LogDestination(Path(trimmed))

    @staticmethod
    def parse(
        text: str | None, default: str | os.PathLike[str] | None = None
    ) -> LogDestination:
        """Read a flag that may be missing.

        Args:
            text: The flag's value, see `parse_value`; `None` if the flag is missing.
            default: The path that a missing flag means; without it, no log.

        Raises:
            TorchLeanError: As `parse_value`.

        >>> print(LogDestination.parse(None, "log.json").path)
        log.json
        """
        if text is not None:
            return LogDestination.parse_value(text)
        return LogDestination() if default is None else LogDestination(Path(default))

    @property
    def is_enabled(self) -> bool:
        """Whether a log is written."""
        return self.path is not None

    def write_train_log(
        self, log: TrainLog, dialect: Dialect = "torchlean", *, pretty: bool = True
    ) -> None:
        """Write a log, if one is wanted; see `TrainLog.write_json`.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        if self.path is not None:
            log.write_json(self.path, dialect, pretty=pretty)

    def write_experiment_log(
        self,
        log: Experiment,
        title: str = "",
        dialect: Dialect = "torchlean",
        *,
        pretty: bool = True,
    ) -> None:
        """Write an experiment's log as a `TrainLog`, if one is wanted.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        self.write_train_log(log.to_train_log(title), dialect, pretty=pretty)


def parse_train_log(text: str, what: str = "training log") -> TrainLog:
    """Read the JSON text of a log.

    As in the original, the title, the steps, the notes and the colours may be
    missing, and a number may be given as a string. (What is there and is of another
    kind, which the original takes for missing, is refused, and so are series of
    other lengths than the steps.)

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
    top = json_fields.members(what, parse(what, text))
    series = [
        _series(f"{what}: series[{position}]", entry)
        for position, entry in enumerate(
            json_fields.elements(f"{what}: series", top.get("series"))
        )
    ]
    steps = enumerate(json_fields.elements(f"{what}: steps", top.get("steps", [])))
    notes = enumerate(json_fields.elements(f"{what}: notes", top.get("notes", [])))
    try:
        return TrainLog(
            json_fields.text(f"{what}: title", top.get("title", "Training")),
            tuple(json_fields.count(f"{what}: steps[{i}]", step) for i, step in steps),
            tuple(series),
            tuple(json_fields.text(f"{what}: notes[{i}]", note) for i, note in notes),
        )
    except TorchLeanError as error:
        if error.reason is Reason.SHAPE_MISMATCH:
            raise TorchLeanError(Reason.FILE_FORMAT, f"{what}: {error}") from error
        raise


def _series(place: str, entry: Json) -> Series:
    one = json_fields.members(place, entry)
    values = json_fields.elements(f"{place}.values", one.get("values"))
    return Series(
        json_fields.text(f"{place}.name", one.get("name")),
        tuple(
            json_fields.number(f"{place}.values[{i}]", value)
            for i, value in enumerate(values)
        ),
        json_fields.text(f"{place}.color", one.get("color", GREEN)),
    )
