"""Whether a file could be written, found out before the work that it is for.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> require_writable(folder / "new" / "file")
>>> (folder / "new" / "file").exists()
False
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from torchlean.files import replacing
from torchlean_spec.errors import Reason, TorchLeanError


class _Writable(Exception):
    """A file could be written; what stands in its place shall stay as it is."""


def require_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path to which no file can be written; its folder is made.

    Nothing is left behind, and a file that stands there is not touched.

    Raises:
        TorchLeanError: `FILE_ACCESS`.
    """
    if Path(path).is_dir():
        raise TorchLeanError(
            Reason.FILE_ACCESS,
            f"expected a file that can be written, got {os.fspath(path)}: "
            "is a directory",
        )
    if Path(path).exists() and not Path(path).is_file():
        # A pipe or a device is written to directly; nobody can try without writing.
        return
    with suppress(_Writable), replacing(path) as beside:
        beside.touch()
        raise _Writable
