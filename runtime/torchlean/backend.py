"""Our CPU runtime as the kit sees it, like anybody's backend.

>>> from torchlean_spec.backend import Buffer, Call
>>> x = Buffer.of("float32", (3,), [-1.0, 0.0, 2.0])
>>> CpuBackend().run(Call("relu", {}, {"x": x}))["result"].values()
(0.0, 0.0, 2.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from torchlean.coefficients import coefficient_table
from torchlean.compiler import layout as names
from torchlean.compiler.assembly import Compiled
from torchlean.compiler.layout import slot_buffer
from torchlean.compiler.single import (
    OPERAND,
    compile_clip,
    compile_operation,
    compile_update,
    operand_names,
)
from torchlean.cpu.calling import call as call
from torchlean.cpu.registry import Dtype as Dtype
from torchlean.cpu.registry import Kernel as Kernel
from torchlean.cpu.registry import Mode as Mode
from torchlean.cpu.registry import kernel_named as kernel_named
from torchlean.cpu.registry import kernel_table as kernel_table
from torchlean.cpu.running import STATUS
from torchlean.cpu.running import STEP as STEP
from torchlean.cpu.running import TABLE_START as TABLE_START
from torchlean.data.dataset import TensorDataset
from torchlean.engine import Engine
from torchlean.inference import machine_of
from torchlean.interpreter import Machine
from torchlean.state import State, Tensors
from torchlean.targets import ignored_index
from torchlean_spec.backend import (
    CLIP,
    RESULT,
    TRAIN_STEP,
    UPDATE,
    AttributeValue,
    Buffer,
    Call,
    UnsupportedError,
)
from torchlean_spec.backend import Dtype as BufferDtype
from torchlean_spec.clipping import Clipping
from torchlean_spec.data import Loader, Targets
from torchlean_spec.description import Json, from_json, training_run_from_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.exact import ExactArithmetic, exact
from torchlean_spec.numbers.system import A
from torchlean_spec.operations import OPERATIONS, Attributes
from torchlean_spec.operations.operation import Attribute
from torchlean_spec.optimizers import PartOptimizer
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.training import NumberFormat, TrainingRun

Array = NDArray[Any]

EXACT_ATTRIBUTES = (
    "alpha",
    "beta",
    "delta",
    "epsilon",
    "factor",
    "label_smoothing",
    "probability",
    "slope",
    "value",
)
"""The attributes of operations that are exact reals, perhaps written as strings."""


@dataclass(frozen=True, slots=True)
class CpuBackend:
    """The CPU runtime behind the door of `torchlean_spec.backend.Backend`.

    Args:
        strict: Whether every bit shall be the spec's.
        number_format: The dtype of results of operations that take no numbers.
        threads: How many threads to use; the bits do not depend on it.
        engine: Which backend of `Engine` makes whole steps.
    """

    strict: bool = False
    number_format: NumberFormat = "float32"
    threads: int | None = None
    engine: Literal["compiled", "eager"] = "compiled"

    @property
    def name(self) -> str:
        """`torchlean-cpu-fast` or `torchlean-cpu-strict`."""
        return f"torchlean-cpu-{self._mode}"

    @property
    def _mode(self) -> Mode:
        return Mode.STRICT if self.strict else Mode.FAST

    def run(self, call: Call) -> Mapping[str, Buffer]:
        """Compute what a call asks for.

        Raises:
            UnsupportedError: For an operation, a dtype or a mode without kernels.
            TorchLeanError: What the spec refuses, with its reason.
        """
        try:
            if call.operation in OPERATIONS:
                return self._operation(call)
            if call.operation == UPDATE:
                return self._update(call)
            if call.operation == CLIP:
                return self._clip(call)
            if call.operation == TRAIN_STEP:
                return self._train_step(call)
        except TorchLeanError as error:
            if error.reason is Reason.UNSUPPORTED:
                raise UnsupportedError(str(error)) from error
            raise
        raise UnsupportedError(
            f"expected an operation of the registry, '{UPDATE}', '{CLIP}' or "
            f"'{TRAIN_STEP}', got {call.operation!r}"
        )

    def _operation(self, call: Call) -> dict[str, Buffer]:
        wanted = operand_names(call.operation)
        _require_buffers(call, wanted)
        dtype = self._dtype(call)
        attributes = _attributes(call.attributes)
        shapes = {name: shape_of(call.buffers[name].shape) for name in wanted}
        compiled = compile_operation(
            call.operation, attributes, shapes, dtype, self._mode
        )
        _require_classes(call, attributes)
        machine = self._machine(
            compiled,
            {
                f"{OPERAND}{name}": array_of(call.buffers[name]).reshape(-1)
                for name in wanted
            },
        )
        machine.run(1)
        if machine.control[STATUS]:
            raise TorchLeanError(
                Reason.CLASS_OUT_OF_RANGE,
                f"{call.operation}: expected indices within range, got one outside",
            )
        shape = OPERATIONS[call.operation].shape(attributes, list(shapes.values()))
        return {RESULT: buffer_of(machine.array(RESULT), sizes(shape))}

    def _update(self, call: Call) -> dict[str, Buffer]:
        optimizer = cast("PartOptimizer", from_json(_json(call, "optimizer")))
        kept = ("parameter", *optimizer.state_names)
        _require_buffers(call, (*kept, "gradient"))
        dtype = self._dtype(call)
        arrays = {
            name: array_of(call.buffers[name]).reshape(-1).copy()
            for name in (*kept, "gradient")
        }
        step = int(exact(str(call.attributes["step"])))
        rate = _Rate(exact(str(call.attributes["learning_rate"])))
        table = coefficient_table(optimizer, rate, step, 1, _format(dtype))
        slots = {slot_buffer(name): arrays[name] for name in optimizer.state_names}
        outside = slots | {
            names.PARAMETERS: arrays["parameter"],
            f"{OPERAND}gradient": arrays["gradient"],
            names.COEFFICIENTS: table.reshape(-1),
        }
        shape = shape_of(call.buffers["parameter"].shape)
        compiled = compile_update(optimizer, shape, dtype, self._mode)
        machine = self._machine(compiled, outside)
        machine.control[STEP] = machine.control[TABLE_START] = step - 1
        machine.run(1)
        return {
            name: buffer_of(arrays[name], call.buffers[name].shape) for name in kept
        }

    def _clip(self, call: Call) -> dict[str, Buffer]:
        clipping = cast("Clipping", from_json(_json(call, "clipping")))
        dtype = self._dtype(call)
        wanted = [str(number) for number in range(len(call.buffers))]
        _require_buffers(call, tuple(wanted))
        tensors = {name: call.buffers[name].shape for name in wanted}
        parts = [array_of(call.buffers[name]).reshape(-1) for name in wanted]
        flat = np.concatenate([np.zeros(0, dtype.value), *parts])
        compiled = compile_clip(clipping, tensors, dtype, self._mode)
        self._machine(compiled, {f"{OPERAND}gradients": flat}).run(1)
        clipped = compiled.layout.read(flat)
        return {name: buffer_of(clipped[name], tensors[name]) for name in wanted}

    def _train_step(self, call: Call) -> dict[str, Buffer]:
        run = training_run_from_json(_json(call, "run"))
        kept = {"parameter": run.task.parameter_names(), **run.kept}
        wanted = [f"{prefix}.{name}" for prefix in kept for name in kept[prefix]]
        _require_buffers(call, ("input", "target", *wanted))
        inputs, targets = (array_of(call.buffers[n]) for n in ("input", "target"))

        def tensors(prefix: str) -> Tensors:
            named = {name: f"{prefix}.{name}" for name in kept[prefix]}
            return {name: array_of(call.buffers[each]) for name, each in named.items()}

        engine = self._engine_of(run, inputs, targets)
        step = int(exact(str(call.attributes["step"])))
        slots = {name: tensors(name) for name in run.kept}
        engine.set_state(State(step - 1, tensors("parameter"), slots))
        recorded = engine.record_arrays()
        answers = {
            "gradient": recorded.gradients,
            "clipped": recorded.clipped,
            "parameter": recorded.after.parameters,
            **recorded.after.slots,
        }
        loss = np.array(recorded.loss, run.number_format)
        return {"loss": buffer_of(loss, ())} | {
            f"{prefix}.{name}": buffer_of(array, array.shape)
            for prefix, found in answers.items()
            for name, array in found.items()
        }

    def _engine_of(self, run: TrainingRun, inputs: Array, targets: Array) -> Engine:
        """An engine whose every batch is the given one."""
        classes = None
        if targets.dtype == np.int64:
            classes = 1 + int(targets.max(initial=0))
        dataset = TensorDataset[Shape, Targets](
            inputs.astype(np.float64),
            targets if classes else targets.astype(np.float64),
            classes,
            ignore_index=ignored_index(run.task.loss),
            allow_non_finite=True,
        )
        whole = Loader(len(inputs), len(inputs), shuffle=False)
        return Engine(
            replace(run, loader=whole),
            dataset,
            backend=self.engine,
            strict=self.strict,
            threads=self.threads,
        )

    def _machine(self, compiled: Compiled, outside: Mapping[str, Array]) -> Machine:
        return machine_of(compiled, outside, self.threads)

    def _dtype(self, call: Call) -> Dtype:
        """The one dtype of the numbers of a call."""
        found = {each.dtype for each in call.buffers.values()} - {"int64"}
        if len(found) > 1:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{call.operation}: expected numbers of one dtype, "
                f"got {' and '.join(sorted(found))}",
            )
        return Dtype(next(iter(found), self.number_format))


@dataclass(frozen=True, slots=True)
class _Rate:
    """The schedule of one known rate."""

    value: Fraction
    name = "given"

    def rate(self, arithmetic: ExactArithmetic[A], base_rate: A, update: A, /) -> A:
        """The rate."""
        return arithmetic.constant(self.value)


def array_of(buffer: Buffer) -> Array:
    """A buffer's numbers as an array of its shape."""
    kind = np.dtype(buffer.dtype).newbyteorder("<")
    return np.frombuffer(buffer.data, kind).astype(buffer.dtype).reshape(buffer.shape)


def buffer_of(array: Array, shape: tuple[int, ...]) -> Buffer:
    """An array's numbers as a buffer of a shape."""
    kind = array.dtype.newbyteorder("<")
    dtype = cast("BufferDtype", array.dtype.name)
    return Buffer(dtype, shape, array.astype(kind).tobytes())


def _format(dtype: Dtype) -> NumberFormat:
    return "float32" if dtype is Dtype.FLOAT32 else "float64"


def _json(call: Call, name: str) -> Json:
    return cast("Json", call.attributes.get(name))


def _require_buffers(call: Call, wanted: tuple[str, ...]) -> None:
    if set(call.buffers) != set(wanted):
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"{call.operation}: expected the buffers {', '.join(wanted) or 'none'}, "
            f"got {', '.join(call.buffers) or 'none'}",
        )


def _attributes(given: Mapping[str, AttributeValue]) -> Attributes:
    """The attributes of an operation, from exact values or from their strings."""
    return Attributes(**{name: _attribute(name, each) for name, each in given.items()})


def _attribute(name: str, value: AttributeValue) -> Attribute:
    if name in EXACT_ATTRIBUTES:
        return exact(cast("Fraction | int | str", value))
    if name == "class_weights" and isinstance(value, list | tuple):
        return tuple(exact(cast("Fraction | int | str", each)) for each in value)
    if isinstance(value, list | tuple):
        integers = tuple(int(cast("int", each)) for each in value)
        return shape_of(integers) if name == "target" else integers
    return cast("Attribute", value)


def _require_classes(call: Call, attributes: Attributes) -> None:
    """Refuse a class that does not exist; the kernels answer NaN for it."""
    if "target" not in call.buffers or call.buffers["target"].dtype != "int64":
        return
    scores = next(name for name in operand_names(call.operation) if name != "target")
    classes = call.buffers[scores].shape[-1]
    ignored = attributes.optional_integer("ignore_index")
    for index in call.buffers["target"].values():
        if not 0 <= index < classes and index != ignored:
            raise TorchLeanError(
                Reason.CLASS_OUT_OF_RANGE,
                f"{call.operation}: expected a class from 0 to {classes - 1}, "
                f"got {index}",
            )
