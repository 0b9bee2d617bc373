"""A certificate: what a run did, at sampled steps, for a judge to check.

A runtime records; a judge decides. For each sampled step the file holds the
state before, the gradients, the clipped gradients and the state after, so that
each phase can be judged from its own recorded inputs. Batches and the initial
state are not recorded: they are derived anew from seed and data. The file is
JSON; numbers are the bits of the run's format, in hexadecimal, little-endian.
The digest covers everything else in the file, and so notices a changed byte.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torchlean_spec.description import Json, digest, to_json
from torchlean_spec.description import training_run_from_json as _run_from_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape, shape_of, size, sizes
from torchlean_spec.sources import Source
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import State, Tensors, TrainingRun

FORMAT = "torchlean certificate, version 1"
FORMAT_CODES = {"float32": ("f", 4), "float64": ("d", 8)}
"""How `struct` reads a number of each format, and how many bytes it has."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One sampled step; its numbers are exact binary values of the run's format."""

    number: int
    """Counted from 1."""
    before: State[float]
    loss: float
    gradients: Tensors[float]
    clipped: Tensors[float]
    after: State[float]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a run recorded of itself."""

    training_run: TrainingRun
    source: Source
    """Where the data set comes from."""
    data_digest: str
    """The data set's digest; see `Dataset.digest`."""
    backend: str
    """What computed the run, in words."""
    ulps: Mapping[str, float]
    """The error that the backend declares of each elementary function, in ulps."""
    steps: tuple[RecordedStep, ...]


def to_text(certificate: Certificate) -> str:
    """The certificate's file, digest included."""
    code = certificate.training_run.number_format
    body: dict[str, Json] = {
        "format": FORMAT,
        "run": to_json(certificate.training_run),
        "data": {
            "source": certificate.source.to_json(),
            "sha256": certificate.data_digest,
        },
        "backend": certificate.backend,
        "ulps": dict(certificate.ulps),
        "steps": [_step_json(code, each) for each in certificate.steps],
    }
    return json.dumps({**body, "sha256": digest(body)}, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Read:
    """A certificate that was read, and whether its digest is that of its content."""

    certificate: Certificate
    intact: bool


def from_text(text: str) -> Read:
    """Read a certificate's file.

    A wrong digest is reported and not refused, so that the judge can say which
    number is wrong.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is no certificate.
    """
    try:
        body = json.loads(text)
        stated = body.pop("sha256")
        if body["format"] != FORMAT:
            raise TorchLeanError(
                Reason.FILE_FORMAT,
                f"expected a file of format {FORMAT!r}, got {body['format']!r}",
            )
        run = _run_from_json(body["run"])
        certificate = Certificate(
            run,
            Source.from_json(body["data"]["source"]),
            body["data"]["sha256"],
            body["backend"],
            {name: float(value) for name, value in body["ulps"].items()},
            tuple(_step_from_json(run, each) for each in body["steps"]),
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, TorchLeanError):
            raise
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"expected a certificate, got a file that is none: {error}",
        ) from error
    return Read(certificate, digest(body) == stated)


def read(path: Path) -> Read:
    """Read a certificate from a path.

    Raises:
        TorchLeanError: `FILE_ACCESS` if it cannot be read, `FILE_FORMAT` if it is
            no certificate.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TorchLeanError(
            Reason.FILE_ACCESS, f"expected a readable certificate at {path}: {error}"
        ) from error
    return from_text(text)


def hexadecimal(number_format: str, values: tuple[float, ...]) -> str:
    """Numbers as the hexadecimal of their bits, little-endian, one after the other.

    >>> hexadecimal("float32", (1.0, -2.0))
    '0000803f000000c0'
    """
    code, _ = FORMAT_CODES[number_format]
    return struct.pack(f"<{len(values)}{code}", *values).hex()


def from_hexadecimal(number_format: str, text: str) -> tuple[float, ...]:
    """The inverse of `hexadecimal`; the floats are exact."""
    code, width = FORMAT_CODES[number_format]
    raw = bytes.fromhex(text)
    if len(raw) % width:
        raise TypeError(f"expected numbers of {width} bytes, got {len(raw)} bytes")
    return struct.unpack(f"<{len(raw) // width}{code}", raw)


def _tensor_json(code: str, tensor: Tensor[float, Shape]) -> Json:
    shape: list[Json] = list(sizes(tensor.shape))
    return {"shape": shape, "data": hexadecimal(code, tensor.values)}


def _tensors_json(code: str, tensors: Tensors[float]) -> Json:
    return {name: _tensor_json(code, tensor) for name, tensor in tensors.items()}


def _state_json(code: str, state: State[float]) -> Json:
    slots = {slot: _tensors_json(code, each) for slot, each in state.slots.items()}
    return {"parameters": _tensors_json(code, state.parameters), "slots": {**slots}}


def _step_json(code: str, step: RecordedStep) -> Json:
    return {
        "step": step.number,
        "before": _state_json(code, step.before),
        "loss": hexadecimal(code, (step.loss,)),
        "gradients": _tensors_json(code, step.gradients),
        "clipped": _tensors_json(code, step.clipped),
        "after": _state_json(code, step.after),
    }


def _tensors_from(
    run: TrainingRun, shapes: Mapping[str, Shape], written: dict[str, Json]
) -> Tensors[float]:
    """One tensor of each of the given shapes, in their order."""
    if set(written) != set(shapes):
        raise TypeError(f"expected the tensors of {tuple(shapes)}")
    found: dict[str, Tensor[float, Shape]] = {}
    for name, wanted in shapes.items():
        entry = written[name]
        if not isinstance(entry, dict):
            raise TypeError(f"expected a tensor for {name}")
        shape, data = entry["shape"], entry["data"]
        if shape != list(sizes(wanted)) or not isinstance(data, str):
            raise TypeError(f"expected {name} of shape {wanted}, got {shape}")
        values = from_hexadecimal(run.number_format, data)
        if len(values) != size(wanted):
            raise TypeError(f"expected {size(wanted)} numbers for {name}")
        found[name] = Tensor(shape_of(sizes(wanted)), values)
    return found


def _shapes(run: TrainingRun) -> dict[str, Shape]:
    return {each.name: each.shape for each in run.task.model.parameters()}


def _state_from(
    run: TrainingRun, step: int, written: dict[str, dict[str, Json]]
) -> State[float]:
    slots: dict[str, Tensors[float]] = {}
    for slot, shapes in run.kept.items():
        entry = written["slots"][slot]
        if not isinstance(entry, dict):
            raise TypeError(f"expected the tensors of {slot}")
        slots[slot] = _tensors_from(run, shapes, entry)
    parameters = _tensors_from(run, _shapes(run), written["parameters"])
    return State(step, parameters, slots)


def _step_from_json(
    run: TrainingRun, written: dict[str, dict[str, Json]]
) -> RecordedStep:
    number, shapes = int(str(written["step"])), _shapes(run)
    (loss,) = from_hexadecimal(run.number_format, str(written["loss"]))
    return RecordedStep(
        number,
        _state_from(run, number - 1, _objects(written["before"])),
        loss,
        _tensors_from(run, shapes, written["gradients"]),
        _tensors_from(run, shapes, written["clipped"]),
        _state_from(run, number, _objects(written["after"])),
    )


def _objects(written: dict[str, Json]) -> dict[str, dict[str, Json]]:
    checked: dict[str, dict[str, Json]] = {}
    for name, value in written.items():
        if not isinstance(value, dict):
            raise TypeError(f"expected an object for {name}")
        checked[name] = value
    return checked
