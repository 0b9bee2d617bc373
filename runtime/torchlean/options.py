"""Options: how a module computes, apart from what it computes.

>>> Options(dtype="float64").strict
False
>>> Options(device="cuda")
... # doctest: +NORMALIZE_WHITESPACE
Traceback (most recent call last):
torchlean_spec.errors.TorchLeanError: expected device 'cpu', the only one that this \
version has kernels for, got 'cuda'
"""

from __future__ import annotations

from dataclasses import dataclass

from torchlean.execution import BackendName, Execution, require_settings
from torchlean.report_lines import configuration_lines
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.random import require_seed
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat


@dataclass(frozen=True, slots=True)
class Options:
    """How a module computes.

    Args:
        backend: `compiled` runs a step's kernels in one call, `eager` one by one from
            Python; the bits are the same.
        device: `cpu`; `cuda` is refused, since there are no kernels for it.
        seed: Of the initial parameters and of random layers; from 0 to 2^64 - 1.
        strict: Whether every bit shall be the spec's.
        fast_kernels: Whether kernels may contract and reorder; by default unless
            `strict`. There are two kinds of kernels, so without fast ones the
            strict ones run.
        dtype: `float32` or `float64`.
        threads: How many threads may work, by default all; the bits do not depend
            on it.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a backend, a device or a dtype that does
            not exist, `UNSUPPORTED` for the device cuda, `CONTRADICTION` for strict
            with fast kernels, `HYPERPARAMETER` for no threads, `DOMAIN` for a seed
            out of range.

    Source: the original's `NN/Runtime/Autograd/Torch/Core/Types.lean:81-121`, where
    the default backend is eager and the device may be one that is absent
    (`docs/deviations.md`, B23).
    """

    backend: BackendName = "compiled"
    device: str = "cpu"
    seed: int = 0
    strict: bool = False
    fast_kernels: bool | None = None
    dtype: NumberFormat = "float32"
    threads: int | None = None

    def __post_init__(self) -> None:
        require_settings(self.dtype, self.backend, self.device, self.threads)
        require_seed(self.seed)
        if self.strict and self.fast_kernels:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected strict or fast_kernels, got both",
            )

    def execution(self, task: Task) -> Execution:
        """How a task is computed with these options."""
        return Execution(
            task,
            self.dtype,
            self.backend,
            self.strict or self.fast_kernels is False,
            self.threads,
            self.device,
        )

    def lines(self) -> tuple[str, ...]:
        """The options for people, a line each; see `configuration_lines`."""
        return configuration_lines(
            dtype=self.dtype,
            backend=self.backend,
            device=self.device,
            fast_kernels=not (self.strict or self.fast_kernels is False),
        )
