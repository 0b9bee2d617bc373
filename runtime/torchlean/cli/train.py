"""`torchlean train`: train, evaluate, leave the results, certify."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

from torchlean import curve
from torchlean.beginning import Beginning, beginning_of
from torchlean.callbacks import Callbacks, TrainStart
from torchlean.cli import DONE, FAILED, GROUP, INTERRUPTED, Command
from torchlean.cli.arguments import Once, Parser, whole_number
from torchlean.cli.progress import progress
from torchlean.cli.settings import Settings, add_flags, settings_of
from torchlean.curve import Picture
from torchlean.data import BatchLoader
from torchlean.evaluation import Evaluation
from torchlean.log import LogDestination
from torchlean.report import described, model_summary
from torchlean.terminal_plot import terminal_plot
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
`torchlean certify` checks again. The parameters also hold the optimizer's state and
the description of the run, so that --resume goes on where it stopped: with the same
flags, or a longer --steps or --epochs, it ends with the bits of a run without a break.

schedules: constant; step, a tenth of the rate after each third of the steps;
exponential, nine tenths of it after each epoch; cosine, down to 0 at the end;
one-cycle, up to the rate in three tenths of the steps and down to nearly 0; warm-up-
before any of the first four, a rise over the first tenth of the steps.
"""


def main(words: Sequence[str]) -> int:
    """Train a model on a data set, and certify the run."""
    parser = Parser(
        "train DATA [flags]",
        "Train a model on a data set, and certify the run.",
        EPILOG,
    )
    add_flags(parser)
    _add_run_flags(parser)
    options = parser.read(words)
    if options.load_parameters is not None and options.resume is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected --load-parameters or --resume, got both"
        )
    settings = settings_of(options)
    left = _left_by(options, settings.recipe.data)
    for path in (left.log.path, left.parameters):
        if path is not None:
            require_writable(path)
    begun = _beginning(options, settings)
    if options.certify is None:
        # What did not begin with the seed's parameters has nothing to be held to.
        options.certify = CERTIFIED_STEPS if begun.seeded else 0
    begun.require_certifiable(options.certify)
    _clear(left, (options.load_parameters, options.resume))
    return _run(settings, left, options)


def _add_run_flags(parser: Parser) -> None:
    """Add the flags that say where a run begins, and what it leaves and shows."""

    def flag(name: str, kind: object, metavar: str, text: str) -> None:
        parser.add_argument(
            name,
            action=Once,
            type=kind,  # type: ignore[arg-type]
            default=None,
            metavar=metavar,
            help=text,
        )

    flag(
        "--load-parameters",
        Path,
        "PATH",
        "a file whose parameters the run begins with; not certified",
    )
    flag(
        "--resume",
        Path,
        "PATH",
        "a file whose run goes on, to the end that the other flags give it",
    )
    flag(
        "--save-parameters",
        Path,
        "PATH",
        "where the parameters go; parameters.safetensors in the output folder",
    )
    flag(
        "--log",
        str,
        "PATH|off",
        "where the training log goes; trainlog.json in the output folder",
    )
    flag("--log-every", whole_number(1), "N", "steps between two losses to print")
    parser.add_argument(
        "--plot", action="store_true", help="draw the loss in the terminal at the end"
    )
    flag(
        "--certify",
        whole_number(0),
        "N",
        f"steps to certify, 0 for none; {CERTIFIED_STEPS} by default",
    )
    flag(
        "--output",
        Path,
        "DIR",
        "the folder for what the run leaves; runs/DATA by default",
    )


@dataclass(frozen=True)
class Left:
    """Where the files of a run go."""

    folder: Path
    log: LogDestination
    parameters: Path

    @property
    def picture(self) -> Path:
        """The picture of its curves."""
        return self.folder / PICTURE

    @property
    def certificate(self) -> Path:
        """Its certificate."""
        return self.folder / CERTIFICATE


def _left_by(options: Namespace, name: str) -> Left:
    folder: Path = options.output or Path("runs", name)
    log = LogDestination.json(folder / LOG)
    if options.log is not None:
        log = LogDestination.parse_value(options.log)
    return Left(folder, log, options.save_parameters or folder / PARAMETERS)


def _beginning(options: Namespace, settings: Settings) -> Beginning:
    """Where the run begins, before anything of an earlier one is removed.

    Raises:
        TorchLeanError: What `Trainer.train` refuses of a file to begin with.
    """
    run = settings.training_run
    execution = replace(settings.trainer.execution, task=run.task)
    begun = beginning_of(execution, options.load_parameters, options.resume)
    drop_last, seed = run.loader.drop_last, run.loader.seed
    begun.require_run(
        run,
        BatchLoader(settings.training, settings.batch_size, True, drop_last, seed),
    )
    return begun


def _clear(left: Left, kept: Sequence[Path | None]) -> None:
    """Remove what an earlier run left: it speaks of other numbers than this one.

    Args:
        left: Where the files go.
        kept: Files that this run reads.

    Raises:
        TorchLeanError: `FILE_ACCESS` if something cannot be removed.
    """
    folder = left.folder
    reading = [path.resolve() for path in kept if path is not None]
    for name in (LOG, PARAMETERS, PICTURE, CERTIFICATE):
        if (folder / name).resolve() in reading:
            continue
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            cause = (error.strerror or "unknown").lower()
            raise TorchLeanError(
                Reason.FILE_ACCESS,
                f"expected a file that can be removed, got {folder / name}: {cause}",
            ) from error


def _run(settings: Settings, left: Left, options: Namespace) -> int:
    """Train, leave the files, certify; the exit code."""
    print(_introduction(settings), flush=True)
    started: list[float] = []

    def on_train_start(event: TrainStart) -> None:
        print(_result("before", event.before, event.held_out), flush=True)
        # Whatever had to be compiled is compiled by now.
        started.append(time.perf_counter())

    stopped: Interrupted | NonFiniteLoss | None = None
    with progress(options.log_every) as bar:
        try:
            trained = settings.trainer.train(
                settings.training,
                batch_size=settings.batch_size,
                steps=settings.training_run.steps,
                held_out=settings.held_out,
                callbacks=Callbacks(on_train_start=on_train_start) + bar,
                certify=options.certify,
                log=left.log,
                save=left.parameters,
                load_parameters=options.load_parameters,
                resume=options.resume,
                title=f"torchlean train {settings.recipe.data}",
                notes=_notes(settings),
            )
        except (Interrupted, NonFiniteLoss) as error:
            stopped, trained = error, error.trained
    history = trained.trained_by
    print(_result("after ", history.after, history.held_out[-1][1]))
    seconds = time.perf_counter() - started[0]
    taken_up = f", after {history.start} made before" if history.start else ""
    made = len(history.losses)
    print(f"{made} steps in {seconds:.1f} s, evaluations included{taken_up}")
    if options.plot:
        print(terminal_plot(trained.curve))
    files = [*([left.log.path] if left.log.path else []), left.parameters]
    files += _draw(settings, trained, left.picture)
    certified = bool(history.records) and stopped is None
    if certified:
        trained.write_certificate(left.certificate)
        files.append(left.certificate)
    print(f"wrote {', '.join(map(str, files))}", flush=True)
    if stopped is not None:
        print(f"torchlean: {stopped}", file=sys.stderr)
        return INTERRUPTED if isinstance(stopped, Interrupted) else FAILED
    return _certify(left.certificate) if certified else DONE


def _introduction(settings: Settings) -> str:
    """The data, the model with its shapes, and what is done with them."""
    recipe, run = settings.recipe, settings.training_run
    training, held_out = settings.training, settings.held_out
    per_epoch = run.loader.batches_per_epoch
    how = [
        described(run.task.loss).removesuffix("()"),
        described(run.optimizer),
        *([] if run.clipping is None else [described(run.clipping)]),
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
        f"clipping={'none' if run.clipping is None else described(run.clipping)}",
        "loss: of the batch of each step, before its update",
        "held_out_*: after the epoch that ended last",
    ]


def _draw(settings: Settings, trained: Trained, path: Path) -> list[Path]:
    """Draw the curves, if they can be drawn; the files that were left."""
    history = trained.trained_by
    if not len(history.losses):
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
            tuple(range(history.start + 1, history.steps + 1)),
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
