"""Every command line that the documents show runs, and prints what they say.

A block fenced as `console` is run line by line in one folder for each page; what stands
below a line is what it prints, `...` stands for any lines, and numbers that depend on
the machine are not compared. A block fenced as `csv NAME` is a file there. `$ echo $?`
asks for the exit code of the line before, which is 0 elsewhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from torchlean.cli import OURS, main

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "command-line.md",)


@dataclass(frozen=True)
class Line:
    """A command line, what it prints, and how it ends."""

    words: tuple[str, ...]
    output: tuple[str, ...]
    code: int = 0


def files_of(text: str) -> dict[str, str]:
    """The files that a page shows."""
    found = re.findall(r"^```csv (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def lines_of(text: str) -> Iterator[Line]:
    """The command lines of `torchlean` on a page, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        for part, following in zip(parts, [*parts[1:], ""], strict=True):
            command, *output = part.splitlines()
            if not command.startswith("torchlean "):
                continue
            code = int(following.splitlines()[1]) if "echo $?" in following else 0
            yield Line(tuple(shlex.split(command)[1:]), tuple(output), code)


def without_measures(text: str) -> str:
    """The text without the numbers that depend on the machine."""
    text = re.sub(r"-?\d+(\.\d+)?e[+-]?\d+|-?\d+\.\d+", "#", text)
    return re.sub(r"\d+(?= of \d+\))", "#", text)


def is_printed(promised: tuple[str, ...], printed: str) -> bool:
    """Whether the lines that were printed are those that were promised.

    >>> is_printed(("a", "...", "d"), "a\\nb\\nc\\nd\\n")
    True
    >>> is_printed(("a", "...", "d"), "a\\nb\\n"), is_printed((), "a\\n")
    (False, False)
    """
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(without_measures(line)) + r"\n"
        for line in promised
    )
    return re.fullmatch(pattern, without_measures(printed)) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_of_command_lines_keeps_its_word(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each line ends as it should, and prints what stands below it."""
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    for name, content in files_of(text).items():
        Path(name).write_text(content)
    lines = list(lines_of(text))
    assert len(lines) > 5
    for line in lines:
        code = main(line.words)
        captured = capsys.readouterr()
        assert (line.words, code) == (line.words, line.code)
        printed = captured.out + captured.err
        assert is_printed(line.output, printed), (line.words, printed)


def test_every_command_has_a_line() -> None:
    """The page shows each of our commands, or speaks of it."""
    text = PAGES[0].read_text("utf-8")
    assert [name for name in OURS if f"torchlean {name}" not in text] == []


def test_the_flags_on_the_page_are_flags(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each flag that the page names is in the help of some command."""
    text = PAGES[0].read_text("utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    known = {"--help"}
    for command in OURS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        known |= set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    assert named - known == set()


def test_the_commands_of_the_readme_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each command line of its table, with the files of a run where it names them."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^\| `torchlean ([^`]+)`", text, re.MULTILINE)
    assert {"train digits", "plan digits", "certify PATH", "laws"} <= set(commands)
    # The shortest run stands for the one that the table names.
    shorter = {"train digits": "train digits --steps 20 --certify 2"}
    left = {
        "PATH": "runs/digits/certificate.json",
        "PARAMETERS": "runs/digits/parameters.safetensors",
        "LOG": "runs/digits/trainlog.json",
    }
    for command in commands:
        if command != "warmup":
            words = shorter.get(command, command).split()
            assert main([left.get(word, word) for word in words]) == 0, command
