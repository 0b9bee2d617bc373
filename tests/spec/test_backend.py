"""Buffers hold the bytes that they say, and refuse others."""

import pickle

import pytest

from torchlean_spec.backend import Buffer, Dtype, UnsupportedError
from torchlean_spec.errors import Reason, TorchLeanError


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_values_come_back(dtype: Dtype) -> None:
    """What a buffer was made of is what it holds."""
    buffer = Buffer.of(dtype, (2, 2), [1, -2, 3, 0])
    assert buffer.values() == (1, -2, 3, 0)
    assert buffer == Buffer(dtype, (2, 2), buffer.data)


def test_bytes_are_little_endian() -> None:
    """The lowest byte of a number stands first."""
    assert Buffer.of("int64", (), [258]).data == bytes([2, 1, 0, 0, 0, 0, 0, 0])


def test_a_wrong_count_is_refused() -> None:
    """The bytes must be as many as dtype and shape need."""
    with pytest.raises(TorchLeanError) as refusal:
        Buffer("float32", (2, 3), bytes(20))
    assert refusal.value.reason is Reason.SHAPE_MISMATCH
    assert str(refusal.value) == "expected 24 bytes for float32 of shape [2, 3], got 20"


def test_an_unknown_dtype_is_refused() -> None:
    """A dtype that does not exist is named, and those that do."""
    with pytest.raises(TorchLeanError) as refusal:
        Buffer("float16", (1,), bytes(2))  # type: ignore[arg-type]
    assert refusal.value.reason is Reason.UNKNOWN_NAME
    assert str(refusal.value) == "expected dtype float32, float64, int64, got float16"


def test_a_refusal_can_be_sent_on() -> None:
    """Pickling keeps an `UnsupportedError` whole."""
    error = pickle.loads(pickle.dumps(UnsupportedError("expected 'add', got 'sort'")))
    assert type(error) is UnsupportedError
    assert (error.reason, str(error)) == (
        Reason.UNSUPPORTED,
        "expected 'add', got 'sort'",
    )
