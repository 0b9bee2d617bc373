"""Groups of parameters: who is in which, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from torchlean_spec.data import Loader
from torchlean_spec.description import from_json, to_json
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.layers import Linear, Parameter, ReLU, Sequential
from torchlean_spec.losses import MeanSquaredError
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    AdamW,
    ParameterGroup,
    ParameterGroups,
    parts_of,
)
from torchlean_spec.schedules import StepDecay
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun, initial_state

MODEL = Sequential(Linear(3, 4), ReLU(), Linear(4, 2, bias=False), Linear(2, 2))
PARAMETERS = MODEL.parameters()
RULE, OTHER, THIRD = SGD("0.1"), Adam("0.01"), AdamW("0.02")


def split(*groups: ParameterGroup) -> list[tuple[str, ...]]:
    """The names of each part."""
    return [part.names for part in parts_of(ParameterGroups(*groups), PARAMETERS)]


def test_one_optimizer_is_one_part() -> None:
    """A plain optimizer updates every parameter, also of a model without any."""
    (part,) = parts_of(RULE, PARAMETERS)
    assert part.optimizer == RULE
    assert part.names == ("0.weight", "0.bias", "2.weight", "3.weight", "3.bias")
    (nothing,) = parts_of(RULE, ())
    assert nothing.names == ()


def test_groups_select_by_name_pattern_and_kind() -> None:
    """Names keep the model's order, parts the order of the groups."""
    assert split(
        ParameterGroup(RULE, "rest"),
        ParameterGroup(OTHER, ("3.*", "0.bias")),
        ParameterGroup(THIRD, "2.weight"),
    ) == [("0.weight",), ("0.bias", "3.weight", "3.bias"), ("2.weight",)]
    assert split(ParameterGroup(OTHER, "matrices"), ParameterGroup(RULE, "*.bias")) == [
        ("0.weight", "2.weight", "3.weight"),
        ("0.bias", "3.bias"),
    ]
    assert split(ParameterGroup(RULE, "*")) == [tuple(p.name for p in PARAMETERS)]


def test_a_pattern_stands_for_whole_names() -> None:
    """Nothing but `*` is special, and a part of a name is not the name."""
    rest = ParameterGroup(OTHER, "rest")
    assert split(ParameterGroup(RULE, "*0*"), rest)[0] == ("0.weight", "0.bias")
    for word in ("weight", "0", "0.w", "0?weight", "[0].weight", "0.weigh."):
        with pytest.raises(TorchLeanError):
            split(ParameterGroup(RULE, word), rest)


def test_a_group_that_is_left_without_parameters_is_no_part() -> None:
    """The words for kinds may select nothing."""
    rest = ParameterGroup(OTHER, "rest")
    assert split(ParameterGroup(RULE, ("*weight", "*bias")), rest) == [
        tuple(p.name for p in PARAMETERS)
    ]
    vectors = [each for each in PARAMETERS if each.name.endswith("bias")]
    groups = ParameterGroups(ParameterGroup(RULE, "matrices"), rest)
    assert [part.optimizer for part in parts_of(groups, vectors)] == [OTHER]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: split(ParameterGroup(RULE, "matrices")),
            "0.bias: expected one parameter group to select it, got none",
        ),
        (
            lambda: split(ParameterGroup(RULE, "0.*"), ParameterGroup(OTHER, "*bias")),
            "0.bias: expected one parameter group to select it, got the groups 0 and 1",
        ),
        (
            lambda: split(
                ParameterGroup(RULE, ("9.*", "*")),
            ),
            "expected a parameter that '9.*' selects among 0.weight, 0.bias, "
            "2.weight, 3.weight, 3.bias, got none",
        ),
        (
            lambda: parts_of(ParameterGroups(ParameterGroup(RULE, "*")), ()),
            "expected a parameter that '*' selects among no parameters, got none",
        ),
        (
            lambda: ParameterGroups(),
            "expected at least one parameter group, got none",
        ),
        (
            lambda: split(ParameterGroup(RULE, "rest"), ParameterGroup(OTHER, "rest")),
            "expected one parameter group to take the rest, got 2",
        ),
        (
            lambda: ParameterGroup(RULE, ("rest", "*.bias")),
            "expected 'rest' by itself in a parameter group, got ('rest', '*.bias')",
        ),
        (
            lambda: ParameterGroup(RULE, ()),
            "expected a name, a pattern, 'matrices' or 'rest' for a parameter group "
            "to select, got ()",
        ),
        (
            lambda: ParameterGroup(
                ParameterGroups(ParameterGroup(RULE, "*")),  # type: ignore[arg-type]
                "*",
            ),
            "expected an optimizer of one rate in a parameter group, got groups",
        ),
    ],
)
def test_what_makes_no_partition_is_refused(
    make: Callable[[], object], message: str
) -> None:
    """The sentence names the parameter or the word."""
    with pytest.raises(TorchLeanError) as refused:
        make()
    assert refused.value.reason is Reason.CONTRADICTION
    assert str(refused.value) == message


GROUPS = ParameterGroups(
    ParameterGroup(Adam("0.01"), "matrices"),
    ParameterGroup(SGD("0.1", momentum="0.9"), ("0.bias", "3.*s")),
)
RUN = TrainingRun(
    Task(MODEL, MeanSquaredError()),
    GROUPS,
    Loader(4, 2),
    steps=4,
    schedule=StepDecay(1, "0.5"),
)


def test_groups_are_written_and_read_back() -> None:
    """A run with groups is the run that its JSON describes."""
    assert from_json(to_json(RUN)) == RUN


def test_the_schedule_acts_on_the_rate_of_each_group() -> None:
    """Every group starts from its own rate; the run's own is the first one's."""
    rates = [RUN.learning_rate(3, part.optimizer) for part in RUN.parts]
    assert [float(rate) for rate in rates] == [0.0025, 0.025]
    assert RUN.learning_rate(3) == rates[0]


def test_numbers_are_kept_where_their_optimizer_is() -> None:
    """No moment for a parameter of momentum, and no buffer for one of Adam."""
    matrices = ["0.weight", "2.weight", "3.weight"]
    assert {slot: list(shapes) for slot, shapes in RUN.kept.items()} == {
        "first": matrices,
        "second": matrices,
        "buffer": ["0.bias", "3.bias"],
    }
    slots = initial_state(RATIONAL, RUN).slots
    assert {slot: list(tensors) for slot, tensors in slots.items()} == {
        slot: list(shapes) for slot, shapes in RUN.kept.items()
    }


def test_a_run_refuses_groups_that_do_not_fit_its_model() -> None:
    """The run's description is refused, before anything is computed."""
    groups = ParameterGroups(ParameterGroup(RULE, "*.bias"))
    with pytest.raises(TorchLeanError) as refused:
        replace(RUN, optimizer=groups)
    assert str(refused.value) == (
        "0.weight: expected one parameter group to select it, got none"
    )


def test_parameters_that_share_a_name_share_a_group() -> None:
    """A name is all that a pattern sees."""
    twice: tuple[Parameter, ...] = (PARAMETERS[0], PARAMETERS[0])
    (part,) = parts_of(ParameterGroups(ParameterGroup(RULE, "0.*")), twice)
    assert part.names == ("0.weight", "0.weight")
