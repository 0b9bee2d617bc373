"""`torchlean plan`: the plan that a run would follow, row by row."""

from __future__ import annotations

from collections.abc import Sequence

from torchlean.cli import DONE
from torchlean.cli.arguments import Parser
from torchlean.cli.settings import add_flags, settings_of


def main(words: Sequence[str]) -> int:
    """Print the plan that a run would follow, row by row."""
    parser = Parser(
        "plan DATA [flags]",
        "Print the plan that `torchlean train` with the same flags would follow: the\n"
        "buffers, and the kernels that a step calls, row by row.",
    )
    add_flags(parser)
    print(settings_of(parser.read(words)).plan.text())
    return DONE
