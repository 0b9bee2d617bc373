"""Flags of the commands: refused in one sentence."""

from __future__ import annotations

import argparse
from typing import NoReturn

from torchlean_spec.errors import Reason, TorchLeanError


class Parser(argparse.ArgumentParser):
    """A parser whose refusals are `TorchLeanError`s of one sentence.

    >>> Parser("certify", "Judge a certificate.").parse_args(["--fast"])
    Traceback (most recent call last):
    torchlean_spec.errors.TorchLeanError: certify: unrecognized arguments: --fast \
(torchlean certify --help)
    """

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"torchlean {command}", description=description, allow_abbrev=False
        )
        self._command = command

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise TorchLeanError(
            Reason.UNKNOWN_NAME, f"{self._command}: {message} ({self.prog} --help)"
        )
