"""What the registry of operations has, seen from the spec and from the ledger.

`torchlean operations` finds `rows` by the entry point `torchlean.registry`, and
puts the kernels beside it.

>>> row = next(each for each in rows() if each["operation"] == "softplus")
>>> row["meaning"]
'`log(1 + e^x)`, as `max(x, 0) + log1p(e^-|x|)`, which cannot overflow.'
>>> row["derivative"], row["missing"]
('rule', [])
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable

from torchlean_proofs.ledger import committed
from torchlean_spec.description import Json
from torchlean_spec.operations import OPERATIONS, Operation

CROSS_ENTROPY = "`-sum_c w_c q_c log softmax(x)_c` of each row, reduced."
SLOPE_OF_LOGITS = "`(m softmax(x)_c - w_c q_c) factor` with `m = sum_c w_c q_c`."
LIKELIHOOD = "`-w_t l_t` of each row, at its target class t, reduced."
OF_SHARES = "`-sum_c w_c q_c l_c` of each row, reduced."

MEANINGS = {
    "cross_entropy": CROSS_ENTROPY,
    "cross_entropy_gradient": SLOPE_OF_LOGITS,
    "cross_entropy_probabilities": CROSS_ENTROPY,
    "cross_entropy_probabilities_gradient": SLOPE_OF_LOGITS,
    "negative_log_likelihood": LIKELIHOOD,
    "negative_log_likelihood_gradient": "`-w_t factor` at the target class, else 0.",
    "negative_log_likelihood_probabilities": OF_SHARES,
    "negative_log_likelihood_probabilities_gradient": "`-w_c q_c factor`.",
}
"""The meanings of the operations that are put together from several functions."""


def meaning_of(operation: Operation) -> str:
    """What an operation means, in the one sentence that its equation carries."""
    if operation.name in MEANINGS:
        return MEANINGS[operation.name]
    inner = inspect.getclosurevars(operation.meaning).nonlocals
    candidates: list[object] = [operation.meaning]
    candidates += [inner.get(name) for name in ("formula", "value", "slope")]
    for each in candidates:
        said = (getattr(each, "__doc__", None) or "").strip()
        if said:
            first, _, _ = said.partition("\n\n")
            return " ".join(first.split())
    return ""


def derivative_of(operation: Operation) -> str:
    """`rule`, or why the operation has no derivative."""
    return "rule" if operation.derivative else f"none: {operation.why_constant}"


def rows() -> list[dict[str, Json]]:
    """One row for each operation of the registry, in the registry's order.

    Returns:
        For each operation its name, its meaning, its derivative, the ids of the laws
        that speak of it, how many mutants they refute, and what is missing.
    """
    entries = json.loads(committed())
    return [_row(operation, entries) for operation in OPERATIONS.values()]


def _row(operation: Operation, entries: list[dict[str, Json]]) -> dict[str, Json]:
    name, said = operation.name, meaning_of(operation)
    wanted = {f"operations.{name}.{part}" for part in ("meaning", "derivative")}
    spoken = [each for each in entries if wanted & _objects(each)]
    held = set().union(*map(_objects, spoken)) if spoken else set()
    mutants = sum(int(str(each["refuted"])) for each in spoken)
    needed = {
        "meaning": bool(said),
        "law of the meaning": f"operations.{name}.meaning" in held,
        "law of the derivative": operation.derivative is None
        or f"operations.{name}.derivative" in held,
        "mutants": mutants > 0,
    }
    return {
        "operation": name,
        "meaning": said,
        "derivative": derivative_of(operation),
        "laws": [each["id"] for each in spoken],
        "mutants": mutants,
        "missing": [part for part, present in needed.items() if not present],
    }


def _objects(entry: dict[str, Json]) -> set[str]:
    """What a law speaks of."""
    objects = entry["objects"]
    return {str(each) for each in objects} if isinstance(objects, list) else set()


Rows = Callable[[], list[dict[str, Json]]]
"""What the entry point `torchlean.registry` names."""
