"""The flags that say what is trained and how: those of `train` and of `plan`."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, replace

from torchlean.cli.arguments import (
    Once,
    Parser,
    one_of,
    positive_number,
    whole_number,
)
from torchlean.cli.recipes import (
    HELD_OUT,
    OPTIMIZERS,
    RECIPES,
    SCHEDULES,
    Recipe,
    optimizer_named,
    recipe_named,
    schedule_named,
)
from torchlean.compiler.assembly import Compiled
from torchlean.data import TensorDataset, dataset_named, split
from torchlean.trainer import Trainer
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
    parser.add_argument(
        "data", nargs="?", default="", metavar="DATA", help=", ".join(RECIPES)
    )

    def flag(name: str, kind: object, metavar: str, text: str) -> None:
        parser.add_argument(
            name,
            action=Once,
            type=kind,  # type: ignore[arg-type]
            default=None,
            metavar=metavar,
            help=text,
        )

    flag("--steps", whole_number(1), "N", "updates to make; this or --epochs")
    flag("--epochs", whole_number(1), "N", f"passes over the data; {_epochs()}")
    flag("--batch-size", whole_number(1), "N", "samples in a batch; 32 by default")
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
    flag(
        "--schedule",
        one_of(SCHEDULES),
        "NAME",
        f"{', '.join(SCHEDULES)}; constant by default",
    )
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


def _epochs() -> str:
    """The default numbers of epochs, for people."""
    return ", ".join(f"{each.epochs} for {name}" for name, each in RECIPES.items())


def settings_of(options: Namespace) -> Settings:
    """What the flags ask for.

    Raises:
        TorchLeanError: `UNKNOWN_NAME` for a data set that does not exist,
            `CONTRADICTION` for flags that exclude each other, else what data,
            trainer and loader refuse.
    """
    recipe = recipe_named(options.data)
    if options.steps is not None and options.epochs is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected --steps or --epochs, got both, {options.steps} steps and "
            f"{options.epochs} epochs",
        )
    seed = options.seed or 0
    training, held_out = split(dataset_named(recipe.data, seed), HELD_OUT, seed)
    trainer = Trainer(
        recipe.model,
        loss=recipe.loss,
        optimizer=optimizer_named(
            options.optimizer or recipe.optimizer, options.learning_rate
        ),
        seed=seed,
        dtype=options.dtype or "float32",
        backend=options.backend or "compiled",
        strict=options.strict,
        threads=options.threads,
    )
    no_length = options.steps is None and options.epochs is None
    run = trainer.training_run(
        training,
        batch_size=options.batch_size or recipe.batch_size,
        epochs=recipe.epochs if no_length else options.epochs,
        steps=options.steps,
    )
    schedule = schedule_named(
        options.schedule or recipe.schedule, run.steps, run.loader.batches_per_epoch
    )
    trainer, run = replace(trainer, schedule=schedule), replace(run, schedule=schedule)
    plan = trainer.execution.plan(run, training)
    return Settings(recipe, training, held_out, trainer, run, plan, seed)
