"""Short runs, of every kind of layer, loss and clipping, that tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchlean.data import tensor_dataset
from torchlean.engine import Data
from torchlean_spec import training as spec
from torchlean_spec.clipping import (
    ClipGlobalNorm,
    ClipNorm,
    ClipPercentile,
    Clipping,
    ClipRange,
    ClipValue,
)
from torchlean_spec.data import Loader
from torchlean_spec.layers import (
    ELU,
    GELU,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from torchlean_spec.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NegativeLogLikelihood,
    SmoothL1,
)
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    LowRankProjection,
    Muon,
    Optimizer,
    ParameterGroup,
    ParameterGroups,
    ProjectedSGD,
    RMSProp,
)
from torchlean_spec.schedules import Cosine, WarmUp
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import TrainingRun

GENERATOR = np.random.default_rng(5)
SAMPLES = 20
INPUTS = GENERATOR.standard_normal((SAMPLES, 6))


def dataset(targets: NDArray[Any], inputs: NDArray[Any] = INPUTS) -> Data:
    """A data set; integers are classes from 0 to 2, and -1 is to be ignored."""
    if targets.dtype == np.int64:
        return tensor_dataset(inputs, targets, classes=3, ignore_index=-1)
    return tensor_dataset(inputs, targets)


NUMBERS = dataset(GENERATOR.standard_normal((SAMPLES, 3)))
SHARES = dataset(GENERATOR.dirichlet([1, 1, 1], SAMPLES))
CLASSES = dataset(GENERATOR.integers(0, 3, SAMPLES))
SOME_CLASSES = dataset(GENERATOR.integers(-1, 3, SAMPLES))
IMAGES = dataset(NUMBERS.targets[:, :2], INPUTS.reshape(SAMPLES, 2, 3))
SEQUENCES = dataset(
    GENERATOR.standard_normal((SAMPLES, 3, 2)), INPUTS.reshape(SAMPLES, 3, 2)
)

NETWORK = Sequential(Linear(6, 5), ReLU(), Linear(5, 4), ReLU(), Linear(4, 3))


def training_run(
    model: Layer = NETWORK,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    clipping: Clipping | None = None,
    steps: int = 4,
    count: int = SAMPLES,
    batch: int = 8,
) -> TrainingRun:
    """A short run; its last batch of each epoch is smaller than the others."""
    return TrainingRun(
        Task(model, loss or MeanSquaredError()),
        optimizer or Adam("0.01"),
        Loader(count, batch, drop_last=count % batch == 0, seed=3),
        steps,
        clipping=clipping,
        schedule=WarmUp(2, "0.001", Cosine(5)),
        seed=2**63 + 9,
    )


def floats(
    system: NumberSystem[A], tensors: spec.Tensors[A]
) -> dict[str, Tensor[float, Any]]:
    """The same tensors over Python floats."""
    return {name: tensor.map(system.to_float) for name, tensor in tensors.items()}


RUNS: dict[str, tuple[TrainingRun, Data]] = {
    "adam": (training_run(), NUMBERS),
    "cross-entropy": (
        training_run(loss=CrossEntropy(), clipping=ClipGlobalNorm("0.1")),
        CLASSES,
    ),
    "ignored classes": (
        training_run(
            loss=CrossEntropy(ignore_index=-1, class_weights=(1, 2, "0.5")),
            optimizer=SGD("0.1"),
        ),
        SOME_CLASSES,
    ),
    "distributions": (
        training_run(
            Sequential(Linear(6, 4), Softplus(), Linear(4, 3)),
            CrossEntropy("distribution", label_smoothing="0.1"),
            SGD("0.1", momentum="0.9", nesterov=True),
        ),
        SHARES,
    ),
    "no bias": (
        training_run(
            Sequential(Linear(6, 5, bias=False), LeakyReLU(), Linear(5, 3)),
            Huber("0.3", reduction="sum"),
            AdamW(amsgrad=True),
            ClipNorm("0.05", norm=1),
        ),
        NUMBERS,
    ),
    "dropout": (
        training_run(
            Sequential(
                Linear(6, 5), Dropout("0.3"), Tanh(), Dropout("0.5"), Linear(5, 3)
            ),
            MeanAbsoluteError(),
            RMSProp(momentum="0.9"),
            ClipValue("0.01"),
        ),
        NUMBERS,
    ),
    "residuals": (
        training_run(
            Sequential(Linear(6, 6), Residual(Linear(6, 6)), SiLU(), Linear(6, 3)),
            SmoothL1(),
            Adadelta(),
            ClipRange("-0.01", "0.02"),
        ),
        NUMBERS,
    ),
    "activations": (
        training_run(
            Sequential(Linear(6, 3), GELU(), ELU(), GELU("tanh"), Sigmoid()),
            BinaryCrossEntropy(from_logits=False),
            AdaGrad(),
            ClipPercentile("70"),
            steps=2,
        ),
        SHARES,
    ),
    "groups": (
        training_run(
            optimizer=ParameterGroups(
                ParameterGroup(SGD("0.1", momentum="0.9"), "*.bias"),
                ParameterGroup(AdamW("0.01"), ("2.weight", "4.weight")),
                ParameterGroup(RMSProp(momentum="0.5"), "rest"),
            ),
            clipping=ClipGlobalNorm("0.1"),
        ),
        NUMBERS,
    ),
    "muon": (
        training_run(
            optimizer=ParameterGroups(
                ParameterGroup(Muon("0.05", weight_decay="0.1"), "0.weight"),
                ParameterGroup(
                    Muon(nesterov=False, steps=2, scale="root-mean-square"),
                    ("2.weight", "4.weight"),
                ),
                ParameterGroup(AdamW("0.01"), "rest"),
            ),
        ),
        NUMBERS,
    ),
    "projected": (
        training_run(
            optimizer=ParameterGroups(
                ParameterGroup(
                    ProjectedSGD("0.5", LowRankProjection(2, 2)), "matrices"
                ),
                ParameterGroup(ProjectedSGD("0.1"), "rest"),
            ),
        ),
        NUMBERS,
    ),
    "sequences": (
        training_run(
            Sequential(Linear(2, 4), ReLU(), Linear(4, 2), Softmax()), steps=2
        ),
        SEQUENCES,
    ),
    "images": (
        training_run(Sequential(Flatten(), Linear(6, 2)), BinaryCrossEntropy()),
        dataset(SHARES.targets[:, :2], IMAGES.inputs),
    ),
    "log-likelihood": (
        training_run(
            Sequential(Linear(6, 3), LogSoftmax()),
            NegativeLogLikelihood(ignore_index=-1),
        ),
        SOME_CLASSES,
    ),
}
