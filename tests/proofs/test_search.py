"""Runs drawn from the grammar, made by our CPU backend and judged like anybody's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from torchlean.backend import CpuBackend
from torchlean_proofs.report import lines
from torchlean_proofs.search import SearchedRun, judged, same_bits, search
from torchlean_proofs.search_choices import LOSSES, OPTIMIZERS, PAIRS
from torchlean_spec.backend import Backend, Buffer, Call
from torchlean_spec.description import RECORDS

EXAMPLES = 2
"""Runs for each pair of a loss and an optimizer."""

GRAMMAR = {
    f"{place}.{record.__name__}"
    for record in RECORDS.values()
    for place in (record.__module__.split(".")[1],)
    if place not in ("program", "tensor")
} - {"layers.Parameter", "layers.Context", "optimizers.AdamForm"}
"""Every record that a run may be described by."""


def test_searched_runs_agree_with_the_spec() -> None:
    """Over 200 runs, every constructor, every loss with every optimizer: all agree."""
    backend = CpuBackend()

    def check(searched: SearchedRun) -> None:
        report = judged(backend, searched)
        assert report.certified, lines(report)

    counts = search(check, EXAMPLES)
    assert counts.runs >= 200
    assert set(counts.pairs) == {(loss, opt) for loss in LOSSES for opt in OPTIMIZERS}
    assert sorted(GRAMMAR - set(counts.constructors)) == []


def test_strict_runs_have_the_bits_of_the_spec() -> None:
    """In strict mode a run of each pair has the spec's bits in binary32."""
    backend = CpuBackend(strict=True)

    def check(searched: SearchedRun) -> None:
        single = replace(searched.training_run, number_format="float32")
        assert same_bits(backend, replace(searched, training_run=single)) == []

    assert search(check, 2).runs >= len(PAIRS)


# BACKENDS THAT ARE WRONG

Change = Callable[[Call], Call]


@dataclass(frozen=True)
class Wrong:
    """A backend that is asked for something else than it is told."""

    change: Change
    name: str = "wrong"

    def run(self, call: Call) -> Mapping[str, Buffer]:
        return CpuBackend().run(self.change(call))


def next_step(call: Call) -> Call:
    """Steps counted from 2."""
    step = call.attributes["step"]
    assert isinstance(step, int)
    return replace(call, attributes={**call.attributes, "step": step + 1})


def last_sample_twice(call: Call) -> Call:
    """The last sample counted twice."""
    buffers = dict(call.buffers)
    for name in ("input", "target"):
        given = buffers[name]
        count = len(given.data) // given.shape[0]
        shape = (given.shape[0] + 1, *given.shape[1:])
        buffers[name] = Buffer(given.dtype, shape, given.data + given.data[-count:])
    return replace(call, buffers=buffers)


def without_state(call: Call) -> Call:
    """The optimizer's state read as zeros."""
    kept = ("parameter.", "input", "target")
    zeros = {
        name: Buffer(each.dtype, each.shape, bytes(len(each.data)))
        for name, each in call.buffers.items()
        if not name.startswith(kept)
    }
    return replace(call, buffers={**call.buffers, **zeros})


@pytest.mark.parametrize(
    ("change", "pair"),
    [
        (next_step, ("cross-entropy of classes", "adam")),
        (last_sample_twice, ("mean squared error", "sgd")),
        (without_state, ("huber", "rmsprop")),
    ],
)
def test_wrong_backends_are_found(change: Change, pair: tuple[str, str]) -> None:
    """The search finds a run on which a wrong backend does not agree."""
    backend: Backend = Wrong(change)

    def check(searched: SearchedRun) -> None:
        assert judged(backend, searched).certified

    with pytest.raises(AssertionError):
        search(check, 20, [pair], shrinking=False)
