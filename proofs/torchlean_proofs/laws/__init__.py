"""The laws, one file a topic; `all_laws` lists them in order."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from torchlean_proofs.laws.law import Law

TOPICS = (
    "shape",
    "numbers",
    "rounding",
    "bounded",
    "elementwise",
    "elementwise_edges",
    "activations",
    "activations_gradients",
    "reduction",
    "reduction_softmax",
    "reduction_edges",
    "linear",
    "layout",
    "indexing",
    "dropout",
    "regression_losses",
    "regression_losses_further",
    "regression_losses_gradients",
    "regression_losses_special",
    "row_losses",
    "row_losses_gradients",
    "classification_losses",
    "classification_losses_edges",
    "classification_losses_gradients",
    "classification_losses_distributions",
    "operations_refused",
    "optimizers",
    "optimizers_relations",
    "optimizers_groups",
    "optimizers_orthogonal",
    "optimizers_projection",
    "schedules",
    "schedules_ranges",
    "schedules_recurrences",
    "schedules_tables",
    "clipping",
    "program",
    "layers",
    "layers_composition",
    "losses",
    "task",
    "training",
    "training_phases",
    "description",
    "random",
    "data",
    "data_refused",
    "data_together",
    "batches",
    "transforms",
    "synthetic",
    "initializers",
    "metrics",
    "metrics_shares",
)
"""The files of this package that hold laws, in the order of the ledger."""


def laws_of(topic: str) -> tuple[Law, ...]:
    """The laws of one file, in the order in which they stand there."""
    module = import_module(f"torchlean_proofs.laws.{topic}")
    found: list[Law] = []
    for member in vars(module).values():
        if isinstance(member, Law):
            found.append(member)
        elif isinstance(member, tuple):
            found += [each for each in member if isinstance(each, Law)]
    return tuple(found)


@cache
def all_laws() -> tuple[Law, ...]:
    """Every law, topic by topic."""
    return tuple(law for topic in TOPICS for law in laws_of(topic))
