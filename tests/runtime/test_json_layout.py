"""The layout of the original's JSON files, and strict reading."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.json_layout import WIDTH, Json, layout, parse
from torchlean_spec.errors import Reason, TorchLeanError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.dictionaries(st.text(max_size=12), inner, max_size=6)
    ),
    max_leaves=40,
)


@given(VALUES)
def test_what_is_written_reads_back(value: Json) -> None:
    """The default dialect loses nothing: not a digit, not the sign of a zero."""
    assert repr(parse("value", layout(value))) == repr(_with_descending_keys(value))


@given(VALUES)
def test_the_layout_changes_white_space_only(value: Json) -> None:
    """Without its white space the text is the compact JSON with descending keys."""
    compact = json.dumps(
        _with_descending_keys(parse("value", layout(value))),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    again = json.loads(layout(value))
    assert json.dumps(again, ensure_ascii=False, separators=(",", ":")) == compact


def test_a_manifest_has_the_layout_that_lean_writes() -> None:
    """Elements past column 80 break all or none, keys descend, brackets nest by one."""
    value: Json = {
        "version": "1.1.0",
        "packagesDir": ".lake/packages",
        "packages": [
            {"url": "https://example.org/" + "p" * 60, "type": "git", "subDir": None},
            {"type": "path", "inherited": False},
        ],
        "name": "digits",
    }
    assert layout(value) == (
        '{"version": "1.1.0",\n'
        ' "packagesDir": ".lake/packages",\n'
        ' "packages":\n'
        ' [{"url":\n'
        f'   "https://example.org/{"p" * 60}",\n'
        '   "type": "git",\n'
        '   "subDir": null},\n'
        '  {"type": "path", "inherited": false}],\n'
        ' "name": "digits"}'
    )


def test_closing_brackets_count() -> None:
    """A line is full at 80 columns, the brackets that close behind it included."""
    fits, breaks = "n" * 65, "n" * 66
    assert layout({"notes": [fits]}) == f'{{"notes": ["{fits}"]}}'
    assert len(layout({"notes": [fits]})) == WIDTH
    assert layout({"notes": [breaks]}) == f'{{"notes":\n ["{breaks}"]}}'


def test_a_comma_counts() -> None:
    """What follows a member on its line takes a column as well."""
    fits, breaks = "n" * 71, "n" * 72
    assert layout({"b": fits, "a": 1}) == f'{{"b": "{fits}",\n "a": 1}}'
    assert layout({"b": breaks, "a": 1}) == f'{{"b":\n "{breaks}",\n "a": 1}}'


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_bracket_that_closes_counts(depth: int) -> None:
    """The innermost bracket breaks when the outer ones behind it do not fit."""
    fits = "n" * (WIDTH - 2 * depth - len('"", 1'))
    value: Json = [fits, 1]
    wider: Json = [fits + "n", 1]
    for _ in range(depth - 1):
        value, wider = [value], [wider]
    opening, closing = "[" * depth, "]" * depth
    assert layout(value) == f'{opening}"{fits}", 1{closing}'
    assert layout(wider) == f'{opening}"{fits}n",\n{" " * depth}1{closing}'


def test_strings_are_escaped_as_lean_does() -> None:
    """Quotes, backslashes, line ends and control characters; nothing else."""
    assert layout('"\\\n\r\t\x00\x7f\u00e9\u20ac/') == (
        '"\\"\\\\\\n\\r\\u0009\\u0000\x7f\u00e9\u20ac/"'
    )


@pytest.mark.parametrize(
    ("value", "lean", "ours"),
    [
        (0.5, "0.5", "0.5"),
        (2.0, "2", "2.0"),
        (100.0, "100", "100.0"),
        (-2.5, "-2.5", "-2.5"),
        (0.0, "0", "0.0"),
        (-0.0, "0", "-0.0"),
        (1e-7, "0", "1e-07"),
        (-1e-7, "0", "-1e-07"),
        (5e-7, "0", "5e-07"),
        (1.5e-6, "0.000002", "1.5e-06"),
        (1 / 3, "0.333333", "0.3333333333333333"),
        (1e22, "10000000000000000000000", "1e+22"),
        (math.nan, '"NaN"', '"NaN"'),
        (math.inf, '"Infinity"', '"Infinity"'),
        (-math.inf, '"-Infinity"', '"-Infinity"'),
    ],
)
def test_numbers_of_both_dialects(value: float, lean: str, ours: str) -> None:
    """The original has six decimals and no signed zero; ours reads back the same."""
    assert layout(value, "lean") == lean
    assert layout(value) == ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ("[NaN]", "a bare NaN"),
        ("[-Infinity]", "a bare -Infinity"),
        ("[1e999]", "1e999, which no binary64 number holds"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_is_not_json_is_refused(text: str, message: str) -> None:
    """One sentence that says what was read, and why it is not JSON."""
    with pytest.raises(TorchLeanError) as refused:
        parse("log.json", text)
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == f"log.json: expected JSON, got {message}"


def test_names_of_files_that_are_no_text() -> None:
    """What stands for a byte that is no UTF-8 is escaped, and reads back the same."""
    name = b"curve-\xff.png".decode("utf-8", "surrogateescape")
    assert layout(name) == '"curve-\\udcff.png"'
    assert parse("name", layout(name)) == name


@given(VALUES)
def test_compact_text_reads_back(value: Json) -> None:
    """Without white space the value is the same, on one line."""
    text = layout(value, pretty=False)
    assert repr(parse("value", text)) == repr(_with_descending_keys(value))
    assert "\n" not in text


def test_another_dialect_is_refused() -> None:
    """A word that is none of the two does not fall back to one of them."""
    dialect: Any = "leen"
    with pytest.raises(TorchLeanError) as refused:
        layout([0.5], dialect)
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == "expected 'torchlean' or 'lean', got 'leen'"


def test_brackets_without_end_are_refused() -> None:
    """A file of opening brackets is an error of the file, not a crash."""
    with pytest.raises(TorchLeanError) as refused:
        parse("log.json", "[" * 100_000)
    assert refused.value.reason is Reason.FILE_FORMAT


def _with_descending_keys(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            key: _with_descending_keys(value[key])
            for key in sorted(value, reverse=True)
        }
    if isinstance(value, list):
        return [_with_descending_keys(element) for element in value]
    return value
