"""A trained model: its parameters, how it came to them, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torchlean import metrics
from torchlean.callbacks import TrainReport
from torchlean.checkpoint import save_parameters
from torchlean.data.dataset import AnyDataset, as_tensors
from torchlean.data.loader import BatchLoader
from torchlean.engine import Engine
from torchlean.evaluation import Evaluation
from torchlean.execution import Execution, Floats, Parameters
from torchlean.files import write_text
from torchlean.history import History
from torchlean.json_layout import Dialect
from torchlean.log import Curve
from torchlean.probes import Probe
from torchlean.report import model_summary
from torchlean.report_lines import prediction_line
from torchlean.saved_run import SavedRun, parts_of, position_behind
from torchlean.state import RecordedStep, to_spec
from torchlean.summary import TrainSummary
from torchlean_spec import certificate
from torchlean_spec.certificate import Certificate, to_text
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.operations import Kind
from torchlean_spec.shape import Shape, shape_of, sizes


@dataclass(frozen=True, eq=False, repr=False)
class Trained:
    """A trained model.

    Args:
        execution: The task, and how it is computed.
        parameters: The model's parameters; the views kept here cannot be written to.
        optimizer_state: What the optimizer has kept: for each of its numbers, an
            array for each parameter.
        history: How the model was trained; none of one that was read from a file.
        origin: What the file says of the run, of one that was read from a file.
    """

    execution: Execution
    parameters: Parameters
    optimizer_state: Mapping[str, Parameters] = field(default_factory=dict)
    history: History | None = None
    origin: SavedRun | None = None
    _engines: dict[tuple[int, ...], Engine] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        slots = {name: _locked(each) for name, each in self.optimizer_state.items()}
        object.__setattr__(self, "parameters", _locked(self.parameters))
        object.__setattr__(self, "optimizer_state", slots)

    def __repr__(self) -> str:
        count = sum(each.size for each in self.parameters.values())
        return f"Trained({count} parameters, {self.execution.dtype})"

    def __reduce__(self) -> tuple[type[Trained], tuple[object, ...]]:
        # Engines hold machine code and are made again where they are needed.
        kept = (self.execution, self.parameters, self.optimizer_state, self.history)
        return type(self), (*kept, self.origin)

    @property
    def trained_by(self) -> History:
        """How the model was trained.

        Raises:
            TorchLeanError: `CONTRADICTION` for a model that was read from a file.
        """
        if self.history is None:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected a model that was trained in this process, "
                "got one that was read from a file",
            )
        return self.history

    @property
    def losses(self) -> NDArray[np.float64]:
        """The loss of each step's batch, before its update."""
        return self.trained_by.losses

    @property
    def curve(self) -> Curve:
        """The losses over the steps, counted from 1."""
        return Curve.of(enumerate(self.losses.tolist(), self.trained_by.start + 1))

    @property
    def evaluations(self) -> Curve:
        """The losses of the samples that were evaluated meanwhile, over the steps.

        Of a stream its evaluation samples, else the held-out ones, if there are any.
        """
        held_out = self.trained_by.held_out
        return Curve.of((step, found.loss) for step, found in held_out)

    @property
    def before(self) -> Evaluation:
        """The training samples before the first update."""
        return self.trained_by.before

    @property
    def after(self) -> Evaluation:
        """The same samples after the last update."""
        return self.trained_by.after

    @property
    def report(self) -> TrainReport:
        """How many steps were made, and the training samples before and after."""
        history = self.trained_by
        return TrainReport(history.steps, history.before, history.after)

    @property
    def loader(self) -> BatchLoader[Shape, Targets]:
        """The training samples and their batches, standing behind the last one seen.

        Raises:
            TorchLeanError: `CONTRADICTION` for a model that was read from a file.
        """
        history = self.trained_by
        if history.streamed:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected a run over a data set, got one over a stream",
            )
        described = history.training_run.loader
        start = history.training_run.position
        return BatchLoader(
            history.dataset,
            described.batch_size,
            described.shuffle,
            described.drop_last,
            described.seed,
            position_behind(described, start, history.updates),
        )

    @property
    def saved_run(self) -> SavedRun | None:
        """What a file of these parameters says of the run; none, if none is known."""
        return self.origin if self.history is None else self._saved(self.history)

    def _saved(self, history: History) -> SavedRun:
        return SavedRun(
            parts_of(history.training_run),
            history.updates,
            sizes(history.dataset.input_shape),
            history.dataset.class_names,
            "" if history.streamed else history.dataset.digest(),
            history.seeded,
        )

    @property
    def answers_classes(self) -> bool:
        """Whether the largest output is the class that the model takes for right."""
        loss = self.execution.task.loss
        return loss.target_kind is Kind.INDEX or isinstance(loss, CrossEntropy)

    def probe(self, probes: Iterable[Probe], title: str = "predictions") -> None:
        """Print a title, and a line for each probe with what the model answers.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take an input.
        """
        print(title)
        for each in probes:
            (output,) = self.predict(np.asarray(each.input)[np.newaxis])
            print(each.line(output, self.answers_classes))

    def print_prediction(self, name: str, given: ArrayLike) -> None:
        """Print the model's answer to one input, without the batch axis.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take it.
        """
        (output,) = self.predict(np.asarray(given)[np.newaxis])
        print(prediction_line(name, output))

    def predict(self, inputs: ArrayLike) -> Floats:
        """The model's outputs for a batch of inputs, `[samples, ..]`.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take them.
        """
        given = np.asarray(inputs)
        return self._engine(given.shape[1:]).predict(given)

    def predict_class(self, inputs: ArrayLike) -> NDArray[np.int64]:
        """The class with the largest output for each of a batch of inputs.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the model does not take them, or
                does not give one row of outputs for each.
        """
        return metrics.classes(self.predict(inputs))

    def evaluate(self, dataset: AnyDataset) -> Evaluation:
        """The loss of a data set and, for classes, what is right of it.

        Raises:
            TorchLeanError: `SHAPE_MISMATCH` if the data do not fit the model.
        """
        data = as_tensors(dataset)
        engine = self._engine(sizes(data.input_shape))
        return self.execution.evaluation(engine, data)

    def _engine(self, sample: tuple[int, ...]) -> Engine:
        """The engine that answers for inputs of some sizes; made once for each."""
        if sample not in self._engines:
            engine = self.execution.engine_of(self.parameters, sample)
            self._engines[sample] = engine
        return self._engines[sample]

    def accuracy(self, dataset: AnyDataset) -> float:
        """The share of a data set's classes that are right, from 0 to 1.

        Raises:
            TorchLeanError: `CONTRADICTION` where the targets are numbers, else as
                `evaluate`.
        """
        return self.evaluate(dataset).accuracy

    def summary(self) -> TrainSummary:
        """The steps, and the loss of the training samples before and after.

        Printed, it is a line: `steps=200 loss0=1.333717 loss1=0.006087`.
        """
        return TrainSummary.of(self.report)

    def model_summary(self) -> str:
        """The model with its shapes and parameter counts, layer by layer.

        Raises:
            TorchLeanError: `CONTRADICTION` if the shape of its inputs is not known.
        """
        if self.origin is not None:
            shape = shape_of(self.origin.input_shape)
        else:
            shape = self.trained_by.dataset.input_shape
        return model_summary(self.execution.task.model, shape)

    def save(
        self, path: str | os.PathLike[str], dialect: Dialect = "torchlean"
    ) -> None:
        """Write the parameters, and the optimizer's state, as a safetensors file.

        The file is whole or not there at all. It also says which run the parameters
        are of, so that `torchlean.load` reads it by itself, and
        `Trainer.train(.., resume=path)` goes on where the run stopped.

        Args:
            path: Where to; missing folders are made.
            dialect: `"lean"` writes the original's file instead, which has the bits
                of the parameters and nothing else.

        Raises:
            TorchLeanError: `FILE_ACCESS` if the file cannot be written.
        """
        if dialect == "lean":
            save_parameters(path, self.parameters, dialect=dialect)
            return
        saved = self.saved_run
        save_parameters(
            path,
            self.parameters,
            {} if saved is None else {"steps": str(saved.steps)},
            optimizer_state={
                f"{slot}.{name}": array
                for slot, arrays in self.optimizer_state.items()
                for name, array in arrays.items()
            },
            model_digest=self.execution.model_digest,
            run="" if saved is None else saved.to_text(),
        )

    def certificate(self) -> Certificate:
        """What the run recorded of itself, for a judge.

        Raises:
            TorchLeanError: `CONTRADICTION` if no step was recorded.
        """
        history = self.trained_by
        if not history.records:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected a run with recorded steps (train(.., certify=10)), "
                "got one without",
            )
        return Certificate(
            history.training_run,
            history.dataset.origin(),
            history.dataset.digest(),
            self.execution.described,
            {},
            tuple(map(_spec_step, history.records)),
        )

    def write_certificate(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate as JSON, whole or not at all.

        `torchlean certify PATH` judges it, with the spec alone.

        Raises:
            TorchLeanError: As `certificate`; `FILE_ACCESS` if the file cannot be
                written.
        """
        write_text(Path(path), to_text(self.certificate()))


def _locked(arrays: Parameters) -> dict[str, Floats]:
    """Views of arrays that cannot be written to."""
    views = {name: array.view() for name, array in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return views


def _spec_step(step: RecordedStep) -> certificate.RecordedStep:
    """A recorded step as the spec has it, for a file."""
    return certificate.RecordedStep(
        step.number,
        step.before.to_spec(),
        step.loss,
        to_spec(step.gradients),
        to_spec(step.clipped),
        step.after.to_spec(),
    )
