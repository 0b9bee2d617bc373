"""The theorems, one file a topic; `all_theorems` lists them in order."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from torchlean_proofs.evidence.theorem import Theorem

TOPICS = ("optimizers", "optimizers_relations", "derivatives", "clipping")
"""The files of this package that hold theorems, in the order of the ledger."""


@cache
def all_theorems() -> tuple[Theorem, ...]:
    """Every theorem, topic by topic."""
    found: list[Theorem] = []
    for topic in TOPICS:
        module = import_module(f"torchlean_proofs.theorems.{topic}")
        found += module.theorems()
    return tuple(found)
