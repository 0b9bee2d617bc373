"""The runtime flags of a program: read from its arguments, the rest passed on.

>>> options, rest = read_options(["--steps", "9", "--dtype=float64", "--strict"])
>>> options.dtype, options.strict, rest
('float64', True, ['--steps', '9'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torchlean.execution import BackendName
from torchlean.options import Options
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.training import NumberFormat

VALUED = ("--dtype", "--backend", "--device", "--seed", "--threads")
"""The flags that take a value, as `--flag value` or `--flag=value`."""

BARE = ("--strict", "--fast-kernels")
"""The flags that stand alone."""


def read_options(arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """The options that a program's arguments ask for, and the other arguments.

    A flag is given at most once. The word after a flag that takes a value is the
    value, whatever it looks like. Behind a word `--` nothing is read; the word itself
    stays.

    Args:
        arguments: The words of a command line, without the program's name.

    Raises:
        TorchLeanError: `CONTRADICTION` for a flag given twice, `UNKNOWN_NAME` for one
            without its value or with a value that it does not take, else what
            `Options` refuses.

    Source: the original's `NN/API/Public/Runtime/Module.lean:140-242`, whose `--seed`
    never reaches most programs (`docs/deviations.md`, B35).
    """
    words, rest = list(arguments), []
    given: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "--":
            rest += [word, *words]
            break
        flag, equals, value = word.partition("=")
        if flag not in VALUED and word not in BARE:
            rest.append(word)
            continue
        if flag in given:
            raise TorchLeanError(
                Reason.CONTRADICTION, f"expected {flag} once, got it twice"
            )
        if flag in VALUED and not equals:
            if not words:
                raise TorchLeanError(
                    Reason.UNKNOWN_NAME, f"expected a value after {flag}, got nothing"
                )
            value = words.pop(0)
        given[flag] = value
    return _options(given), rest


def _options(given: dict[str, str]) -> Options:
    threads = _whole("--threads", given["--threads"]) if "--threads" in given else None
    return Options(
        # Options refuses other names by itself.
        backend=cast("BackendName", given.get("--backend", "compiled")),
        device=given.get("--device", "cpu"),
        seed=_whole("--seed", given.get("--seed", "0")),
        strict="--strict" in given,
        fast_kernels=True if "--fast-kernels" in given else None,
        dtype=cast("NumberFormat", given.get("--dtype", "float32")),
        threads=threads,
    )


def _whole(flag: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"{flag}: expected a whole number, got {text!r}"
        )
    return int(text)
