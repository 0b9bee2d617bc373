"""Settings as values: how a trainer computes, and what a run is asked for.

Both records unpack into the keywords of the same names, so that settings that belong
together can be kept, changed with `dataclasses.replace`, and passed on.

>>> from dataclasses import replace
>>> short = TrainOptions(steps=20, batch_size=8)
>>> replace(short, steps=40)
TrainOptions(steps=40, batch_size=8)
>>> dict(**short)
{'steps': 20, 'batch_size': 8}
>>> dict(**RunConfig(dtype="float64"))
{'dtype': 'float64'}
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from torchlean.execution import BackendName
from torchlean_spec.optimizers import SGD, Optimizer
from torchlean_spec.training import NumberFormat

if TYPE_CHECKING:
    from torchlean.log import LogDestination
    from torchlean.options import Options
    from torchlean.probes import Probe
    from torchlean.trained import Trained

DEFAULT_OPTIMIZER = SGD("0.01")
"""The optimizer of a trainer that is given none, as in the original."""

FilePath = str | os.PathLike[str]


class _Keywords:
    """A record that unpacks into keywords: the fields that are not the default."""

    __slots__ = ()

    def keys(self) -> Iterator[str]:
        """The names of the fields that differ from their defaults, in order."""
        for each in fields(self):  # type: ignore[arg-type]
            default = each.default
            if default is MISSING and each.default_factory is not MISSING:
                default = each.default_factory()
            if getattr(self, each.name) != default:
                yield each.name

    # One type for values of every field: what a call checks, it checks by itself.
    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={self[name]!r}" for name in self.keys())
        return f"{type(self).__name__}({given})"


@dataclass(frozen=True, slots=True, repr=False)
class RunConfig(_Keywords):
    """How a trainer computes: `Trainer(model, task=.., **config)`.

    Args:
        optimizer: The rule that turns gradients into updates.
        seed: Of the initial parameters, of the batches and of the dropout masks.
        dtype: `float32` or `float64`.
        backend: `compiled` or `eager`; the bits are the same.
        strict: Whether the bits are those of the spec over binary32 numbers.
        threads: How many threads may work; by default as many as there are.
        device: `cpu`.

    The keywords of a `Trainer` with the same names; what is wrong with them is said
    there. Source: the original's `RunConfig` (Facade/Trainer/Run.lean), whose
    `with..` functions are `dataclasses.replace` here.
    """

    optimizer: Optimizer = field(default_factory=lambda: DEFAULT_OPTIMIZER)
    seed: int = 0
    dtype: NumberFormat = "float32"
    backend: BackendName = "compiled"
    strict: bool = False
    threads: int | None = None
    device: str = "cpu"

    @staticmethod
    def of(options: Options, optimizer: Optimizer | None = None) -> RunConfig:
        """The settings that a module's options are, with an optimizer.

        >>> from torchlean.options import Options
        >>> RunConfig.of(Options(seed=3))
        RunConfig(seed=3)
        """
        return RunConfig(
            DEFAULT_OPTIMIZER if optimizer is None else optimizer,
            options.seed,
            options.dtype,
            options.backend,
            options.strict or options.fast_kernels is False,
            options.threads,
            options.device,
        )

    def to_arguments(self) -> list[str]:
        """The flags that say so on a command line, the optimizer aside.

        `runtime_flags.read_options` reads them back.

        >>> RunConfig(seed=3, strict=True).to_arguments()
        ['--seed', '3', '--strict']
        """
        flags = []
        for name in self.keys():
            if name == "strict":
                flags.append("--strict")
            elif name != "optimizer":
                flags += [f"--{name}", str(self[name])]
        return flags


@dataclass(frozen=True, slots=True, repr=False)
class TrainOptions(_Keywords):
    """What a run is asked for: `trainer.train(data, **options)`.

    The keywords of `Trainer.train` with the same names, and their defaults.
    Source: the original's `TrainOptions` (Facade/Trainer), whose `with..` functions
    are `dataclasses.replace` here.
    """

    steps: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    shuffle: bool | None = None
    drop_last: bool | None = None
    certify: int = 0
    probes: Sequence[Probe] = ()
    log_every: int = 0
    log: FilePath | LogDestination | None = None
    save: FilePath | None = None
    load_parameters: FilePath | Trained | None = None
    resume: FilePath | Trained | None = None
    title: str = "Training"
    notes: Sequence[str] = ()
