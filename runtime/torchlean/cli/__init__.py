"""The command `torchlean`: finds a command by its name and runs it.

A command is a function from the words after its name to an exit code. Ours are
imported when they are called; those of other packages are found by the entry points
`torchlean.commands`, so that `torchlean certify` imports nothing of the runtime but
this module.

Exit codes: 0 done; 1 it failed, or what was judged is refused; 2 the command line
makes no sense; 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from torchlean_spec.errors import Reason, TorchLeanError

DONE, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
"""The exit codes."""

Command = Callable[[Sequence[str]], int]

OURS = {
    "train": "train a model on a data set, and certify the run",
    "eval": "evaluate a saved model on a data set or on samples of your own",
    "predict": "print what a saved model answers to inputs of your own",
    "log": "draw the curves of a training log in the terminal",
    "plan": "print the plan that a run would follow, row by row",
    "operations": "print the operations: kernels, laws, what is missing",
    "warmup": "compile every kernel now, so that no run has to wait",
}
"""The commands of the runtime, and what each does."""

GROUP = "torchlean.commands"
"""The entry points that name the commands of other packages."""

FAILURES = frozenset(
    {
        Reason.CLASS_OUT_OF_RANGE,
        Reason.EMPTY_DATA,
        Reason.FILE_ACCESS,
        Reason.FILE_FORMAT,
        Reason.MISSING_DEPENDENCY,
        Reason.NOT_FINITE,
        Reason.OTHER_MODEL,
        Reason.SHAPE_MISMATCH,
    }
)
"""Reasons that a correct command line may meet; the others are its own fault."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that a command line names.

    Args:
        argv: The words after `torchlean`; the process's own by default.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except TorchLeanError as error:
        print(f"torchlean: {error}", file=sys.stderr)
        return FAILED if error.reason in FAILURES else USAGE
    except BrokenPipeError:
        # The reader went away (`torchlean plan digits | head`); nothing is lost.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("\ntorchlean: interrupted", file=sys.stderr)
        return INTERRUPTED


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else ""
    if first in ("-h", "--help"):
        print(usage())
        return DONE
    if first == "--version":
        from torchlean import __version__

        print(f"torchlean {__version__}")
        return DONE
    others = {each.name: each for each in _entries()}
    if first in OURS:
        module = importlib.import_module(f"torchlean.cli.{first}")
        command: Command = module.main
    elif first in others:
        command = others[first].load()
    else:
        known = ", ".join([*OURS, *others])
        given = repr(first) if first else "none"
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a command first, one of {known}, got {given} "
            "(torchlean --help says what each does)",
        )
    return command(words[1:])


def usage() -> str:
    """The text that `torchlean --help` prints."""
    described = dict(OURS)
    for each in _entries():
        described[each.name] = _first_line(each)
    width = max(map(len, described))
    lines = [f"  {name.ljust(width)}  {what}" for name, what in described.items()]
    return "\n".join(
        [
            "usage: torchlean COMMAND ...",
            "",
            "Train neural networks, and certify that a run did what it means.",
            "",
            *lines,
            "",
            "torchlean COMMAND --help explains a command's flags;",
            "torchlean --version prints the version.",
        ]
    )


def _entries() -> Iterable[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda each: each.name)


def _first_line(entry: EntryPoint) -> str:
    """What a command of another package says that it does."""
    said = (entry.load().__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return said[:1].lower() + said[1:]
