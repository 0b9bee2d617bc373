"""The lines that a run prints, as pure functions: numbers in, text out.

Each has the words of the Lean original (`NN/API/Public/Training/Core.lean` and
`NN/API/Common/Core.lean`). Numbers are printed as the shortest decimals that read back
as the same number, so that no small loss is printed as 0; `style="lean"` prints what
the original prints, byte for byte: six decimals, `NaN`, `inf` and `-inf`.

>>> print(step_line(25, 3e-7))
step 25: loss=3e-07
>>> print(step_line(25, 3e-7, style="lean"))
step 25: loss=0.000000
>>> print(class_probe_line("seven", 7, 3, logits=[0.5, 2.0]))
  seven: expected=7 predicted=3 logits=[0.5, 2.0]
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import SupportsFloat, TextIO

import numpy as np
from numpy.typing import ArrayLike

from torchlean.callbacks import TrainReport
from torchlean.json_layout import Dialect, named, require_dialect
from torchlean.log import Curve, LogDestination
from torchlean_spec.metrics import Count
from torchlean_spec.training import NumberFormat

Style = Dialect
"""How numbers are printed: so that they read back, or as the original does."""

_LEAN_DTYPES = {
    "float32": "[TorchLean] Float32 mode: IEEE32Exec: executable IEEE-754 binary32 "
    "kernel (bit-level; includes NaN/Inf)",
    "float64": "[TorchLean] dtype: Float (Lean `Float`, trusted runtime semantics)",
}

LOG_DISABLED = "  TrainLog JSON disabled"
"""The line of a run that writes no log."""


def shown(value: SupportsFloat, style: Style = "torchlean") -> str:
    """One number as it is printed.

    A number of NumPy's narrower formats is the shortest decimal that reads back in
    its own format.

    Args:
        value: The number.
        style: `"torchlean"`: every digit that matters, `NaN`, `Infinity`,
            `-Infinity`, as in a log; `"lean"`: six decimals, `NaN`, `inf`, `-inf`.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another style.

    >>> shown(0.1), shown(np.float32(0.1)), shown(float("inf"))
    ('0.1', '0.1', 'Infinity')
    >>> shown(0.1, "lean"), shown(float("inf"), "lean"), shown(-0.0, "lean")
    ('0.100000', 'inf', '-0.000000')
    """
    require_dialect(style)
    number = float(value)
    if style == "lean":
        return "NaN" if np.isnan(number) else f"{number:.6f}"
    if not np.isfinite(number):
        return named(number)
    # Read as a binary64 number, the shortest digits of a narrower one stay as they are.
    return repr(float(str(value)) if isinstance(value, np.floating) else number)


def pretty(values: ArrayLike, style: Style = "torchlean") -> str:
    """A number, or nested lists of numbers, on one line.

    >>> pretty(np.array([[0.1, 2], [3, -1]], np.float32))
    '[[0.1, 2.0], [3.0, -1.0]]'
    >>> pretty(0.25, "lean"), pretty([])
    ('0.250000', '[]')
    """
    array = np.asarray(values)
    if array.ndim == 0:
        return shown(array[()], style)
    return f"[{', '.join(pretty(each, style) for each in array)}]"


def step_line(step: int, loss: SupportsFloat, style: Style = "torchlean") -> str:
    """The line of an update: `step 25: loss=0.5`."""
    return f"step {step}: loss={shown(loss, style)}"


def epoch_step_line(
    epoch: int, step: int, loss: SupportsFloat, style: Style = "torchlean"
) -> str:
    """The line of an update within an epoch: `step 2:25: loss=0.5`."""
    return f"step {epoch}:{step}: loss={shown(loss, style)}"


def info_line(
    step: int,
    loss: SupportsFloat,
    values: Mapping[str, SupportsFloat] | None = None,
    style: Style = "torchlean",
) -> str:
    """The line of an update with more values, as the original's logger has it.

    >>> info_line(3, 0.5, {"accuracy": 0.75})
    '[info] step 3: loss=0.5, accuracy=0.75'
    """
    more = (values or {}).items()
    rest = "".join(f", {name}={shown(value, style)}" for name, value in more)
    return f"[info] {step_line(step, loss, style)}{rest}"


def is_logged(step: int, every: int) -> bool:
    """Whether the line of an update is printed: each `every`th; none for 0.

    >>> [step for step in range(1, 7) if is_logged(step, 3)], is_logged(3, 0)
    ([3, 6], False)
    """
    return every > 0 and step % every == 0


def dataset_size_line(samples: int) -> str:
    """The line that says how many samples there are: `dataset size = 1438`."""
    return f"dataset size = {samples}"


def mean_loss_line(label: str, loss: SupportsFloat, style: Style = "torchlean") -> str:
    """The line of an evaluation: `mean_loss(before) = 2.25`."""
    return f"mean_loss({label}) = {shown(loss, style)}"


def accuracy_line(label: str, count: Count) -> str:
    """The line of an accuracy: `accuracy(before) = 9/10`.

    >>> accuracy_line("before", Count(9, 10))
    'accuracy(before) = 9/10'
    """
    return f"accuracy({label}) = {count.correct}/{count.total}"


def prediction_line(label: str, values: ArrayLike, style: Style = "torchlean") -> str:
    """The line of a prediction by itself: `held out = [0.25]`."""
    return f"{label} = {pretty(values, style)}"


def probe_line(
    name: str,
    prediction: ArrayLike,
    *,
    input_text: str = "",
    expected: ArrayLike | None = None,
    style: Style = "torchlean",
) -> str:
    """The line of a probe: what was asked, what was expected, what was predicted.

    >>> probe_line("held out", [0.25], input_text="x=(1.0,2.0)", expected=0.2)
    '  held out: x=(1.0,2.0)  target=0.2  pred=[0.25]'
    """
    asked = f" {input_text}" if input_text else ""
    target = "" if expected is None else f"  target={pretty(expected, style)}"
    return f"  {name}:{asked}{target}  pred={pretty(prediction, style)}"


def class_probe_line(
    name: str,
    expected: int,
    predicted: int | None,
    *,
    logits: ArrayLike | None = None,
    style: Style = "torchlean",
) -> str:
    """The line of a class probe; the word `none` where there is no class to predict."""
    found = "none" if predicted is None else str(predicted)
    scores = "" if logits is None else f" logits={pretty(logits, style)}"
    return f"  {name}: expected={expected} predicted={found}{scores}"


def no_prediction_line(name: str) -> str:
    """The line of a class probe in a batch of no samples."""
    return f"  {name}: batch=0 (no prediction)"


def probe_block(when: str, lines: Iterable[str]) -> tuple[str, ...]:
    """A heading and the lines of probes below it.

    >>> probe_block("before", ["  one: pred=[0.5]"])
    ('predictions(before)', '  one: pred=[0.5]')
    """
    return (f"predictions({when})", *lines)


def summary_line(
    steps: int,
    before: SupportsFloat,
    after: SupportsFloat,
    *,
    metric: str = "loss",
    learning_rate: SupportsFloat | None = None,
    style: Style = "torchlean",
) -> str:
    """How a run went, in one line.

    >>> summary_line(200, 2.25, 0.5)
    'steps=200 loss0=2.25 loss1=0.5'
    >>> summary_line(200, 2.25, 0.5, learning_rate=0.01, style="lean")
    'steps=200 lr=0.010000 loss0=2.250000 loss1=0.500000'
    """
    rate = "" if learning_rate is None else f" lr={shown(learning_rate, style)}"
    first, last = shown(before, style), shown(after, style)
    return f"steps={steps}{rate} {metric}0={first} {metric}1={last}"


def pair_line(first: str, second: str) -> str:
    """Two runs that were made together, from the line of each.

    >>> pair_line(summary_line(2, 1, 0.5), summary_line(2, 3, 2.5))
    'first: steps=2 loss0=1.0 loss1=0.5; second: steps=2 loss0=3.0 loss1=2.5'
    """
    return f"first: {first}; second: {second}"


def train_report_line(report: TrainReport, style: Style = "torchlean") -> str:
    """The line that ends a run: steps made, the loss before and after."""
    return "  " + summary_line(
        report.steps, report.before.loss, report.after.loss, style=style
    )


def print_train_report(
    report: TrainReport, *, file: TextIO | None = None, style: Style = "torchlean"
) -> None:
    """Print the line that ends a run, to the standard output unless told otherwise.

    >>> from torchlean.evaluation import Evaluation
    >>> print_train_report(TrainReport(200, Evaluation(2.25), Evaluation(0.5)))
      steps=200 loss0=2.25 loss1=0.5
    """
    print(train_report_line(report, style), file=file)


def curve_loss_line(curve: Curve, style: Style = "torchlean") -> str:
    """The line of a curve's two ends; a curve without points has one too.

    (The original throws there, after training has finished: `docs/deviations.md`,
    B44.)

    >>> curve_loss_line(Curve.of([(0, 2.25), (50, 0.5)]))
    '  steps=50 loss0=2.25 loss50=0.5'
    >>> curve_loss_line(Curve())
    '  steps=0, no loss recorded'
    """
    ends = curve.endpoints()
    if ends is None:
        return "  steps=0, no loss recorded"
    first, last = shown(ends.first, style), shown(ends.last, style)
    return f"  steps={ends.final_step} loss0={first} loss{ends.final_step}={last}"


def log_line(destination: LogDestination) -> str:
    """The line that says where the log went, or that there is none.

    >>> log_line(LogDestination.json("log.json")), log_line(LogDestination.disabled())
    ('  wrote TrainLog JSON: log.json', '  TrainLog JSON disabled')
    """
    if destination.path is None:
        return LOG_DISABLED
    return f"  wrote TrainLog JSON: {destination.path}"


def parameters_line(path: str | os.PathLike[str]) -> str:
    """The line that says where the parameters went: `  wrote params: p.json`."""
    return f"  wrote params: {os.fspath(path)}"


def configuration_lines(
    *,
    dtype: NumberFormat = "float32",
    backend: str = "compiled",
    device: str = "cpu",
    fast_kernels: bool = False,
    style: Style = "torchlean",
) -> tuple[str, ...]:
    """The lines that say how a run is computed, in the original's order.

    Args:
        dtype: The format of the parameters.
        backend: What runs the plan.
        device: Where it runs.
        fast_kernels: Whether kernels may contract and reassociate.
        style: `"lean"` has the original's words, the names of its types among them.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for another style.

    >>> for line in configuration_lines():
    ...     print(line)
    [torchlean] dtype: float32
    [torchlean] backend: compiled
    [torchlean] device: cpu
    [torchlean] fast kernels: false
    """
    require_dialect(style)
    fast = "true" if fast_kernels else "false"
    if style == "torchlean":
        return (
            f"[torchlean] dtype: {dtype}",
            f"[torchlean] backend: {backend}",
            f"[torchlean] device: {device}",
            f"[torchlean] fast kernels: {fast}",
        )
    return (
        _LEAN_DTYPES[dtype],
        f"[TorchLean] backend: Runtime.Autograd.Torch.Backend.{backend}",
        f"[TorchLean] device: {device}",
        f"[TorchLean] fastKernels: {fast}",
        "[TorchLean] fastGpuMatmulPrecision: "
        "Runtime.Autograd.FastKernels.GpuMatmulPrecision.fp32",
    )


def banner_line(program: str, description: str, device: str = "cpu") -> str:
    """The line that a program begins with.

    >>> banner_line("torchlean mlp", "Auto MPG MLP regression")
    'torchlean mlp: Auto MPG MLP regression (device=cpu)'
    """
    return f"{program}: {description} (device={device})"


def ok_line(program: str) -> str:
    """The line that a program ends with: `torchlean mlp: ok`."""
    return f"{program}: ok"


def workflow_line(title: str) -> str:
    """The heading of a workflow: `=== quickstart workflow ===`."""
    return f"=== {title} workflow ==="
