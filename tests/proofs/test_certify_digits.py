"""Honest evaluations of the digits run are certified, planted wrong steps refused."""

from __future__ import annotations

import functools
import math
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from torchlean_proofs.certify import certify, initial_floats
from torchlean_proofs.judge import Phase
from torchlean_proofs.report import Report, lines
from torchlean_spec.certificate import Certificate, RecordedStep
from torchlean_spec.data import Dataset, Loader, Targets
from torchlean_spec.layers import Linear, ReLU, Sequential
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.optimizers import Adam, AdamW
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.sources import Source
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor
from torchlean_spec.training import State, Tensors, TrainingRun

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Arrays = dict[str, Array]
f = np.float32

STEP = 3
"""The step that is recorded: both moments are at work, and corrections matter."""
RATE, BETA1, BETA2, EPSILON, DECAY = 0.001, 0.9, 0.999, 1e-8, 0.01
SOURCE = Source("digits", part="training", held_out="0.2", seed=0)
MODEL = Sequential(Linear(64, 64), ReLU(), Linear(64, 32), ReLU(), Linear(32, 10))
LOADER = Loader(1438, 32, seed=5)
PLAIN = TrainingRun(Task(MODEL, CrossEntropy()), Adam(RATE), LOADER, 100, seed=7)
DECAYED = replace(PLAIN, optimizer=AdamW(RATE, weight_decay=DECAY))


@functools.cache
def digits() -> Dataset[Shape, Targets]:
    return SOURCE.load()


@functools.cache
def arrays() -> tuple[Array, Labels]:
    labels = digits().targets
    assert not hasattr(labels, "values")
    return np.array(digits().inputs.values, f), np.array(labels.indices)


# HONEST PARTS, in NumPy's float32 and without the spec


def samples(step: int) -> tuple[Array, Labels]:
    places = np.array(LOADER.batch_of_step(step))
    inputs, labels = arrays()
    return inputs[places], labels[places]


def passes(x: Array) -> Array:
    """The derivative of ReLU."""
    return (x > 0).astype(f)


def slope(probabilities: Array, labels: Labels) -> Array:
    """The derivative of the mean cross-entropy in the logits."""
    found = probabilities.copy()
    found[np.arange(len(labels)), labels] -= f(1)
    return found * f(1 / len(labels))


def total(rows: Array) -> Array:
    found: Array = np.add.reduce(rows, axis=0)
    return found


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    step: int,
    rate: float = RATE,
    beta1: float = BETA1,
    beta2: float = BETA2,
    epsilon: float = EPSILON,
    corrected: Callable[[float, int], float] = lambda beta, step: 1 - beta**step,
    squared: Callable[[Array], Array] = np.square,
    inside: bool = False,
) -> tuple[Array, Array, Array]:
    m = f(beta1) * m + f(1 - beta1) * g
    v = f(beta2) * v + f(1 - beta2) * squared(g)
    unbiased = v * f(1 / corrected(beta2, step))
    root = np.sqrt(unbiased + f(epsilon)) if inside else np.sqrt(unbiased) + f(epsilon)
    return p - (f(rate) * (m * f(1 / corrected(beta1, step)))) / root, m, v


def decoupled(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    return adam(p * f(1 - RATE * DECAY), g, m, v, step)


@dataclass(frozen=True)
class Evaluation:
    """One step of the digits run, each part replaceable."""

    run: TrainingRun = PLAIN
    samples: Callable[[int], tuple[Array, Labels]] = samples
    product: Callable[[Array, Array], Array] = operator.matmul
    total: Callable[[Array], Array] = total
    passes: Callable[[Array], Array] = passes
    slope: Callable[[Array, Labels], Array] = slope
    finish: Callable[[Arrays, int], None] = lambda gradients, step: None
    update: Callable[..., tuple[Array, Array, Array]] = adam
    settle: Callable[[Arrays, Arrays], None] = lambda before, after: None

    def backward(self, p: Arrays, x: Array, labels: Labels) -> tuple[float, Arrays]:
        a1 = self.product(x, p["0.weight"].T) + p["0.bias"]
        h1 = np.maximum(a1, f(0))
        a2 = self.product(h1, p["2.weight"].T) + p["2.bias"]
        h2 = np.maximum(a2, f(0))
        logits = self.product(h2, p["4.weight"].T) + p["4.bias"]
        shifted = logits - logits.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        totals = powers.sum(axis=1, keepdims=True)
        losses = np.log(totals[:, 0]) - shifted[np.arange(len(labels)), labels]
        d3 = self.slope(powers / totals, labels)
        d2 = self.product(d3, p["4.weight"]) * self.passes(a2)
        d1 = self.product(d2, p["2.weight"]) * self.passes(a1)
        gradients = {
            "0.weight": self.product(d1.T, x),
            "0.bias": self.total(d1),
            "2.weight": self.product(d2.T, h1),
            "2.bias": self.total(d2),
            "4.weight": self.product(d3.T, h2),
            "4.bias": self.total(d3),
        }
        return float(losses.sum() * f(1 / len(labels))), gradients

    def step(self, before: Memory, number: int) -> tuple[float, Arrays, Memory]:
        loss, gradients = self.backward(before[0], *self.samples(number))
        self.finish(gradients, number)
        after: Memory = ({}, {}, {})
        for name, gradient in gradients.items():
            memory = (tensors[name] for tensors in before)
            p, m, v = memory
            updated = self.update(p, gradient, m, v, number)
            for tensors, array in zip(after, updated, strict=True):
                tensors[name] = array
        self.settle(before[0], after[0])
        return loss, gradients, after


Memory = tuple[Arrays, Arrays, Arrays]
"""Parameters, first and second moments."""

# OTHER HONEST ORDERS


def reversed_product(left: Array, right: Array) -> Array:
    return np.ascontiguousarray(left[:, ::-1]) @ np.ascontiguousarray(right[::-1])


def sequential_product(left: Array, right: Array) -> Array:
    found = np.zeros((left.shape[0], right.shape[1]), f)
    for k in range(left.shape[1]):
        found = found + left[:, k : k + 1] * right[k : k + 1]
    return found


def fused_product(left: Array, right: Array) -> Array:
    """Multiply-adds of one rounding each: products are exact in float64."""
    found = np.zeros((left.shape[0], right.shape[1]), f)
    for k in range(left.shape[1]):
        exact = left[:, k : k + 1].astype(np.float64) * right[k : k + 1]
        found = (found + exact).astype(f)
    return found


def wide_product(left: Array, right: Array) -> Array:
    return (left.astype(np.float64) @ right.astype(np.float64)).astype(f)


def lanes_product(left: Array, right: Array) -> Array:
    """Eight partial sums, added pairwise."""
    lanes = [left[:, lane::8] @ right[lane::8] for lane in range(8)]
    while len(lanes) > 1:
        lanes = [a + b for a, b in zip(lanes[::2], lanes[1::2], strict=True)]
    return lanes[0]


def backward_total(rows: Array) -> Array:
    found = np.zeros(rows.shape[1], f)
    for row in rows[::-1]:
        found = found + row
    return found


def wide_adam(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    """Everything in float64, rounded at the end."""
    wide_p, wide_g, wide_m, wide_v = (each.astype(np.float64) for each in (p, g, m, v))
    wide_m = BETA1 * wide_m + (1 - BETA1) * wide_g
    wide_v = BETA2 * wide_v + (1 - BETA2) * wide_g * wide_g
    root = np.sqrt(wide_v / (1 - BETA2**step)) + EPSILON
    wide_p = wide_p - RATE * (wide_m / (1 - BETA1**step)) / root
    return narrow(wide_p), narrow(wide_m), narrow(wide_v)


def narrow(wide: NDArray[np.float64]) -> Array:
    return wide.astype(f)


def fused_adam(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    """The moments and the last line by multiply-adds of one rounding each."""

    def fused(a: Array | np.float32, b: Array, c: Array | np.float32) -> Array:
        found: Array = (np.float64(1) * a * b.astype(np.float64) + c).astype(f)
        return found

    m = fused(f(BETA1), m, f(1 - BETA1) * g)
    v = fused(f(BETA2), v, f(1 - BETA2) * (g * g))
    root = fused(np.sqrt(v * f(1 / (1 - BETA2**step))), np.ones_like(v), f(EPSILON))
    quotient = (m * f(1 / (1 - BETA1**step))) / root
    return fused(-f(RATE), quotient, p), m, v


def torch_adam(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    """PyTorch's order: interpolation, hoisted corrections, quotient last."""
    m = m + f(1 - BETA1) * (g - m)
    v = v * f(BETA2) + (f(1 - BETA2) * g) * g
    root = np.sqrt(v) / f(math.sqrt(1 - BETA2**step)) + f(EPSILON)
    move = ((f(RATE / (1 - BETA1**step)) * m) / root).astype(f)
    return p - move, m, v


HONEST = {
    "plain": Evaluation(),
    "reversed": Evaluation(product=reversed_product, total=backward_total),
    "sequential": Evaluation(product=sequential_product),
    "fused": Evaluation(product=fused_product, update=fused_adam),
    "wide": Evaluation(product=wide_product, update=wide_adam),
    "lanes": Evaluation(product=lanes_product),
    "torch": Evaluation(update=torch_adam),
    "decayed": Evaluation(run=DECAYED, update=decoupled),
}

# WRONG PARTS


def one_sample_dropped(step: int) -> tuple[Array, Labels]:
    x, labels = samples(step)
    return x[:-1], labels[:-1]


def one_label_shifted(step: int) -> tuple[Array, Labels]:
    x, labels = samples(step)
    labels[11] = (labels[11] + 1) % 10
    return x, labels


def half_product(left: Array, right: Array) -> Array:
    found = np.zeros((left.shape[0], right.shape[1]), np.float16)
    for k in range(left.shape[1]):
        found = (found + left[:, k : k + 1] * right[k : k + 1]).astype(np.float16)
    return found.astype(f)


def one_sign_flipped(gradients: Arrays, step: int) -> None:
    gradients["2.weight"][5, 7] *= -1


def bias_averaged_twice(gradients: Arrays, step: int) -> None:
    gradients["2.bias"] = gradients["2.bias"] / f(32)


def transposed(gradients: Arrays, step: int) -> None:
    gradients["0.weight"] = np.ascontiguousarray(gradients["0.weight"].T)


def stale(gradients: Arrays, step: int) -> None:
    gradients["4.weight"] = history()[step - 1][1]["4.weight"]


def one_element_skipped(before: Arrays, after: Arrays) -> None:
    after["4.bias"][9] = before["4.bias"][9]


def stale_first_moment(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    _, m_after, v_after = adam(p, g, m, v, step)
    root = np.sqrt(v_after * f(1 / (1 - BETA2**step))) + f(EPSILON)
    move = (f(RATE) * (m * f(1 / (1 - BETA1**step)))) / root
    return p - move, m_after, v_after


def float32_betas(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    """`1 - beta` computed in float32."""
    return adam(p, g, m, v, step, beta1=float(f(BETA1)), beta2=float(f(BETA2)))


def coupled(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    return adam(p, g + f(DECAY) * p, m, v, step)


def short_moments(
    p: Array, g: Array, m: Array, v: Array, step: int
) -> tuple[Array, Array, Array]:
    """The second moment kept in bfloat16."""
    p, m, v = adam(p, g, m, v, step)
    short: Array = (v.view(np.uint32) & np.uint32(0xFFFF0000)).view(f)
    return p, m, short


WRONG: dict[str, tuple[Phase, Evaluation]] = {
    "rate 1 % up": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, rate=1.01 * RATE)),
    ),
    "epsilon inside the root": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, inside=True)),
    ),
    "epsilon ten times as large": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, epsilon=1e-7)),
    ),
    "betas through float32": (Phase.OPTIMIZER, Evaluation(update=float32_betas)),
    "betas swapped": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, beta1=BETA2, beta2=BETA1)),
    ),
    "no bias correction": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, corrected=lambda beta, step: 1.0)),
    ),
    "bias correction off by one": (
        Phase.OPTIMIZER,
        Evaluation(
            update=partial(adam, corrected=lambda beta, step: 1 - beta ** (step - 1))
        ),
    ),
    "decay coupled for decoupled": (
        Phase.OPTIMIZER,
        Evaluation(run=DECAYED, update=coupled),
    ),
    "second moment of g, not of its square": (
        Phase.OPTIMIZER,
        Evaluation(update=partial(adam, squared=np.abs)),
    ),
    "moves along the moment before": (
        Phase.OPTIMIZER,
        Evaluation(update=stale_first_moment),
    ),
    "second moment in bfloat16": (Phase.OPTIMIZER, Evaluation(update=short_moments)),
    "one element skipped": (Phase.OPTIMIZER, Evaluation(settle=one_element_skipped)),
    "one sample dropped": (Phase.BACKWARD, Evaluation(samples=one_sample_dropped)),
    "one label shifted by one": (Phase.BACKWARD, Evaluation(samples=one_label_shifted)),
    "the batch before": (Phase.BACKWARD, Evaluation(samples=lambda s: samples(s - 1))),
    "sum for mean": (
        Phase.BACKWARD,
        Evaluation(slope=lambda p, labels: slope(p, labels) * f(len(labels))),
    ),
    "softmax gradient without the one-hot": (
        Phase.BACKWARD,
        Evaluation(slope=lambda p, labels: p * f(1 / len(labels))),
    ),
    "derivative of ReLU 1 below zero": (
        Phase.BACKWARD,
        Evaluation(passes=lambda x: np.ones_like(x)),
    ),
    "float16 accumulator": (Phase.BACKWARD, Evaluation(product=half_product)),
    "sign of one gradient flipped": (
        Phase.BACKWARD,
        Evaluation(finish=one_sign_flipped),
    ),
    "bias gradient averaged twice": (
        Phase.BACKWARD,
        Evaluation(finish=bias_averaged_twice),
    ),
    "weight gradient transposed": (Phase.BACKWARD, Evaluation(finish=transposed)),
    "gradient of one tensor stale": (Phase.BACKWARD, Evaluation(finish=stale)),
}


@functools.cache
def history() -> list[tuple[Memory, Arrays]]:
    """State before and gradients of the first steps; the entry 0 is empty."""
    start = initial_floats(PLAIN)
    memory: Memory = (
        to_arrays(start.parameters),
        to_arrays(start.slots["first"]),
        to_arrays(start.slots["second"]),
    )
    found: list[tuple[Memory, Arrays]] = [(({}, {}, {}), {})]
    for number in range(1, STEP + 1):
        _, gradients, after = Evaluation().step(memory, number)
        found.append((memory, gradients))
        memory = after
    return found


def to_arrays(tensors: Tensors[float]) -> Arrays:
    return {
        name: np.array(tensor.values, f).reshape(sizes(tensor.shape))
        for name, tensor in tensors.items()
    }


def to_tensors(found: Arrays) -> Tensors[float]:
    return {
        name: Tensor(shape_of(array.shape), tuple(map(float, array.ravel())))
        for name, array in found.items()
    }


def state(step: int, memory: Memory) -> State[float]:
    p, m, v = map(to_tensors, memory)
    return State(step, p, {"first": m, "second": v})


def judged(evaluation: Evaluation, step: int = STEP) -> Report:
    before = history()[step][0]
    loss, gradients, after = evaluation.step(before, step)
    recorded = RecordedStep(
        step,
        state(step - 1, before),
        loss,
        to_tensors(gradients),
        to_tensors(gradients),
        state(step, after),
    )
    certificate = Certificate(
        evaluation.run, SOURCE, digits().digest(), "numpy", {}, (recorded,)
    )
    return certify(certificate, digits())


@pytest.mark.parametrize("name", HONEST)
def test_honest_evaluations_are_certified(name: str) -> None:
    """A step that differs from the spec by honest rounding alone is certified."""
    report = judged(HONEST[name])
    assert report.certified, lines(report)
    assert 0 < report.worst <= 1


def test_the_first_step_starts_from_the_initial_state_of_the_spec() -> None:
    """Step 1 is judged together with the bits that the run started from."""
    report = judged(Evaluation(), step=1)
    assert report.certified, lines(report)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_steps_are_refused(name: str) -> None:
    """A planted mistake is refused, and the phase that made it is blamed."""
    phase, evaluation = WRONG[name]
    report = judged(evaluation)
    assert not report.certified
    assert {each.phase for each in report.disagreements} == {phase}
    assert report.worst > 1


def test_the_allowance_is_small_beside_the_update() -> None:
    """The median allowance of a parameter is below a ten-thousandth of its update."""
    report = judged(Evaluation())
    assert report.median_allowance is not None
    assert report.median_allowance < 1e-4
    assert lines(report)[1] == (
        "the median allowance of a parameter is "
        f"{report.median_allowance:.2g} of its update's size"
    )


def test_a_step_is_judged_in_two_seconds() -> None:
    """One step takes at most 2 seconds of one processor, in Python alone."""
    history()  # Made before the clock starts.
    began = time.process_time()
    judged(Evaluation())
    assert time.process_time() - began < 2
