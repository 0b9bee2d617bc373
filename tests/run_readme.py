"""Runs the Python examples of a Markdown file and checks what they print.

    python tests/run_readme.py README.md

Every block that is fenced as `python` runs, in order, in one namespace. A comment
`# prints TEXT` belongs to the statement that it stands in, behind or below: the lines
which that statement prints must be those texts. What other statements print is not
looked at. The exit code is 1, with one sentence, if anything differs.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import sys
import tokenize
from pathlib import Path

MARK = "# prints "


def blocks(text: str) -> list[tuple[int, str]]:
    """The blocks fenced as `python`: the line number of each, and its code."""
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start(1)) + 1, m.group(1)) for m in found]


def promises(code: str) -> dict[int, str]:
    """What `# prints` comments say, by line."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return {
        token.start[0]: token.string.removeprefix(MARK).strip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.string.startswith(MARK)
    }


def run_block(code: str, name: str, namespace: dict[str, object]) -> int:
    """Run one block; how many promised lines it printed.

    Raises:
        SystemExit: With a sentence, if it printed something else.
    """
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    statements = ast.parse(code, name).body
    expected: dict[int, list[str]] = {}
    for line, text in promises(code).items():
        owners = [at for at, one in enumerate(statements) if one.lineno <= line]
        if not owners:
            raise SystemExit(
                f"{name}, line {line}: expected a statement before {text!r}, got none"
            )
        expected.setdefault(owners[-1], []).append(text)
    for at, statement in enumerate(statements):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.Module([statement], []), name, "exec"), namespace)
        given = [line.strip() for line in printed.getvalue().splitlines()]
        if at in expected and given != expected[at]:
            raise SystemExit(
                f"{name}, line {statement.lineno}: "
                f"expected to print {expected[at]}, got {given}"
            )
    return sum(map(len, expected.values()))


def run(path: Path) -> tuple[int, int]:
    """Run all blocks of a file: how many there are, and how many lines they kept.

    Raises:
        SystemExit: With a sentence, if the file has no example or one is wrong.
    """
    found = blocks(path.read_text("utf-8"))
    if not found:
        raise SystemExit(f"{path.name}: expected a block fenced as python, got none")
    namespace: dict[str, object] = {"__name__": "__main__"}
    kept = 0
    for line, code in found:
        # Blank lines in front make line numbers those of the file.
        kept += run_block("\n" * (line - 1) + code, path.name, namespace)
    if not kept:
        raise SystemExit(f"{path.name}: expected a comment {MARK.strip()!r}, got none")
    return len(found), kept


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("expected one Markdown file: run_readme.py README.md")
    count, lines = run(Path(sys.argv[1]))
    print(f"{sys.argv[1]}: {count} examples ran, {lines} printed lines as shown")
