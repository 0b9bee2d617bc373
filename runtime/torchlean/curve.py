"""The picture of a run: its loss, and the accuracy on held-out samples."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from torchlean.evaluation import Evaluation
from torchlean.files import replacing
from torchlean_spec.errors import Reason, TorchLeanError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, GREY = "#4e79a7", "#f28e2b", "#59a14f", "#8a8a8a"
INK = "#333333"
DECADES = 20
"""Losses that differ by more than this factor are drawn on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture shows."""

    title: str
    losses: NDArray[np.float64]
    """Of each step's batch, before its update."""
    smoothed_over: int
    """Steps that the thick line averages over: an epoch's."""
    held_out: tuple[tuple[int, Evaluation], ...]
    """Evaluations of the held-out samples, each after so many steps."""


def is_available() -> bool:
    """Whether pictures can be drawn: whether Matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(path: str | os.PathLike[str], picture: Picture) -> None:
    """Draw a run's curves into a PNG file, whole or not at all.

    Args:
        path: The file.
        picture: What to draw.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without Matplotlib, `FILE_ACCESS` if
            the file cannot be written.
    """
    if not is_available():
        raise TorchLeanError(
            Reason.MISSING_DEPENDENCY,
            "expected Matplotlib, which draws curves, to be installed "
            "(pip install torchlean[plots]), got no such package",
        )
    # A figure by itself: no window, no state shared with a user's own plots.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counted = [(step, each) for step, each in picture.held_out if each.count]
    heights = [3, 2] if counted else [3]
    figure = Figure(figsize=(7, 5.2 if counted else 3.4))
    FigureCanvasAgg(figure)
    # Margins by hand: to have them found takes as long as everything else.
    inches = figure.get_figheight()
    margins = {"left": 0.1, "right": 0.98, "hspace": 0.08}
    grid = {"bottom": 0.5 / inches, "top": 1 - 0.35 / inches, **margins}
    panels = figure.subplots(
        len(heights),
        1,
        sharex=True,
        squeeze=False,
        height_ratios=heights,
        gridspec_kw=grid,
    )[:, 0]
    _draw_losses(panels[0], picture)
    if counted:
        _draw_accuracy(panels[1], counted)
    panels[-1].set_xlabel("steps")
    for panel in panels:
        panel.margins(x=0.01)
        panel.grid(color="#e6e6e6", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["bottom", "left"]].set_color(GREY)
        panel.tick_params(colors=INK, labelsize=9)
    panels[0].set_title(picture.title, loc="left", fontsize=11, color=INK)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150, format="png")


def _draw_losses(panel: Axes, picture: Picture) -> None:
    losses = picture.losses
    steps = np.arange(1, len(losses) + 1)
    panel.plot(steps, losses, color=BLUE, linewidth=0.7, alpha=0.3, label="each batch")
    width = picture.smoothed_over
    if 1 < width < len(losses):
        whole = len(losses) // width * width
        means = losses[:whole].reshape(-1, width).mean(axis=1)
        middles = np.arange(len(means)) * width + (width + 1) / 2
        panel.plot(middles, means, color=BLUE, linewidth=2, label="mean of an epoch")
    if picture.held_out:
        places = [step for step, _ in picture.held_out]
        values = [each.loss for _, each in picture.held_out]
        panel.plot(places, values, color=ORANGE, linewidth=2, label="held out")
    shown = losses[np.isfinite(losses)]
    low, high = np.quantile(shown, (0.02, 0.98)) if len(shown) else (1.0, 1.0)
    if 0 < low * DECADES < high and shown.min() > 0:
        panel.set_yscale("log")
    else:
        panel.set_ylim(bottom=min(0.0, float(shown.min(initial=0.0))))
    panel.set_ylabel("loss", color=INK)
    panel.legend(frameon=False, fontsize=9, labelcolor=INK)


def _draw_accuracy(panel: Axes, counted: list[tuple[int, Evaluation]]) -> None:
    places = [step for step, _ in counted]
    values = [100 * each.accuracy for _, each in counted]
    panel.plot(places, values, color=GREEN, linewidth=2, marker="o", markersize=3)
    panel.annotate(
        f"{values[-1]:.1f} %",
        (places[-1], values[-1]),
        textcoords="offset points",
        xytext=(0, -14),
        ha="right",
        fontsize=10,
        color=INK,
    )
    panel.set_ylabel("held-out accuracy, %", color=INK)
    panel.set_ylim(min(0.0, *values) if min(values) < 50 else 50, 102)
