"""A watch on a device's memory: what it prints, and when it warns.

Where every step leaves some memory behind, a long run dies late. The watch looks at
the allocator now and then, and says so once, early, if the free memory would not last
until the run's end.

>>> used = AllocatorStatistics(2**20, 2**21, 7, 5, free=2**30, total=2**31)
>>> print(memory_line(used, 100))
  cuda_mem step=100: live=1.000000 MiB peak=2.000000 MiB allocs=7 frees=5 \
cuda_free=1024.000000 MiB cuda_total=2048.000000 MiB
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torchlean.callbacks import Callbacks, StepEvent, on_step
from torchlean_spec.errors import Reason, TorchLeanError

MEBIBYTE = 2**20

LONG_RUN = 1000
"""Steps of a run that is watched on a device without being asked."""


@dataclass(frozen=True, slots=True)
class AllocatorStatistics:
    """What an allocator says of itself."""

    live: int
    """Bytes that are allocated now."""
    peak: int
    """The most bytes that were allocated at once."""
    allocations: int
    """How often memory was allocated."""
    frees: int
    """How often memory was given back."""
    free: int
    """Bytes of the device that nobody uses."""
    total: int
    """Bytes that the device has."""


class Allocator(Protocol):
    """Whatever gives out a device's memory."""

    def statistics(self) -> AllocatorStatistics:
        """What it says of itself now."""
        ...


class HasDevice(Protocol):
    """What says where a run computes, such as `Options`."""

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        ...


def effective_memory_watch(options: HasDevice, steps: int, requested: int = 0) -> int:
    """How many steps lie between two looks at the memory; 0 for none.

    What was requested; if nothing was, a tenth of a long run's steps on a device.

    Args:
        options: Say where the run computes.
        steps: How many steps the run has.
        requested: 0, or what somebody asked for.

    Raises:
        TorchLeanError: `HYPERPARAMETER` for a negative number.

    Source: the original's `NN/API/Common/Core.lean:294-368`.
    """
    if requested < 0:
        raise TorchLeanError(
            Reason.HYPERPARAMETER,
            f"expected a memory watch of at least 0 steps, got {requested}",
        )
    if requested:
        return requested
    if options.device != "cuda" or steps < LONG_RUN:
        return 0
    return max(1, steps // 10)


def memory_watch_note(every: int) -> str:
    """The note of a log that says how often the memory was looked at.

    >>> memory_watch_note(20)
    'cuda_mem_watch=20'
    """
    return f"cuda_mem_watch={every}"


def memory_line(statistics: AllocatorStatistics, done: int) -> str:
    """The line of one look at the memory.

    Args:
        statistics: What the allocator says.
        done: How many updates were made.
    """
    shown = {
        "live": _mebibytes(statistics.live),
        "peak": _mebibytes(statistics.peak),
        "allocs": statistics.allocations,
        "frees": statistics.frees,
        "cuda_free": _mebibytes(statistics.free),
        "cuda_total": _mebibytes(statistics.total),
    }
    numbers = " ".join(f"{name}={value}" for name, value in shown.items())
    return f"  cuda_mem step={done}: {numbers}"


def warning_line(drop: int, step: int) -> str:
    """The line that says by when the memory will be used up."""
    return (
        f"  cuda_mem warning: free device memory is dropping by ~{drop} bytes/step; "
        "projected allocation failure before requested step count "
        f"(around step {step})."
    )


class MemoryWatch:
    """Looks at an allocator now and then, and warns once.

    The first look is what later ones are compared with. If free memory has dropped
    since, by d bytes a step, it lasts `free / d` steps more; if that is not until the
    run's end, the watch says so.

    Args:
        allocator: Whose memory is watched.
        every: Steps between two looks; 0 for none.
        total: How many steps the run has.
        write: Takes the lines; by default they are printed.
    """

    def __init__(
        self,
        allocator: Allocator,
        every: int,
        total: int,
        write: Callable[[str], object] = print,
    ) -> None:
        self._allocator = allocator
        self._every = every
        self._total = total
        self._write = write
        self._first: tuple[int, int] | None = None
        self._warned = False

    def look(self, done: int) -> None:
        """Look at the memory, if it is time to.

        Args:
            done: How many updates were made.
        """
        if self._every <= 0 or done % self._every:
            return
        now = self._allocator.statistics()
        self._write(memory_line(now, done))
        if self._first is None:
            self._first = done, now.free
            return
        first, free = self._first
        if self._warned or done <= first:
            return
        drop = (free - now.free) // (done - first)
        if drop > 0 and done + now.free // drop < self._total:
            self._warned = True
            self._write(warning_line(drop, done + now.free // drop))


def memory_watch_callbacks(
    options: HasDevice,
    every: int,
    total: int,
    allocator: Allocator | None,
    write: Callable[[str], object] = print,
) -> Callbacks:
    """Callbacks that watch a device's memory; on the CPU they do nothing.

    Each call begins a watch of its own.

    Args:
        options: Say where the run computes.
        every: Steps between two looks; 0 for none.
        total: How many steps the run has.
        allocator: Whose memory is watched.
        write: Takes the lines; by default they are printed.

    Raises:
        TorchLeanError: `CONTRADICTION` for a device without an allocator.
    """
    if options.device != "cuda" or every <= 0:
        return Callbacks.empty()
    if allocator is None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected an allocator to watch the memory of device 'cuda', got none",
        )
    watch = MemoryWatch(allocator, every, total, write)

    def look(event: StepEvent) -> None:
        watch.look(event.step)

    return on_step(look)


def _mebibytes(count: int) -> str:
    return f"{count / MEBIBYTE:.6f} MiB"
