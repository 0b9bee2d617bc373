"""What the judge found, in words and as JSON.

>>> Report(backend="numpy", steps=(), digest_matches=True, data_matches=True).certified
False
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from torchlean_proofs.judge import Disagreement
from torchlean_spec.description import Json

MANY_ULPS = 4.0
"""A declared error above this is said in words: it makes the judge lenient."""

SHOWN = 10
"""How many disagreements are printed; the JSON has all of them."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What the judge found of one step."""

    number: int
    """Counted from 1."""
    worst: float
    """The largest fraction of an allowance that any number uses."""
    disagreements: tuple[Disagreement, ...] = ()
    allowances: tuple[float, ...] = ()
    """Of each parameter that moved: its allowance divided by its update's size."""
    orders: Mapping[str, str] = field(default_factory=dict)
    """For each parameter, the order of evaluation that its update agrees with."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the judge found of a certificate."""

    backend: str
    steps: tuple[StepReport, ...]
    digest_matches: bool
    """Whether the file's digest is that of its content."""
    data_matches: bool
    """Whether the data that were derived anew have the recorded digest."""
    ulps: Mapping[str, float] = field(default_factory=dict)
    """What the backend declares of its elementary functions."""
    drawn_by_seed: bool = True
    """Whether the recorded steps are those that the run's seed draws."""

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Every disagreement, in the order of the steps."""
        return tuple(each for step in self.steps for each in step.disagreements)

    @property
    def certified(self) -> bool:
        """Whether there are steps, all agree, and so do both digests."""
        agree = bool(self.steps) and not self.disagreements
        return agree and self.digest_matches and self.data_matches

    @property
    def worst(self) -> float:
        """The largest fraction of an allowance that any number uses."""
        return max((step.worst for step in self.steps), default=0.0)

    @property
    def median_allowance(self) -> float | None:
        """The median of what is allowed to a parameter, in units of its update."""
        allowances = [each for step in self.steps for each in step.allowances]
        return statistics.median(allowances) if allowances else None


def lines(report: Report) -> list[str]:
    """The report in words, one sentence a line."""
    said = [_verdict(report)]
    if report.median_allowance is not None:
        said.append(
            "the median allowance of a parameter is "
            f"{report.median_allowance:.2g} of its update's size"
        )
    for name, count in sorted(report.ulps.items()):
        if count > MANY_ULPS:
            said.append(
                f"note: the backend declares an error of {count:g} ulps for {name}, "
                "which makes the judge lenient where it is used"
            )
    if report.steps and not report.drawn_by_seed:
        said.append(
            "note: the recorded steps are not those that the seed draws, so the run "
            "may have chosen them"
        )
    if not report.digest_matches:
        said.append(
            "the file's digest is not that of its content: it was changed after "
            "the run wrote it"
        )
    if not report.data_matches:
        said.append(
            "the data set has another digest than the one recorded: the run was "
            "made on other data"
        )
    found = report.disagreements
    said += [str(each) for each in found[:SHOWN]]
    if len(found) > SHOWN:
        said.append(f"and {len(found) - SHOWN} more tensors that disagree")
    return said


def _verdict(report: Report) -> str:
    count = len(report.steps)
    agreeing = sum(not step.disagreements for step in report.steps)
    if not count:
        return "refused: the certificate holds no step"
    if report.certified:
        worst = f"worst {report.worst:.2f} of what rounding allows"
        return f"certified {agreeing} of {count} steps; {worst}"
    return f"refused: {agreeing} of {count} steps agree with the spec"


def report_json(report: Report) -> dict[str, Json]:
    """The report as JSON, without times or machine facts."""
    return {
        "certified": report.certified,
        "backend": report.backend,
        "digest_matches": report.digest_matches,
        "data_matches": report.data_matches,
        "ulps": dict(sorted(report.ulps.items())),
        "drawn_by_seed": report.drawn_by_seed,
        "worst": _number(report.worst),
        "median_allowance": _number(report.median_allowance),
        "steps": [_step_json(step) for step in report.steps],
    }


def _step_json(step: StepReport) -> Json:
    return {
        "step": step.number,
        "worst": _number(step.worst),
        "orders": dict(step.orders),
        "disagreements": [_disagreement_json(each) for each in step.disagreements],
    }


def _disagreement_json(found: Disagreement) -> Json:
    index: list[Json] = list(found.index)
    return {
        "step": found.step,
        "phase": str(found.phase),
        "tensor": found.tensor,
        "index": index,
        "expected": _number(found.expected),
        "got": _number(found.got),
        "excess": _number(found.excess),
        "rejected": found.rejected,
    }


def _number(value: float | None) -> Json:
    """A number as JSON; what JSON has no number for, as a word."""
    return value if value is None or math.isfinite(value) else str(value)
