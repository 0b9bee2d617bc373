"""The competitors: the same training in PyTorch and JAX, written as their users do.

PyTorch is eager with its fused optimizer; JAX is one compiled `lax.scan` over the
epoch, which is its fastest form. Both get the batches as tensors made beforehand.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

Work = Callable[[], object]
LEARNING_RATE = 1e-3


def pin_threads(threads: int) -> None:
    """Give every library the same number of threads; before they are imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )


def torch_epoch(
    widths: Sequence[int],
    inputs: NDArray[numpy.float32],
    targets: NDArray[Any],
    weights: Sequence[NDArray[numpy.float32]],
    threads: int,
) -> Callable[[], list[float]]:
    """One epoch of eager PyTorch with fused Adam.

    Args:
        widths: The widths of the multilayer perceptron.
        inputs: Shape `[batches, batch, inputs]`.
        targets: Shape `[batches, batch]` of classes, or `[batches, batch, outputs]`.
        weights: The initial weights, `[outputs, inputs]` each; biases start at 0.
        threads: How many threads PyTorch may use.

    Returns:
        A function that trains for an epoch and returns the losses.
    """
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    layers: list[nn.Module] = []
    for number, (width, following) in enumerate(itertools.pairwise(widths)):
        linear = nn.Linear(width, following)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights[number]))
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    classify = targets.ndim == 2
    loss_of = nn.CrossEntropyLoss() if classify else nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    batches = list(
        zip(torch.from_numpy(inputs), torch.from_numpy(targets), strict=True)
    )

    def epoch() -> list[float]:
        losses = []
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return [float(each) for each in losses]

    return epoch


def jax_epoch(
    widths: Sequence[int],
    inputs: NDArray[numpy.float32],
    targets: NDArray[Any],
    weights: Sequence[NDArray[numpy.float32]],
) -> Callable[[], list[float]]:
    """One epoch of JAX with Optax's Adam, one compiled scan over the batches.

    Args and result are those of `torch_epoch`.
    """
    import jax
    import jax.numpy as jnp
    import optax

    classify = targets.ndim == 2
    optimizer = optax.adam(LEARNING_RATE)
    start = [(jnp.asarray(w.T), jnp.zeros(w.shape[0])) for w in weights]

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        for number, (weight, bias) in enumerate(parameters):
            x = x @ weight + bias
            if number < len(parameters) - 1:
                x = jax.nn.relu(x)
        if classify:
            each = optax.softmax_cross_entropy_with_integer_labels(x, y)
            return each.mean()
        return jnp.mean((x - y) ** 2)

    def step(carry: Any, batch: Any) -> Any:
        parameters, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(parameters, *batch)
        updates, state = optimizer.update(gradients, state, parameters)
        return (optax.apply_updates(parameters, updates), state), loss

    scan = jax.jit(lambda c, b: jax.lax.scan(step, c, b), donate_argnums=0)
    data = (jnp.asarray(inputs), jnp.asarray(targets))
    carried = [(start, optimizer.init(start))]

    def epoch() -> list[float]:
        carried[0], losses = scan(carried[0], data)
        return [float(each) for each in numpy.asarray(jax.block_until_ready(losses))]

    return epoch


def torch_adam(
    tensors: Sequence[NDArray[numpy.float32]], threads: int, dtype: str = "float32"
) -> Work:
    """One fused Adam step over tensors, with gradients that stay the same."""
    import torch

    torch.set_num_threads(threads)
    parameters = []
    for each in tensors:
        parameter = torch.from_numpy(each.copy()).requires_grad_()
        parameter.grad = torch.from_numpy(each.copy())
        parameters.append(parameter)
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)

    def step() -> None:
        optimizer.step()

    return step
