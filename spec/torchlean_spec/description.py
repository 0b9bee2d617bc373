"""Descriptions as JSON: any run, model, loss or optimizer, written and read back.

A record becomes an object with its class in `type` and its fields beside it.
Exact numbers are written as strings (`"0.001"`, `"1/3"`), so that nothing is
rounded on the way. Two descriptions are the same exactly when their JSON is.

>>> from torchlean_spec.layers import Linear
>>> written = to_json(Linear(3, 1))
>>> written["type"], written["inputs"]
('Linear', 3)
>>> from_json(written) == Linear(3, 1)
True
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from fractions import Fraction
from types import ModuleType

from torchlean_spec import clipping, initializers, layers, losses, optimizers, schedules
from torchlean_spec.batches import Position
from torchlean_spec.data import Loader
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What a JSON file holds."""


def _records(*modules: ModuleType) -> dict[str, type]:
    """The public record classes of modules, by name."""
    return {
        name: member
        for module in modules
        for name, member in vars(module).items()
        if isinstance(member, type) and is_dataclass(member) and name[0] != "_"
    }


RECORDS: Mapping[str, type] = {
    **_records(layers, losses, initializers, optimizers, clipping),
    **{
        f"schedule.{name}": each
        for name, each in _records(schedules).items()
        if each is not schedules.Custom
    },
    "Loader": Loader,
    "Position": Position,
    "Task": Task,
    "TrainingRun": TrainingRun,
}
"""Every record that a description may be made of, by the name in its JSON."""

_NAMES = {record: name for name, record in RECORDS.items()}

_OF_MANY = (layers.Sequential, optimizers.ParameterGroups)
"""The records that are made of any number of others, one argument each."""


def to_json(value: object) -> dict[str, Json]:
    """The JSON of a record.

    Where the schedule of a run is a function, the table of the rates of all the
    run's steps stands in its place.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a record that is not of the spec, and for
            a schedule that is a function outside a run.
    """
    if isinstance(value, TrainingRun):
        table = schedules.tabulated(value.schedule, value.steps)
        value = replace(value, schedule=table)
    if isinstance(value, schedules.Custom):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            "expected a schedule that can be written down, got a function; "
            "tabulated makes a table of its rates",
        )
    name = _NAMES.get(type(value))
    if name is None or not is_dataclass(value):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a record of the spec such as a layer, got {value!r}",
        )
    written: dict[str, Json] = {"type": name}
    for each in fields(value):
        written[each.name] = _encode(getattr(value, each.name))
    return written


def _encode(value: object) -> Json:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (Fraction, Decimal)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_encode(each) for each in value]
    return to_json(value)


def from_json(written: Json) -> object:
    """The record that was written; its own checks run again.

    Raises:
        TorchLeanError: `FILE_FORMAT` for what no record was written as, and
            whatever the record refuses.
    """
    name = written.get("type") if isinstance(written, dict) else None
    record = RECORDS.get(name) if isinstance(name, str) else None
    if record is None or not isinstance(written, dict):
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"expected a description of a known type, got {name!r}",
        )
    given = {key: _decode(value) for key, value in written.items() if key != "type"}
    expected = {each.name for each in fields(record)}
    if set(given) != expected:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{name}: expected the fields {sorted(expected)}, got {sorted(given)}",
        )
    if record in _OF_MANY:
        (inner,) = given.values()
        return record(*(inner if isinstance(inner, tuple) else ()))
    built: object = record(**given)
    return built


def _decode(value: Json) -> object:
    if isinstance(value, list):
        return tuple(_decode(each) for each in value)
    return from_json(value) if isinstance(value, dict) else value


def training_run_from_json(written: Json) -> TrainingRun:
    """The training run that was written.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is another record.
    """
    found = from_json(written)
    if not isinstance(found, TrainingRun):
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"expected a TrainingRun, got {type(found).__name__}",
        )
    return found


def canonical(value: Json) -> bytes:
    """The one text of a JSON value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(value: Json) -> str:
    """The SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()
