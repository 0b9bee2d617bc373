"""Probes, and what a training prints: before, meanwhile and after."""

from __future__ import annotations

import numpy as np
import pytest

from torchlean.data import tensor_dataset, two_moons
from torchlean.probes import Probe
from torchlean.report_lines import mean_loss_line, pretty, step_line
from torchlean.trained import Trained
from torchlean.trainer import Trainer
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear
from torchlean_spec.optimizers import SGD

MOONS = two_moons(60)
LINE = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
TRAINER = Trainer(Linear(1, 1), task="regression", optimizer=SGD("0.1"))
PROBES = [Probe.at("ten", 10, expected=21), Probe("bare", [0.5])]


def test_a_pair_is_written_as_the_original_writes_it() -> None:
    """Without a space, and every digit that matters unless told otherwise."""
    probe = Probe.vector2("p", 0.1, -2, [0.5])
    assert probe.line([0.25]) == "  p: x=(0.1,-2.0)  target=[0.5]  pred=[0.25]"
    assert probe.input == [0.1, -2]
    lean = Probe.vector2("p", 0.1, -2, style="lean")
    assert (lean.text, lean.expected) == ("x=(0.100000,-2.000000)", None)


def answers(trained: Trained) -> list[str]:
    """The predictions of the probes, as they are printed."""
    return [pretty(row) for row in trained.predict([[10.0], [0.5]])]


def test_probes_are_printed_before_and_after(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the predictions of the initial and of the trained model."""
    first = TRAINER.initial()
    trained = TRAINER.train(LINE, batch_size=4, steps=3, probes=PROBES)
    expected = []
    for when, model in (("before", first), ("after", trained)):
        ten, bare = answers(model)
        expected += [
            f"predictions({when})",
            f"  ten: x=(10)  target=21  pred={ten}".replace("21 ", "21.0 "),
            f"  bare:  pred={bare}",
        ]
    assert capsys.readouterr().out.splitlines() == expected
    trained.probe(PROBES[1:])
    bare = answers(trained)[1]
    assert capsys.readouterr().out == f"predictions\n  bare:  pred={bare}\n"
    trained.print_prediction("half", [0.5])
    assert capsys.readouterr().out == f"half = {bare}\n"


def test_class_probes_name_classes(capsys: pytest.CaptureFixture[str]) -> None:
    """The class with the largest output, beside the one that is expected."""
    point, label = MOONS.inputs[0], int(MOONS.targets[0])
    trained = Trainer(Linear(2, 2), task="classification").train(
        MOONS, batch_size=10, steps=3
    )
    trained.probe([Probe("first", point, label)], "predictions(after)")
    (predicted,) = trained.predict_class([point])
    assert capsys.readouterr().out == (
        f"predictions(after)\n  first: expected={label} predicted={predicted}\n"
    )


def test_a_class_probe_expects_a_class() -> None:
    """One sentence says which probe has none."""
    with pytest.raises(TorchLeanError) as refused:
        Probe("first", [0.0, 0.0]).line([0.1, 0.9], classes=True)
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == "probe 'first': expected a class, got None"


def test_losses_are_printed_as_often_as_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The mean loss before and after, and the loss of every third step."""
    trained = TRAINER.train(LINE, batch_size=2, steps=7, log_every=3)
    assert capsys.readouterr().out.splitlines() == [
        mean_loss_line("before", trained.before.loss),
        step_line(3, np.float32(trained.losses[2])),
        step_line(6, np.float32(trained.losses[5])),
        mean_loss_line("after", trained.after.loss),
    ]


def test_nothing_is_printed_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    """A run says nothing of itself."""
    TRAINER.train(LINE, batch_size=2, steps=3)
    assert capsys.readouterr().out == ""
    with pytest.raises(TorchLeanError) as refused:
        TRAINER.train(LINE, batch_size=2, steps=3, log_every=-1)
    assert str(refused.value) == "expected log_every of at least 0, got -1"


def test_a_summary_is_a_line() -> None:
    """Steps, and the mean loss before and after."""
    trained = TRAINER.train(LINE, batch_size=2, steps=7)
    assert str(trained.summary()) == (
        f"steps=7 loss0={trained.before.loss} loss1={trained.after.loss}"
    )
    assert trained.report.steps == 7
    assert trained.report.after == trained.after


def test_the_initial_model_is_that_of_a_run_of_no_steps() -> None:
    """The parameters that the seed gives; it answers as any other model."""
    nothing = TRAINER.train(LINE, batch_size=2, steps=0)
    first = TRAINER.initial(LINE)
    for name, array in nothing.parameters.items():
        assert first.parameters[name].tobytes() == array.tobytes()
    assert first.evaluate(LINE) == nothing.before
