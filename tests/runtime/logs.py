"""Training logs of every kind, that tests share."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from torchlean.log import BLUE, Series, TrainLog

LOG = TrainLog(
    "digits",
    (0, 25, 50),
    (
        Series("loss", (2.302585092994046, 0.5, 3e-7), BLUE),
        Series("accuracy", (math.nan, math.inf, 1.0)),
    ),
    ("dataset=digits", "batch=32"),
)


@st.composite
def train_logs(draw: st.DrawFn) -> TrainLog:
    """Any log: any floats, any text; with steps, or without and of any lengths."""
    steps = draw(st.lists(st.integers(min_value=0), max_size=8))
    sizes = st.just(len(steps)) if steps else st.integers(0, 5)
    row = sizes.flatmap(
        lambda size: st.lists(st.floats(), min_size=size, max_size=size)
    )
    series = st.builds(Series, st.text(), row.map(tuple), st.text())
    return TrainLog(
        draw(st.text()),
        tuple(steps),
        tuple(draw(st.lists(series, max_size=4))),
        tuple(draw(st.lists(st.text(), max_size=4))),
    )
