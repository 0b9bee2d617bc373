"""The settings of a run on the command line: the flags of `train` and of `plan`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace

from torchlean.cli.arguments import (
    Once,
    Parser,
    number_from_zero,
    one_of,
    positive_number,
    whole_number,
    widths,
)
from torchlean.cli.recipes import (
    HELD_OUT,
    OPTIMIZERS,
    OWN_EPOCHS,
    OWN_HIDDEN,
    RECIPES,
    SCHEDULES,
    Recipe,
    optimizer_named,
    own_recipe,
    recipe_named,
    schedule_named,
    with_hidden,
)
from torchlean.cli.samples import (
    Samples,
    add_sample_flags,
    require_one_source,
    samples_of,
)
from torchlean.compiler.assembly import Compiled
from torchlean.data import TensorDataset, split
from torchlean.tasks import TASKS, TaskName
from torchlean.trainer import Trainer
from torchlean_spec.clipping import ClipGlobalNorm, Clipping, ClipValue
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape
from torchlean_spec.training import TrainingRun

DTYPES = ("float32", "float64")
BACKENDS = ("compiled", "eager")


@dataclass(frozen=True)
class Settings:
    """What a command line asks for: data, trainer and run."""

    recipe: Recipe
    training: TensorDataset[Shape, Targets]
    held_out: TensorDataset[Shape, Targets]
    trainer: Trainer
    training_run: TrainingRun
    plan: Compiled
    seed: int

    @property
    def batch_size(self) -> int:
        """Samples in a batch."""
        return self.training_run.loader.batch_size


def add_flags(parser: Parser) -> None:
    """Add the flags to a command."""
    add_sample_flags(parser)

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
        "--task",
        one_of(TASKS),
        "NAME",
        f"what your own samples are for: {', '.join(TASKS)}; regression by default, "
        "classification where the NPY targets are whole numbers",
    )
    hidden = ",".join(map(str, OWN_HIDDEN))
    flag(
        "--hidden",
        widths,
        "N,N,..",
        "widths of the hidden layers, '' for none; "
        f"{hidden} for your own samples by default",
    )
    flag("--steps", whole_number(1), "N", "updates to make; this or --epochs")
    flag("--epochs", whole_number(1), "N", f"passes over the data; {_epochs()}")
    flag("--batch-size", whole_number(1), "N", "samples in a batch; 32 by default")
    _add_rule_flags(flag)
    flag(
        "--seed",
        whole_number(0),
        "N",
        "of parameters, batches and the split; 0 by default",
    )
    flag("--dtype", one_of(DTYPES), "|".join(DTYPES), "float32 by default")
    flag(
        "--backend",
        one_of(BACKENDS),
        "|".join(BACKENDS),
        "compiled by default; both give the same bits",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="the bits of the spec over binary32 numbers; slower",
    )
    flag(
        "--threads",
        whole_number(1),
        "N",
        "how many may work, by default all; any number gives the same bits",
    )


Flag = Callable[[str, object, str, str], None]


def _add_rule_flags(flag: Flag) -> None:
    """Add the flags that say how an update is made."""
    flag(
        "--optimizer",
        one_of(OPTIMIZERS),
        "NAME",
        f"{', '.join(OPTIMIZERS)}; adam by default",
    )
    flag(
        "--learning-rate",
        positive_number,
        "X",
        "such as 0.01 or 1/100; by default the optimizer's own, 0.1 for sgd",
    )
    flag("--momentum", number_from_zero, "X", "of sgd and rmsprop; 0 by default")
    flag(
        "--weight-decay",
        number_from_zero,
        "X",
        "0 by default, 0.01 for adamw",
    )
    flag(
        "--schedule",
        one_of(SCHEDULES),
        "NAME",
        f"{', '.join(SCHEDULES)}; constant by default",
    )
    flag(
        "--clip-norm",
        positive_number,
        "X",
        "the largest norm of all gradients together; no bound by default",
    )
    flag(
        "--clip-value",
        positive_number,
        "X",
        "the largest absolute value of a gradient's element; no bound by default",
    )


def _epochs() -> str:
    """The default numbers of epochs, for people."""
    named = [f"{each.epochs} for {name}" for name, each in RECIPES.items()]
    return ", ".join([*named, f"{OWN_EPOCHS} for your own samples"])


def settings_of(options: Namespace) -> Settings:
    """What the flags ask for.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a data set that does not exist,
            `CONTRADICTION` for flags that exclude each other, else what data,
            trainer and loader refuse.
    """
    require_one_source(options)
    if options.steps is not None and options.epochs is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected --steps or --epochs, got both, {options.steps} steps and "
            f"{options.epochs} epochs",
        )
    seed = options.seed or 0
    samples = samples_of(options, options.task, seed)
    recipe = with_hidden(_recipe(options, samples), options.hidden)
    training, held_out = split(samples.dataset, HELD_OUT, seed)
    trainer = Trainer(
        recipe.model,
        task=recipe.loss,
        optimizer=optimizer_named(
            options.optimizer or recipe.optimizer,
            options.learning_rate,
            options.momentum,
            options.weight_decay,
        ),
        clipping=_clipping(options),
        seed=seed,
        dtype=options.dtype or "float32",
        backend=options.backend or "compiled",
        strict=options.strict,
        threads=options.threads,
    )
    no_length = options.steps is None and options.epochs is None
    run = trainer.training_run(
        training,
        batch_size=options.batch_size or min(recipe.batch_size, len(training)),
        epochs=recipe.epochs if no_length else options.epochs,
        steps=options.steps,
    )
    schedule = schedule_named(
        options.schedule or recipe.schedule, run.steps, run.loader.batches_per_epoch
    )
    trainer, run = replace(trainer, schedule=schedule), replace(run, schedule=schedule)
    plan = trainer.execution.plan(run, training)
    return Settings(recipe, training, held_out, trainer, run, plan, seed)


def _recipe(options: Namespace, samples: Samples) -> Recipe:
    """How the samples are trained on.

    Raises:
        TorchLeanError: `CONTRADICTION` for a task beside a named data set.
    """
    if samples.own:
        classes = samples.dataset.classes is not None
        implied: TaskName = "classification" if classes else "regression"
        return own_recipe(samples.name, samples.dataset, options.task or implied)
    if options.task is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected --task with --csv, or with --x and --y, "
            f"got it with {samples.name}",
        )
    return recipe_named(samples.name)


def _clipping(options: Namespace) -> Clipping | None:
    """What is done to the gradients.

    Raises:
        TorchLeanError: `CONTRADICTION` for two bounds.
    """
    if options.clip_norm is not None and options.clip_value is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected --clip-norm or --clip-value, got both"
        )
    if options.clip_norm is not None:
        return ClipGlobalNorm(options.clip_norm)
    return None if options.clip_value is None else ClipValue(options.clip_value)
