"""Certificates: honest ones are certified, tampered ones refused by name."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from torchlean_proofs.__main__ import certify_command, main
from torchlean_proofs.certify import certify
from torchlean_proofs.judge import Phase
from torchlean_proofs.report import lines, report_json
from torchlean_proofs.strict import strict_certificate
from torchlean_spec.certificate import Certificate, RecordedStep, from_text, to_text
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.data import Loader
from torchlean_spec.errors import TorchLeanError
from torchlean_spec.layers import Dropout, Linear, Sequential, Tanh
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import SGD, Adam
from torchlean_spec.schedules import Cosine
from torchlean_spec.shape import Shape
from torchlean_spec.sources import Source, inline
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import Tensors, TrainingRun

SOURCE = Source("two-moons", part="training", held_out="0.25", count=40, seed=3)
RUN = TrainingRun(
    Task(Sequential(Linear(2, 4), Tanh(), Linear(4, 2)), CrossEntropy()),
    Adam("0.01"),
    Loader(30, 8, seed=1),
    steps=6,
    seed=2,
)
STEPS = (1, 2, 6)


@functools.cache
def recorded() -> Certificate:
    """The first two steps and the last one of a small run, to the bit."""
    return strict_certificate(RUN, SOURCE.load(), STEPS, SOURCE)


def changed(
    tensors: Tensors[float], name: str, place: int, change: Callable[[float], float]
) -> dict[str, Tensor[float, Shape]]:
    values = list(tensors[name].values)
    values[place] = change(values[place])
    return {**tensors, name: Tensor(tensors[name].shape, tuple(values))}


def with_step(
    number: int, change: Callable[[RecordedStep], RecordedStep]
) -> Certificate:
    steps = [change(s) if s.number == number else s for s in recorded().steps]
    return replace(recorded(), steps=tuple(steps))


def refusal(certificate: Certificate) -> tuple[int, Phase, str, tuple[int, ...]]:
    """The only disagreement of a certificate."""
    report = certify(certificate)
    assert not report.certified
    (found,) = report.disagreements
    return found.step, found.phase, found.tensor, found.index


def test_the_spec_certifies_its_own_bits() -> None:
    """The strict run lies within the allowances at every recorded step."""
    report = certify(recorded())
    assert report.certified
    assert lines(report)[0] == (
        f"certified 3 of 3 steps; worst {report.worst:.2f} of what rounding allows"
    )
    assert 0 < report.worst <= 1


def test_a_run_with_everything_is_certified() -> None:
    """Dropout, clipping, a schedule, momentum and binary64 are judged alike."""
    model = Sequential(Linear(2, 5), Tanh(), Dropout("0.25"), Linear(5, 2))
    run = replace(
        RUN,
        task=Task(model, CrossEntropy(label_smoothing="0.1")),
        optimizer=SGD("0.1", momentum="0.9", nesterov=True),
        schedule=Cosine(5),
        clipping=ClipGlobalNorm("0.25"),
        number_format="float64",
    )
    report = certify(strict_certificate(run, SOURCE.load(), (1, 4)))
    assert report.certified, lines(report)


def test_certificates_survive_their_file() -> None:
    """What is written is read back: the same certificate, and intact."""
    read = from_text(to_text(recorded()))
    assert read.certificate == recorded()
    assert read.intact


def test_other_parameters_before_the_first_step_are_named() -> None:
    """The state before step 1 must be the initial one, to the bit."""

    def change(step: RecordedStep) -> RecordedStep:
        after_one_ulp = changed(
            step.before.parameters, "2.bias", 1, lambda x: x + 2.0**-140
        )
        return replace(step, before=replace(step.before, parameters=after_one_ulp))

    found = certify(with_step(1, change)).disagreements[0]
    assert str(found) == (
        "step 1, data, before.parameter.2.bias[1]: expected 0.0, "
        f"got {2.0**-140!r}, off by more than nothing, where rounding allows none"
    )


def test_a_step_must_start_where_the_one_before_it_ended() -> None:
    """State that changes between two recorded steps is noticed."""

    def change(step: RecordedStep) -> RecordedStep:
        first = changed(step.before.slots["first"], "0.bias", 2, lambda x: -x)
        slots = {**step.before.slots, "first": first}
        return replace(step, before=replace(step.before, slots=slots))

    found = certify(with_step(2, change)).disagreements[0]
    assert (found.phase, found.tensor) == (Phase.DATA, "before.first.0.bias")
    assert found.index == (2,)


def test_a_changed_loss_is_named() -> None:
    """The loss belongs to the backward phase."""
    change = functools.partial(_with_loss, factor=1.001)
    assert refusal(with_step(2, change)) == (2, Phase.BACKWARD, "loss", ())


def _with_loss(step: RecordedStep, factor: float) -> RecordedStep:
    return replace(step, loss=step.loss * factor)


def test_a_changed_gradient_is_named() -> None:
    """A gradient that is off is a matter of the backward phase alone."""

    def change(step: RecordedStep) -> RecordedStep:
        gradients = changed(step.gradients, "0.weight", 5, lambda x: 1.0001 * x)
        return replace(step, gradients=gradients, clipped=gradients)

    found = certify(with_step(2, change)).disagreements
    assert (2, Phase.BACKWARD, "gradient.0.weight", (2, 1)) in [
        (each.step, each.phase, each.tensor, each.index) for each in found
    ]


def test_gradients_that_nobody_clips_must_stay_as_they_are() -> None:
    """Without clipping, a change of one bit after the backward pass is noticed."""

    def change(step: RecordedStep) -> RecordedStep:
        clipped = changed(step.clipped, "0.bias", 0, lambda x: x * (1 + 2.0**-23))
        return replace(step, clipped=clipped)

    found = certify(with_step(6, change)).disagreements
    assert (found[0].phase, found[0].tensor) == (Phase.CLIP, "clipped.0.bias")


def test_a_changed_state_is_named() -> None:
    """A second moment that is off is named as the optimizer's."""

    def change(step: RecordedStep) -> RecordedStep:
        second = changed(step.after.slots["second"], "2.weight", 3, lambda x: x * 1.001)
        slots = {**step.after.slots, "second": second}
        return replace(step, after=replace(step.after, slots=slots))

    assert refusal(with_step(6, change)) == (
        6,
        Phase.OPTIMIZER,
        "second.2.weight",
        (0, 3),
    )


def test_other_data_are_reported() -> None:
    """Another data set than the recorded one is refused, though it is judged."""
    report = certify(replace(recorded(), data_digest="0" * 64))
    assert not report.certified
    assert not report.disagreements
    assert lines(report)[0] == "refused: 3 of 3 steps agree with the spec"
    assert lines(report)[-1] == (
        "the data set has another digest than the one recorded: the run was made on "
        "other data"
    )


def test_a_certificate_without_steps_is_refused() -> None:
    """Nothing recorded is nothing certified."""
    report = certify(replace(recorded(), steps=()))
    assert lines(report) == ["refused: the certificate holds no step"]
    assert not report.certified


def test_generous_declarations_are_said_in_words() -> None:
    """A declared error above 4 ulps makes the judge lenient, and the report says so."""
    report = certify(replace(recorded(), ulps={"tanh": 8.0, "exp": 4.0}))
    assert report.certified
    notes = [line for line in lines(report) if line.startswith("note: the backend")]
    assert notes == [
        "note: the backend declares an error of 8 ulps for tanh, which makes the "
        "judge lenient where it is used"
    ]


def test_chosen_steps_are_said_to_be_chosen() -> None:
    """Steps other than those that the seed draws are certified, and reported."""
    first = replace(recorded(), steps=recorded().steps[1:2])
    report = certify(first)
    assert report.certified
    assert not report.drawn_by_seed
    assert lines(report)[-1] == (
        "note: the recorded steps are not those that the seed draws, so the run may "
        "have chosen them"
    )
    drawn = certify(replace(recorded(), steps=recorded().steps[:1]))
    assert drawn.drawn_by_seed


def test_many_disagreements_are_counted() -> None:
    """The words name the first ten tensors and count the others."""

    steps = tuple(replace(step, after=step.before) for step in recorded().steps)
    report = certify(replace(recorded(), steps=steps))
    assert len(report.disagreements) > 10
    assert lines(report)[-1] == (
        f"and {len(report.disagreements) - 10} more tensors that disagree"
    )


# THE COMMAND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The certificate's file."""
    written = tmp_path / "certificate.json"
    written.write_text(to_text(recorded()), encoding="utf-8")
    return written


def test_the_command_certifies(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An honest file gives exit code 0 and its verdict."""
    assert main(["certify", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == lines(certify(recorded()))


def test_the_command_prints_json(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--json` the whole report is one JSON object."""
    assert certify_command([str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report_json(certify(recorded()))


def test_a_changed_byte_is_noticed(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong digest is reported, the judge runs all the same, and names nothing."""
    path.write_text(path.read_text().replace('"spec over', '"Spec over'))
    assert certify_command([str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "refused: 3 of 3 steps agree with the spec"
    assert said[-1] == (
        "the file's digest is not that of its content: it was changed after the run "
        "wrote it"
    )


def test_a_changed_number_is_named(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flipped bit in a gradient is found by the judge behind the wrong digest."""
    body = json.loads(path.read_text())
    data = body["steps"][2]["gradients"]["0.bias"]["data"]
    body["steps"][2]["gradients"]["0.bias"]["data"] = (
        data[:6] + f"{int(data[6], 16) ^ 8:x}" + data[7:]
    )
    path.write_text(json.dumps(body))
    assert certify_command([str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "refused: 2 of 3 steps agree with the spec"
    assert any(
        line.startswith("step 6, backward, gradient.0.bias[0]: expected ")
        for line in said
    )


def test_a_missing_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be read gives exit code 2."""
    missing = tmp_path / "none.json"
    assert certify_command([str(missing)]) == 2
    assert capsys.readouterr().err == (
        f"torchlean: expected a readable certificate at {missing}: "
        f"[Errno 2] No such file or directory: '{missing}'\n"
    )


def test_another_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no certificate gives exit code 2."""
    other = tmp_path / "other.json"
    other.write_text("[1, 2]")
    assert certify_command([str(other)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("torchlean: expected a certificate, got a file that is none")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "certify: the following arguments are required: path"),
        (["a", "b"], "certify: unrecognized arguments: b"),
        (["a", "--fast"], "certify: unrecognized arguments: --fast"),
    ],
)
def test_wrong_usage_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command line that makes no sense gives exit code 2."""
    assert certify_command(words) == 2
    expected = f"torchlean: {said} (torchlean certify --help)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1), (0, 2), (6, 7)])
def test_steps_must_be_those_of_the_run(numbers: tuple[int, int]) -> None:
    """Steps out of order, given twice or out of range are refused."""
    pairs = zip(recorded().steps, numbers, strict=False)
    steps = tuple(replace(step, number=number) for step, number in pairs)
    with pytest.raises(TorchLeanError) as caught:
        certify(replace(recorded(), steps=steps))
    assert str(caught.value) == (
        f"expected recorded steps in order, from 1 to 6, each once, got {list(numbers)}"
    )


def test_unknown_commands_are_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command that does not exist gives exit code 2."""
    assert main(["disprove"]) == 2
    assert capsys.readouterr().err == (
        "torchlean_proofs: expected a command among certify, laws, prove, "
        "got disprove\n"
    )


def test_certifying_imports_neither_numpy_nor_numba(path: Path) -> None:
    """The judge needs the spec and the standard library alone."""
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['torchlean_proofs', 'certify', {str(path)!r}]\n"
        "try:\n"
        "    runpy.run_module('torchlean_proofs', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "wanted = {'numpy', 'numba', 'torchlean', 'hypothesis'}\n"
        "print(sorted(wanted & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_data_are_written_inline_for_data_without_a_source() -> None:
    """A certificate can carry its own data."""
    certificate = replace(recorded(), source=inline(SOURCE.load()))
    read = from_text(to_text(certificate))
    assert certify(read.certificate, intact=read.intact).certified
