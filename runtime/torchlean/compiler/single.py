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
from torchlean.compiler.assembly import Assembly, Compiled
from torchlean.compiler.clipping import clip
from torchlean.compiler.graph import Graph
from torchlean.compiler.layout import Layout, Stretch, slot_buffer
from torchlean.compiler.steps import Sizes, Steps, steps_of
from torchlean.cpu.registry import Dtype, Mode
from torchlean.cpu.running import CONTROL_WORDS
from torchlean.interpreter import CONTROL
from torchlean.plan import Place
from torchlean_spec.clipping import Clipping
from torchlean_spec.operations import Attributes, Kind, operation_named
from torchlean_spec.optimizers import ElementOptimizer
from torchlean_spec.program import Builder, Input
from torchlean_spec.shape import Shape, size

OPERAND = "operand."
"""The buffers of an operation's operands begin so."""


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
    optimizer: ElementOptimizer, count: int, dtype: Dtype, mode: Mode
) -> Compiled:
    """The plan of one update of so many elements, from and to its buffers."""
    assembly = _assembly(Steps({}, {}, {}, set(), []), Layout({}, count), dtype, mode)
    width = len(optimizer.coefficient_names)
    state = {
        name: assembly.buffer(slot_buffer(name), count)
        for name in optimizer.state_names
    }
    assembly.graph.call(
        optimizer.variant,
        {"table_rows": 1, "size": count},
        parameter=assembly.buffer(names.PARAMETERS, count),
        gradient=assembly.buffer(OPERAND + "gradient", count),
        **state,
        coefficients=assembly.buffer(names.COEFFICIENTS, width),
        control=assembly.buffer(CONTROL, CONTROL_WORDS, True, outside=False),
    )
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
