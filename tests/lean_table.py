"""The table of the original's names in `docs/lean-api.md`, read and held to the code.

Each row: the original's name, ours, our signature, one sentence, the tests that show
it, and the rows of `docs/deviations.md` where the two differ. A name that is not built
says `declined` in the place of ours, and gives its reason.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torchlean

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lean-api.md"
NAMES = ROOT / "tests" / "lean_names.txt"
DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    original: str
    ours: str
    signature: str
    sentence: str
    tests: tuple[str, ...]
    """As pytest spells them, `tests/path.py::name`."""
    deviations: tuple[str, ...]


def rows(text: str) -> Iterator[Row]:
    """The rows of every table of the page.

    >>> line = "| `optim.sgd` | `tl.optim.SGD` | `()` | Plain. | `tests/a.py::b` | B1 |"
    >>> next(rows(line)).deviations
    ('B1',)
    """
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6 and cells[0].startswith("`"):
            yield Row(
                cells[0].strip("`"),
                cells[1].strip("`"),
                cells[2].strip("`").replace("\\|", "|"),
                cells[3],
                tuple(re.findall(r"`(tests/[^`]+)`", cells[4])),
                tuple(re.findall(r"\bB\d+\b", cells[5])),
            )


def wanted() -> list[str]:
    """Every name that the original's page exports, one a line."""
    return NAMES.read_text("utf-8").split()


def resolve(path: str) -> object:
    """What a dotted name such as `tl.optim.Kind.parse` stands for.

    Raises:
        AttributeError: If there is no such thing.
    """
    head, *names = path.split(".")
    if head != "tl":
        raise AttributeError(f"expected a name that begins with tl., got {path}")
    return functools.reduce(getattr, names, torchlean)


def signature_of(path: str) -> str:
    """The parameters of what a name stands for, with their defaults; `-` for none.

    >>> signature_of("tl.loss.MeanSquaredError")
    "(reduction='mean')"
    """
    found = resolve(path)
    # An enumeration's signature is Python's own, and differs between versions.
    alias = type(found).__module__ in ("typing", "enum")
    if alias or not callable(found) or getattr(found, "_is_protocol", False):
        return "-"
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return "-"
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    if _is_method(path) and bare and bare[0].name == "self":
        bare = bare[1:]
    text = str(inspect.Signature(bare))
    return re.sub(r"<([\w.]+)[^>]*>", r"\1", text)


def _is_method(path: str) -> bool:
    """Whether the name is that of a class and of something in it."""
    *_, holder, name = path.split(".")
    return bool(holder[:1].isupper() and name)


def with_signatures(text: str) -> str:
    """The page with each signature as it is in the code."""
    lines = text.splitlines(keepends=True)
    for place, line in enumerate(lines):
        for row in rows(line):
            if row.ours != DECLINED:
                cells = re.split(r"(?<!\\)\|", line)
                shown = signature_of(row.ours).replace("|", "\\|")
                cells[3] = f" `{shown}` "
                lines[place] = "|".join(cells)
    return "".join(lines)


def complaints(root: Path, text: str, names: list[str]) -> list[str]:
    """What is wrong with a page: one sentence for each fault."""
    table = list(rows(text))
    seen = [row.original for row in table]
    missing = [name for name in names if name not in seen]
    several = sorted({name for name in seen if seen.count(name) > 1})
    found = [f"expected a row for {name}, got none" for name in missing]
    found += [f"{name}: expected one row, got several" for name in several]
    for row in table:
        found += [f"{row.original}: expected {each}" for each in _faults(root, row)]
    return found


def _faults(root: Path, row: Row) -> Iterator[str]:
    """What is wrong with a row: what was expected and what is there."""
    if not row.sentence.endswith("."):
        yield f"a sentence, got {row.sentence!r}"
    for deviation in row.deviations:
        if deviation not in _deviations():
            yield f"a row {deviation} of deviations, got none"
    if row.ours == DECLINED:
        return
    try:
        shown = signature_of(row.ours)
    except AttributeError:
        yield f"{row.ours} to exist, got nothing"
        return
    if shown != row.signature:
        yield f"the signature {shown}, got {row.signature}"
    if not row.tests:
        yield "a test, got none"
    for test in row.tests:
        path, _, name = test.partition("::")
        if name.partition("[")[0] not in _functions(root / path):
            yield f"a test {test}, got none"


@functools.cache
def _deviations() -> frozenset[str]:
    """The rows of the page of deviations."""
    page = (ROOT / "docs" / "deviations.md").read_text("utf-8")
    return frozenset(re.findall(r"^\| (B\d+) \|", page, re.MULTILINE))


@functools.cache
def _functions(path: Path) -> frozenset[str]:
    """The names of a module's functions; none if there is no module."""
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text("utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))


if __name__ == "__main__":
    PAGE.write_text(with_signatures(PAGE.read_text("utf-8")), "utf-8")
    faults = complaints(ROOT, PAGE.read_text("utf-8"), wanted())
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
