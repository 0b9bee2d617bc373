"""Flags: read strictly, refused in one sentence.

A flag is given at most once, is never abbreviated, and stands behind the command.
"""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NoReturn

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import exact


class Once(argparse.Action):
    """Stores a value, and refuses a second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        given = getattr(namespace, "given", {})
        if self.dest in given:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected {option_string} once, got it twice",
            )
        namespace.given = {**given, self.dest: option_string}
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """A parser whose refusals are `TorchLeanError`s of one sentence."""

    def __init__(self, usage: str, description: str, epilog: str = "") -> None:
        command = usage.partition(" ")[0]
        super().__init__(
            prog=f"torchlean {command}",
            usage=f"torchlean {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise TorchLeanError(Reason.UNKNOWN_NAME, message.removeprefix("argument "))

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The flags of a command line.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` for a flag that does not exist or a value
                that it does not take, `CONTRADICTION` for one that is given twice.
        """
        found, unknown = self.parse_known_args(self._joined(words))
        if unknown:
            known = [flag for each in self._actions for flag in each.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"{self.prog} --help"
            self.error(f"expected a flag of {self.prog}, got {unknown[0]!r} ({hint})")
        return found

    def _joined(self, words: Sequence[str]) -> list[str]:
        """The words, each flag with its value in one, even if that begins with -."""
        valued = {
            flag
            for each in self._actions
            for flag in each.option_strings
            if each.nargs is None
        }
        joined: list[str] = []
        waiting = iter(words)
        for word in waiting:
            value = next(waiting, None) if word in valued else None
            joined.append(word if value is None else f"{word}={value}")
        return joined


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """A value among some words."""

    def read(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(words)}, got {text!r}"
            )
        return text

    return read


def whole_number(least: int) -> Callable[[str], int]:
    """A whole number of at least so much."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or not text.isascii() or "_" in text:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, got {text!r}"
            )
        return number

    return read


def positive_number(text: str) -> Fraction:
    """An exact number above 0, as a decimal or a fraction."""
    number = _exact(text)
    if number is None or number <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def number_from_zero(text: str) -> Fraction:
    """An exact number of at least 0, as a decimal or a fraction."""
    number = _exact(text)
    if number is None or number < 0:
        raise argparse.ArgumentTypeError(
            f"expected a number of at least 0, got {text!r}"
        )
    return number


def _exact(text: str) -> Fraction | None:
    try:
        return exact(text)
    except TorchLeanError:
        return None


def widths(text: str) -> tuple[int, ...]:
    """Whole numbers of at least 1 between commas; none of an empty text.

    >>> widths("64,32"), widths("")
    ((64, 32), ())
    """
    if not text:
        return ()
    return tuple(map(whole_number(1), text.split(",")))


def numbers(text: str) -> tuple[float, ...]:
    """Finite numbers between commas.

    >>> numbers("0.25,-1e3")
    (0.25, -1000.0)
    """
    try:
        found = tuple(map(float, text.split(",")))
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise argparse.ArgumentTypeError(
            f"expected finite numbers between commas, got {text!r}"
        )
    return found
