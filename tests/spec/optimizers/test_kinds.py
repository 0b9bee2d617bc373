"""Optimizers by a word, and momentum that means what is written."""

from __future__ import annotations

import pytest

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.optimizers import SGD, Adam, AdamW, Kind, momentum_sgd


def test_kinds_are_words_and_names() -> None:
    """Each kind has the word of a command line and the name of its record."""
    assert [(kind.name, kind.value) for kind in Kind] == [
        ("SGD", "sgd"),
        ("Adam", "adam"),
        ("AdamW", "adamw"),
    ]
    assert [Kind.parse(kind.value) for kind in Kind] == list(Kind)


@pytest.mark.parametrize("word", ["SGD", "adam ", "", "rmsprop", "Kind.SGD"])
def test_other_words_are_refused(word: str) -> None:
    """A word is taken exactly as it is written."""
    with pytest.raises(TorchLeanError) as refused:
        Kind.parse(word)
    assert refused.value.reason is Reason.UNKNOWN_NAME
    assert str(refused.value) == (
        f"expected an optimizer sgd, adam or adamw, got {word}"
    )


def test_a_kind_has_the_defaults_of_its_record() -> None:
    """Of a word and of a record comes one optimizer, whichever way it is named."""
    made = [kind.to_optimizer("0.003") for kind in Kind]
    assert made == [SGD("0.003"), Adam("0.003"), AdamW("0.003")]


def test_momentum_is_what_is_asked_for() -> None:
    """0.9 if nothing is said, and nothing if 0 is."""
    assert momentum_sgd("0.1") == SGD("0.1", momentum="0.9")
    assert momentum_sgd("0.1", momentum="0.5") == SGD("0.1", momentum="0.5")
    assert momentum_sgd("0.1", momentum=0) == SGD("0.1")
    with pytest.raises(TorchLeanError) as refused:
        momentum_sgd("0.1", momentum=1)
    assert str(refused.value) == "expected momentum in [0, 1), got 1"
