"""What a file of parameters says of the run that they come from.

Enough to use the model without its source text, to go on with the run, and to refuse
to go on with another one. A part that the spec has no description of (a loss of one's
own) is kept by its name alone.

>>> from torchlean_spec.data import Loader
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.optimizers import SGD
>>> from torchlean_spec.task import Task
>>> run = TrainingRun(Task(Linear(1, 1), MeanSquaredError()), SGD(0.1), Loader(8, 4), 6)
>>> saved = SavedRun(parts_of(run), steps=6, input_shape=(1,))
>>> read = SavedRun.from_text("a file", saved.to_text())
>>> read == saved, read.task("a file") == run.task
(True, True)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import cast

from torchlean.report import described
from torchlean_spec.batches import Position
from torchlean_spec.data import Loader
from torchlean_spec.description import Json, canonical, from_json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Layer
from torchlean_spec.losses import Loss
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, TrainingRun

PARTS = (
    "model",
    "loss",
    "optimizer",
    "schedule",
    "clipping",
    "loader",
    "position",
    "seed",
    "number_format",
)
"""What a run's description has, its length aside."""

CUSTOM = "custom"
"""The type of a part that the spec has no description of."""


@dataclass(frozen=True)
class SavedRun:
    """A run, as far as it came."""

    parts: Mapping[str, Json]
    """Its description, part by part; see `parts_of`."""
    steps: int
    """How many updates were made."""
    input_shape: tuple[int, ...]
    """The sizes of one input."""
    class_names: tuple[str, ...] = ()
    """What the classes are called, if that is known."""
    data_digest: str = ""
    """The digest of the training samples, if they are kept."""
    seeded: bool = True
    """Whether the run began with the parameters that its seed gives."""

    def to_text(self) -> str:
        """The one text that says so."""
        written: dict[str, Json] = {
            "parts": dict(self.parts),
            "steps": self.steps,
            "input_shape": list(self.input_shape),
            "class_names": list(self.class_names),
            "data_digest": self.data_digest,
            "seeded": self.seeded,
        }
        return canonical(written).decode()

    @staticmethod
    def from_text(what: str, text: str) -> SavedRun:
        """What `to_text` wrote.

        Args:
            what: Where the text is from, for the error message.
            text: The text.

        Raises:
            TorchLeanError: `FILE_FORMAT` if it is no such text.
        """
        try:
            found = json.loads(text)
            if set(found) != {each.name for each in fields(SavedRun)}:
                raise ValueError("other fields")
            if set(found["parts"]) != set(PARTS):
                raise ValueError("other parts")
            return SavedRun(
                dict(found["parts"]),
                int(found["steps"]),
                tuple(map(int, found["input_shape"])),
                tuple(map(str, found["class_names"])),
                str(found["data_digest"]),
                bool(found["seeded"]),
            )
        except (ValueError, TypeError) as error:
            raise TorchLeanError(
                Reason.FILE_FORMAT,
                f"{what}: expected the description of a run, got {text[:40]!r}",
            ) from error

    def task(self, what: str) -> Task:
        """Model and loss.

        Args:
            what: Where the description is from, for the error message.

        Raises:
            TorchLeanError: `FILE_FORMAT` if one of them is of one's own.
        """
        for name in ("model", "loss"):
            part = self.parts[name]
            if _is_custom(part):
                raise TorchLeanError(
                    Reason.FILE_FORMAT,
                    f"{what}: expected a {name} of the spec, got {_shown(part)}, "
                    "which no file describes (Trainer.load reads the parameters)",
                )
        model, loss = (from_json(self.parts[name]) for name in ("model", "loss"))
        return Task(cast("Layer", model), cast("Loss", loss))

    @property
    def loss(self) -> Loss | None:
        """The loss; none if it is of one's own."""
        part = self.parts["loss"]
        return None if _is_custom(part) else cast("Loss", from_json(part))

    @property
    def number_format(self) -> NumberFormat:
        """The format of the parameters."""
        return cast("NumberFormat", self.parts["number_format"])

    @property
    def batch_size(self) -> int:
        """Samples in a batch; of a stream, in the largest one."""
        return cast("Loader", from_json(self.parts["loader"])).batch_size

    @property
    def position(self) -> Position:
        """Where the loader stood before the run."""
        return cast("Position", from_json(self.parts["position"]))

    @property
    def next_position(self) -> Position:
        """Where the loader stands after the steps that were made."""
        loader = cast("Loader", from_json(self.parts["loader"]))
        return position_behind(loader, self.position, self.steps)

    def require_same(self, what: str, run: TrainingRun) -> None:
        """Refuse to go on with another run; only their lengths may differ.

        Raises:
            TorchLeanError: `CONTRADICTION`, naming the first part that differs.
        """
        for name, ours in parts_of(run).items():
            theirs = self.parts.get(name)
            if ours != theirs:
                raise TorchLeanError(
                    Reason.CONTRADICTION,
                    f"{what}: expected a run with the {name.replace('_', ' ')} "
                    f"{_shown(ours)}, got one with {_shown(theirs)}",
                )


def position_behind(loader: Loader, start: Position, steps: int) -> Position:
    """Where a loader stands after so many steps from a position on.

    >>> position_behind(Loader(count=7, batch_size=3), Position(0, 1), 2)
    Position(epoch=1, batch=1)
    """
    per_epoch = loader.batches_per_epoch
    return Position(*divmod(start.epoch * per_epoch + start.batch + steps, per_epoch))


def parts_of(run: TrainingRun) -> dict[str, Json]:
    """A run's description, part by part, its length aside.

    >>> from torchlean_spec.layers import Linear
    >>> from torchlean_spec.losses import MeanSquaredError
    >>> from torchlean_spec.optimizers import SGD
    >>> task = Task(Linear(1, 1), MeanSquaredError())
    >>> list(parts_of(TrainingRun(task, SGD(0.1), Loader(8, 4), 6)))[:3]
    ['model', 'loss', 'optimizer']
    """
    homes = {"model": run.task, "loss": run.task}
    return {name: _part(getattr(homes.get(name, run), name)) for name in PARTS}


def _part(value: object) -> Json:
    if value is None or isinstance(value, int | str):
        return value
    try:
        return to_json(value)
    except TorchLeanError as error:
        if error.reason is not Reason.UNKNOWN_NAME:
            raise
        return {"type": CUSTOM, "name": type(value).__qualname__}


def _is_custom(part: Json) -> bool:
    return isinstance(part, dict) and part.get("type") == CUSTOM


def _shown(part: Json) -> str:
    """A part for people."""
    if not isinstance(part, dict):
        return str(part)
    return str(part["name"]) if _is_custom(part) else described(from_json(part))
