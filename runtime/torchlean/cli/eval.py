"""`torchlean eval`: the loss and the accuracy of a saved model on some samples."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from torchlean.cli import DONE
from torchlean.cli.arguments import Once, Parser, whole_number
from torchlean.cli.recipes import HELD_OUT
from torchlean.cli.samples import add_sample_flags, require_one_source, samples_of
from torchlean.data import split
from torchlean.loading import load
from torchlean.tasks import TaskName
from torchlean.trained import Trained

EPILOG = """\
The file says what its model is and which run it comes from. If the samples are those
that the run was made on, as `torchlean train` splits them, the part that was trained on
and the part that was held out have a line each; other samples have one for all of them.
"""


def main(words: Sequence[str]) -> int:
    """Evaluate a saved model on a data set or on samples of your own."""
    parser = Parser(
        "eval PARAMETERS DATA [flags]",
        "Evaluate a saved model on a data set or on samples of your own.",
        EPILOG,
    )
    parser.add_argument(
        "parameters",
        type=Path,
        metavar="PARAMETERS",
        help="a file that `torchlean train` or `Trained.save` has written",
    )
    add_sample_flags(parser)
    parser.add_argument(
        "--seed",
        action=Once,
        type=whole_number(0),
        default=None,
        metavar="N",
        help="of the split, and of the points of two-moons; the run's by default",
    )
    options = parser.read(words)
    require_one_source(options)
    trained = load(options.parameters)
    for line in lines_of(trained, options):
        print(line)
    return DONE


def lines_of(trained: Trained, options: Namespace) -> list[str]:
    """A line for each part of the samples.

    Raises:
        TorchLeanError: What the readers refuse, and `SHAPE_MISMATCH` or
            `CLASS_OUT_OF_RANGE` for samples that do not fit the model.
    """
    saved = trained.saved_run
    assert saved is not None
    seed: int = options.seed
    if options.seed is None:
        seed = cast("int", saved.parts["seed"])
    task: TaskName = "cross-entropy" if trained.answers_classes else "regression"
    dataset = samples_of(options, task, seed).dataset
    if len(dataset) > 1:
        training, held_out = split(dataset, HELD_OUT, seed)
        if training.digest() == saved.data_digest:
            return [
                f"trained on, {len(training)} samples: {trained.evaluate(training)}",
                f"held out, {len(held_out)} samples: {trained.evaluate(held_out)}",
            ]
    return [f"{len(dataset)} samples: {trained.evaluate(dataset)}"]
