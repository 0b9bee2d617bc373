"""What a run looks like in text: models, tables, one line for each setting.

>>> from torchlean_spec.layers import Linear, ReLU, Sequential
>>> from torchlean_spec.shape import vector
>>> print(model_summary(Sequential(Linear(64, 10), ReLU()), vector(64)))
Sequential: [64] -> [10], layers=2, params=650
  [0] Linear: [64] -> [10]  params=650  [[10, 64], [10]]
  [1] ReLU:   [10] -> [10]  params=0    []
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction

from torchlean_spec.exact import exact
from torchlean_spec.layers import Layer, Sequential, output_shape, parameter_count
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.task import batch_shape


def model_summary(model: Layer, input_shape: Shape) -> str:
    """A model with the shapes between its layers, without the batch axis.

    The lines are those of the original (`Facade/NN/Summary.lean`), in columns.

    Args:
        model: The model; one that is no `Sequential` is shown as a single layer.
        input_shape: The shape of one input.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the model does not take that input.
    """
    layers = model.layers if isinstance(model, Sequential) else (model,)
    rows = []
    shape = input_shape
    for number, layer in enumerate(layers):
        after = sample_output(layer, shape)
        shapes = ", ".join(_shown(each.shape) for each in layer.parameters())
        rows.append(
            (
                f"[{number}] {type(layer).__name__}:",
                f"{_shown(shape)} -> {_shown(after)}",
                f" params={parameter_count(layer)}",
                f" [{shapes}]",
            )
        )
        shape = after
    head = (
        f"{type(model).__name__}: {_shown(input_shape)} -> {_shown(shape)}, "
        f"layers={len(layers)}, params={parameter_count(model)}"
    )
    return "\n".join([head, *(f"  {line}" for line in columns(rows))])


def sample_output(model: Layer, input_shape: Shape) -> Shape:
    """The shape that a model gives for one input, without the batch axis.

    Raises:
        TorchLeanError: `SHAPE_MISMATCH` if the model does not take that input.
    """
    return shape_of(sizes(output_shape(model, batch_shape(1, input_shape)))[1:])


def _shown(shape: Shape) -> str:
    """A shape as the original prints it."""
    return str(shape) if sizes(shape) else "scalar"


def described(record: object) -> str:
    """A record in one line: its rate, and what differs from the defaults.

    >>> from torchlean_spec.optimizers import Adam
    >>> described(Adam(0.002, beta2="0.99")), described(Adam())
    ('Adam(learning_rate=0.002, beta2=0.99)', 'Adam(learning_rate=0.001)')
    """
    shown = [
        f"{each.name}={_value(getattr(record, each.name))}"
        for each in fields(record)  # type: ignore[arg-type]
        if each.name == "learning_rate"
        or not _is_default(each, getattr(record, each.name))
    ]
    return f"{type(record).__name__}({', '.join(shown)})"


def _value(value: object) -> str:
    """A field's value; exact numbers as the decimals that they are."""
    if isinstance(value, Decimal | Fraction):
        return f"{float(value):g}"
    return described(value) if is_dataclass(value) else str(value)


def _is_default(described: Field[object], value: object) -> bool:
    default = described.default
    if default is MISSING and described.default_factory is not MISSING:
        default = described.default_factory()
    if isinstance(value, Decimal | Fraction) and isinstance(default, str | int):
        return exact(value) == exact(default)
    return value == default


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell.

    >>> columns([("a", "long"), ("longer", "b")])
    ['a      long', 'longer b']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: a line of headings, a rule, and a line for each row.

    >>> print(table(("name", "kernel"), [("relu", "yes")]))
    name  kernel
    ----  ------
    relu  yes
    """
    spaced = [[f"{cell} " for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*spaced, strict=True)]
    rule = ["-" * (width - 1) + " " for width in widths]
    return "\n".join(columns([spaced[0], rule, *spaced[1:]]))
