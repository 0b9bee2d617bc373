"""`torchlean operations`: the registry, and what is missing of each operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import cast

from torchlean.cli import DONE
from torchlean.cli.arguments import Parser
from torchlean.compiler.assembly import SELECTING
from torchlean.compiler.graph import has_kernel
from torchlean.compiler.select import SELECTORS
from torchlean.cpu.registry import Mode
from torchlean.report import table
from torchlean_spec.description import Json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.operations import OPERATIONS

GROUP = "torchlean.registry"
"""The entry point of what the proofs know: laws and mutants of each operation."""

# Importing these modules enters how their operations become calls of kernels.
_ = SELECTING

Row = Mapping[str, Json]
HEAD = (
    "operation",
    "derivative",
    "CPU",
    "CUDA",
    "laws",
    "mutants",
    "missing",
    "meaning",
)

FREE = ("reshape",)
"""Operations that need no kernel: the compiler lets their result be their operand."""


def main(words: Sequence[str]) -> int:
    """Print the operations: kernels, laws, what is missing."""
    parser = Parser(
        "operations [NAME]",
        "Print every primitive operation: whether it has a derivative rule, its CPU\n"
        "and CUDA kernels, how many laws speak of it, how many wrong variants those\n"
        "refute, and what is missing. With a name, all that is known of that one.",
    )
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="such as relu"
    )
    name: str = parser.read(words).name
    found = {str(row["operation"]): row for row in known_rows()}
    if not name:
        print("\n".join(whole_table(found)))
        return DONE
    if name not in found:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected the name of an operation such as 'add', got {name!r}",
        )
    print("\n".join(one(found[name])))
    return DONE


def known_rows() -> list[Row]:
    """What the proofs know of each operation.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` if they are not installed.
    """
    for entry in entry_points(group=GROUP, name="operations"):
        rows: Callable[[], list[Row]] = entry.load()
        return rows()
    raise TorchLeanError(
        Reason.MISSING_DEPENDENCY,
        "expected installed proofs, which know the laws, got none",
    )


def cpu_modes(operation: str) -> tuple[str, ...]:
    """The modes in which an operation has a CPU kernel.

    >>> cpu_modes("relu")
    ('fast', 'strict')
    """
    known = operation in SELECTORS or operation in FREE
    return tuple(
        str(mode)
        for mode in (Mode.FAST, Mode.STRICT)
        if known or has_kernel(operation, mode)
    )


def missing_of(row: Row) -> list[str]:
    """What an operation lacks, by name."""
    lacking = [str(each) for each in cast("list[str]", row["missing"])]
    modes = cpu_modes(str(row["operation"]))
    lacking += [f"CPU kernel, {m}" for m in ("fast", "strict") if m not in modes]
    return [*lacking, "CUDA kernel"]


def whole_table(found: Mapping[str, Row]) -> list[str]:
    """The table of all operations, and a line that counts what is missing."""
    counted = Counter(each for row in found.values() for each in missing_of(row))
    shown = [
        (
            name,
            "rule" if row["derivative"] == "rule" else "none",
            ", ".join(cpu_modes(name)) or "none",
            "none",
            str(len(cast("list[str]", row["laws"]))),
            str(row["mutants"]),
            ", ".join(missing_of(row)),
            str(row["meaning"]).strip().rstrip("."),
        )
        for name, row in found.items()
    ]
    total = ", ".join(f"{what} of {count}" for what, count in counted.items())
    return [
        table(HEAD, shown),
        "",
        f"{len(OPERATIONS)} operations; missing: {total}",
    ]


def one(row: Row) -> list[str]:
    """All that is known of one operation."""
    name = str(row["operation"])
    laws = cast("list[str]", row["laws"])
    return [
        f"{name}({', '.join(OPERATIONS[name].operands)}): {row['meaning']}",
        f"  derivative  {row['derivative']}",
        f"  CPU kernel  {', '.join(cpu_modes(name)) or 'none'}",
        "  CUDA kernel none",
        *(f"  law         {each}" for each in laws),
        f"  mutants     {row['mutants']} refuted",
        f"  missing     {', '.join(missing_of(row))}",
    ]
