"""Printed lines: the original's words, and numbers that read back."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean import report_lines as lines
from torchlean.callbacks import TrainReport
from torchlean.evaluation import Evaluation
from torchlean.log import Curve, LogDestination
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count

REPORT = TrainReport(200, Evaluation(2.302585092994046), Evaluation(3e-7))


@given(st.floats())
def test_a_printed_number_reads_back(value: float) -> None:
    """Every binary64 number, the sign of a zero and NaN included."""
    assert repr(float(lines.shown(value))) == repr(value)


@given(st.floats(width=32))
def test_a_narrow_number_has_few_digits(value: float) -> None:
    """A binary32 number reads back in its own format, and needs nine digits at most."""
    narrow = np.float32(value)
    text = lines.shown(narrow)
    assert repr(np.float32(text)) == repr(narrow)
    digits = re.sub(r"e.*|[-.]", "", text)
    assert not text[-1:].isdigit() or len(digits.strip("0")) <= 9


@pytest.mark.parametrize(
    ("value", "ours", "lean"),
    [
        (math.log(2), "0.6931471805599453", "0.693147"),
        (1e6, "1000000.0", "1000000.000000"),
        (1e-9, "1e-09", "0.000000"),
        (-0.0, "-0.0", "-0.000000"),
        (math.nan, "NaN", "NaN"),
        (-math.nan, "NaN", "NaN"),
        (math.inf, "Infinity", "inf"),
        (-math.inf, "-Infinity", "-inf"),
    ],
)
def test_numbers_of_both_styles(value: float, ours: str, lean: str) -> None:
    """Ours has the digits that matter, the original's has six decimals."""
    assert lines.shown(value) == ours
    assert lines.shown(value, "lean") == lean


def test_another_style_is_refused() -> None:
    """A word that is none of the two does not fall back to one of them."""
    style: Any = "short"
    for line in (
        lambda: lines.shown(0.5, style),
        lambda: lines.step_line(1, 0.5, style),
        lambda: lines.configuration_lines(style=style),
    ):
        with pytest.raises(TorchLeanError) as refused:
            line()
        assert refused.value.reason is Reason.UNKNOWN_NAME
        assert str(refused.value) == "expected 'torchlean' or 'lean', got 'short'"


def test_an_array_is_printed_as_the_original_does() -> None:
    """Nested brackets on one line, a comma and a space between."""
    table = np.array([[0.5, -2.0], [math.nan, math.inf]])
    assert lines.pretty(table) == "[[0.5, -2.0], [NaN, Infinity]]"
    assert lines.pretty(table, "lean") == "[[0.500000, -2.000000], [NaN, inf]]"
    assert lines.pretty(np.array([0.1], np.float32)) == "[0.1]"
    assert lines.pretty(np.zeros((2, 0))) == "[[], []]"
    assert lines.pretty(np.array(3)) == "3.0"


def test_lines_of_a_step() -> None:
    """A step by itself, within an epoch, and with more values."""
    assert lines.step_line(3, 0.1) == "step 3: loss=0.1"
    assert lines.step_line(3, 0.1, "lean") == "step 3: loss=0.100000"
    assert lines.epoch_step_line(2, 3, 0.1) == "step 2:3: loss=0.1"
    assert lines.epoch_step_line(2, 3, 0.1, "lean") == "step 2:3: loss=0.100000"
    more = {"accuracy": 0.5, "rate": 1e-7}
    assert lines.info_line(3, 0.1) == "[info] step 3: loss=0.1"
    assert lines.info_line(3, 0.1, more) == (
        "[info] step 3: loss=0.1, accuracy=0.5, rate=1e-07"
    )
    assert lines.info_line(3, 0.1, more, "lean") == (
        "[info] step 3: loss=0.100000, accuracy=0.500000, rate=0.000000"
    )


def test_which_steps_are_logged() -> None:
    """Each so-manieth; none where that is 0."""
    assert [s for s in range(10) if lines.is_logged(s, 4)] == [0, 4, 8]
    assert [s for s in range(10) if lines.is_logged(s, 0)] == []


def test_lines_of_an_evaluation() -> None:
    """The number of samples, the mean loss, the accuracy, a prediction."""
    assert lines.dataset_size_line(1438) == "dataset size = 1438"
    assert lines.mean_loss_line("before", 0.1) == "mean_loss(before) = 0.1"
    assert lines.mean_loss_line("before", 0.1, "lean") == "mean_loss(before) = 0.100000"
    assert lines.accuracy_line("test", Count(0, 3)) == "accuracy(test) = 0/3"
    assert lines.prediction_line("x", [0.5, 2]) == "x = [0.5, 2.0]"
    assert lines.prediction_line("x", 0.5, "lean") == "x = 0.500000"


def test_lines_of_probes() -> None:
    """What was asked and what was expected stand there only if they are known."""
    assert lines.probe_line("p", [0.5]) == "  p:  pred=[0.5]"
    full = lines.probe_line(
        "p", [0.5], input_text="x=(1,2)", expected=0.2, style="lean"
    )
    assert full == "  p: x=(1,2)  target=0.200000  pred=[0.500000]"
    assert lines.probe_line("p", 1, expected=[0, 1]) == (
        "  p:  target=[0.0, 1.0]  pred=1.0"
    )
    assert lines.probe_block("after", [full]) == ("predictions(after)", full)
    assert lines.probe_block("after", []) == ("predictions(after)",)


def test_lines_of_class_probes() -> None:
    """A class, no class, the scores, a batch of no samples."""
    assert lines.class_probe_line("p", 7, 3) == "  p: expected=7 predicted=3"
    assert lines.class_probe_line("p", 7, None) == "  p: expected=7 predicted=none"
    assert lines.class_probe_line("p", 1, 0, logits=[0.5, -1]) == (
        "  p: expected=1 predicted=0 logits=[0.5, -1.0]"
    )
    assert lines.class_probe_line("p", 1, 0, logits=[], style="lean") == (
        "  p: expected=1 predicted=0 logits=[]"
    )
    assert lines.no_prediction_line("p") == "  p: batch=0 (no prediction)"


def test_lines_of_a_summary() -> None:
    """Steps, perhaps the rate, and a metric before and after."""
    assert lines.summary_line(9, 2.5, 0.5) == "steps=9 loss0=2.5 loss1=0.5"
    assert lines.summary_line(9, 2.5, 0.5, metric="error", learning_rate=0.1) == (
        "steps=9 lr=0.1 error0=2.5 error1=0.5"
    )


def test_the_line_of_two_runs() -> None:
    """Each with its name."""
    assert lines.pair_line("a=1", "b=2") == "first: a=1; second: b=2"


def test_the_line_that_ends_a_run() -> None:
    """It is printed to the file that is given."""
    ours = "  steps=200 loss0=2.302585092994046 loss1=3e-07"
    assert lines.train_report_line(REPORT) == ours
    printed = io.StringIO()
    lines.print_train_report(REPORT, file=printed)
    lines.print_train_report(REPORT, file=printed, style="lean")
    lean = "  steps=200 loss0=2.302585 loss1=0.000000"
    assert printed.getvalue() == f"{ours}\n{lean}\n"


def test_an_empty_curve_has_a_summary() -> None:
    """A run that logged nothing ends with a line, not with an error."""
    assert lines.curve_loss_line(Curve()) == "  steps=0, no loss recorded"
    assert lines.curve_loss_line(Curve(), "lean") == "  steps=0, no loss recorded"
    curve = Curve.of([(0, 2.5), (9, 1e-7)])
    assert lines.curve_loss_line(curve) == "  steps=9 loss0=2.5 loss9=1e-07"
    assert lines.curve_loss_line(curve, "lean") == (
        "  steps=9 loss0=2.500000 loss9=0.000000"
    )


def test_lines_of_files() -> None:
    """Where the log and the parameters went."""
    written = lines.log_line(LogDestination.json("runs/log.json"))
    assert written == "  wrote TrainLog JSON: runs/log.json"
    assert lines.log_line(LogDestination.disabled()) == "  TrainLog JSON disabled"
    assert lines.parameters_line("p.json") == "  wrote params: p.json"


def test_lines_of_the_configuration() -> None:
    """The original's order; on request its words, its types' names included."""
    assert lines.configuration_lines(
        dtype="float64", backend="eager", device="cuda", fast_kernels=True
    ) == (
        "[torchlean] dtype: float64",
        "[torchlean] backend: eager",
        "[torchlean] device: cuda",
        "[torchlean] fast kernels: true",
    )
    assert lines.configuration_lines(dtype="float64", style="lean") == (
        "[TorchLean] dtype: Float (Lean `Float`, trusted runtime semantics)",
        "[TorchLean] backend: Runtime.Autograd.Torch.Backend.compiled",
        "[TorchLean] device: cpu",
        "[TorchLean] fastKernels: false",
        "[TorchLean] fastGpuMatmulPrecision: "
        "Runtime.Autograd.FastKernels.GpuMatmulPrecision.fp32",
    )
    assert lines.configuration_lines(style="lean")[0] == (
        "[TorchLean] Float32 mode: IEEE32Exec: executable IEEE-754 binary32 kernel "
        "(bit-level; includes NaN/Inf)"
    )


def test_lines_around_a_program() -> None:
    """A banner, a heading and an end."""
    assert lines.banner_line("a", "b", "cuda") == "a: b (device=cuda)"
    assert lines.workflow_line("quickstart") == "=== quickstart workflow ==="
    assert lines.ok_line("torchlean mlp") == "torchlean mlp: ok"
