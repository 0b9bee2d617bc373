"""A runner: a module with a mode, which predicts and is scored.

>>> from torchlean_spec.layers import Linear
>>> from torchlean_spec.losses import MeanSquaredError
>>> runner = instantiate(Task(Linear(1, 1), MeanSquaredError()))
>>> runner.set_parameters({"weight": [[2.0]], "bias": [1.0]})
>>> runner.mode, runner.predict([10.0])
('eval', array([21.], dtype=float32))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean import metrics
from torchlean.execution import Floats, Parameters
from torchlean.module import Mode, Module, Samples, batches_of, require_mode
from torchlean.options import Options
from torchlean.runtime_flags import read_options
from torchlean.targets import ignored_index
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.metrics import Count, class_of_one_hot
from torchlean_spec.numbers import FLOAT
from torchlean_spec.task import Task

Result = TypeVar("Result")


class Runner:
    """A module with a mode.

    In mode `eval`, the first one, random layers rest. In mode `train` predictions,
    losses and scores go through the training program: random layers act with the
    draw of the step that is next, the same one until a step is made. Steps and
    gradients are those of training in either mode, and so are unaffected by it.

    Args:
        module: Whose parameters are used; runners and steppers may share one.

    Source: the original's `NN/API/TorchLean/Runtime.lean:243`.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._mode: Mode = "eval"

    def __repr__(self) -> str:
        return f"Runner({self.module!r}, mode={self._mode!r})"

    @property
    def task(self) -> Task:
        """The module's task."""
        return self.module.task

    @property
    def options(self) -> Options:
        """The module's options."""
        return self.module.options

    @property
    def mode(self) -> Mode:
        """`train` or `eval`."""
        return self._mode

    @property
    def is_training(self) -> bool:
        """Whether the mode is `train`."""
        return self._mode == "train"

    def set_mode(self, mode: Mode) -> None:
        """Change the mode.

        Raises:
            TorchLeanError: `UNKNOWN_NAME` for another one.
        """
        require_mode(mode)
        self._mode = mode

    def train_mode(self) -> None:
        """Let random layers act."""
        self._mode = "train"

    def eval_mode(self) -> None:
        """Let random layers rest."""
        self._mode = "eval"

    @contextmanager
    def with_mode(self, mode: Mode) -> Iterator[None]:
        """A block in another mode; the old one comes back, after an error too.

        Raises:
            TorchLeanError: As `set_mode`.
        """
        before = self._mode
        self.set_mode(mode)
        try:
            yield
        finally:
            self._mode = before

    @property
    def parameters(self) -> Parameters:
        """Copies of the parameters, each by its name; they cannot be written to."""
        return self.module.parameters

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None:
        """Go on from other parameters; see `Module.set_parameters`."""
        self.module.set_parameters(parameters)

    def backward(self, inputs: ArrayLike, targets: ArrayLike) -> dict[str, Floats]:
        """The gradients of a batch's loss, by name; see `Module.backward`.

        They are those of training, random layers active, and the mode is `train`
        afterwards, as in the original.
        """
        self.train_mode()
        return self.module.backward(inputs, targets)

    def predict(self, sample: ArrayLike) -> Floats:
        """The model's output for one input, without a batch axis.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take it.
        """
        output: Floats = self.predict_batch(np.asarray(sample)[np.newaxis])[0]
        return output

    def predict_batch(self, inputs: ArrayLike) -> Floats:
        """The model's outputs for a batch of inputs, `[samples, ..]`.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take them.
        """
        return self.module.predict(inputs, self._mode)

    def predict_class(self, sample: ArrayLike) -> int | None:
        """The class with the largest output for one input; none without outputs.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take it, or does
                not give a vector of outputs.
        """
        output = self.predict(sample)
        if not output.size:
            return None
        return int(metrics.classes(output[np.newaxis])[0])

    def mean_loss(self, samples: Samples) -> float:
        """The loss of all samples as one batch, in the present mode.

        Args:
            samples: A data set, a loader (its data set is meant), or batches.

        Raises:
            TorchLeanError: As `Module.mean_loss`.
        """
        return self.module.mean_loss(samples, self._mode)

    def accuracy(self, samples: Samples) -> Count:
        """How many predicted classes are the targets, which are class indices.

        Samples that the task's loss ignores do not count.

        Raises:
            TorchLeanError: `CONTRADICTION` if the targets are numbers,
                `SHAPE_MISMATCH` if the samples do not fit the model, `EMPTY_DATA` if
                none counts.
        """
        ignored = ignored_index(self.task.loss)
        return self._count(samples, _labels, ignored)

    def accuracy_one_hot(self, samples: Samples) -> Count:
        """How many predicted classes are those of the targets, one-hot rows.

        Raises:
            TorchLeanError: `CONTRADICTION` if the targets are class indices,
                `CLASS_OUT_OF_RANGE` for a row that is not one-hot, else as
                `accuracy`.
        """
        return self._count(samples, one_hot_classes, None)

    def accuracy_one_hot_batched(self, batches: Samples) -> Count:
        """How many rows of all batches have the right class; as `accuracy_one_hot`.

        (In the original one counts samples and the other rows of batches. Here every
        prediction is one of a batch.)
        """
        return self.accuracy_one_hot(batches)

    def _count(
        self,
        samples: Samples,
        classes_of: Callable[[NDArray[Any]], NDArray[np.int64]],
        ignored: int | None,
    ) -> Count:
        correct = total = 0
        for inputs, targets in batches_of(samples)[1]:
            wanted = classes_of(targets)
            predicted = metrics.classes(self.predict_batch(inputs))
            if predicted.shape != wanted.shape:
                raise TorchLeanError(
                    Reason.SHAPE_MISMATCH,
                    f"expected one target for each of the {len(predicted)} "
                    f"predictions, got {len(wanted)} targets",
                )
            counts = (
                np.full(wanted.shape, True) if ignored is None else (wanted != ignored)
            )
            correct += int(np.count_nonzero((predicted == wanted) & counts))
            total += int(np.count_nonzero(counts))
            del inputs, targets
        if not total:
            raise TorchLeanError(
                Reason.EMPTY_DATA, "expected at least 1 sample that counts, got none"
            )
        return Count(correct, total)


def one_hot_classes(rows: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each one-hot row of a matrix; see the spec's `class_of_one_hot`.

    Raises:
        TorchLeanError: `CONTRADICTION` for what is no matrix of rows,
            `CLASS_OUT_OF_RANGE` for a row that is not one-hot.

    >>> one_hot_classes(np.array([[0.0, 1.0], [1.0, 0.0]]))
    array([1, 0])
    """
    if rows.ndim != 2 or rows.dtype.kind != "f":
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected one-hot rows as targets, which accuracy_one_hot counts, got "
            f"{rows.dtype} of shape {list(rows.shape)}",
        )
    is_one_hot = ((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)
    if not is_one_hot.all():
        class_of_one_hot(FLOAT, rows[int(np.argmin(is_one_hot))].tolist())
    found: NDArray[np.int64] = rows.argmax(axis=1).astype(np.int64)
    return found


def _labels(targets: NDArray[Any]) -> NDArray[np.int64]:
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        raise TorchLeanError(
            Reason.CONTRADICTION,
            "expected class indices as targets for an accuracy, got "
            f"{targets.dtype} of shape {list(targets.shape)}",
        )
    return targets.astype(np.int64)


def instantiate(task: Task, options: Options | None = None) -> Runner:
    """A runner of a task, with the parameters that the options' seed gives.

    Args:
        task: What is computed.
        options: How; by default compiled, on the CPU, in float32, with seed 0.

    Raises:
        TorchLeanError: What the model's initializers refuse.
    """
    return Runner(Module(task, options))


def instantiate_with_options(task: Task, options: Options) -> Runner:
    """As `instantiate`; the original has a function for each."""
    return instantiate(task, options)


def run(
    task: Task,
    arguments: Sequence[str],
    continuation: Callable[[Runner, list[str]], Result],
) -> Result:
    """Read the runtime flags, say what they are, and go on with a runner.

    Args:
        task: What is computed.
        arguments: Words of a command line; see `read_options`.
        continuation: Is given the runner and the words that are left.

    Returns:
        What the continuation does.

    Raises:
        TorchLeanError: What `read_options` and `instantiate` refuse.

    >>> from torchlean_spec.layers import Linear
    >>> from torchlean_spec.losses import MeanSquaredError
    >>> task = Task(Linear(1, 1), MeanSquaredError())
    >>> words = ["--seed", "7", "--steps", "3"]
    >>> run(task, words, lambda runner, rest: (runner.options.seed, rest))
    [torchlean] dtype: float32
    [torchlean] backend: compiled
    [torchlean] device: cpu
    [torchlean] fast kernels: true
    (7, ['--steps', '3'])
    """
    options, rest = read_options(arguments)
    for line in options.lines():
        print(line)
    return continuation(instantiate(task, options), rest)
