"""What the command line trains: for each data set a model, a loss and defaults.

>>> digits = recipe_named("digits")
>>> digits.sizes, digits.epochs
((64, 64, 32, 10), 60)
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from torchlean.tasks import TaskName
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import Hyperparameter
from torchlean_spec.layers import Layer, Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy, Loss, MeanSquaredError
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
)
from torchlean_spec.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    PerEpoch,
    Schedule,
    StepDecay,
    WarmUp,
)
from torchlean_spec.shape import sizes

if TYPE_CHECKING:
    from torchlean.data.dataset import AnyTensors

HELD_OUT = Fraction(1, 5)
"""The share of the samples that is held out."""

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta")
"""What `--optimizer` takes: the library's records, with the library's defaults."""

SGD_RATE = Fraction(1, 10)
"""The rate of `--optimizer sgd`, which has none of its own."""

OWN_EPOCHS, OWN_BATCH_SIZE, OWN_HIDDEN = 100, 32, (64, 32)
"""How own samples are trained on unless flags say otherwise."""

DECAYS = ("constant", "step", "exponential", "cosine")
SCHEDULES = (*DECAYS, "one-cycle", *(f"warm-up-{decay}" for decay in DECAYS))
"""What `--schedule` takes; see `schedule_named`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a named data set is trained on unless flags say otherwise."""

    data: str
    described: str
    """What the samples are, for people."""
    sizes: tuple[int, ...]
    """Of the layers: linear ones, with a ReLU between each two."""
    loss: Loss | TaskName
    epochs: int
    batch_size: int = 32
    optimizer: str = "adam"
    schedule: str = "constant"

    @property
    def model(self) -> Layer:
        """The model."""
        layers: list[Layer] = []
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            layers += [ReLU()] if layers else []
            layers.append(Linear(inputs, outputs))
        return Sequential(*layers)


RECIPES = {
    each.data: each
    for each in (
        # With smoothed labels, each of the first dozen seeds reaches 97 % held out.
        Recipe(
            "digits",
            "images of 8 x 8 pixels",
            (64, 64, 32, 10),
            CrossEntropy(label_smoothing="0.1"),
            epochs=60,
        ),
        Recipe(
            "diabetes",
            "patients with 10 measurements",
            (10, 32, 1),
            MeanSquaredError(),
            epochs=20,
        ),
        Recipe(
            "two-moons",
            "points in the plane",
            (2, 16, 16, 2),
            CrossEntropy(),
            epochs=60,
        ),
    )
}


def recipe_named(name: str) -> Recipe:
    """The recipe for a data set.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`, listing the names.
    """
    if name not in RECIPES:
        shown = repr(name) if name else "none"
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected a data set among {', '.join(RECIPES)}, got {shown}",
        )
    return RECIPES[name]


def own_recipe(name: str, dataset: AnyTensors, task: TaskName) -> Recipe:
    """The recipe for samples of the user's own, and what they are called.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` unless inputs and targets are vectors of
            numbers, or targets classes.
    """
    inputs, targets = sizes(dataset.input_shape), sizes(dataset.target_shape)
    if len(inputs) != 1 or len(targets) > 1:
        raise TorchLeanError(
            Reason.SHAPE_MISMATCH,
            "expected a row of numbers for each input and each target, got inputs of "
            f"shape {list(inputs)} and targets of shape {list(targets)}",
        )
    outputs = dataset.classes or (*targets, 1)[0]
    described = f"samples of {inputs[0]} numbers"
    widths = (inputs[0], *OWN_HIDDEN, outputs)
    return Recipe(name, described, widths, task, OWN_EPOCHS, OWN_BATCH_SIZE)


def with_hidden(recipe: Recipe, hidden: tuple[int, ...] | None) -> Recipe:
    """The recipe with hidden layers of other widths.

    >>> with_hidden(recipe_named("digits"), (16,)).sizes
    (64, 16, 10)
    """
    if hidden is None:
        return recipe
    return replace(recipe, sizes=(recipe.sizes[0], *hidden, recipe.sizes[-1]))


def optimizer_named(
    name: str,
    rate: Hyperparameter | None = None,
    momentum: Hyperparameter | None = None,
    weight_decay: Hyperparameter | None = None,
) -> Optimizer:
    """An optimizer with the library's defaults, but for what is given.

    Raises:
        TorchLeanError: `CONTRADICTION` for what the optimizer does not have.

    >>> optimizer_named("adam") == Adam()
    True
    >>> optimizer_named("sgd").learning_rate
    Decimal('0.1')
    >>> optimizer_named("sgd", momentum="0.9").variant
    'momentum'
    """
    records: dict[str, SGD | Adam | AdamW | RMSProp | AdaGrad | Adadelta] = {
        "sgd": SGD(SGD_RATE),
        "adam": Adam(),
        "adamw": AdamW(),
        "rmsprop": RMSProp(),
        "adagrad": AdaGrad(),
        "adadelta": Adadelta(),
    }
    given = {"learning_rate": rate, "momentum": momentum, "weight_decay": weight_decay}
    asked: dict[str, Any] = {
        key: value for key, value in given.items() if value is not None
    }
    for key in asked:
        having = [
            each
            for each, record in records.items()
            if key in {field.name for field in fields(record)}
        ]
        if name not in having:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected --{key.replace('_', '-')} with {' or '.join(having)}, "
                f"got it with {name}",
            )
    return replace(records[name], **asked)


def schedule_named(name: str, steps: int, steps_per_epoch: int) -> Schedule:
    """A schedule that fits a run of so many steps.

    `constant`; `step`: a tenth of the rate after each third of the steps;
    `exponential`: nine tenths of the rate after each epoch; `cosine`: down to 0 at
    the last step; `one-cycle`: from a 25th up to the rate in three tenths of the
    steps, and down to next to nothing. With `warm-up-` before one of the first four,
    the rate first rises in a straight line over a tenth of the steps, and the
    schedule fills the rest.

    >>> schedule_named("warm-up-cosine", 100, 10)
    WarmUp(updates=10, start=Decimal('0'), then=Cosine(total=90, minimum=Decimal('0')))
    """
    if name.startswith("warm-up-"):
        rising = max(1, steps // 10)
        rest = max(1, steps - rising)
        then = schedule_named(name.removeprefix("warm-up-"), rest, steps_per_epoch)
        return WarmUp(rising, then=then)
    if name == "step":
        return StepDecay(max(1, -(-steps // 3)))
    if name == "exponential":
        return PerEpoch(Exponential("0.9"), steps_per_epoch)
    if name == "one-cycle":
        return OneCycle(max(1, steps), final_at="total")
    return Cosine(max(1, steps)) if name == "cosine" else Constant()
