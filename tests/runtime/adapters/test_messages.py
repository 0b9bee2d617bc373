"""Protocol buffer messages: known bytes, and what is none is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.adapters.messages import field, fields, single_field
from torchlean_spec.errors import Reason, TorchLeanError

VALUES = st.integers(0, 2**64 - 1) | st.floats() | st.binary(max_size=200)


def test_fields_have_these_bytes() -> None:
    """The examples of the encoding's own page: 150, and the word testing."""
    assert field(1, 150).hex() == "089601"
    assert field(2, b"testing").hex() == "120774657374696e67"
    assert field(3, field(1, 150)).hex() == "1a03089601"
    assert field(1, 0).hex() == "0800"
    assert field(1, 1.0).hex() == "09000000000000f03f"
    assert single_field(2, -2.0).hex() == "15000000c0"
    assert field(16, 0).hex() == "800100"


@given(st.lists(st.tuples(st.integers(1, 2**20), VALUES), max_size=6))
def test_fields_read_back(given_fields: list[tuple[int, int | float | bytes]]) -> None:
    """Integers as such, bytes as such, doubles as their eight bytes."""
    message = b"".join(field(number, value) for number, value in given_fields)
    wanted = [
        (number, struct.pack("<d", value) if isinstance(value, float) else value)
        for number, value in given_fields
    ]
    assert list(fields("message", message)) == wanted


@given(st.floats(width=32))
def test_a_binary32_number_is_kept(value: float) -> None:
    """Its four bytes are those of the number."""
    ((number, packed),) = fields("message", single_field(2, value))
    assert number == 2
    assert packed == struct.pack("<f", value)


@pytest.mark.parametrize(
    ("value", "wanted"), [(1e39, b"\x80\x7f"), (-1e39, b"\x80\xff")]
)
def test_what_is_too_large_becomes_infinite(value: float, wanted: bytes) -> None:
    """As rounding to binary32 has it."""
    assert single_field(2, value)[-2:] == wanted


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x08", "one that is cut short"),
        (b"\x08\x80", "one that is cut short"),
        (b"\x12\x02a", "one that is cut short"),
        (b"\x09\x00", "one that is cut short"),
        (b"\x15\x00", "one that is cut short"),
        (b"\x0b", "the wire type 3"),
        (b"\x08" + b"\x80" * 11, "a number of more than 64 bits"),
        (b"\x08" + b"\xff" * 9 + b"\x7f", "a number of more than 64 bits"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, found: str) -> None:
    """One sentence says what was found."""
    with pytest.raises(TorchLeanError) as refused:
        list(fields("message", data))
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == (
        f"message: expected a protocol buffer message, got {found}"
    )
