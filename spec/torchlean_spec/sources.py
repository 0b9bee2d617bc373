"""Where a data set comes from, as a value, so that anybody can make it anew.

>>> Source("two-moons", part="training", held_out="0.25", count=80).to_json()["name"]
'two-moons'
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from torchlean_spec import datasets
from torchlean_spec.data import Dataset, Labels, Rows, Targets, split
from torchlean_spec.description import Json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter, exact
from torchlean_spec.shape import Shape, shape_of, sizes

NAMES = ("digits", "diabetes", "two-moons", "inline")
PARTS = ("all", "training", "held-out")


@dataclass(frozen=True, slots=True)
class Source:
    """A named data set, or one part of its split, or a data set given inline.

    Args:
        name: `digits`, `diabetes`, `two-moons` or `inline`.
        part: `all`, or `training` or `held-out` of `split(.., held_out, seed)`.
        held_out: The share or number held out; exact.
        seed: Of the split, and of the points of `two-moons`.
        count: How many points `two-moons` has.
        noise: The noise of `two-moons`.
        data: The data set itself, where the name is `inline`.
    """

    name: str
    part: str = "all"
    held_out: Hyperparameter = Decimal("0.2")
    seed: int = 0
    count: int = 1000
    noise: Hyperparameter = Decimal("0.1")
    data: Dataset[Shape, Targets] | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"expected a data set named {', '.join(NAMES)}, got {self.name!r}",
            )
        if self.part not in PARTS:
            raise TorchLeanError(
                Reason.UNKNOWN_NAME,
                f"expected a part named {', '.join(PARTS)}, got {self.part!r}",
            )
        object.__setattr__(self, "held_out", exact(self.held_out))
        object.__setattr__(self, "noise", exact(self.noise))

    def load(self) -> Dataset[Shape, Targets]:
        """Make the data set.

        Raises:
            TorchLeanError: `MISSING_DEPENDENCY` where its files are absent.
        """
        whole = self._whole()
        if self.part == "all":
            return whole
        share = exact(self.held_out)
        held_out = int(share) if share >= 1 else share
        training, rest = split(whole, held_out, self.seed)
        return training if self.part == "training" else rest

    def _whole(self) -> Dataset[Shape, Targets]:
        if self.data is not None:
            return self.data
        if self.name == "two-moons":
            moons = datasets.two_moons(self.count, exact(self.noise), self.seed)
            return cast("Dataset[Shape, Targets]", moons)
        named: Mapping[str, Callable[[], object]] = {
            "digits": datasets.digits,
            "diabetes": datasets.diabetes,
        }
        return cast("Dataset[Shape, Targets]", named[self.name]())

    def to_json(self) -> dict[str, Json]:
        """The source as JSON; a data set given inline is written whole."""
        written: dict[str, Json] = {
            "name": self.name,
            "part": self.part,
            "held_out": str(self.held_out),
            "seed": self.seed,
            "count": self.count,
            "noise": str(self.noise),
        }
        if self.data is not None:
            written["data"] = _dataset_json(self.data)
        return written

    @staticmethod
    def from_json(written: dict[str, Json]) -> Source:
        """The source that was written."""
        data = written.get("data")
        return Source(
            str(written["name"]),
            str(written["part"]),
            str(written["held_out"]),
            int(str(written["seed"])),
            int(str(written["count"])),
            str(written["noise"]),
            _dataset_from(data) if isinstance(data, dict) else None,
        )


def inline(dataset: Dataset[Shape, Targets]) -> Source:
    """The source that carries a data set in itself."""
    return Source("inline", data=dataset)


def _rows_json(rows: Rows[Shape]) -> dict[str, Json]:
    flat = [value for row in rows.values for value in row]
    packed = base64.b64encode(struct.pack(f"<{len(flat)}d", *flat)).decode()
    shape: list[Json] = list(sizes(rows.shape))
    return {
        "shape": shape,
        "rows": len(rows),
        "float64": packed,
        "allow_non_finite": rows.allow_non_finite,
    }


def _rows_from(written: dict[str, Json]) -> Rows[Shape]:
    raw = base64.b64decode(str(written["float64"]))
    flat = struct.unpack(f"<{len(raw) // 8}d", raw)
    shape = shape_of(cast("list[int]", written["shape"]))
    count = int(str(written["rows"]))
    width = len(flat) // max(count, 1)
    values = tuple(flat[i * width : (i + 1) * width] for i in range(count))
    return Rows(shape, values, allow_non_finite=bool(written["allow_non_finite"]))


def _dataset_json(dataset: Dataset[Shape, Targets]) -> dict[str, Json]:
    targets: dict[str, Json]
    if isinstance(dataset.targets, Labels):
        indices: list[Json] = list(dataset.targets.indices)
        targets = {
            "classes": dataset.targets.classes,
            "indices": indices,
            "ignore_index": dataset.targets.ignore_index,
        }
    else:
        targets = _rows_json(dataset.targets)
    return {"inputs": _rows_json(dataset.inputs), "targets": targets}


def _dataset_from(written: dict[str, Json]) -> Dataset[Shape, Targets]:
    inputs = cast("dict[str, Json]", written["inputs"])
    entry = cast("dict[str, Json]", written["targets"])
    targets: Targets
    if "classes" in entry:
        indices = tuple(cast("list[int]", entry["indices"]))
        ignored = cast("int | None", entry["ignore_index"])
        targets = Labels(int(str(entry["classes"])), indices, (), ignored)
    else:
        targets = _rows_from(entry)
    return Dataset(_rows_from(inputs), targets)
