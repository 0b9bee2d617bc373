"""Elementary functions: the sweep over all numbers, on a sample of its chunks."""

from __future__ import annotations

import numpy
import pytest

from torchlean.cpu import measure_elementary
from torchlean.cpu.calling import call
from torchlean.cpu.measure_elementary import (
    CHUNK,
    NAMES,
    Outcome,
    Workspace,
    correctly_rounded,
    measure,
)
from torchlean.cpu.registry import Mode

STARTS = [
    *[0x00000000, 0x007C0000, 0x00800000, 0x33000000, 0x3F340000, 0x3F800000],
    *[0x3FB00000, 0x40280000, 0x41100000, 0x42AC0000, 0x42B00000, 0x7F7C0000],
    *[0x7F800000, 0x80000000, 0xBF340000, 0xBF7C0000, 0xBF800000, 0xC0280000],
    *[0xC2AC0000, 0xC2CC0000, 0xFF7C0000, 0xFFC00000],
]
"""Where functions change their ways: zeros, ends, the halves of exponents."""


@pytest.mark.parametrize("name", NAMES)
def test_strict_answers_are_correctly_rounded_and_fast_ones_within_one_unit(
    name: str,
) -> None:
    """On chunks of 2^18 neighbouring numbers, subnormal, infinite and NaN too."""
    outcome, arrays = Outcome(), Workspace.make()
    for start in STARTS:
        measure(name, start, outcome, arrays)
    assert outcome.wrong == []
    assert 0.4 < outcome.largest_error <= 1


LISTED = {
    "log": [
        *[0.011794382706284523, 9.472636222839355, 58037908.0],
        *[1.2783783694984994e23, 5.498306075456329e28],
    ],
    "log1p": [
        7.152559078349441e-07,
        8.583093404013198e-06,
        8.472636222839355,
        1.2783783694984994e23,
        5.498306075456329e28,
        -7.152555667744309e-07,
        -8.583044291299302e-06,
        -0.0021787146106362343,
    ],
}


@pytest.mark.parametrize("name", list(LISTED))
def test_the_listed_answers_are_those_of_the_spec(name: str) -> None:
    """The arguments whose answers binary64 does not decide."""
    x = numpy.array(LISTED[name], numpy.float32)
    assert x.tolist() == LISTED[name]
    out = numpy.empty_like(x)
    call(name, mode=Mode.STRICT, x=x, out=out, size=x.size)
    assert out.tolist() == [correctly_rounded(name, value) for value in LISTED[name]]


def test_a_wrong_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against another function's values, the sweep finds fault with both modes."""
    outcome, arrays = Outcome(), Workspace.make()

    def other(name: str, **arguments: object) -> None:
        chosen = "expm1" if arguments.get("mode") is Mode.STRICT else name
        call(chosen, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(measure_elementary, "call", other)
    measure("exp", 0x3F800000, outcome, arrays)
    assert outcome.wrong != []


def test_chunks_cover_all_numbers() -> None:
    """The sweep's chunks divide 2^32."""
    assert 2**32 % CHUNK == 0
    assert all(start % CHUNK == 0 for start in STARTS)
