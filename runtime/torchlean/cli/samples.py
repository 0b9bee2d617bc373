"""The samples of a command line: a named data set, a CSV file, or two NPY files."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.cli.arguments import Once, Parser
from torchlean.cli.recipes import RECIPES, recipe_named
from torchlean.data import (
    CsvOptions,
    TensorDataset,
    csv_array,
    dataset_named,
    labels_of,
    read_npy,
    tensor_dataset,
)
from torchlean.tasks import TaskName
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape

Data = TensorDataset[Shape, Targets]


@dataclass(frozen=True, slots=True)
class Samples:
    """What a command line says of its samples."""

    name: str
    """A data set's, or a file's without its folder and ending."""
    own: bool
    """Whether they are the user's."""
    dataset: Data


def add_sample_flags(parser: Parser) -> None:
    """Add the flags that say which samples are meant."""
    parser.add_argument(
        "data", nargs="?", default="", metavar="DATA", help=", ".join(RECIPES)
    )
    parser.add_argument(
        "--csv",
        action=Once,
        type=Path,
        default=None,
        metavar="PATH",
        help="your own samples, a row each; the last column is the target",
    )
    parser.add_argument(
        "--header",
        action="store_true",
        help="the first row of the CSV file has the names of the columns",
    )
    for flag, what in (("--x", "inputs"), ("--y", "targets")):
        parser.add_argument(
            flag,
            action=Once,
            type=Path,
            default=None,
            metavar="PATH",
            help=f"your own {what}, [samples, ..], in an NPY file",
        )


def require_one_source(options: Namespace) -> None:
    """Refuse, unless one place is named from which the samples come.

    Raises:
        TorchLeanError: `CONTRADICTION` for several, or half of one;
            `UNKNOWN_NAME` for a data set that does not exist, or none at all.
    """
    if (options.x is None) != (options.y is None):
        given, missing = ("--x", "--y") if options.y is None else ("--y", "--x")
        raise TorchLeanError(
            Reason.CONTRADICTION, f"expected {missing} beside {given}, got none"
        )
    named = [options.data] if options.data else []
    named += ["--csv"] if options.csv is not None else []
    named += ["--x and --y"] if options.x is not None else []
    if len(named) > 1:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected one source of samples, got {' and '.join(named)}",
        )
    if options.header and options.csv is None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected --header with --csv, got it without"
        )
    if not named or options.data:
        recipe_named(options.data)


def samples_of(options: Namespace, task: TaskName | None, seed: int) -> Samples:
    """The samples that the flags name.

    Args:
        options: The flags.
        task: What they are for, where that is known: of a CSV file's last column
            only that tells whether it holds classes.
        seed: Draws the points of two-moons.

    Raises:
        TorchLeanError: As `require_one_source`, and what the readers refuse.
    """
    require_one_source(options)
    if options.csv is not None:
        return Samples(options.csv.stem, True, _of_csv(options, task))
    if options.x is not None:
        return Samples(options.x.stem, True, _of_arrays(options, task))
    return Samples(options.data, False, dataset_named(options.data, seed))


def _of_csv(options: Namespace, task: TaskName | None) -> Data:
    """The samples of a CSV file."""
    path: Path = options.csv
    table = csv_array(path, CsvOptions(header=options.header))
    if table.shape[1] < 2:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{path}: expected a column of targets behind the inputs, "
            f"got {table.shape[1]} column",
        )
    inputs, targets = table[:, :-1], table[:, -1]
    if task not in ("classification", "cross-entropy"):
        return tensor_dataset(inputs, targets, name=path.stem)
    return _classified(path.stem, inputs, targets)


def _of_arrays(options: Namespace, task: TaskName | None) -> Data:
    """The samples of two NPY files; whole numbers are classes unless told else."""
    inputs, targets = read_npy(options.x), read_npy(options.y)
    name: str = options.x.stem
    whole = targets.dtype.kind in "iub"
    if task == "regression" and whole:
        return tensor_dataset(inputs, targets.astype(np.float64), name=name)
    if task in ("classification", "cross-entropy") and targets.ndim == 1:
        return _classified(name, inputs, targets)
    return tensor_dataset(inputs, targets, name=name)


def _classified(name: str, inputs: NDArray[Any], targets: NDArray[Any]) -> Data:
    """Samples whose targets are class indices, from 0 to the largest there is."""
    classes = int(max(targets, default=0)) + 1 if np.isfinite(targets).all() else 1
    labels = labels_of(targets, max(classes, 1))
    return tensor_dataset(inputs, labels, classes=max(classes, 2), name=name)
