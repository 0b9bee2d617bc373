"""What a person sees while a run is under way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from torchlean.callbacks import Callbacks, StepEvent, TrainStart
from torchlean.report_lines import is_logged, step_line

SHOWN_EVERY = 10
"""Steps between two losses that the bar may show."""


@contextmanager
def progress(log_every: int | None = None) -> Iterator[Callbacks]:
    """Callbacks that draw a progress bar on standard error, if a person watches.

    Args:
        log_every: Print the loss of each so many steps instead.
    """
    if log_every is not None:
        formats: list[np.dtype[Any]] = []

        def on_start(event: TrainStart) -> None:
            formats.append(np.dtype(event.training_run.number_format))

        def on_logged_step(event: StepEvent) -> None:
            if is_logged(event.step, log_every):
                loss = formats[0].type(event.loss)
                print(step_line(event.step, loss), flush=True)

        yield Callbacks(on_train_start=on_start, on_step=on_logged_step)
        return
    if not sys.stderr.isatty():
        yield Callbacks()
        return
    from tqdm import tqdm

    with ExitStack() as stack:
        bars: list[Any] = []

        def on_train_start(event: TrainStart) -> None:
            total = event.training_run.steps
            bar = tqdm(total=total, unit=" steps", desc="training", leave=True)
            bars.append(stack.enter_context(bar))

        def on_step(event: StepEvent) -> None:
            if event.step % SHOWN_EVERY == 0:
                bars[0].set_postfix_str(f"loss {event.loss:.4f}", refresh=False)
            bars[0].update(1)

        yield Callbacks(on_train_start=on_train_start, on_step=on_step)
