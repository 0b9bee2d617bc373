"""Plans of one operation, one update, or one clipping: for whoever judges kernels.

>>> from torchlean_spec.shape import vector
>>> compiled = compile_operation(
...     "relu", Attributes(), {"x": vector(3)}, Dtype.FLOAT32, Mode.FAST
... )
>>> [row.kernel for row in compiled.plan.single_rows()]
['relu']
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torchlean.compiler import layout as names
from torchlean.compiler.arena import Arena, Table
from torchlean.compiler.assembly import Assembly, Compiled
from torchlean.compiler.clipping import clip
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout, Stretch, slot_buffer
from torchlean.compiler.steps import Sizes, Steps, steps_of
from torchlean.compiler.updates import update_part
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import CONTROL_WORDS
from torchlean.interpreter import CONTROL
from torchlean.plan import Place
from torchlean_spec.clipping import Clipping
from torchlean_spec.operations import Attributes, Kind, operation_named
from torchlean_spec.optimizers import PartOptimizer
from torchlean_spec.optimizers.tensors import state_shapes
from torchlean_spec.program import Builder, Input
from torchlean_spec.shape import Shape, size

OPERAND = "operand."
"""The buffers of an operation's operands begin so."""

PARAMETER = "parameter"
"""The name of the only parameter of a single update."""


def operand_names(operation: str) -> tuple[str, ...]:
    """The operands of an operation, without the mark of those that hold integers."""
    return tuple(name.removesuffix("#") for name in operation_named(operation).operands)


def compile_operation(
    operation: str,
    attributes: Attributes,
    shapes: Mapping[str, Shape],
    dtype: Dtype,
    mode: Mode,
) -> Compiled:
    """The plan of one operation, from `operand.<name>` to `result`.

    Args:
        operation: Its name.
        attributes: Its attributes.
        shapes: The shape of each operand.
        dtype: The dtype of its numbers.
        mode: `fast` or `strict`.

    Raises:
        TorchLeanError: What the operation's shape rule refuses; `UNSUPPORTED` for
            what has no kernel in this mode.
    """
    kinds = operation_named(operation).kinds
    pairs = zip(operand_names(operation), kinds, strict=True)
    builder = Builder({name: Input(shapes[name], kind) for name, kind in pairs})
    operands = [builder.input(name) for name in builder.inputs]
    result = builder.add(operation, operands, attributes)
    program = steps_of(builder.finish({names.RESULT: result}))
    assembly = _assembly(program, Layout({}, 0), dtype, mode)
    for name, each in builder.inputs.items():
        integers = each.kind is Kind.INDEX
        value = assembly.buffer(f"{OPERAND}{name}", size(each.shape), integers)
        assembly.numbers[program.inputs[name]] = value
    control = assembly.buffer(CONTROL, CONTROL_WORDS, True, outside=False)
    assembly.buffer(names.RESULT, size(result.shape), outside=False)
    assembly.place_output(names.RESULT, Place(names.RESULT))
    assembly.select(control)
    assembly.end_phase("operation")
    return assembly.finish()


def compile_update(
    optimizer: PartOptimizer, shape: Shape, dtype: Dtype, mode: Mode
) -> Compiled:
    """The plan of one update of one parameter, from and to its buffers."""

    def layout_of(one: Shape) -> Layout:
        """One tensor by itself."""
        return Layout.of_shapes({PARAMETER: one}, frozenset(), ())

    layout = layout_of(shape)
    assembly = _assembly(Steps({}, {}, {}, set(), []), layout, dtype, mode)
    slots = {
        slot: layout_of(each) for slot, each in state_shapes(optimizer, shape).items()
    }
    for slot, each in slots.items():
        assembly.buffer(slot_buffer(slot), each.size)
    for buffer in (names.PARAMETERS, OPERAND + "gradient"):
        assembly.buffer(buffer, layout.size)
    columns = len(optimizer.coefficient_names)
    block = assembly.buffer(names.COEFFICIENTS, columns)
    control = assembly.buffer(CONTROL, CONTROL_WORDS, True, outside=False)
    arena = Arena(
        assembly.graph, layout, (PARAMETER,), slots, gradients=OPERAND + "gradient"
    )
    update_part(optimizer, arena, Table(block, control, 1, columns))
    assembly.end_phase("update")
    return assembly.finish()


def compile_clip(
    clipping: Clipping, tensors: Mapping[str, Sizes], dtype: Dtype, mode: Mode
) -> Compiled:
    """The plan that clips some gradients, which lie in one flat buffer."""
    stretches: dict[str, Stretch] = {}
    end = 0
    for name, extents in tensors.items():
        stretches[name] = Stretch(end, extents, transposed=False)
        end += math.prod(extents)
    layout = Layout(stretches, end)
    assembly = _assembly(Steps({}, {}, {}, set(), []), layout, dtype, mode)
    gradients = assembly.buffer(OPERAND + "gradients", end)
    clip(assembly.graph, clipping, layout, gradients)
    assembly.end_phase("clip")
    return assembly.finish()


def _assembly(program: Steps, layout: Layout, dtype: Dtype, mode: Mode) -> Assembly:
    return Assembly(program, Graph(mode), layout, dtype, {}, {}, {})
