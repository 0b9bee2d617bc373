"""`torchlean train`: train, evaluate, leave the results, certify."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from torchlean import curve
from torchlean.callbacks import Callbacks, TrainStart
from torchlean.cli import DONE, FAILED, GROUP, INTERRUPTED, Command
from torchlean.cli.arguments import Once, Parser, whole_number
from torchlean.cli.progress import progress
from torchlean.cli.settings import Settings, add_flags, settings_of
from torchlean.curve import Picture
from torchlean.evaluation import Evaluation
from torchlean.log import LogDestination
from torchlean.report import described, model_summary
from torchlean.trained import Trained
from torchlean.trainer import Interrupted, NonFiniteLoss
from torchlean.writable import require_writable
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.schedules import Constant

CERTIFIED_STEPS = 10
LOG, PARAMETERS = "trainlog.json", "parameters.safetensors"
PICTURE, CERTIFICATE = "curve.png", "certificate.json"

EPILOG = """\
The model is trained on four fifths of the samples; the seed decides which fifth is
held out. Files are left in the output folder: trainlog.json, curve.png (with
Matplotlib), parameters.safetensors, and certificate.json, which
`torchlean certify` checks again.

schedules: constant; step, a tenth of the rate after each third of the steps;
exponential, nine tenths of it after each epoch; cosine, down to 0 at the end;
warm-up- before any of them, a rise over the first tenth of the steps.
"""


def main(words: Sequence[str]) -> int:
    """Train a model on a data set, and certify the run."""
    parser = Parser(
        "train DATA [flags]",
        "Train a model on a data set, and certify the run.",
        EPILOG,
    )
    add_flags(parser)
    parser.add_argument(
        "--log",
        action=Once,
        default=None,
        metavar="PATH|off",
        help="where the training log goes; trainlog.json in the output folder",
    )
    parser.add_argument(
        "--certify",
        action=Once,
        type=whole_number(0),
        default=CERTIFIED_STEPS,
        metavar="N",
        help=f"steps to certify, 0 for none; {CERTIFIED_STEPS} by default",
    )
    parser.add_argument(
        "--output",
        action=Once,
        type=Path,
        default=None,
        metavar="DIR",
        help="the folder for what the run leaves; runs/DATA by default",
    )
    options = parser.read(words)
    settings = settings_of(options)
    folder: Path = options.output or Path("runs", settings.recipe.data)
    log = LogDestination.json(folder / LOG)
    if options.log is not None:
        log = LogDestination.parse(options.log)
    for path in (log.path, folder / PARAMETERS):
        if path is not None:
            require_writable(path)
    _clear(folder)
    return _run(settings, folder, log, options.certify)


def _clear(folder: Path) -> None:
    """Remove what an earlier run left: it speaks of other numbers than this one.

    Raises:
        TorchLeanError: `FILE_ACCESS` if something cannot be removed.
    """
    for name in (LOG, PARAMETERS, PICTURE, CERTIFICATE):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            cause = (error.strerror or "unknown").lower()
            raise TorchLeanError(
                Reason.FILE_ACCESS,
                f"expected a file that can be removed, got {folder / name}: {cause}",
            ) from error


def _run(settings: Settings, folder: Path, log: LogDestination, certify: int) -> int:
    """Train, leave the files, certify; the exit code."""
    print(_introduction(settings), flush=True)
    parameters = folder / PARAMETERS
    started: list[float] = []

    def on_train_start(event: TrainStart) -> None:
        print(_result("before", event.before, event.held_out), flush=True)
        # Whatever had to be compiled is compiled by now.
        started.append(time.perf_counter())

    stopped: Interrupted | NonFiniteLoss | None = None
    with progress() as bar:
        try:
            trained = settings.trainer.train(
                settings.training,
                batch_size=settings.batch_size,
                steps=settings.training_run.steps,
                held_out=settings.held_out,
                callbacks=Callbacks(on_train_start=on_train_start) + bar,
                certify=certify,
                log=log,
                save=parameters,
                title=f"torchlean train {settings.recipe.data}",
                notes=_notes(settings),
            )
        except (Interrupted, NonFiniteLoss) as error:
            stopped, trained = error, error.trained
    history = trained.trained_by
    print(_result("after ", history.after, history.held_out[-1][1]))
    seconds = time.perf_counter() - started[0]
    print(f"{history.steps} steps in {seconds:.1f} s, evaluations included")
    certificate = folder / CERTIFICATE
    left = [*([log.path] if log.path else []), parameters]
    left += _draw(settings, trained, folder / PICTURE)
    if history.records and stopped is None:
        trained.write_certificate(certificate)
        left.append(certificate)
    print(f"wrote {', '.join(map(str, left))}", flush=True)
    if stopped is not None:
        print(f"torchlean: {stopped}", file=sys.stderr)
        return INTERRUPTED if isinstance(stopped, Interrupted) else FAILED
    return _certify(certificate) if certify else DONE


def _introduction(settings: Settings) -> str:
    """The data, the model with its shapes, and what is done with them."""
    recipe, run = settings.recipe, settings.training_run
    training, held_out = settings.training, settings.held_out
    per_epoch = run.loader.batches_per_epoch
    how = [
        described(recipe.loss).removesuffix("()"),
        described(run.optimizer),
        *([] if isinstance(run.schedule, Constant) else [described(run.schedule)]),
        f"batches of {settings.batch_size}",
        f"{run.steps} steps ({run.steps / per_epoch:.4g} epochs)",
        f"{run.number_format}{', strict' if settings.trainer.strict else ''}",
    ]
    return (
        f"{recipe.data}: {len(training) + len(held_out)} {recipe.described}; "
        f"{len(training)} to train on, {len(held_out)} held out (seed {settings.seed})"
        f"\n\n{model_summary(recipe.model, training.input_shape)}\n{', '.join(how)}\n"
    )


def _result(when: str, training: Evaluation, held_out: Evaluation | None) -> str:
    """The line of an evaluation: the mean loss, and how the held-out samples fare."""
    said = f"{when}  mean loss {training.loss:.4f}"
    if held_out is None:
        return said
    if held_out.count is None:
        return f"{said}, held-out mean loss {held_out.loss:.4f}"
    return (
        f"{said}, held-out accuracy {100 * held_out.accuracy:.1f} % "
        f"({held_out.count.correct} of {held_out.count.total})"
    )


def _notes(settings: Settings) -> list[str]:
    """What the log says of the run beside its curves."""
    run = settings.training_run
    return [
        f"dataset={settings.recipe.data}",
        f"optimizer={described(run.optimizer)}",
        f"schedule={described(run.schedule)}",
        f"batch_size={settings.batch_size}",
        f"seed={settings.seed}",
        f"dtype={run.number_format}",
        "loss: of the batch of each step, before its update",
        "held_out_*: after the epoch that ended last",
    ]


def _draw(settings: Settings, trained: Trained, path: Path) -> list[Path]:
    """Draw the curves, if they can be drawn; the files that were left."""
    history = trained.trained_by
    if not history.steps:
        return []
    if not curve.is_available():
        print(f"no {path}: Matplotlib is not installed (pip install torchlean[plots])")
        return []
    last = history.held_out[-1][1]
    reached = (
        f"held-out loss {last.loss:.4f}"
        if last.count is None
        else f"held-out accuracy {100 * last.accuracy:.1f} %"
    )
    curve.draw(
        path,
        Picture(
            f"{settings.recipe.data}: {reached} after {history.steps} steps",
            history.losses,
            history.training_run.loader.batches_per_epoch,
            history.held_out,
        ),
    )
    return [path]


def _certify(path: Path) -> int:
    """Have the proofs judge the certificate, as `torchlean certify` does."""
    for entry in entry_points(group=GROUP, name="certify"):
        judge: Command = entry.load()
        return judge([str(path)])
    raise TorchLeanError(
        Reason.MISSING_DEPENDENCY,
        "expected an installed judge of certificates, got none; the certificate "
        f"stands in {path}",
    )
