"""What a person sees while a run is under way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torchlean.callbacks import Callbacks, StepEvent, TrainStart

SHOWN_EVERY = 10
"""Steps between two losses that the bar may show."""


@contextmanager
def progress() -> Iterator[Callbacks]:
    """Callbacks that draw a progress bar on standard error, if a person watches."""
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
