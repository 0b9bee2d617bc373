"""Loops that train a runner as a configuration says: over a loader, or over samples.

Steps, epochs and reports mean what they mean in `module_loops`.

>>> from torchlean.runner import instantiate
>>> from torchlean.train import steps
>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> from torchlean_spec.task import Task
>>> runner = instantiate(Task(Linear(1, 1), MeanSquaredError()))
>>> samples = [([0.0], [1.0]), ([1.0], [3.0])]
>>> report = train_samples(runner, steps(200, log_every=0), samples)
>>> report.after.loss < report.before.loss
True
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from torchlean.callbacks import Callbacks, StepEvent, TrainReport, on_step
from torchlean.data.dataset import AnyDataset, as_tensors, tensor_dataset
from torchlean.data.loader import BatchLoader
from torchlean.module import Module
from torchlean.module_loops import steps_of
from torchlean.report_lines import is_logged, step_line
from torchlean.runner import Runner
from torchlean.step_loops import Updates, run_loader, run_stream
from torchlean.stream import StepBatchStream
from torchlean.train_config import LoaderTrainConfig, TrainConfig
from torchlean_spec.data import S_co, T_co
from torchlean_spec.errors import Reason, TorchLeanError


def train_loader(
    runner: Runner,
    config: LoaderTrainConfig,
    loader: BatchLoader[S_co, T_co],
    callbacks: Callbacks | None = None,
) -> tuple[TrainReport, BatchLoader[S_co, T_co]]:
    """Train a runner for some epochs, as a configuration says.

    Each `config.log_every`th step's loss is printed, before its update, whatever the
    optimizer. (The original prints nothing for plain descent: `docs/deviations.md`,
    B40.) The runner's mode is `train` meanwhile, and then what it was.

    Args:
        runner: Its parameters are stepped.
        config: How many epochs, with which updates; `train.epochs` makes one.
        loader: Which samples each batch has, from where it stands.
        callbacks: What else to do meanwhile.

    Returns:
        The report, and the loader at the start of the epoch that is next.

    Raises:
        TorchLeanError: As `train_module_loader_steps`.

    Source: the original's `NN/API/TorchLean/TrainCore.lean:718`, and
    `NN/API/TorchLean/Runtime.lean:649`.
    """
    schedule = config.schedule_for(len(loader))
    updates = Updates(config.optimizer, schedule, config.clipping)
    hooks = (callbacks or Callbacks()) + _printing(runner.module, config.log_every)
    steps = steps_of(config.epochs, loader)
    with runner.with_mode("train"):
        return run_loader(runner.module, updates, steps, loader, hooks)


def train_dataset(
    runner: Runner, config: TrainConfig, dataset: AnyDataset
) -> TrainReport:
    """Train a runner for some steps on a data set's samples, in their order.

    Step i sees the `batch_size` samples that follow those of the step before, over
    and over from the first to the last: a batch may begin at the end of the data and
    end at their beginning. Losses are printed as in `train_loader`.

    Args:
        runner: Its parameters are stepped.
        config: How many steps, with which updates; `train.steps` makes one.
        dataset: The samples; all of them are evaluated before and after.

    Raises:
        TorchLeanError: As `train_module_loader_steps`; `BATCH_SIZE` for a batch that
            is larger than the data set.

    Source: the original's `NN/API/TorchLean/Runtime.lean:552-648`, which makes an
    update for each sample of a batch.
    """
    data, size = as_tensors(dataset), config.batch_size
    loader = BatchLoader(data, size, shuffle=False, drop_last=True)
    module = runner.module
    updates = Updates(config.optimizer, config.schedule, config.clipping)
    hooks = _printing(module, config.log_every)
    with runner.with_mode("train"):
        if len(data) % size == 0:
            return run_loader(module, updates, config.steps, loader, hooks)[0]

        def batch(index: int) -> tuple[ArrayLike, ArrayLike]:
            places = np.arange(index * size, (index + 1) * size) % len(data)
            return data.inputs[places], data.targets[places]

        stream = StepBatchStream.of_function(batch)
        before = module.evaluate(data)
        made = run_stream(module, updates, config.steps, stream, hooks)
        return TrainReport(made.steps, before, module.evaluate(data))


def train_samples(
    runner: Runner,
    config: TrainConfig,
    samples: Sequence[tuple[ArrayLike, ArrayLike]],
) -> TrainReport:
    """Train a runner on samples that are given one by one; see `train_dataset`.

    Args:
        runner: Its parameters are stepped.
        config: How many steps, with which updates.
        samples: An input and a target each, without a batch axis.

    Raises:
        TorchLeanError: As `train_dataset`; `EMPTY_DATA` for no samples.
    """
    if not samples:
        raise TorchLeanError(
            Reason.EMPTY_DATA, "expected at least 1 sample to train on, got none"
        )
    inputs = np.stack([np.asarray(sample) for sample, _ in samples])
    targets = np.stack([np.asarray(target) for _, target in samples])
    return train_dataset(runner, config, tensor_dataset(inputs, targets))


def _printing(module: Module, every: int) -> Callbacks:
    """Callbacks that print the loss of some steps, in the digits of its format."""
    narrow = np.dtype(module.options.dtype).type

    def print_loss(event: StepEvent) -> None:
        if is_logged(event.step, every):
            print(step_line(event.step, narrow(event.loss)))

    return on_step(print_loss) if every else Callbacks()
