"""The watch on a device's memory, over an allocator that says what it is told to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean.allocator_watch import (
    AllocatorStatistics,
    MemoryWatch,
    effective_memory_watch,
    memory_line,
    memory_watch_callbacks,
    memory_watch_note,
    warning_line,
)
from torchlean.callbacks import Callbacks, StepEvent
from torchlean.options import Options
from torchlean_spec.errors import Reason, TorchLeanError

START = AllocatorStatistics(0, 0, 0, 0, free=10_000, total=20_000)


@dataclass(frozen=True)
class OnDevice:
    """Options of a runtime that has a device."""

    device: str = "cuda"


class Scripted:
    """An allocator whose free memory follows a script."""

    def __init__(self, free: Iterable[int]) -> None:
        self._free: Iterator[int] = iter(free)

    def statistics(self) -> AllocatorStatistics:
        """The next entry of the script."""
        return replace(START, free=next(self._free))


def lines_of(free: Iterable[int], every: int, total: int, steps: int) -> list[str]:
    """What a watch writes over some steps."""
    written: list[str] = []
    hooks = memory_watch_callbacks(
        OnDevice(), every, total, Scripted(free), written.append
    )
    for number in range(1, steps + 1):
        hooks.step(StepEvent(0, number, 0.5, float))
    return written


@pytest.mark.parametrize(
    ("device", "steps", "requested", "wanted"),
    [
        ("cuda", 5000, 7, 7),
        ("cpu", 5000, 7, 7),
        ("cuda", 5000, 0, 500),
        ("cuda", 1000, 0, 100),
        ("cuda", 999, 0, 0),
        ("cpu", 5000, 0, 0),
    ],
)
def test_how_often_it_looks(
    device: str, steps: int, requested: int, wanted: int
) -> None:
    """As often as was requested, else a tenth of a long run on a device."""
    assert effective_memory_watch(OnDevice(device), steps, requested) == wanted


def test_a_negative_request_is_refused() -> None:
    """In one sentence."""
    with pytest.raises(TorchLeanError) as refused:
        effective_memory_watch(Options(), 10, -1)
    assert refused.value.reason is Reason.HYPERPARAMETER
    assert str(refused.value) == ("expected a memory watch of at least 0 steps, got -1")


def test_lines_are_the_originals() -> None:
    """Mebibytes with six decimals, counts as they are."""
    used = AllocatorStatistics(1, 3 * 2**20, 12, 4, free=2**19, total=2**34)
    assert memory_line(used, 30) == (
        "  cuda_mem step=30: live=0.000001 MiB peak=3.000000 MiB allocs=12 frees=4 "
        "cuda_free=0.500000 MiB cuda_total=16384.000000 MiB"
    )
    assert warning_line(100, 130) == (
        "  cuda_mem warning: free device memory is dropping by ~100 bytes/step; "
        "projected allocation failure before requested step count (around step 130)."
    )
    assert memory_watch_note(500) == "cuda_mem_watch=500"


def test_it_looks_at_its_steps_alone() -> None:
    """Every third step, from the third on."""
    found = lines_of([10_000] * 3, every=3, total=100, steps=10)
    assert found == [
        memory_line(replace(START, free=10_000), done) for done in (3, 6, 9)
    ]


def test_it_warns_once_and_early() -> None:
    """A drop of 100 bytes a step empties 8 000 bytes 80 steps later."""
    found = lines_of([9000, 8000, 7000, 6000], every=10, total=101, steps=40)
    warnings = [line for line in found if "warning" in line]
    assert warnings == [warning_line(100, 100)]
    assert found.index(warnings[0]) == 2
    assert len(found) == 5


def test_memory_that_lasts_is_no_matter() -> None:
    """The projected end is the run's end, or later."""
    assert not any(
        "warning" in line
        for line in lines_of([9000, 8000], every=10, total=100, steps=20)
    )


@given(free=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_the_warning_follows_from_the_first_look_and_the_present_one(
    free: list[int],
) -> None:
    """The first time that the drop since the first look uses up the rest too soon."""
    every, total = 4, 60
    found = lines_of(free, every, total, every * len(free))
    wanted = None
    for place, now in enumerate(free[1:], 1):
        drop = (free[0] - now) // (every * place)
        done = every * (place + 1)
        if drop > 0 and done + now // drop < total:
            wanted = warning_line(drop, done + now // drop)
            break
    assert [line for line in found if "warning" in line] == ([wanted] if wanted else [])
    assert len(found) == len(free) + (wanted is not None)


def test_a_look_before_the_first_step_is_the_baseline() -> None:
    """A watch may look before anything is done."""
    written: list[str] = []
    watch = MemoryWatch(Scripted([5000, 4000]), 10, 100, written.append)
    watch.look(0)
    watch.look(10)
    assert [line[:18] for line in written] == [
        "  cuda_mem step=0:",
        "  cuda_mem step=10",
        "  cuda_mem warning",
    ]


def test_on_the_cpu_nothing_is_watched() -> None:
    """Nor with a watch of 0; the callbacks are the empty ones."""
    allocator = Scripted([])
    for options, every in ((Options(), 5), (OnDevice(), 0)):
        hooks = memory_watch_callbacks(options, every, 10, allocator)
        assert hooks == Callbacks.empty()


def test_a_device_without_an_allocator_is_refused() -> None:
    """In one sentence."""
    with pytest.raises(TorchLeanError) as refused:
        memory_watch_callbacks(OnDevice(), 5, 10, None)
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == (
        "expected an allocator to watch the memory of device 'cuda', got none"
    )


def test_each_watch_has_its_own_memory() -> None:
    """Callbacks made twice warn twice."""
    script = [9000, 8000]
    first, second = (lines_of(script, 10, 101, 20) for _ in range(2))
    assert first == second
    assert sum("warning" in line for line in first) == 1


def test_lines_are_printed_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To the standard output."""
    hooks = memory_watch_callbacks(OnDevice(), 1, 10, Scripted([9000]))
    hooks.step(StepEvent(0, 1, 0.5, float))
    assert capsys.readouterr().out == memory_line(replace(START, free=9000), 1) + "\n"
