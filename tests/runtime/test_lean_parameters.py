"""The original's parameter files: bit patterns in JSON."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.lean_parameters import from_lean_text, to_lean_text
from torchlean_spec.errors import Reason, TorchLeanError

HALVES = (
    '{"params":\n'
    ' [{"values": [4602678819172646912, 13826050856027422720], "shape": [1, 2]},\n'
    '  {"values": [0], "shape": []}],\n'
    ' "format": "torchlean_paramlist_bits_v1"}'
)
EXPECTED = {"weight": ("float64", (1, 2)), "bias": ("float64", ())}


def test_the_text_is_the_originals_byte_for_byte() -> None:
    """Bits as integers, shapes, no names, no line end behind."""
    parameters = {"weight": np.array([[0.5, -0.5]]), "bias": np.array(0.0)}
    assert to_lean_text(parameters) == HALVES
    loaded = from_lean_text("file", HALVES, EXPECTED)
    assert list(loaded) == ["weight", "bias"]
    assert loaded["weight"].tolist() == [[0.5, -0.5]]
    assert loaded["bias"].tolist() == 0.0


@given(st.lists(st.integers(0, 2**64 - 1), max_size=8))
def test_every_bit_pattern_survives(words: list[int]) -> None:
    """Infinities, subnormals and the payload of a NaN come back as they were."""
    wide = np.array(words, np.uint64).view(np.float64)
    loaded = from_lean_text(
        "file", to_lean_text({"a": wide}), {"a": ("float64", wide.shape)}
    )
    assert loaded["a"].tobytes() == wide.tobytes()


@given(st.lists(st.floats(width=32), max_size=8))
def test_float32_parameters_survive(values: list[float]) -> None:
    """Each float32 number is a float64 number, and comes back as itself."""
    narrow = np.array(values, np.float32)
    loaded = from_lean_text(
        "file", to_lean_text({"a": narrow}), {"a": ("float32", narrow.shape)}
    )
    assert repr(loaded["a"]) == repr(narrow)


def test_surplus_parameters_are_refused() -> None:
    """A file with more or fewer parameters than the model is of another model."""
    one = {"weight": EXPECTED["weight"]}
    with pytest.raises(TorchLeanError) as surplus:
        from_lean_text("file", HALVES, one)
    assert surplus.value.reason is Reason.OTHER_MODEL
    assert str(surplus.value) == "file: expected 1 parameters, got 2"
    with pytest.raises(TorchLeanError) as missing:
        from_lean_text("file", HALVES, {**EXPECTED, "scale": ("float64", ())})
    assert str(missing.value) == "file: expected 3 parameters, got 2"


def test_a_number_that_would_be_rounded_is_refused() -> None:
    """Reading float64 parameters for a float32 model never rounds in silence."""
    text = to_lean_text({"bias": np.array([0.5, 0.1, np.nan])})
    with pytest.raises(TorchLeanError) as refused:
        from_lean_text("file", text, {"bias": ("float32", (3,))})
    assert refused.value.reason is Reason.OTHER_MODEL
    assert str(refused.value) == "file: bias[1]: expected a float32 number, got 0.1"
    large = to_lean_text({"bias": np.array([1e300])})
    with pytest.raises(TorchLeanError) as overflow:
        from_lean_text("file", large, {"bias": ("float32", (1,))})
    assert str(overflow.value) == "file: bias[0]: expected a float32 number, got 1e+300"


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        (
            HALVES.replace("[1, 2]", "[2]"),
            Reason.OTHER_MODEL,
            "file: weight: expected shape [1, 2], got [2]",
        ),
        (
            HALVES.replace("[0]", "[]"),
            Reason.FILE_FORMAT,
            "file: bias: expected 1 values, got 0",
        ),
        (
            HALVES.replace("[0]", "[18446744073709551616]"),
            Reason.FILE_FORMAT,
            "file: bias[0]: expected an integer from 0 to 2^64 - 1, "
            "got 18446744073709551616",
        ),
        (
            HALVES.replace('"shape": []', '"rank": 0'),
            Reason.FILE_FORMAT,
            "file: bias: expected an object with shape and values",
        ),
        (
            HALVES.replace("_v1", "_v2"),
            Reason.FILE_FORMAT,
            "file: expected an object with params and the format "
            'torchlean_paramlist_bits_v1, got the format "torchlean_paramlist_bits_v2"',
        ),
        (
            "[]",
            Reason.FILE_FORMAT,
            "file: expected an object with params and the format "
            "torchlean_paramlist_bits_v1, got the format null",
        ),
        (
            HALVES[:-1],
            Reason.FILE_FORMAT,
            "file: expected JSON, got Expecting ',' delimiter: "
            "line 4 column 41 (char 160)",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    text: str, reason: Reason, message: str
) -> None:
    """One sentence names the place, what belongs there and what stands there."""
    with pytest.raises(TorchLeanError) as refused:
        from_lean_text("file", text, EXPECTED)
    assert refused.value.reason is reason
    assert str(refused.value) == message


def test_numbers_that_are_not_floats_are_refused() -> None:
    """The original's format holds binary64 numbers only."""
    with pytest.raises(TorchLeanError) as refused:
        to_lean_text({"index": np.array([1])})
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == (
        "index: expected one of float16, float32, float64 for dialect lean, got int64"
    )
