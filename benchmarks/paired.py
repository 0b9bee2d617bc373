"""Timings in pairs: every competitor once a round, in turn, in one process.

The machines are shared, so a time alone means little. In each round every
competitor runs once, one after the other; the ratio of a round compares
neighbours in time, and the median over the rounds, with its quartiles, is what is
reported. A round in which other processes used more than a quarter of a core is
dropped and run again, as long as the time allowed for that lasts; rounds that were
kept in spite of it are counted in the report.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Work = Callable[[], object]

LARGEST_FOREIGN_LOAD = 0.25
"""Cores that other processes may use in a round that counts."""

PAUSE = 0.3
"""Seconds before each competitor's turn: idle pools of threads spin for a while
before they sleep, and would take a core from whoever comes next."""


@dataclass(frozen=True)
class Summary:
    """Median and quartiles."""

    median: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.median:.3g} [{self.lower:.3g} .. {self.upper:.3g}]"


@dataclass(frozen=True)
class Row:
    """One competitor of a comparison."""

    name: str
    seconds: Summary
    ratio: Summary
    """Its time divided by ours, round by round."""


@dataclass(frozen=True)
class Comparison:
    """What one comparison measured."""

    title: str
    ours: str
    rows: list[Row]
    rounds: int
    noisy_rounds: int
    goals: Mapping[str, float]
    """The ratio to reach, of the competitors that have one."""


def summary(values: Sequence[float]) -> Summary:
    """Median and quartiles of at least two values."""
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Summary(median, lower, upper)


def _busy_cores_seconds() -> float:
    """Processor time that all processes have used, where the system tells."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    ticks = [int(field) for field in fields]
    busy = sum(ticks[:3]) + sum(ticks[5:8])
    return busy / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _repetitions(work: Work, target: float) -> int:
    """How many calls take about `target` seconds."""
    work()
    start = time.perf_counter()
    work()
    once = max(time.perf_counter() - start, 1e-7)
    if once < target / 50:
        count = int(target / 50 / once) + 1
        start = time.perf_counter()
        for _ in range(count):
            work()
        once = max((time.perf_counter() - start) / count, 1e-8)
    return max(1, round(target / once))


def compare(
    title: str,
    work: Mapping[str, Work],
    *,
    ours: str,
    per_call: Mapping[str, int] | int = 1,
    goals: Mapping[str, float] | None = None,
    rounds: int = 9,
    target: float = 0.2,
    patience: float = 90.0,
) -> Comparison:
    """Time competitors in turn and report each one's time divided by ours.

    Args:
        title: What is timed.
        work: Each competitor: a call without arguments.
        ours: The competitor that the others are divided by.
        per_call: How many units (steps, say) one call does.
        goals: The ratio to reach.
        rounds: How many rounds count.
        target: Seconds that each competitor runs in a round.
        patience: Seconds after which noisy rounds are kept.
    """
    counts = {name: _repetitions(each, target) for name, each in work.items()}
    units = {n: per_call if isinstance(per_call, int) else per_call[n] for n in work}
    times: dict[str, list[float]] = {name: [] for name in work}
    noisy, begun = 0, time.perf_counter()
    while len(times[ours]) < rounds:
        foreign, start = _busy_cores_seconds() - _own_seconds(), time.perf_counter()
        found: dict[str, float] = {}
        for name, each in work.items():
            time.sleep(PAUSE)
            each()
            clock = time.perf_counter()
            for _ in range(counts[name]):
                each()
            took = time.perf_counter() - clock
            found[name] = took / counts[name] / units[name]
        others = _busy_cores_seconds() - _own_seconds() - foreign
        loud = others / (time.perf_counter() - start) > LARGEST_FOREIGN_LOAD
        if loud and time.perf_counter() - begun < patience:
            time.sleep(0.2)
            continue
        noisy += loud
        for name, seconds in found.items():
            times[name].append(seconds)
    rows = [
        Row(
            name,
            summary(seconds),
            summary([a / b for a, b in zip(seconds, times[ours], strict=True)]),
        )
        for name, seconds in times.items()
    ]
    result = Comparison(title, ours, rows, rounds, noisy, dict(goals or {}))
    show(result)
    return result


def show(comparison: Comparison) -> None:
    """Print a comparison as a table, and whether each goal was reached."""
    print(f"\n{comparison.title}")
    if comparison.noisy_rounds:
        print(f"  ({comparison.noisy_rounds} of {comparison.rounds} rounds were noisy)")
    for row in comparison.rows:
        goal = comparison.goals.get(row.name)
        verdict = ""
        if goal is not None:
            reached = "reached" if row.ratio.median >= goal else "MISSED"
            verdict = f"  goal {goal:g}: {reached}"
        micro = Summary(*(1e6 * each for each in asdict(row.seconds).values()))
        print(f"  {row.name:34} {micro!s:>28} us   x {row.ratio!s}{verdict}")
    sys.stdout.flush()


def write(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Keep results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(each) for each in comparisons], indent=1) + "\n")
