"""The picture of a run: its loss, and the accuracy on held-out samples.

`draw` shows a run that was just made, `draw_log` any training log.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from torchlean.evaluation import Evaluation
from torchlean.files import replacing
from torchlean.log import Series, TrainLog
from torchlean_spec.errors import Reason, TorchLeanError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#4e79a7", "#f28e2b", "#59a14f", "#8a8a8a"
INK = "#333333"
DECADES = 20
"""Losses that differ by more than this factor are drawn on a logarithmic scale."""


LARGEST = 1e200
"""Values beyond it are drawn there: Matplotlib adds spans and margins to them."""

FEW = 60
"""A series of so few values has a mark at each."""


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
    steps: tuple[int, ...] = ()
    """The steps that the losses are of; 1, 2, 3 and so on where none are given."""


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
    counted = [(step, each) for step, each in picture.held_out if each.count]
    figure, panels = _panels([3, 2] if counted else [3])
    _draw_losses(panels[0], picture)
    if counted:
        _draw_accuracy(panels[1], counted)
    _save(path, picture.title, figure, panels)


def draw_log(path: str | os.PathLike[str], log: TrainLog) -> None:
    """Draw the series of a log into a PNG file, whole or not at all.

    Series that are called accuracies have a panel of their own. Each has its colour,
    where Matplotlib knows it, and otherwise one of Matplotlib's. Values that are not
    finite leave gaps, and those beyond `LARGEST` are drawn there.

    Args:
        path: The file.
        log: What to draw.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without Matplotlib, `FILE_ACCESS` if
            the file cannot be written.
    """
    groups: dict[str, list[Series]] = {"value": [], "accuracy": []}
    for one in log.series:
        is_share = "accuracy" in one.name.lower()
        groups["accuracy" if is_share else "value"].append(one)
    if all("loss" in one.name.lower() for one in groups["value"]):
        groups = {"loss": groups["value"], "accuracy": groups["accuracy"]}
    drawn = [(name, group) for name, group in groups.items() if group]
    figure, panels = _panels([3, 2][: max(1, len(drawn))])
    for panel, (name, group) in zip(panels, drawn, strict=False):
        for one in group:
            _draw_series(panel, log.steps or range(len(one.values)), one)
        _choose_scale(panel, np.array([v for one in group for v in one.values]))
        panel.set_ylabel(name, color=INK)
        _draw_legend(panel, [one.name for one in group])
    _save(path, log.title, figure, panels)


def _panels(heights: list[int]) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, one below the other.

    Raises:
        TorchLeanError: `MISSING_DEPENDENCY` without Matplotlib.
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

    figure = Figure(figsize=(7, 5.2 if len(heights) > 1 else 3.4))
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
    return figure, list(panels)


def _save(
    path: str | os.PathLike[str], title: str, figure: Figure, panels: list[Axes]
) -> None:
    """Give the panels their frames and the first one a title; write the file."""
    panels[-1].set_xlabel("steps")
    for panel in panels:
        panel.margins(x=0.01)
        panel.grid(color="#e6e6e6", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["bottom", "left"]].set_color(GREY)
        panel.tick_params(colors=INK, labelsize=9)
    # Titles are text: a dollar in one begins no formula.
    panels[0].set_title(title, loc="left", fontsize=11, color=INK, parse_math=False)
    with replacing(path) as beside, warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box.
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing", category=UserWarning
        )
        figure.savefig(beside, dpi=150, format="png")


def _draw_series(panel: Axes, steps: Sequence[int], one: Series) -> None:
    """One series with gaps where a value is not finite; marks, if it is short."""
    from matplotlib.colors import is_color_like

    color = one.color if is_color_like(one.color) else None
    values = _drawable(np.array(one.values))
    marker = "o" if len(values) <= FEW else ""
    places = np.array([min(step, LARGEST) for step in steps])
    panel.plot(places, values, color=color, linewidth=1.5, marker=marker, markersize=3)


def _drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values that Matplotlib can compute with; NaN for those that are not finite."""
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)


def _draw_legend(panel: Axes, names: list[str]) -> None:
    # Matplotlib leaves names out that begin with an underscore, unless set later.
    lines = panel.get_lines()
    legend = panel.legend(lines, ["-"] * len(lines), frameon=False, fontsize=9)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set(text=name, color=INK, parse_math=False)


def _choose_scale(panel: Axes, values: NDArray[np.float64]) -> None:
    """A logarithmic scale where the values call for one; else one from 0."""
    shown = _drawable(values)
    shown = shown[np.isfinite(shown)]
    low, high = np.quantile(shown, (0.02, 0.98)) if len(shown) else (1.0, 1.0)
    if 0 < low < high / DECADES and shown.min() > 0:
        panel.set_yscale("log")
    else:
        panel.set_ylim(bottom=min(0.0, float(shown.min(initial=0.0))))


def _draw_losses(panel: Axes, picture: Picture) -> None:
    losses = picture.losses
    steps = np.array(picture.steps or range(1, len(losses) + 1))
    losses = _drawable(losses)
    panel.plot(steps, losses, color=BLUE, linewidth=0.7, alpha=0.3, label="each batch")
    width = picture.smoothed_over
    if 1 < width < len(losses):
        whole = len(losses) // width * width
        means = losses[:whole].reshape(-1, width).mean(axis=1)
        middles = steps[:whole].reshape(-1, width).mean(axis=1)
        panel.plot(middles, means, color=BLUE, linewidth=2, label="mean of an epoch")
    if picture.held_out:
        places = [step for step, _ in picture.held_out]
        values = [each.loss for _, each in picture.held_out]
        panel.plot(places, values, color=ORANGE, linewidth=2, label="held out")
    _choose_scale(panel, losses)
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
