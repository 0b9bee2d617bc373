"""Where we differ from the Lean original: its answer and ours, side by side.

For defects that no test of a single module tells apart. The numbers in the names are
those of `docs/deviations.md`.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise

import pytest

from torchlean_spec.data import Dataset, Labels, Loader, Rows
from torchlean_spec.exact import exact
from torchlean_spec.layers import ELU, LeakyReLU, Linear, ReLU, Sequential
from torchlean_spec.lean_random import next_seed
from torchlean_spec.losses import CrossEntropy
from torchlean_spec.numbers import FLOAT, RATIONAL
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.optimizers import SGD, Adam, AdamW
from torchlean_spec.program import Input, Value, evaluate, trace
from torchlean_spec.random import Stream, stream, words
from torchlean_spec.schedules import Cosine, WarmUp, rate_at
from torchlean_spec.shape import Shape, matrix, vector
from torchlean_spec.task import Task
from torchlean_spec.tensor import Tensor, of_any_shape
from torchlean_spec.training import TrainingRun, initial_state, run

Data = Dataset[Shape, Labels]


def elementwise(
    system: NumberSystem[A], name: str, values: tuple[A, ...], **attributes: Fraction
) -> tuple[A, ...]:
    """The values of one operation of one operand."""

    def forward(x: Value) -> dict[str, Value]:
        return {"y": x.apply(name, **attributes)}

    shape: Shape = vector(len(values))
    program = trace(forward, {"x": Input(shape)})
    return evaluate(program, system, {"x": Tensor(shape, values)})["y"].values


def digits_like(steps: int, optimizer: Adam | SGD) -> tuple[TrainingRun, Data]:
    """A small classifier with two equal layers, and four samples."""
    shape: Shape = vector(3)
    rows = Rows(shape, tuple((x, 1 - x, x * x) for x in (0.0, 0.25, 0.5, 1.0)))
    task = Task(Sequential(Linear(3, 3), ReLU(), Linear(3, 3)), CrossEntropy())
    described = TrainingRun(task, optimizer, Loader(4, 4, seed=1), steps, seed=7)
    return described, Dataset(rows, Labels(3, (0, 1, 2, 0)))


def test_b1_a_new_run_has_fresh_moments() -> None:
    """The moments of one run are not those that the next one starts from."""
    described, dataset = digits_like(2, Adam("0.1"))
    first, second = (list(run(FLOAT, described, dataset)) for _ in range(2))
    assert first == second
    moments = [t for slot in first[-1].after.slots.values() for t in slot.values()]
    assert any(any(tensor.values) for tensor in moments)
    start = [t for slot in second[0].before.slots.values() for t in slot.values()]
    assert not any(any(tensor.values) for tensor in start)


def test_b3_the_slope_is_not_the_argument() -> None:
    """At -2 with slope 1/4 the original answers 1/4; the functions answer otherwise."""
    x, slope = Fraction(-2), Fraction(1, 4)
    the_originals = slope if slope > 0 else x * slope
    assert the_originals == Fraction(1, 4)
    assert elementwise(RATIONAL, "leaky_relu", (x,), slope=slope) == (x * slope,)
    found = elementwise(FLOAT, "elu", (float(x),), alpha=slope)
    assert found == (0.25 * math.expm1(-2.0),)
    assert LeakyReLU("0.25").slope == ELU("0.25").alpha == slope


def test_b6_no_argument_of_a_loss_is_ignored() -> None:
    """Each field of cross-entropy, changed alone, changes the loss."""
    default = CrossEntropy()
    changed = {
        "targets": CrossEntropy(targets="distribution"),
        "ignore_index": CrossEntropy(ignore_index=2),
        "class_weights": CrossEntropy(class_weights=(1, 2, 4)),
        "label_smoothing": CrossEntropy(label_smoothing="0.5"),
        "reduction": CrossEntropy(reduction="sum"),
    }
    assert set(changed) == {each.name for each in fields(CrossEntropy)}
    for name, other in changed.items():
        differing = {
            each.name
            for each in fields(CrossEntropy)
            if getattr(other, each.name) != getattr(default, each.name)
        }
        assert differing == {name}
        assert _loss(other) != _loss(default)


def _loss(loss: CrossEntropy) -> tuple[float, ...]:
    """A loss of two rows of three logits."""
    logits = of_any_shape(Tensor(matrix(2, 3), (0.5, 1.0, -1.0, 2.0, 0.0, 0.25)))
    index = of_any_shape(Tensor(vector(2), (0, 2)))
    shares = of_any_shape(Tensor(matrix(2, 3), (0.5, 0.5, 0.0, 0.25, 0.5, 0.25)))
    target = index if loss.targets == "index" else shares

    def forward(prediction: Value, target: Value) -> dict[str, Value]:
        return {"loss": loss.apply(prediction, target)}

    inputs = {
        "prediction": Input(logits.shape),
        "target": Input(target.shape, loss.target_kind),
    }
    given = {"prediction": logits, "target": target}
    return evaluate(trace(forward, inputs), FLOAT, given)["loss"].values


def test_b12_an_optimizer_has_one_set_of_defaults() -> None:
    """Those of the papers; the original's command line has 0.95 and 0.1 instead."""
    for optimizer in (Adam(), AdamW()):
        assert exact(optimizer.beta1) == Fraction(9, 10)
        assert exact(optimizer.beta2) == Fraction(999, 1000)
    assert exact(AdamW().weight_decay) == Fraction(1, 100)


def test_b13_no_momentum_is_no_momentum() -> None:
    """A momentum of 0 is plain descent; the original makes it 0.9."""
    plain, other = SGD("0.5", momentum=0), SGD("0.5", momentum="0.9")
    assert plain.state_names == ()
    moved = []
    for optimizer in (plain, other):
        described, dataset = digits_like(2, optimizer)
        *_, last = run(FLOAT, described, dataset)
        moved.append(last.after.parameters)
    described, dataset = digits_like(2, plain)
    for step in run(FLOAT, described, dataset):
        for name, before in step.before.parameters.items():
            slope = step.gradients[name].values
            expected = tuple(
                p - 0.5 * g for p, g in zip(before.values, slope, strict=True)
            )
            assert step.after.parameters[name].values == expected
    assert moved[0] != moved[1]


@pytest.mark.parametrize("update", [110, 150, 210])
def test_b15_a_finished_cosine_stays_down(update: int) -> None:
    """After its end the original's rate rises again; ours keeps the minimum."""
    warm_up, total = 10, 110
    turned = math.pi * (update - warm_up) / (total - warm_up)
    the_originals = (1 + math.cos(turned)) / 2
    ours = rate_at(WarmUp(warm_up, then=Cosine(total - warm_up)), 1, update)
    assert ours == 0
    assert (the_originals > 0) == (update > total)


def test_b17_neighbouring_seeds_share_nothing() -> None:
    """Seeds 7 and 8 have no pair of words in common, in no stream of parameters."""
    assert next_seed(7, 1) == next_seed(8, 0)
    pairs = []
    for seed in (7, 8):
        found = set()
        for ordinal in range(8):
            drawn = words(seed, stream(Stream.PARAMETERS, ordinal), 0, 512)
            found |= set(pairwise(drawn))
        pairs.append(found)
    assert [len(found) for found in pairs] == [8 * 511, 8 * 511]
    assert pairs[0].isdisjoint(pairs[1])


def test_b18_equal_layers_start_differently() -> None:
    """Each parameter has a stream of its own, and each follows the seed."""
    described, _ = digits_like(0, SGD("0.1"))
    start = initial_state(RATIONAL, described).parameters
    other = initial_state(RATIONAL, replace(described, seed=8)).parameters
    weights = [start["0.weight"], start["2.weight"]]
    others = [other["0.weight"], other["2.weight"]]
    assert len({tensor.values for tensor in (*weights, *others)}) == 4


def test_b32_a_logarithm_never_raises() -> None:
    """Minus infinity at zero, NaN below, on every path; IEEE 754's answers."""
    below, zero, one = elementwise(FLOAT, "log", (-1.0, 0.0, 1.0))
    assert math.isnan(below)
    assert (zero, one) == (-math.inf, 0.0)


def test_b46_epsilon_has_one_default() -> None:
    """Wherever an Adam comes from, its epsilon is 1e-8."""
    assert exact(Adam().epsilon) == exact(AdamW().epsilon) == Fraction(1, 10**8)


def test_b49_numbers_are_read_alike() -> None:
    """`1.` and `.5` are both numbers; the original takes one of them."""
    assert (exact("1."), exact(".5")) == (Fraction(1), Fraction(1, 2))
