"""Trained models from files: the parameters, the optimizer's state, and the run.

>>> import tempfile
>>> from torchlean.data import two_moons
>>> from torchlean.trainer import Trainer
>>> from torchlean_spec.layers import Linear
>>> path = tempfile.mkdtemp() + "/moons.safetensors"
>>> moons = two_moons(60)
>>> trained = Trainer(Linear(2, 2), task="classification").train(
...     moons, batch_size=10, steps=20, save=path
... )
>>> load(path).evaluate(moons) == trained.after
True
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import cast

from torchlean.checkpoint import (
    RUN_KEY,
    layouts,
    load_optimizer_state,
    load_parameters,
    read_metadata,
    require_layouts,
)
from torchlean.execution import Execution, Floats, Parameters
from torchlean.json_layout import Dialect
from torchlean.saved_run import SavedRun
from torchlean.trained import Trained
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import sizes

FilePath = str | os.PathLike[str]


def load(path: FilePath) -> Trained:
    """Read a trained model from a file of `Trained.save`, by the file alone.

    Model, loss and number format are those that the file describes; it computes fast,
    whatever the run did, on as many threads as there are.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if it
            is truncated, no safetensors file, does not say which run it is of, or
            its model or loss is none of the spec's.
    """
    saved = saved_run_of(path)
    if saved is None:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{os.fspath(path)}: expected a file that describes its model, "
            "got one that does not (Trainer.load reads it)",
        )
    task = saved.task(os.fspath(path))
    return load_for(path, Execution(task, saved.number_format))


def load_for(
    path: FilePath, execution: Execution, dialect: Dialect = "torchlean"
) -> Trained:
    """Read the parameters of a given model from a file of `Trained.save`.

    Args:
        path: The file.
        execution: The model, and how it is computed.
        dialect: `"lean"` reads a file of the original.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if it
            is truncated or no safetensors file, `OTHER_MODEL` if it holds the
            parameters of another model or in another dtype.
    """
    expected = expected_layouts(execution)
    if dialect == "lean":
        exact = load_parameters(path, expected, dialect=dialect)
        return Trained(execution, cast("Parameters", exact))
    found = load_parameters(path, expected, model_digest=execution.model_digest)
    state = by_slot(cast("Parameters", load_optimizer_state(path)), expected)
    return Trained(
        execution, cast("Parameters", found), state, None, saved_run_of(path)
    )


def saved_run_of(path: FilePath) -> SavedRun | None:
    """What a file says of the run that its parameters come from, if it does.

    Raises:
        TorchLeanError: `FILE_ACCESS` or `FILE_FORMAT` if it cannot be read.
    """
    text = read_metadata(path).get(RUN_KEY)
    return None if text is None else SavedRun.from_text(os.fspath(path), text)


def expected_layouts(execution: Execution) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name, dtype and sizes of each parameter of the model."""
    return {
        each.name: (execution.dtype, sizes(each.shape))
        for each in execution.task.model.parameters()
    }


def require_own(what: str, execution: Execution, trained: Trained) -> None:
    """Refuse a trained model whose parameters are not those of a model.

    Raises:
        TorchLeanError: `OTHER_MODEL`, as for a file.
    """
    require_layouts(what, expected_layouts(execution), layouts(trained.parameters))
    ours, theirs = execution.model_digest, trained.execution.model_digest
    if ours and theirs and ours != theirs:
        raise TorchLeanError(
            Reason.OTHER_MODEL,
            f"{what}: expected parameters of the model {ours}, got those of {theirs}",
        )


def by_slot(
    state: Parameters, parameters: Iterable[str]
) -> dict[str, dict[str, Floats]]:
    """An optimizer's tensors by slot and parameter, from names of both.

    >>> import numpy as np
    >>> by_slot({"first.0.weight": np.ones(1)}, ["0.weight"])
    {'first': {'0.weight': array([1.])}}
    """
    longest = sorted(parameters, key=len, reverse=True)
    found: dict[str, dict[str, Floats]] = {}
    for key, array in state.items():
        owners = (name for name in longest if key.endswith(f".{name}"))
        name = next(owners, "")
        found.setdefault(key.removesuffix(f".{name}"), {})[name] = array
    return found


def resumable(
    given: FilePath | Trained, execution: Execution
) -> tuple[str, Trained, SavedRun]:
    """What a run is to go on from.

    Args:
        given: A file of `Trained.save`, or a trained model.
        execution: How the run is computed that goes on.

    Returns:
        A name for messages, the model, and what is known of its run.

    Raises:
        TorchLeanError: As `load_for`; `FILE_FORMAT` if the file does not say which
            run it is of.
    """
    if isinstance(given, Trained):
        what, trained = "resume", given
        require_own(what, execution, trained)
    else:
        what, trained = os.fspath(given), load_for(given, execution)
    saved = trained.saved_run
    if saved is None:
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"{what}: expected parameters that say which run they are of, "
            "got some that do not",
        )
    return what, trained, saved


def initial_from(
    given: FilePath | Trained, execution: Execution
) -> Mapping[str, Floats]:
    """The parameters that a run is to begin with.

    Raises:
        TorchLeanError: As `load_for`.
    """
    if isinstance(given, Trained):
        require_own("load_parameters", execution, given)
        return given.parameters
    return load_for(given, execution).parameters
