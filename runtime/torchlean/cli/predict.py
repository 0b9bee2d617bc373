"""`torchlean predict`: what a saved model answers."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.cli import DONE
from torchlean.cli.arguments import Once, Parser, numbers
from torchlean.data import CsvOptions, csv_array, read_npy
from torchlean.loading import load
from torchlean.report_lines import pretty
from torchlean.trained import Trained
from torchlean_spec.errors import Reason, TorchLeanError

EPILOG = """\
Each input has a line: the class with the largest output, by its name if it has one, and
the outputs; where the model predicts numbers, those alone.
"""


def main(words: Sequence[str]) -> int:
    """Print what a saved model answers to inputs of your own."""
    parser = Parser(
        "predict PARAMETERS [flags]",
        "Print what a saved model answers to inputs of your own.",
        EPILOG,
    )
    parser.add_argument(
        "parameters",
        type=Path,
        metavar="PARAMETERS",
        help="a file that `torchlean train` or `Trained.save` has written",
    )
    parser.add_argument(
        "--input",
        action=Once,
        type=numbers,
        default=None,
        metavar="X,X,..",
        help="one input, its numbers in row-major order",
    )
    parser.add_argument(
        "--csv",
        action=Once,
        type=Path,
        default=None,
        metavar="PATH",
        help="an input in each row, without targets",
    )
    parser.add_argument(
        "--header",
        action="store_true",
        help="the first row of the CSV file has the names of the columns",
    )
    parser.add_argument(
        "--x",
        action=Once,
        type=Path,
        default=None,
        metavar="PATH",
        help="inputs, [samples, ..], in an NPY file",
    )
    options = parser.read(words)
    _require_one_source(options)
    trained = load(options.parameters)
    for line in lines_of(trained, inputs_of(options, trained)):
        print(line)
    return DONE


def _require_one_source(options: Namespace) -> None:
    given = [
        f"--{name}"
        for name in ("input", "csv", "x")
        if getattr(options, name) is not None
    ]
    if len(given) != 1:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected --input, --csv or --x, got {' and '.join(given) or 'none'}",
        )
    if options.header and options.csv is None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected --header with --csv, got it without"
        )


def inputs_of(options: Namespace, trained: Trained) -> NDArray[Any]:
    """The inputs that the flags name, `[samples, ..]`.

    Raises:
        TorchLeanError: What the readers refuse, and `SHAPE_MISMATCH` for another
            number of numbers than the model's inputs have.
    """
    if options.x is not None:
        return read_npy(options.x)
    saved = trained.saved_run
    assert saved is not None
    if options.csv is not None:
        rows = csv_array(options.csv, CsvOptions(header=options.header))
    else:
        rows = np.array([options.input])
    wanted = int(np.prod(saved.input_shape))
    if rows.shape[1] != wanted:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            f"expected inputs of {wanted} numbers, got {rows.shape[1]}",
        )
    return rows.reshape(len(rows), *saved.input_shape)


def lines_of(trained: Trained, inputs: NDArray[Any]) -> Iterator[str]:
    """The line of each input."""
    outputs = trained.predict(inputs)
    if not trained.answers_classes:
        yield from (pretty(row) for row in outputs)
        return
    saved = trained.saved_run
    names = () if saved is None else saved.class_names
    classes = np.argmax(outputs, axis=-1).reshape(-1).tolist()
    for row, predicted in zip(outputs, classes, strict=True):
        named = f" ({names[predicted]})" if names else ""
        yield f"predicted={predicted}{named} outputs={pretty(row)}"
