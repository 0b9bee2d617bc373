"""TensorBoard's event files: written, and read again.

A file is a sequence of records (`records.py`), each of them an `Event` message
(`messages.py`; tensorflow/core/util/event.proto and framework/summary.proto). The
first says the version; then there is one for each row of the log, with a value for
each series; a text holds the title and the notes.

>>> import tempfile
>>> from torchlean.log import Curve
>>> log = Curve.of([(0, 2.25), (25, 0.5)]).to_train_log("digits", "loss")
>>> folder = tempfile.mkdtemp()
>>> write_tensorboard(log, folder).name
'events.out.tfevents.torchlean'
>>> [(event.step, event.tag, event.value) for event in read_tensorboard(folder)]
[(0, 'loss', 2.25), (25, 'loss', 0.5)]
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torchlean.adapters.messages import field, fields, single_field
from torchlean.adapters.records import frame, unframe
from torchlean.adapters.rows import logged_rows
from torchlean.experiment import ExperimentLog
from torchlean.files import read_bytes, write_bytes
from torchlean.log import TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

FILE_NAME = "events.out.tfevents.torchlean"
"""The file in a run's folder; a later log of the run takes its place."""

NOTES = "notes"
"""The tag of the text that holds the title and the notes."""

Precision = Literal["float32", "float64"]
"""How values are kept: as what every reader of event files reads, or to the bit."""

# The numbers of the fields, by message.
_WALL_TIME, _STEP, _FILE_VERSION, _SUMMARY = 1, 2, 3, 5
_VALUE = 1
_TAG, _SIMPLE_VALUE, _TENSOR, _METADATA = 1, 2, 8, 9
_DTYPE, _SHAPE, _DOUBLES, _STRINGS = 1, 2, 6, 8
_PLUGIN, _PLUGIN_NAME, _DATA_CLASS = 1, 1, 4
_DOUBLE, _STRING = 2, 7
_SCALAR_CLASS, _TENSOR_CLASS = 1, 2


@dataclass(frozen=True, slots=True)
class ScalarEvent:
    """One value of one series."""

    step: int
    tag: str
    """The name of the series."""
    value: float
    wall_time: float
    """Seconds since 1970, as the writer said."""


def write_tensorboard(
    log: TrainLog | ExperimentLog,
    folder: str | os.PathLike[str],
    *,
    precision: Precision = "float32",
    wall_time: float = 0.0,
) -> Path:
    """Write a log as an event file that TensorBoard shows, whole or not at all.

    What an experiment has not logged in a row is left out of it.

    Args:
        log: The log.
        folder: The run's folder; it is made if it is missing.
        precision: `"float32"` writes plain scalars, which the format rounds to
            binary32; `"float64"` writes scalars as tensors of binary64 numbers,
            which lose nothing, and which newer readers take.
        wall_time: Seconds since 1970; a log does not know when its steps were made,
            so all events have this time.

    Returns:
        The file's path.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written, `DOMAIN` for a
            step of 2^63 or more, or a name that is no Unicode text,
            `CONTRADICTION` if two series have one name, `UNKNOWN_NAME` for another
            precision.
    """
    if precision not in ("float32", "float64"):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected the precision 'float32' or 'float64', got {precision!r}",
        )
    text = log if isinstance(log, TrainLog) else log.to_train_log()
    start = field(_WALL_TIME, wall_time)
    events = [start + field(_FILE_VERSION, b"brain.Event:2")]
    if text.notes or text.title != TrainLog().title:
        events.append(start + field(_SUMMARY, _text(text)))
    seen: set[str] = set()
    for step, values in logged_rows(log):
        if step >= 2**63:
            raise TorchLeanError(
                Reason.DOMAIN,
                f"expected steps below 2^63, which event files hold, got {step}",
            )
        summary = b""
        for tag, value in values:
            summary += field(_VALUE, _scalar(tag, value, precision, tag not in seen))
            seen.add(tag)
        events.append(start + field(_STEP, step) + field(_SUMMARY, summary))
    path = Path(folder) / FILE_NAME
    write_bytes(path, b"".join(map(frame, events)))
    return path


def _scalar(tag: str, value: float, precision: Precision, first: bool) -> bytes:
    """A value of a summary; its kind is said where the tag first occurs."""
    name = field(_TAG, _encoded(tag))
    if precision == "float32":
        return name + single_field(_SIMPLE_VALUE, value)
    kind = _kind(b"scalars", _SCALAR_CLASS) if first else b""
    double = struct.pack("<d", value)
    tensor = field(_DTYPE, _DOUBLE) + field(_SHAPE, b"") + field(_DOUBLES, double)
    return name + field(_TENSOR, tensor) + kind


def _text(log: TrainLog) -> bytes:
    """The summary of a log's title and notes, as Markdown."""
    lines = [f"**{log.title}**", *(f"* {note}" for note in log.notes)]
    words = _encoded("\n\n".join([lines[0], "\n".join(lines[1:])]).rstrip())
    tensor = field(_DTYPE, _STRING) + field(_SHAPE, b"") + field(_STRINGS, words)
    value = field(_TAG, NOTES.encode()) + field(_TENSOR, tensor)
    return field(_VALUE, value + _kind(b"text", _TENSOR_CLASS))


def _kind(plugin: bytes, data_class: int) -> bytes:
    """The metadata that name the part of TensorBoard which shows a value."""
    named = field(_PLUGIN, field(_PLUGIN_NAME, plugin))
    return field(_METADATA, named + field(_DATA_CLASS, data_class))


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TorchLeanError(
            Reason.DOMAIN, f"expected Unicode text, got {text!r}"
        ) from error


def read_tensorboard(path: str | os.PathLike[str]) -> tuple[ScalarEvent, ...]:
    """The scalars of an event file, or of all event files of a folder, in order.

    Both kinds of scalars are read: plain ones, and tensors of one number. Other
    summaries (texts, images, histograms) are passed over.

    Args:
        path: A file, or a folder.

    Raises:
        TorchLeanError: `FILE_ACCESS` if a file cannot be read or a folder has no
            event file, `FILE_FORMAT` if a file is cut short or damaged.
    """
    given = Path(path)
    if not given.is_dir():
        return tuple(_events(given))
    files = sorted(each for each in given.iterdir() if "tfevents" in each.name)
    if not files:
        raise TorchLeanError(
            Reason.FILE_ACCESS,
            f"expected a folder with an event file, got {os.fspath(path)}",
        )
    return tuple(event for each in files for event in _events(each))


def _events(path: Path) -> Iterator[ScalarEvent]:
    what = os.fspath(path)
    for record in unframe(what, read_bytes(path)):
        step, wall_time, summaries = 0, 0.0, []
        for number, value in fields(what, record):
            if number == _STEP and isinstance(value, int):
                # An int64: the upper half of the numbers are negative.
                step = value - 2**64 if value >= 2**63 else value
            elif number == _WALL_TIME and isinstance(value, bytes) and len(value) == 8:
                (wall_time,) = struct.unpack("<d", value)
            elif number == _SUMMARY and isinstance(value, bytes):
                summaries.append(value)
        for summary in summaries:
            for _, value in fields(what, summary):
                if isinstance(value, bytes) and (found := _scalar_of(what, value)):
                    yield ScalarEvent(step, found[0], found[1], wall_time)


def _scalar_of(what: str, data: bytes) -> tuple[str, float] | None:
    """The tag and the number of a summary's value; none if it is no scalar."""
    tag, found = "", None
    for number, value in fields(what, data):
        if not isinstance(value, bytes):
            continue
        if number == _TAG:
            tag = _decoded(what, value)
        elif number == _SIMPLE_VALUE and len(value) == 4:
            (found,) = struct.unpack("<f", value)
        elif number == _TENSOR:
            found = _double_of(what, value)
    return None if found is None else (tag, found)


def _decoded(what: str, tag: bytes) -> str:
    try:
        return tag.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TorchLeanError(
            Reason.FILE_FORMAT, f"{what}: expected a tag in UTF-8, got {tag!r}"
        ) from error


def _double_of(what: str, data: bytes) -> float | None:
    """The number of a tensor of one binary64 number; none of another tensor."""
    for number, value in fields(what, data):
        if number == _DOUBLES and isinstance(value, bytes) and len(value) == 8:
            (found,) = struct.unpack("<d", value)
            return float(found)
    return None
