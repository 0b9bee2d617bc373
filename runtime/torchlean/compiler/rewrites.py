"""Rewrites that fuse steps: fewer calls, the same numbers.

Each keeps every rounding and its order, so that a fused plan has the bits of an
unfused one; `tests/runtime/compiler/test_rewrites.py` holds each to that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torchlean.compiler.steps import Step, Steps

Rewrite = Callable[[Steps], None]

WITH_GRADIENT = frozenset(
    f"{loss}_with_gradient"
    for loss in (
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "smooth_l1",
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy",
        "hinge",
        "poisson_with_log_rates",
        "poisson",
        "log_cosh",
        "cosine_similarity",
        "cross_entropy_of_probabilities",
        "cross_entropy",
        "cross_entropy_probabilities",
    )
)
"""The losses that can be computed together with their derivative."""


def join_linear_and_relu(program: Steps) -> None:
    """`relu(linear(x, w, b))` becomes `linear_relu(x, w, b)`.

    The derivative of ReLU asks whether its operand is above zero; its result is
    above zero exactly then, and so takes the operand's place.
    """
    for relu in [step for step in program.steps if step.operation == "relu"]:
        before = relu.operands[0]
        linear = program.maker(before)
        users = [step for step in program.users(before) if step is not relu]
        if linear is None or linear.operation != "linear":
            continue
        if program.is_output(before) or not all(_asks_sign(u, before) for u in users):
            continue
        after = relu.results[0]
        joined = Step(
            "linear_relu",
            linear.attributes,
            linear.operands,
            linear.operand_sizes,
            relu.results,
            relu.result_sizes,
        )
        if program.join(linear, relu, joined, early=True):
            for user in users:
                user.operands = (after, *user.operands[1:])


def _asks_sign(step: Step, value: int) -> bool:
    upstream_differs = step.operands[1:] != (value,)
    return step.operation == "relu_gradient" and upstream_differs


def join_loss_and_gradient(program: Steps) -> None:
    """A loss and its derivative, of an upstream of 1, become one step.

    A product with 1 is exact.
    """
    for slope in [s for s in program.steps if s.operation.endswith("_gradient")]:
        name = slope.operation.removesuffix("_gradient")
        if f"{name}_with_gradient" not in WITH_GRADIENT:
            continue
        upstream = program.maker(slope.operands[-1])
        if upstream is None or upstream.operation != "fill":
            continue
        if upstream.attributes.exact("value") != 1:
            continue
        for loss in [step for step in program.steps if step.operation == name]:
            same = loss.operands == slope.operands[:-1]
            if not same or loss.attributes != slope.attributes:
                continue
            if loss.attributes.get("reduction") not in ("mean", "sum"):
                continue
            joined = Step(
                f"{name}_with_gradient",
                loss.attributes,
                loss.operands,
                loss.operand_sizes,
                (*loss.results, *slope.results),
                (*loss.result_sizes, *slope.result_sizes),
            )
            if program.join(loss, slope, joined, early=True):
                break


def join_parameter_gradients(program: Steps) -> None:
    """The derivatives of a linear layer in weight and bias become one step."""
    for product in [
        step for step in program.steps if step.operation == "matmul_transposed_left"
    ]:
        upstream = product.operands[0]
        rows, outputs = product.operand_sizes[0]
        for total in program.users(upstream):
            sums_rows = total.operation == "reduce_to"
            if not sums_rows or total.result_sizes != ((outputs,),):
                continue
            if total.operand_sizes != ((rows, outputs),):
                continue
            joined = Step(
                "linear_parameter_gradient",
                product.attributes,
                product.operands,
                product.operand_sizes,
                (*product.results, *total.results),
                (*product.result_sizes, *total.result_sizes),
            )
            if program.join(product, total, joined, early=False):
                break


def join_input_gradient_and_relu(program: Steps) -> None:
    """A layer's derivative in its input, and ReLU's after it, become one step."""
    for slope in [step for step in program.steps if step.operation == "relu_gradient"]:
        result, upstream = slope.operands
        product = program.maker(upstream)
        if product is None or product.operation != "matmul":
            continue
        if program.is_output(upstream) or program.users(upstream) != [slope]:
            continue
        joined = Step(
            "linear_input_gradient_relu",
            product.attributes,
            (*product.operands, result),
            (*product.operand_sizes, slope.operand_sizes[0]),
            slope.results,
            slope.result_sizes,
        )
        program.join(product, slope, joined, early=False)


REWRITES: Sequence[Rewrite] = (
    join_linear_and_relu,
    join_loss_and_gradient,
    join_parameter_gradients,
    join_input_gradient_and_relu,
)
"""All rewrites, in the order in which they are applied."""
