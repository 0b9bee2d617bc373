"""Protocol buffer messages, by hand: fields in, bytes out, and back.

A message is a sequence of fields. Each begins with a number of base 128, the field's
number times 8 plus its wire type: 0, a number of base 128; 1, eight bytes; 2, bytes
behind their length; 5, four bytes
(https://protobuf.dev/programming-guides/encoding).

>>> text = field(1, b"loss") + field(2, 300) + field(3, 0.5)
>>> text.hex()
'0a046c6f737310ac0219000000000000e03f'
>>> [number for number, _ in fields("event", text)]
[1, 2, 3]
>>> list(fields("event", text))[:2]
[(1, b'loss'), (2, 300)]
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from torchlean_spec.errors import Reason, TorchLeanError

_NUMBER, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
"""The wire types."""


def field(number: int, value: int | float | bytes) -> bytes:
    """One field: an int64, a double, or bytes.

    Args:
        number: The field's number.
        value: What it holds; an int is not negative.
    """
    if isinstance(value, bytes):
        return _varint(number << 3 | _BYTES) + _varint(len(value)) + value
    if isinstance(value, float):
        return _varint(number << 3 | _EIGHT) + struct.pack("<d", value)
    return _varint(number << 3 | _NUMBER) + _varint(value)


def single_field(number: int, value: float) -> bytes:
    """One field of a binary32 number; what is too large for one becomes infinite.

    >>> single_field(2, 0.5).hex(), single_field(2, 1e300).hex()
    ('150000003f', '150000807f')
    """
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    return _varint(number << 3 | _FOUR) + packed


def fields(what: str, data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: each one's number, and an int or its bytes.

    Args:
        what: What the message is, for the error message.
        data: The message.

    Raises:
        TorchLeanError: `FILE_FORMAT` if it is no message.
    """
    place = 0
    while place < len(data):
        key, place = _read_varint(what, data, place)
        number, wire = key >> 3, key & 7
        if wire == _NUMBER:
            value, place = _read_varint(what, data, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _read_varint(what, data, place)
        elif wire in (_EIGHT, _FOUR):
            size = 8 if wire == _EIGHT else 4
        else:
            raise _refusal(what, f"the wire type {wire}")
        if place + size > len(data):
            raise _refusal(what, "one that is cut short")
        yield number, data[place : place + size]
        place += size


def _varint(value: int) -> bytes:
    """A number of base 128, the lowest digit first."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _read_varint(what: str, data: bytes, place: int) -> tuple[int, int]:
    """A number of base 128, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise _refusal(what, "one that is cut short")
        digit = data[place]
        place += 1
        value |= (digit & 0x7F) << shift
        if digit < 0x80 and value < 2**64:
            return value, place
    raise _refusal(what, "a number of more than 64 bits")


def _refusal(what: str, found: str) -> TorchLeanError:
    return TorchLeanError(
        Reason.FILE_FORMAT, f"{what}: expected a protocol buffer message, got {found}"
    )
