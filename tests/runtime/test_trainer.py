"""The trainer: runs that come to an end, are stopped, saved, certified, or refused."""

from __future__ import annotations

import pickle
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from torchlean.callbacks import Callbacks
from torchlean.checkpoint import load_optimizer_state
from torchlean.data import AnyTensors, tensor_dataset, two_moons
from torchlean.log import TrainLog
from torchlean.state import to_spec
from torchlean.trained import Trained
from torchlean.trainer import Interrupted, NonFiniteLoss, Trainer
from torchlean_spec.certificate import from_text, to_text
from torchlean_spec.errors import Reason
from torchlean_spec.layers import Dropout, Layer, Linear, ReLU, Sequential, Tanh
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanSquaredError,
)
from torchlean_spec.numbers.binary import BINARY32
from torchlean_spec.optimizers import SGD, Adam, AdamW
from torchlean_spec.task import Task
from torchlean_spec.training import NumberFormat, evaluation, samples

MOONS = two_moons(60)
MODEL = Sequential(Linear(2, 8), ReLU(), Linear(8, 2))
LINE = tensor_dataset([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])


def trainer(model: Layer = MODEL, seed: int = 0) -> Trainer:
    """A trainer for the moons."""
    return Trainer(model, loss=CrossEntropy(), optimizer=Adam("0.05"), seed=seed)


def bits(trained: Trained) -> dict[str, bytes]:
    """The parameters, to the bit."""
    return {name: array.tobytes() for name, array in trained.parameters.items()}


def test_a_run_learns() -> None:
    """The same samples before and after; the held-out ones after each epoch."""
    trained = trainer().train(MOONS, batch_size=10, epochs=40, held_out=MOONS)
    history = trained.trained_by
    assert history.steps == 240
    assert history.before == history.held_out[0][1]
    assert history.after == history.held_out[-1][1]
    assert [step for step, _ in history.held_out] == list(range(0, 241, 6))
    assert trained.after.loss < trained.before.loss
    assert trained.accuracy(MOONS) == trained.after.accuracy == 1.0
    assert trained.predict_class(MOONS.inputs).tolist() == MOONS.targets.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_in_every_dtype(dtype: NumberFormat) -> None:
    """A model answers in the format that it was trained in, single samples too."""
    trained = Trainer(MODEL, loss=CrossEntropy(), optimizer=Adam(), dtype=dtype).train(
        MOONS, batch_size=10, steps=3
    )
    answers = trained.predict(MOONS.inputs)
    assert answers.dtype == dtype
    assert answers.shape == (60, 2)
    assert {each.dtype.name for each in trained.parameters.values()} == {dtype}
    assert trained.predict(MOONS.inputs[:1]).shape == (1, 2)


def test_strict_predictions_are_the_specs() -> None:
    """To the bit: the spec's program over binary32 numbers answers the same."""
    asked = replace(trainer(), strict=True)
    trained = asked.train(MOONS, batch_size=10, steps=5)
    parameters = to_spec(trained.parameters)
    data = MOONS.to_spec()
    batch = samples(BINARY32, data, tuple(range(len(data))))
    given = {
        name: tensor.map(BINARY32.from_float) for name, tensor in parameters.items()
    }
    task = Task(MODEL, CrossEntropy())
    _, wanted = evaluation(BINARY32, task, given, batch)
    answers = trained.predict(MOONS.inputs)
    assert answers.ravel().tolist() == [BINARY32.to_float(x) for x in wanted.values]


@pytest.mark.parametrize("backend", ["compiled", "eager"])
@pytest.mark.parametrize("threads", [1, 2, None])
def test_backends_and_threads_change_no_bits(backend: str, threads: int) -> None:
    """Row by row or in slices, on one thread or two: the same parameters."""
    model = Sequential(Linear(2, 8), Tanh(), Dropout("0.25"), Linear(8, 2))
    described = trainer(model)
    asked = Trainer(
        model,
        loss=described.loss,
        optimizer=described.optimizer,
        backend="eager" if backend == "eager" else "compiled",
        threads=threads,
    )
    ours = asked.train(MOONS, batch_size=8, steps=20)
    assert bits(ours) == bits(described.train(MOONS, batch_size=8, steps=20))


def test_recording_changes_no_bits() -> None:
    """With and without a certificate, the same parameters and losses."""
    alone = trainer().train(MOONS, batch_size=10, steps=20)
    recorded = trainer().train(MOONS, batch_size=10, steps=20, certify=7)
    assert bits(alone) == bits(recorded)
    assert alone.losses.tobytes() == recorded.losses.tobytes()


def test_a_certificate_holds_the_run() -> None:
    """The sampled steps are the run's own: a run of that length ends in that state."""
    trained = trainer(seed=3).train(MOONS, batch_size=10, steps=20, certify=5)
    read = from_text(to_text(trained.certificate()))
    assert read.intact
    certificate = read.certificate
    assert certificate.training_run == trained.trained_by.training_run
    assert certificate.data_digest == MOONS.digest()
    numbers = [step.number for step in certificate.steps]
    assert len(set(numbers)) == 5
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (1, 20)
    for step in certificate.steps:
        shorter = trainer(seed=3).train(MOONS, batch_size=10, steps=step.number)
        assert step.loss == shorter.losses[-1]
        for name, array in shorter.parameters.items():
            recorded = step.after.parameters[name].values
            assert list(recorded) == array.ravel().tolist()


def test_a_certificate_is_written(tmp_path: Path) -> None:
    """What is written reads back as it was."""
    trained = trainer().train(MOONS, batch_size=10, steps=4, certify=2)
    path = tmp_path / "new" / "certificate.json"
    trained.write_certificate(path)
    assert path.read_text() == to_text(trained.certificate())


LEARNED: list[tuple[Loss, AnyTensors, int]] = [
    (CrossEntropy(), MOONS, 2),
    (MeanSquaredError(), LINE, 1),
    (Huber("0.5"), LINE, 1),
    (BinaryCrossEntropy(), tensor_dataset([[0.0], [1.0]], [0.0, 1.0]), 1),
]


@pytest.mark.parametrize(
    ("loss", "dataset", "outputs"), LEARNED, ids=lambda each: type(each).__name__
)
def test_parameters_of_every_task_are_saved_and_loaded(
    loss: Loss, dataset: AnyTensors, outputs: int, tmp_path: Path
) -> None:
    """Whatever the loss, what is read back answers alike, to the bit."""
    inputs = dataset.inputs.shape[1]
    asked = Trainer(
        Sequential(Linear(inputs, 4), ReLU(), Linear(4, outputs)),
        loss=loss,
        optimizer=AdamW(),
    )
    trained = asked.train(dataset, batch_size=2, steps=9, save=tmp_path / "first")
    trained.save(tmp_path / "second")
    for name in ("first", "second"):
        loaded = asked.load(tmp_path / name)
        assert bits(loaded) == bits(trained)
        answers = loaded.predict(dataset.inputs)
        assert answers.tobytes() == trained.predict(dataset.inputs).tobytes()
        assert loaded.evaluate(dataset) == trained.after


def test_the_optimizer_state_is_saved_beside(tmp_path: Path) -> None:
    """Adam's moments stand in the same file, by slot and parameter."""
    trained = trainer().train(MOONS, batch_size=10, steps=9, save=tmp_path / "file")
    expected = {
        f"{slot}.{name}": ("float32", array.shape)
        for slot in ("first", "second")
        for name, array in trained.parameters.items()
    }
    found = load_optimizer_state(tmp_path / "file", expected)
    for slot, arrays in trained.optimizer_state.items():
        for name, array in arrays.items():
            assert found[f"{slot}.{name}"].tobytes() == array.tobytes()


def test_a_trained_model_can_be_pickled() -> None:
    """A copy from another process answers alike, to the bit."""
    trained = trainer().train(MOONS, batch_size=10, steps=3, certify=2)
    answers = trained.predict(MOONS.inputs)
    copied = pickle.loads(pickle.dumps(trained))
    assert copied.predict(MOONS.inputs).tobytes() == answers.tobytes()
    assert to_text(copied.certificate()) == to_text(trained.certificate())


def test_parameters_cannot_be_written_to() -> None:
    """A trained model stays what it is, and answers alike whenever it is asked."""
    trained = trainer().train(MOONS, batch_size=10, steps=2)
    with pytest.raises(ValueError, match="read-only"):
        trained.parameters["0.weight"][0, 0] = 1


def test_a_run_of_no_steps_is_the_initial_model(tmp_path: Path) -> None:
    """Nothing is learned, nothing is logged, and before is after."""
    trained = trainer().train(MOONS, batch_size=10, steps=0, log=tmp_path / "log")
    assert trained.before == trained.after
    assert trained.losses.shape == (0,)
    assert TrainLog.read_json(tmp_path / "log").steps == ()


def test_the_log_tells_of_every_step(tmp_path: Path) -> None:
    """A row a step: its loss, and the held-out samples as evaluated last."""
    path = tmp_path / "log.json"
    trained = trainer().train(
        MOONS,
        batch_size=20,
        steps=4,
        held_out=MOONS,
        log=path,
        title="moons",
        notes=["a note"],
    )
    log = TrainLog.read_json(path)
    assert (log.title, log.steps, log.notes) == ("moons", (1, 2, 3, 4), ("a note",))
    losses, held_out, accuracy = log.series
    assert losses.values == tuple(trained.losses.tolist())
    evaluations = dict(trained.trained_by.held_out)
    latest = [evaluations[step] for step in (0, 0, 3, 4)]
    assert held_out.values == tuple(each.loss for each in latest)
    assert accuracy.values == tuple(each.accuracy for each in latest)
    assert [each.name for each in log.series] == [
        "loss",
        "held_out_loss",
        "held_out_accuracy",
    ]


@pytest.mark.parametrize("certify", [0, 100])
def test_a_loss_that_is_not_finite_stops_the_run(certify: int, tmp_path: Path) -> None:
    """The error names step and loss; log and parameters are as far as the run came."""
    wild = Trainer(Linear(1, 1), loss=MeanSquaredError(), optimizer=SGD("1e9"))
    with pytest.raises(NonFiniteLoss) as stopped:
        wild.train(
            LINE,
            batch_size=4,
            steps=100,
            certify=certify,
            log=tmp_path / "log",
            save=tmp_path / "parameters",
        )
    trained = stopped.value.trained
    steps = trained.trained_by.steps
    assert stopped.value.reason is Reason.NOT_FINITE
    assert str(stopped.value) == f"step {steps}: expected a finite loss, got inf"
    assert np.isfinite(trained.losses[:-1]).all()
    assert trained.losses[-1] == np.inf
    assert len(trained.trained_by.records) == min(certify, steps - 1)
    log = TrainLog.read_json(tmp_path / "log")
    assert log.series[0].values == tuple(trained.losses.tolist())
    # The update of that step was not made.
    before = wild.train(LINE, batch_size=4, steps=steps - 1)
    assert bits(wild.load(tmp_path / "parameters")) == bits(before)


def press_ctrl_c_at(step: int) -> Callbacks:
    """Callbacks that press Ctrl-C when a step is reported."""

    def on_step(event: object) -> None:
        if getattr(event, "step", 0) == step:
            signal.raise_signal(signal.SIGINT)

    return Callbacks(on_step=on_step)


def test_ctrl_c_leaves_a_valid_log_and_parameters(tmp_path: Path) -> None:
    """The run stops between two slices, in the state of a shorter run."""
    with pytest.raises(Interrupted) as stopped:
        trainer().train(
            MOONS,
            batch_size=10,
            steps=10**9,
            callbacks=press_ctrl_c_at(3),
            log=tmp_path / "log",
            save=tmp_path / "parameters",
        )
    trained = stopped.value.trained
    steps = trained.trained_by.steps
    assert 3 <= steps < 10**6
    assert str(stopped.value) == f"interrupted after step {steps}"
    assert isinstance(stopped.value, KeyboardInterrupt)
    shorter = trainer().train(MOONS, batch_size=10, steps=steps)
    assert bits(trainer().load(tmp_path / "parameters")) == bits(shorter)
    log = TrainLog.read_json(tmp_path / "log")
    assert log.series[0].values == tuple(shorter.losses.tolist())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_a_callback_ends_leaves_its_files(tmp_path: Path) -> None:
    """Log and parameters are written before the callback's error is raised."""

    def refuse(event: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        trainer().train(
            MOONS,
            batch_size=10,
            epochs=2,
            callbacks=Callbacks(on_epoch_end=refuse),
            log=tmp_path / "log",
            save=tmp_path / "parameters",
        )
    assert TrainLog.read_json(tmp_path / "log").steps == (1, 2, 3, 4, 5, 6)
    shorter = trainer().train(MOONS, batch_size=10, epochs=1)
    assert bits(trainer().load(tmp_path / "parameters")) == bits(shorter)


def test_a_model_is_shown_with_its_shapes() -> None:
    """Layer by layer, as the original prints it."""
    trained = trainer().train(MOONS, batch_size=10, steps=0)
    assert trained.model_summary() == (
        "Sequential: [2] -> [2], layers=3, params=42\n"
        "  [0] Linear: [2] -> [8]  params=24  [[8, 2], [8]]\n"
        "  [1] ReLU:   [8] -> [8]  params=0   []\n"
        "  [2] Linear: [8] -> [2]  params=18  [[2, 8], [2]]"
    )
