"""Flags: exact numbers, whole numbers, words; each refusal is one sentence."""

from __future__ import annotations

from argparse import ArgumentTypeError
from fractions import Fraction

import pytest

from torchlean.cli.arguments import Parser, one_of, positive_number, whole_number
from torchlean_spec.errors import TorchLeanError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", Fraction(1, 10)),
        ("1e-3", Fraction(1, 1000)),
        ("1/3", Fraction(1, 3)),
        (".5", Fraction(1, 2)),
        ("1.", Fraction(1)),
    ],
)
def test_numbers_are_exact(text: str, number: Fraction) -> None:
    """A decimal or a fraction is the real that it stands for."""
    assert positive_number(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", "", "1/0"])
def test_what_is_no_positive_number(text: str) -> None:
    """The text is quoted as it was given."""
    with pytest.raises(ArgumentTypeError) as refused:
        positive_number(text)
    assert str(refused.value) == f"expected a number above 0, got {text!r}"


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "x", "", "1_000", "٣"])
def test_what_is_no_whole_number(text: str) -> None:
    """Digits alone are taken, from the least on."""
    with pytest.raises(ArgumentTypeError) as refused:
        whole_number(0)(text)
    assert str(refused.value) == f"expected a whole number of at least 0, got {text!r}"


def test_whole_numbers_and_words() -> None:
    """What is taken is returned."""
    assert whole_number(0)("0") == 0
    assert whole_number(1)("12") == 12
    assert one_of(("a", "b"))("b") == "b"


def test_flags_are_never_abbreviated() -> None:
    """The beginning of a flag is no flag, but the flag is suggested."""
    parser = Parser("test [flags]", "A test.")
    parser.add_argument("--batch-size")
    with pytest.raises(TorchLeanError) as refused:
        parser.read(["--batch", "3"])
    assert str(refused.value) == (
        "expected a flag of torchlean test, got '--batch' (did you mean --batch-size?)"
    )
