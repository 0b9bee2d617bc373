"""`torchlean log`: a training log, drawn in the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from torchlean.cli import DONE
from torchlean.cli.arguments import Once, Parser, one_of
from torchlean.curve import draw_log
from torchlean.log import Curve, TrainLog
from torchlean.report_lines import shown
from torchlean.terminal_plot import MINIMUM, terminal_plot

WIDEST = 100
"""Columns that a picture fills at most."""

ACTIONS = ("show",)


def main(words: Sequence[str]) -> int:
    """Draw the curves of a training log in the terminal."""
    parser = Parser(
        "log show PATH [flags]",
        "Draw the curves of a training log in the terminal: each series by itself,\n"
        "under its first and last value, and the log's notes.",
        "A log is a JSON file that `torchlean train` has written, or the original.",
    )
    parser.add_argument(
        "action", type=one_of(ACTIONS), metavar="show", help="what to do with the log"
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="the log")
    parser.add_argument(
        "--png",
        action=Once,
        type=Path,
        default=None,
        metavar="OUT",
        help="also draw the series into a picture; needs Matplotlib",
    )
    parser.add_argument(
        "--ascii",
        action="store_true",
        help="draw with the characters of ASCII alone",
    )
    options = parser.read(words)
    log = TrainLog.read_json(options.path)
    print("\n".join(lines_of(log, options.ascii)))
    if options.png is not None:
        draw_log(options.png, log)
        print(f"wrote {options.png}")
    return DONE


def lines_of(log: TrainLog, ascii_only: bool = False) -> list[str]:
    """The title, the curve of each series with its ends, and the notes."""
    columns = shutil.get_terminal_size().columns
    width = max(MINIMUM[0], min(WIDEST, columns))
    found = [log.title]
    for one in log.series:
        alone = log.curve(one.name)
        found += [
            "",
            f"{one.name}: {_ends(alone)}",
            terminal_plot(alone, width, ascii_only=ascii_only),
        ]
    return [*found, *([""] if log.notes else []), *log.notes]


def _ends(alone: Curve) -> str:
    """The first and the last value of a curve."""
    ends = alone.endpoints()
    if ends is None:
        return "no values"
    return (
        f"{shown(ends.first)} at step {alone.steps[0]}, "
        f"{shown(ends.last)} at step {ends.final_step}"
    )
