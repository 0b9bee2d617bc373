"""Runs that are taken up: the bits are those of the run without the break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from torchlean.callbacks import Callbacks, EpochEvent
from torchlean.cli import main
from torchlean.data import AnyTensors, BatchLoader, two_moons
from torchlean.loading import load
from torchlean.run_config import TrainOptions
from torchlean.trained import Trained
from torchlean.trainer import Interrupted, Trainer
from torchlean_spec.clipping import ClipGlobalNorm
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Dropout, Layer, Linear, ReLU, Sequential, Tanh
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import SGD, Adam, Optimizer
from torchlean_spec.schedules import Cosine
from torchlean_spec.shape import Shape

MOONS = two_moons(60)
MODEL = Sequential(Linear(2, 8), ReLU(), Dropout("0.25"), Linear(8, 2))
ADAM = Adam("0.05")


def trainer(
    optimizer: Optimizer = ADAM, model: Layer = MODEL, seed: int = 3
) -> Trainer:
    """A trainer with everything that a state must carry over a break."""
    return Trainer(
        model,
        task="classification",
        optimizer=optimizer,
        schedule=Cosine(20),
        clipping=ClipGlobalNorm(1),
        seed=seed,
    )


def bits(trained: Trained) -> dict[str, bytes]:
    """Parameters and optimizer state, to the bit."""
    found = {"": trained.parameters, **trained.optimizer_state}
    return {
        f"{slot}.{name}": array.tobytes()
        for slot, arrays in found.items()
        for name, array in arrays.items()
    }


def as_it_is(trained: Trained, folder: Path) -> Trained | Path:
    """A trained model, from hand to hand."""
    return trained


def through_a_file(trained: Trained, folder: Path) -> Trained | Path:
    """A trained model, by a file."""
    trained.save(folder / "file")
    return folder / "file"


def read_by_itself(trained: Trained, folder: Path) -> Trained | Path:
    """A trained model that was read from a file which is no more."""
    trained.save(folder / "file")
    found = load(folder / "file")
    (folder / "file").unlink()
    return found


KINDS: dict[str, dict[str, object]] = {
    "compiled": {},
    "eager": {"backend": "eager"},
    "strict": {"strict": True},
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("handed", [as_it_is, through_a_file, read_by_itself])
@pytest.mark.parametrize("optimizer", [ADAM, SGD("0.1", momentum="0.9")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_has_the_bits_of_the_whole_run(
    kind: str,
    optimizer: Optimizer,
    handed: Callable[[Trained, Path], Trained | Path],
    tmp_path: Path,
) -> None:
    """Dropout, schedule, clipping and a short last batch, broken off in mid-epoch."""
    asked = replace(trainer(optimizer), **KINDS[kind])  # type: ignore[arg-type]
    options = TrainOptions(batch_size=8, drop_last=False)
    whole = asked.train(MOONS, steps=20, **options)
    first = asked.train(MOONS, steps=11, **options)
    assert bits(first) != bits(whole)
    resumed = asked.train(MOONS, steps=20, resume=handed(first, tmp_path), **options)
    assert bits(resumed) == bits(whole)
    assert resumed.losses.tobytes() == whole.losses[11:].tobytes()
    assert resumed.after == whole.after
    assert resumed.before == first.after
    history = resumed.trained_by
    assert (history.start, history.steps, history.updates) == (11, 20, 20)
    assert resumed.curve.steps == tuple(range(12, 21))


@pytest.mark.parametrize("breaks", [(1, 2, 3), (6, 12), (7, 7, 19)])
def test_a_run_may_be_taken_up_more_than_once(
    breaks: tuple[int, ...], tmp_path: Path
) -> None:
    """At the ends of epochs, within them, and where nothing is left to do."""
    path = tmp_path / "file"
    whole = trainer().train(MOONS, batch_size=10, steps=20)
    trainer().train(MOONS, batch_size=10, steps=breaks[0], save=path)
    for stop in (*breaks[1:], 20):
        trainer().train(MOONS, batch_size=10, steps=stop, save=path, resume=path)
    assert bits(load(path)) == bits(whole)


def test_a_run_that_was_interrupted_goes_on() -> None:
    """What Ctrl-C leaves is as good a place as any."""
    whole = trainer().train(MOONS, batch_size=10, steps=20)

    def press(event: object) -> None:
        raise KeyboardInterrupt

    stop = Callbacks(on_epoch_end=press)
    with pytest.raises(Interrupted) as stopped:
        trainer().train(MOONS, batch_size=10, steps=20, callbacks=stop)
    left = stopped.value.trained
    assert left.trained_by.steps == 6
    resumed = trainer().train(MOONS, batch_size=10, steps=20, resume=left)
    assert bits(resumed) == bits(whole)


def test_a_loader_is_honoured_where_it_stands() -> None:
    """A run over a loader in mid-epoch sees the batches that are left, then more."""
    loader = BatchLoader(MOONS, 10, seed=3)
    ended = trainer().train(loader.at(1, 4), steps=3).loader
    assert (ended.position.epoch, ended.position.batch) == (2, 1)
    seen = list(loader.rest_of_epoch()[0])
    one_step = trainer(SGD("0.1"))
    moved = one_step.train(loader.at(0, 4), steps=1)
    samples, labels = seen[4]
    assert moved.losses[0] != one_step.train(loader, steps=1).losses[0]
    alone = replace(MOONS, inputs=samples, targets=labels, source=None)
    same = one_step.train(alone, batch_size=10, shuffle=False, steps=1)
    assert moved.losses[0] == same.losses[0]


@pytest.mark.parametrize("given", ["start", "stop", "behind"])
def test_a_loader_goes_on_in_mid_epoch(given: str) -> None:
    """It may stand where the run began or where it stopped; the bits are the same."""
    start = BatchLoader(MOONS, 10, seed=3).at(2, 5)
    whole = trainer().train(start, steps=20)
    first = trainer().train(start, steps=9)
    loader = {"start": start, "stop": first.loader, "behind": start.at(4, 2)}[given]
    resumed = trainer().train(loader, steps=20, resume=first)
    assert bits(resumed) == bits(whole)
    assert resumed.loader == whole.loader


def test_epochs_are_told_by_the_loader() -> None:
    """A resumed run tells of the epochs that end in it, each with its own steps."""
    told: list[tuple[int, int, int]] = []

    def on_epoch_end(event: EpochEvent) -> None:
        told.append((event.epoch, event.step, event.steps))

    hooks = Callbacks(on_epoch_end=on_epoch_end)
    first = trainer().train(MOONS, batch_size=10, steps=9)
    trainer().train(MOONS, batch_size=10, epochs=3, resume=first, callbacks=hooks)
    assert told == [(1, 12, 3), (2, 18, 6)]


def test_a_resumed_run_is_certified_as_far_as_it_goes() -> None:
    """The steps that the seed draws for the whole run, of those that are made here."""
    whole = trainer().train(MOONS, batch_size=10, steps=20, certify=8)
    first = trainer().train(MOONS, batch_size=10, steps=9)
    resumed = trainer().train(MOONS, batch_size=10, steps=20, certify=8, resume=first)
    ours, theirs = resumed.certificate(), whole.certificate()
    assert ours.training_run == theirs.training_run
    assert ours.steps == tuple(step for step in theirs.steps if step.number > 9)


def test_a_run_that_begins_in_mid_epoch_is_certified(tmp_path: Path) -> None:
    """The judge derives the batches from where the loader stood, and goes on so."""
    path = tmp_path / "certificate.json"
    loader = BatchLoader(MOONS, 10, seed=3).at(2, 4)
    trainer().train(loader, steps=9, certify=4).write_certificate(path)
    assert main(["certify", str(path)]) == 0
    first = trainer().train(loader, steps=5)
    resumed = trainer().train(first.loader, steps=9, certify=4, resume=first)
    resumed.write_certificate(path)
    assert main(["certify", str(path)]) == 0


def test_given_parameters_begin_a_new_run(tmp_path: Path) -> None:
    """Everything but the parameters begins anew: the step, the optimizer, the data."""
    first = trainer().train(MOONS, batch_size=10, steps=5, save=tmp_path / "file")
    new = trainer().train(
        MOONS, batch_size=10, steps=7, load_parameters=tmp_path / "file"
    )
    again = trainer().train(MOONS, batch_size=10, steps=7, load_parameters=first)
    assert bits(new) == bits(again)
    assert new.before == first.after
    assert new.trained_by.start == 0
    nothing = trainer().train(MOONS, batch_size=10, steps=0, load_parameters=first)
    for name, array in nothing.parameters.items():
        assert array.tobytes() == first.parameters[name].tobytes()
    assert not any(array.any() for array in nothing.optimizer_state["first"].values())


def training(
    asked: Trainer,
    options: TrainOptions,
    data: AnyTensors | BatchLoader[Shape, Targets] = MOONS,
) -> Callable[[], Trained]:
    """The call that trains, to be made later."""
    return lambda: asked.train(data, **options)


def refused(reason: Reason, action: Callable[[], object]) -> str:
    """The sentence of a refusal."""
    with pytest.raises(TorchLeanError) as found:
        action()
    assert found.value.reason is reason
    return str(found.value)


def test_another_run_is_refused(tmp_path: Path) -> None:
    """The first part that differs is named, with ours and theirs."""
    path = tmp_path / "file"
    trainer().train(MOONS, batch_size=10, steps=5, save=path)

    def resume(
        asked: Trainer, batch_size: int = 10, steps: int = 9
    ) -> Callable[[], Trained]:
        options = TrainOptions(batch_size=batch_size, steps=steps, resume=path)
        return lambda: asked.train(MOONS, **options)

    cases: list[tuple[Callable[[], Trained], str]] = [
        (
            resume(trainer(Adam("0.01"))),
            "expected a run with the optimizer Adam(learning_rate=0.01), "
            "got one with Adam(learning_rate=0.05)",
        ),
        (
            resume(trainer(SGD("0.05"))),
            "expected a run with the optimizer SGD(learning_rate=0.05), "
            "got one with Adam(learning_rate=0.05)",
        ),
        (
            resume(trainer(seed=4)),
            "expected a run with the loader Loader(count=60, batch_size=10, seed=4), "
            "got one with Loader(count=60, batch_size=10, seed=3)",
        ),
        (
            resume(trainer(), batch_size=12),
            "expected a run with the loader Loader(count=60, batch_size=12, seed=3), "
            "got one with Loader(count=60, batch_size=10, seed=3)",
        ),
        (
            resume(replace(trainer(), clipping=None)),
            "expected a run with the clipping None, "
            "got one with ClipGlobalNorm(maximum=1)",
        ),
        (
            resume(trainer(), steps=4),
            "expected a run of at most 4 steps to go on with, got one of 5",
        ),
    ]
    for action, message in cases:
        assert refused(Reason.CONTRADICTION, action) == f"{path}: {message}"
    wider = replace(trainer(), dtype="float64")
    assert refused(Reason.OTHER_MODEL, resume(wider)) == (
        f"{path}: 0.weight: expected float64, got float32"
    )
    other = trainer(model=Sequential(Linear(2, 9), ReLU(), Linear(9, 2)))
    assert refused(Reason.OTHER_MODEL, resume(other)) == (
        f"{path}: 0.weight: expected shape [9, 2], got [8, 2]"
    )
    other_data = two_moons(60, seed=1)
    ours, theirs = other_data.digest(), MOONS.digest()
    assert refused(
        Reason.CONTRADICTION,
        lambda: trainer().train(other_data, batch_size=10, steps=9, resume=path),
    ) == (
        f"{path}: expected a run on the data with the digest {ours}, "
        f"got one on the data with the digest {theirs}"
    )


def test_another_model_in_hand_is_refused() -> None:
    """By its shapes, and where those agree by its description."""
    first = trainer().train(MOONS, batch_size=10, steps=5)
    turned = Sequential(Linear(2, 8), Tanh(), Dropout("0.25"), Linear(8, 2))
    ours, theirs = (
        each.execution.model_digest for each in (trainer(model=turned), trainer())
    )
    for what, options in (
        ("resume", TrainOptions(steps=9, batch_size=10, resume=first)),
        (
            "load_parameters",
            TrainOptions(steps=9, batch_size=10, load_parameters=first),
        ),
    ):
        message = refused(Reason.OTHER_MODEL, training(trainer(model=turned), options))
        assert message == (
            f"{what}: expected parameters of the model {ours}, got those of {theirs}"
        )
    wider = replace(trainer(), dtype="float64")
    assert refused(
        Reason.OTHER_MODEL,
        lambda: wider.train(MOONS, batch_size=10, steps=9, resume=first),
    ) == ("resume: 0.weight: expected float64, got float32")


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    """A loader elsewhere, two beginnings, a certificate of others' parameters."""
    first = trainer().train(MOONS, batch_size=10, steps=9)
    loader = BatchLoader(MOONS, 10, seed=3)
    assert refused(
        Reason.CONTRADICTION,
        lambda: trainer().train(loader.at(1, 4), steps=20, resume=first),
    ) == (
        "expected a loader at epoch 1, batch 3, where the run stopped, "
        "got one at epoch 1, batch 4"
    )
    assert refused(
        Reason.CONTRADICTION,
        lambda: trainer().train(
            MOONS, batch_size=10, steps=20, resume=first, load_parameters=first
        ),
    ) == ("expected load_parameters or resume, got both")
    given = trainer().train(MOONS, batch_size=10, steps=2, load_parameters=first)
    asked = TrainOptions(steps=20, batch_size=10, certify=2)
    for options in (
        replace(asked, load_parameters=first),
        replace(asked, resume=given),
    ):
        message = refused(Reason.CONTRADICTION, training(trainer(), options))
        assert message == (
            "expected certify=0 for a run that began with given parameters, since a "
            "certificate's are those that the seed gives, got 2"
        )
    bare = Trained(first.execution, first.parameters, first.optimizer_state)
    bare.save(tmp_path / "bare")
    for what, source in (("resume", bare), (tmp_path / "bare", tmp_path / "bare")):
        options = TrainOptions(steps=20, batch_size=10, resume=source)
        message = refused(Reason.FILE_FORMAT, training(trainer(), options))
        assert message == (
            f"{what}: expected parameters that say which run they are of, "
            "got some that do not"
        )


def test_a_loader_brings_its_own_batches() -> None:
    """What a loader says is not said a second time."""
    loader = BatchLoader(MOONS, 10)
    for name, options in (
        ("batch_size", TrainOptions(steps=1, batch_size=10)),
        ("shuffle", TrainOptions(steps=1, shuffle=False)),
        ("drop_last", TrainOptions(steps=1, drop_last=False)),
    ):
        message = refused(Reason.CONTRADICTION, training(trainer(), options, loader))
        value = options[name]
        assert message == (
            f"expected {name} from the loader alone, got {value} beside it"
        )
    plain = trainer().train(MOONS, batch_size=10, steps=5)
    assert bits(trainer().train(replace(loader, seed=3), steps=5)) == bits(plain)


def test_a_loss_that_is_not_finite_does_not_count_as_an_update() -> None:
    """What is left of such a run is the state before the step that failed."""
    model = Linear(2, 2)
    wild = Trainer(model, loss=CrossEntropy(), optimizer=SGD("1e38"), seed=3)
    with pytest.raises(TorchLeanError) as stopped:
        wild.train(MOONS, batch_size=10, steps=50)
    left: Trained = stopped.value.trained  # type: ignore[attr-defined]
    history = left.trained_by
    assert history.updates == history.steps - 1
    assert left.saved_run is not None
    assert left.saved_run.steps == history.updates
    assert np.isfinite(left.losses[:-1]).all()
