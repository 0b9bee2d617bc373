"""The framing of TensorFlow's record files: lengths, bytes, and masked CRC-32C sums.

A record is the number of its bytes (8 bytes, little-endian), the masked sum of those
8 bytes, the bytes, and their masked sum. The sum is CRC-32C (Castagnoli; RFC 3720,
appendix B.4), turned right by 15 bits, plus a constant.

>>> framed = frame(b"loss")
>>> len(framed), list(unframe("events", framed))
(20, [b'loss'])
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from torchlean_spec.errors import Reason, TorchLeanError

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, the lowest power first."""

_MASK = 0xA282EAD8


def _table() -> tuple[int, ...]:
    """What each value of a byte adds to a sum."""
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C sum of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    found = 0xFFFFFFFF
    for byte in data:
        found = found >> 8 ^ _TABLE[(found ^ byte) & 0xFF]
    return found ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The sum of some bytes as it stands in a file.

    >>> masked(b"").hex()
    'd8ea82a2'
    """
    found = crc32c(data)
    turned = (found >> 15 | found << 17) & 0xFFFFFFFF
    return struct.pack("<I", (turned + _MASK) & 0xFFFFFFFF)


def frame(data: bytes) -> bytes:
    """A record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def unframe(what: str, data: bytes) -> Iterator[bytes]:
    """The records of a file, each sum checked.

    Args:
        what: What the bytes are, for the error message.
        data: The file's bytes.

    Raises:
        TorchLeanError: `FILE_FORMAT` if the file is cut short or a sum is wrong.
    """
    place = 0
    while place < len(data):
        head = data[place : place + 12]
        size = int.from_bytes(head[:8], "little") if len(head) == 12 else 0
        if len(head) == 12 and masked(head[:8]) != head[8:]:
            raise _refusal(what, place, "another sum of its length")
        end = place + 12 + size
        if len(head) < 12 or len(data) < end + 4:
            raise _refusal(what, place, "the end of the file")
        if masked(data[place + 12 : end]) != data[end : end + 4]:
            raise _refusal(what, place, "another sum of its bytes")
        yield data[place + 12 : end]
        place = end + 4


def _refusal(what: str, place: int, found: str) -> TorchLeanError:
    return TorchLeanError(
        Reason.FILE_FORMAT,
        f"{what}: expected a whole record at byte {place}, got {found}",
    )
