"""Matrix products and linear layers.

In fast mode the kernels of linear layers take a weight `[inputs, outputs]`, in
strict mode `[outputs, inputs]` as the spec has it. Weights that only such kernels
read lie transposed in fast mode, and so do their derivatives; any other weight is
transposed anew whenever a linear layer reads it.
"""

from __future__ import annotations

import math

from torchlean.compiler.parallel import blocks_of_inputs, worth_sharing
from torchlean.compiler.select import Selection, selects
from torchlean.compiler.steps import Sizes, Step, Steps
from torchlean.cpu.linear import prefers_blas
from torchlean.cpu.registry import Mode

READS_WEIGHT = (
    "linear",
    "linear_relu",
    "linear_input_gradient_relu",
    "matmul",
    "matmul_transposed_right",
)
"""The steps that can read a transposed weight, as their second operand."""

GIVES_GRADIENT = ("matmul_transposed_left", "linear_parameter_gradient")
"""The steps that can give a transposed derivative, as their first result."""


def transposed_weights(program: Steps, parameters: list[str]) -> frozenset[str]:
    """The parameters that fast mode keeps transposed.

    Those that only linear layers read, and whose derivative is one product.
    """
    found = [name for name in parameters if _may_lie_transposed(program, name)]
    # A derivative that two parameters share must lie one way for both.
    plain = {
        program.outputs.get(f"gradient.{name}")
        for name in parameters
        if name not in found
    }
    gradients = {name: program.outputs.get(f"gradient.{name}") for name in found}
    return frozenset(
        name
        for name, gradient in gradients.items()
        if gradient is None or gradient not in plain
    )


def _may_lie_transposed(program: Steps, name: str) -> bool:
    number = program.inputs[name]
    users = program.users(number)
    gradient = program.outputs.get(f"gradient.{name}")
    return (
        len(program.sizes[number]) == 2
        and bool(users)
        and all(_reads_as_weight(user, number) for user in users)
        and (gradient is None or _is_one_product(program, gradient))
    )


def _reads_as_weight(step: Step, number: int) -> bool:
    places = [i for i, operand in enumerate(step.operands) if operand == number]
    return step.operation in READS_WEIGHT and places == [1]


def _is_one_product(program: Steps, gradient: int) -> bool:
    maker = program.maker(gradient)
    return (
        maker is not None
        and maker.operation in GIVES_GRADIENT
        and maker.results[0] == gradient
        and not program.users(gradient)
    )


def _by_size(selection: Selection, kernel: str, m: int, k: int, n: int) -> str:
    """The kernel's variant for a product of [m, k] and [k, n]."""
    if selection.graph.mode is Mode.FAST and prefers_blas(m, k, n):
        return f"{kernel}_blas"
    return kernel


def _layer(rows: int, weight: Sizes) -> dict[str, int]:
    outputs, inputs = weight
    return {"rows": rows, "inputs": inputs, "outputs": outputs}


def _is_turned(selection: Selection, weight: int) -> bool:
    """Whether a linear layer's kernels can read a weight as it lies."""
    return selection.graph.mode is Mode.STRICT or weight in selection.transposed


def transpose(selection: Selection, value: int, rows: int, columns: int) -> int:
    """A matrix `[rows, columns]`, transposed into a new value."""
    turned = selection.graph.value(rows * columns)
    selection.graph.call(
        "transpose_matrix", {"rows": rows, "columns": columns}, x=value, out=turned
    )
    return turned


@selects("linear", "linear_relu")
def linear(selection: Selection, step: Step) -> None:
    """`x W^T + b`, perhaps with ReLU after it."""
    x, weight, bias = selection.operands(step)
    outputs, inputs = step.operand_sizes[1]
    rows = math.prod(step.operand_sizes[0][:-1])
    if not _is_turned(selection, step.operands[1]):
        weight = transpose(selection, weight, outputs, inputs)
    blocks = 1
    if selection.graph.mode is Mode.FAST:
        blocks = blocks_of_inputs(rows, inputs, outputs)
    if blocks > 1:
        sums = selection.graph.value(blocks * rows * outputs)
        sizes = {"rows": rows, "blocks": blocks, "outputs": outputs}
        selection.graph.call(
            "linear_blocks",
            {**sizes, "block": inputs // blocks, "stride": inputs},
            x=x,
            weight=weight,
            out=sums,
        )
        selection.graph.call(
            f"{step.operation}_of_blocks",
            sizes,
            sums=sums,
            bias=bias,
            out=selection.result(step),
        )
        return
    selection.graph.call(
        _by_size(selection, step.operation, rows, inputs, outputs),
        _layer(rows, step.operand_sizes[1]),
        x=x,
        weight=weight,
        bias=bias,
        out=selection.result(step),
    )


@selects("matmul")
def matmul(selection: Selection, step: Step) -> None:
    """`A B`; of a linear layer, its derivative in the input."""
    a, b = selection.operands(step)
    (m, k), (_, n) = step.operand_sizes
    out = selection.result(step)
    if step.operands[1] in selection.transposed:
        kernel = _by_size(selection, "linear_input_gradient", m, k, n)
        integers = _layer(m, step.operand_sizes[1])
        selection.graph.call(kernel, integers, upstream=a, weight=b, out=out)
        return
    kernel = _by_size(selection, "matmul", m, k, n)
    selection.graph.call(kernel, {"m": m, "k": k, "n": n}, a=a, b=b, out=out)


@selects("linear_input_gradient_relu")
def input_gradient_relu(selection: Selection, step: Step) -> None:
    """`(A B)` where y > 0, else 0."""
    a, b, y = selection.operands(step)
    (m, k), (_, n) = step.operand_sizes[:2]
    out = selection.result(step)
    if _is_turned(selection, step.operands[1]):
        kernel = _by_size(selection, "linear_input_gradient_relu", m, k, n)
        integers = _layer(m, step.operand_sizes[1])
        selection.graph.call(kernel, integers, upstream=a, weight=b, y=y, out=out)
        return
    product = selection.graph.value(m * n)
    kernel = _by_size(selection, "matmul", m, k, n)
    selection.graph.call(kernel, {"m": m, "k": k, "n": n}, a=a, b=b, out=product)
    selection.graph.call(
        "relu_gradient", {"size": m * n}, x=y, upstream=product, out=out
    )


@selects("matmul_transposed_right")
def matmul_transposed_right(selection: Selection, step: Step) -> None:
    """`A B^T`; a linear layer without a bias, if B is its weight."""
    a, b = selection.operands(step)
    (m, k), (n, _) = step.operand_sizes
    turned = step.operands[1] in selection.transposed
    name = "matmul" if turned else "matmul_transposed_right"
    kernel = _by_size(selection, name, m, k, n)
    out = selection.result(step)
    selection.graph.call(kernel, {"m": m, "k": k, "n": n}, a=a, b=b, out=out)


@selects("matmul_transposed_left")
def matmul_transposed_left(selection: Selection, step: Step) -> None:
    """`A^T B`; a weight's derivative, if A is the upstream and B the input."""
    a, b = selection.operands(step)
    (k, m), (_, n) = step.operand_sizes
    if step.results[0] in selection.transposed:
        a, b, m, n = b, a, n, m
    kernel = _by_size(selection, "matmul_transposed_left", m, k, n)
    out = selection.result(step)
    selection.graph.call(kernel, {"m": m, "k": k, "n": n}, a=a, b=b, out=out)


@selects("linear_parameter_gradient")
def parameter_gradient(selection: Selection, step: Step) -> None:
    """A linear layer's derivatives in weight and bias."""
    upstream, x = selection.operands(step)
    (rows, outputs), (_, inputs) = step.operand_sizes
    weight_gradient, bias_gradient = (selection.result(step, i) for i in range(2))
    sums = {"outer": 1, "count": rows, "inner": outputs}
    sizes = {"rows": rows, "inputs": inputs, "outputs": outputs}
    fast = selection.graph.mode is Mode.FAST
    if fast and _is_turned(selection, step.results[0]) and worth_sharing(sizes):
        # Of the kernel that computes both, the weight's part could not be cut.
        selection.graph.call(
            _by_size(selection, "linear_weight_gradient", inputs, rows, outputs),
            {**sizes, "stride": inputs},
            x=x,
            upstream=upstream,
            weight_gradient=weight_gradient,
        )
        selection.graph.call("sum_axis", sums, x=upstream, out=bias_gradient)
        return
    if _is_turned(selection, step.results[0]):
        kernel = "linear_parameter_gradient"
        selection.graph.call(
            _by_size(selection, kernel, inputs, rows, outputs),
            sizes,
            x=x,
            upstream=upstream,
            weight_gradient=weight_gradient,
            bias_gradient=bias_gradient,
        )
        return
    kernel = _by_size(selection, "matmul_transposed_left", outputs, rows, inputs)
    integers = {"m": outputs, "k": rows, "n": inputs}
    selection.graph.call(kernel, integers, a=upstream, b=x, out=weight_gradient)
    selection.graph.call("sum_axis", sums, x=upstream, out=bias_gradient)
