"""Record files: known sums, known bytes, and every damage is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.adapters.records import crc32c, frame, masked, unframe
from torchlean_spec.errors import Reason, TorchLeanError


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", 0x00000000),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
    ids=["none", "letter", "digits", "zeros", "ones", "up", "down"],
)
def test_sums_that_are_published(data: bytes, wanted: int) -> None:
    """The check value of the catalogues, and the examples of RFC 3720, B.4."""
    assert crc32c(data) == wanted


def test_a_sum_is_masked() -> None:
    """Turned right by 15 bits, plus the constant, modulo 2^32, low byte first."""
    total = 0xE3069283
    turned = (total >> 15) | (total << 17) & 0xFFFFFFFF
    wanted = (turned + 0xA282EAD8) % 2**32
    assert masked(b"123456789") == wanted.to_bytes(4, "little")


def test_a_record_has_these_bytes() -> None:
    """What TensorFlow's own writer makes of the first event of a file."""
    event = bytes.fromhex("090000000000000000") + b"\x1a\x0dbrain.Event:2"
    assert len(event) == 24
    framed = frame(event)
    assert framed[:8] == bytes.fromhex("1800000000000000")
    assert framed[8:12] == bytes.fromhex("a37f4b22")
    assert framed[12:-4] == event


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_records_read_back(records: list[bytes]) -> None:
    """Any bytes, empty ones too, in their order."""
    data = b"".join(map(frame, records))
    assert list(unframe("events", data)) == records


@given(st.binary(max_size=20), st.data())
def test_every_changed_bit_is_found(record: bytes, data: st.DataObject) -> None:
    """No single bit of a record can be turned without a refusal."""
    framed = bytearray(frame(record))
    place = data.draw(st.integers(0, 8 * len(framed) - 1))
    framed[place // 8] ^= 1 << place % 8
    with pytest.raises(TorchLeanError) as refused:
        list(unframe("events", bytes(framed)))
    assert refused.value.reason is Reason.FILE_FORMAT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            frame(b"a")[:11],
            "events: expected a whole record at byte 0, got the end of the file",
        ),
        (
            frame(b"a") + frame(b"bc")[:-1],
            "events: expected a whole record at byte 17, got the end of the file",
        ),
        (
            b"\x02" + frame(b"a")[1:],
            "events: expected a whole record at byte 0, got another sum of its length",
        ),
        (
            frame(b"a")[:-5] + b"b" + frame(b"a")[-4:],
            "events: expected a whole record at byte 0, got another sum of its bytes",
        ),
    ],
    ids=["head", "end", "length", "bytes"],
)
def test_damage_is_one_sentence(data: bytes, message: str) -> None:
    """The place is named, and what is wrong there."""
    with pytest.raises(TorchLeanError) as refused:
        list(unframe("events", data))
    assert refused.value.reason is Reason.FILE_FORMAT
    assert str(refused.value) == message
