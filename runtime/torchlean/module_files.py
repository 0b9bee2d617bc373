"""A module's parameters in files, and a module as a trained model.

>>> import tempfile
>>> from torchlean.options import Options
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.task import Task
>>> task = Task(Linear(2, 1), MeanSquaredError())
>>> path = tempfile.mkdtemp() + "/module.safetensors"
>>> one, other = Module(task, Options(seed=1)), Module(task, Options(seed=2))
>>> save_module(one, path)
>>> load_module(other, path)
>>> (one.parameters["weight"] == other.parameters["weight"]).all()
np.True_
"""

from __future__ import annotations

import os

from torchlean.json_layout import Dialect
from torchlean.loading import load_for
from torchlean.module import Module
from torchlean.module_loops import module_of
from torchlean.runner import Runner
from torchlean.trained import Trained


def trained_of(module: Module | Runner) -> Trained:
    """A module's present parameters as a trained model, which stays as it is."""
    own = module_of(module)
    return Trained(own.execution, own.parameters)


def save_module(
    module: Module | Runner,
    path: str | os.PathLike[str],
    dialect: Dialect = "torchlean",
) -> None:
    """Write a module's parameters, whole or not at all.

    Args:
        module: Its present parameters are written.
        path: Where to; missing folders are made.
        dialect: `"lean"` writes the original's file, which has their bits and nothing
            else.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be written.
    """
    trained_of(module).save(path, dialect)


def load_module(
    module: Module | Runner,
    path: str | os.PathLike[str],
    dialect: Dialect = "torchlean",
) -> None:
    """Give a module the parameters of a file, by whatever they were trained.

    Args:
        module: Its parameters become those of the file.
        path: A file of `save_module` or of `Trained.save`.
        dialect: `"lean"` reads a file of the original.

    Raises:
        TorchLeanError: `FILE_ACCESS` if the file cannot be read, `FILE_FORMAT` if it
            is truncated or of another format, `OTHER_MODEL` if it holds the parameters
            of another model or in another dtype; the module stays as it was.
    """
    own = module_of(module)
    own.set_parameters(load_for(path, own.execution, dialect).parameters)
