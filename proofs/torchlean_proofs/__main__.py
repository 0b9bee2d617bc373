"""The commands `certify`, `laws` and `prove`; the first two are parts of `torchlean`.

    python -m torchlean_proofs certify runs/digits/certificate.json [--json]
    python -m torchlean_proofs laws [list | show ID | check [ID]]
    python -m torchlean_proofs prove [ID] [--write]

Exit codes: 0 certified, or every law holds; 1 refused; 2 usage, or a file that
cannot be read. `certify` and `laws` import neither NumPy nor Numba.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from torchlean_spec.errors import TorchLeanError

CERTIFIED, REFUSED, UNUSABLE = 0, 1, 2
"""The exit codes."""


def certify_command(argv: Sequence[str]) -> int:
    """Judge a certificate and say what was found.

    Args:
        argv: A path, and `--json` for a report in JSON.

    Returns:
        0 if certified, 1 if refused, 2 if there is nothing to judge.
    """
    import json
    from pathlib import Path

    from torchlean_proofs.arguments import Parser
    from torchlean_proofs.certify import certify
    from torchlean_proofs.report import lines, report_json
    from torchlean_spec.certificate import read

    parser = Parser("certify", "Judge a run's certificate with the spec alone.")
    parser.add_argument("path", type=Path, help="such as runs/digits/certificate.json")
    parser.add_argument("--json", action="store_true", help="print a report in JSON")
    try:
        options = parser.parse_args(argv)
        found = read(options.path)
        report = certify(found.certificate, intact=found.intact)
    except TorchLeanError as error:
        return refuse(error)
    if options.json:
        print(json.dumps(report_json(report), indent=1))
    else:
        print("\n".join(lines(report)))
    return CERTIFIED if report.certified else REFUSED


def laws_command(argv: Sequence[str]) -> int:
    """Print the ledger of laws, or check them.

    Args:
        argv: `list` (the default), `show ID`, or `check` with or without an id.

    Returns:
        0 if what was asked for holds, 1 if a law is broken, 2 for an unknown id.
    """
    from torchlean_proofs import ledger
    from torchlean_proofs.arguments import Parser

    parser = Parser("laws", "What is claimed, and on what evidence.")
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "show", "check"),
        default="list",
        help="print every law and theorem (list), one with witness and mutants or "
        "with what it rests on (show), or run every law or one of them anew (check)",
    )
    parser.add_argument("identifier", nargs="?", metavar="ID", help="a law's name")
    try:
        options = parser.parse_args(argv)
        if options.action == "show" and options.identifier is None:
            parser.error("expected the name of a law to show, got none")
        if options.action == "list" and options.identifier is not None:
            parser.error(f"expected no name after list, got {options.identifier!r}")
        if options.action == "check":
            return CERTIFIED if ledger.check(options.identifier) else REFUSED
        show = options.action == "show"
        said = ledger.shown(options.identifier) if show else ledger.listed()
    except TorchLeanError as error:
        return refuse(error)
    print("\n".join(said))
    return CERTIFIED


def prove_command(argv: Sequence[str]) -> int:
    """Prove theorems, with every mutant.

    Args:
        argv: The name of a theorem, all by default; `--write` writes the file.

    Returns:
        0 if all of them hold, 1 if a theorem is broken, 2 for an unknown name.
    """
    from torchlean_proofs.arguments import Parser

    parser = Parser("prove", "Prove theorems about the code that runs.")
    parser.add_argument("identifier", nargs="?", metavar="ID", help="a theorem's name")
    parser.add_argument(
        "--write", action="store_true", help="write theorems.json if all are kept"
    )
    try:
        options = parser.parse_args(argv)
        from torchlean_proofs import proving

        kept = proving.check(options.identifier, options.write)
    except TorchLeanError as error:
        return refuse(error)
    return CERTIFIED if kept else REFUSED


def refuse(error: TorchLeanError) -> int:
    """Say in one sentence why nothing was judged."""
    print(f"torchlean: {error}", file=sys.stderr)
    return UNUSABLE


COMMANDS = {
    "certify": certify_command,
    "laws": laws_command,
    "prove": prove_command,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] in COMMANDS:
        return COMMANDS[given[0]](given[1:])
    if given and given[0] in ("-h", "--help"):
        print(__doc__)
        return CERTIFIED
    names = ", ".join(COMMANDS)
    got = given[0] if given else "none"
    print(
        f"torchlean_proofs: expected a command among {names}, got {got}",
        file=sys.stderr,
    )
    return UNUSABLE


if __name__ == "__main__":
    raise SystemExit(main())
