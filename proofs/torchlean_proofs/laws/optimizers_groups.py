"""Laws of groups of parameters, and of optimizers by a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, refuses, repeat
from torchlean_proofs.laws.training import Example, example
from torchlean_spec import training
from torchlean_spec.errors import Reason
from torchlean_spec.initializers import Zeros
from torchlean_spec.layers import Parameter
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.optimizers import (
    SGD,
    Adam,
    AdamW,
    Kind,
    Optimizer,
    ParameterGroup,
    ParameterGroups,
    momentum_sgd,
    parts_of,
)
from torchlean_spec.optimizers.groups import Part
from torchlean_spec.shape import rank, shape_of
from torchlean_spec.training import State, TrainingRun

Split = Callable[[Optimizer, Sequence[Parameter]], tuple[Part, ...]]
Case = tuple[ParameterGroups, tuple[Parameter, ...]]


def parameter(name: str, *extents: int) -> Parameter:
    """A parameter of some shape."""
    return Parameter(name, shape_of(extents), Zeros(), 1, 1)


PARAMETERS = (
    parameter("0.weight", 3, 2),
    parameter("0.bias", 3),
    parameter("1.scale"),
    parameter("2.weight", 2, 3),
    parameter("2.bias", 2),
)

SELECTIONS: tuple[tuple[str | tuple[str, ...], ...], ...] = (
    ("*",),
    ("matrices", "rest"),
    ("rest", "0.*"),
    ("*.weight", ("*.bias", "1.scale")),
    (("2.weight", "0.bias"), "rest", "2.b*"),
    ("matrices", "*.bias", "1*"),
)
"""Selections that take each of these parameters once."""


def partitions(draws: Draws) -> Iterator[Case]:
    """Groups that fit, over the parameters in any order."""
    for selections in SELECTIONS:
        for _ in range(4):
            groups = [
                ParameterGroup(SGD(place + 1), words)
                for place, words in enumerate(selections)
            ]
            left = list(PARAMETERS)
            order = [left.pop(draws.integer(0, len(left) - 1)) for _ in PARAMETERS]
            yield ParameterGroups(*groups), tuple(order)


def meant(words: tuple[str, ...], each: Parameter) -> bool:
    """Whether words other than `rest` mean a parameter; one `*` in a word at most."""
    for word in words:
        before, star, after = word.partition("*")
        long = len(each.name) >= len(before) + len(after)
        framed = each.name.startswith(before) and each.name.endswith(after)
        if (star and long and framed) or word == each.name:
            return True
        if word == "matrices" and rank(each.shape) == 2:
            return True
    return False


def _first_takes_all(
    optimizer: Optimizer, parameters: Sequence[Parameter]
) -> tuple[Part, ...]:
    part = parts_of(optimizer, parameters)[0]
    return (Part(part.optimizer, tuple(each.name for each in parameters)),)


@law(
    "optimizers.groups.partition",
    objects="optimizers.parts_of optimizers.ParameterGroups optimizers.ParameterGroup "
    "optimizers.groups.Part",
    evidence=Evidence.SEARCHED,
    subject=parts_of,
    mutants={
        "the first group takes all": _first_takes_all,
        "one group forgotten": lambda optimizer, given: parts_of(optimizer, given)[1:],
        "names in alphabetical order": lambda optimizer, given: tuple(
            replace(part, names=tuple(sorted(part.names)))
            for part in parts_of(optimizer, given)
        ),
        "groups backwards": lambda optimizer, given: parts_of(optimizer, given)[::-1],
    },
    cases=partitions,
)
def a_partition(split: Split, case: Case) -> bool:
    """Each parameter belongs to the one group that selects it, else to the rest."""
    groups, parameters = case
    taken = {
        each.name: group.optimizer
        for each in parameters
        for group in groups.groups
        if meant(group.words, each)
    }
    resting = [g.optimizer for g in groups.groups if g.words == ("rest",)]
    rest = resting[0] if resting else None
    expected = []
    for group in groups.groups:
        names = [
            p.name for p in parameters if taken.get(p.name, rest) == group.optimizer
        ]
        expected += [Part(group.optimizer, tuple(names))] if names else []
    return split(groups, parameters) == tuple(expected)


@law(
    "optimizers.groups.one",
    objects="optimizers.parts_of optimizers.Optimizer optimizers.PartOptimizer",
    evidence=Evidence.SEARCHED,
    subject=parts_of,
    mutants={
        "the last parameter left out": lambda optimizer, given: parts_of(
            optimizer, given[:-1]
        ),
        "no part for no parameters": lambda optimizer, given: (
            parts_of(optimizer, given) if given else ()
        ),
    },
    cases=lambda draws: (PARAMETERS[:count] for count in range(len(PARAMETERS) + 1)),
)
def one_part(split: Split, case: tuple[Parameter, ...]) -> bool:
    """An optimizer by itself updates every parameter."""
    rule = Adam()
    return split(rule, case) == (Part(rule, tuple(each.name for each in case)),)


REFUSED: tuple[tuple[str | tuple[str, ...], ...], ...] = (
    ("matrices",),
    ("*", "1.scale"),
    ("0.*", "matrices", "rest"),
    ("rest", "3.weight"),
    ("rest", "weight"),
    ("rest", "rest"),
    (("rest", "matrices"), "*.bias"),
    (),
    ((),),
)
"""Selections that leave a parameter out, take one twice or select nothing."""

SplitBy = Callable[[tuple[str | tuple[str, ...], ...]], object]


def split_by(selections: tuple[str | tuple[str, ...], ...]) -> object:
    """The parts of groups with these selections."""
    groups = [ParameterGroup(SGD(1), words) for words in selections]
    return parts_of(ParameterGroups(*groups), PARAMETERS)


@law(
    "optimizers.groups.refused",
    objects="optimizers.parts_of optimizers.ParameterGroups optimizers.ParameterGroup",
    evidence=Evidence.EXHAUSTIVE,
    subject=split_by,
    mutants={
        "the first that selects": lambda selections: split_by(
            selections[:1] + ("rest",) * bool(selections)
        ),
        "anything goes": lambda selections: None,
    },
    cases=lambda draws: REFUSED,
)
def no_partition(split: SplitBy, case: tuple[str | tuple[str, ...], ...]) -> bool:
    """A parameter in no group or in two, and a word that selects none: refused."""
    return refuses(Reason.CONTRADICTION, lambda: split(case))


# RUNS

Ends = Callable[[TrainingRun, Example], list[State[Fraction]]]


def states(run: TrainingRun, case: Example) -> list[State[Fraction]]:
    """The state after each step."""
    return [step.after for step in training.run(RATIONAL, run, case.data)]


def _one_rate(run: TrainingRun, case: Example) -> list[State[Fraction]]:
    """A run in which every group has the first one's rate."""
    assert isinstance(run.optimizer, ParameterGroups)
    first, *others = run.optimizer.groups
    rule = first.optimizer
    alike = [replace(each, optimizer=rule) for each in others]
    return states(replace(run, optimizer=ParameterGroups(first, *alike)), case)


@law(
    "optimizers.groups.alike",
    objects="optimizers.ParameterGroups optimizers.parts_of training.TrainingRun.parts "
    "training.TrainingRun.kept optimizers.tensors.update_tensor "
    "optimizers.tensors.initial_tensors optimizers.tensors.state_shapes",
    evidence=Evidence.IDENTITY_TESTED,
    subject=states,
    mutants={
        "only the first group moves": lambda run, case: [
            replace(
                state,
                parameters={
                    name: tensor
                    if name in run.parts[0].names
                    else case.initial().parameters[name]
                    for name, tensor in state.parameters.items()
                },
            )
            for state in states(run, case)
        ],
        "a step too few": lambda run, case: states(replace(run, steps=1), case),
    },
    cases=lambda draws: repeat(8, lambda: example(draws, 2)),
)
def alike(after: Ends, case: Example) -> bool:
    """Groups with one and the same optimizer are that optimizer, in every number."""
    rule = SGD("0.25", momentum="0.5")
    groups = ParameterGroups(
        ParameterGroup(rule, "rest"), ParameterGroup(rule, "*.bias")
    )
    alone = replace(case.run, optimizer=rule)
    return after(replace(case.run, optimizer=groups), case) == states(alone, case)


@law(
    "optimizers.groups.apart",
    objects="optimizers.ParameterGroups training.update "
    "training.TrainingRun.learning_rate",
    evidence=Evidence.IDENTITY_TESTED,
    subject=states,
    mutants={"the first group's rate for all": _one_rate},
    cases=lambda draws: repeat(8, lambda: example(draws, 1)),
)
def apart(after: Ends, case: Example) -> bool:
    """In one step, each group moves as if its optimizer were that of all."""
    slow, fast = SGD("0.125"), SGD("0.5", momentum="0.5")
    groups = ParameterGroups(
        ParameterGroup(slow, "matrices"), ParameterGroup(fast, "rest")
    )
    run = replace(case.run, clipping=None, optimizer=groups)
    (found,) = after(run, case)
    for part in run.parts:
        (alone,) = states(replace(run, optimizer=part.optimizer), case)
        if any(found.parameters[n] != alone.parameters[n] for n in part.names):
            return False
    return True


# WORDS


@law(
    "optimizers.kinds",
    objects="optimizers.Kind optimizers.Kind.parse optimizers.Kind.to_optimizer",
    evidence=Evidence.EXHAUSTIVE,
    subject=lambda word, rate: Kind.parse(word).to_optimizer(rate),
    mutants={
        "the original's defaults": lambda word, rate: {
            "sgd": SGD(rate),
            "adam": Adam(rate, beta2="0.95"),
            "adamw": AdamW(rate, beta2="0.95", weight_decay="0.1"),
        }[word],
        "one rate": lambda word, rate: Kind.parse(word).to_optimizer("0.01"),
    },
    cases=lambda draws: (
        (word, record, rate)
        for word, record in (("sgd", SGD), ("adam", Adam), ("adamw", AdamW))
        for rate in ("0.001", "0.5")
    ),
)
def kinds(
    made: Callable[[str, str], Optimizer],
    case: tuple[str, Callable[[str], Optimizer], str],
) -> bool:
    """A word gives the record of its name, at a rate and with its own defaults."""
    word, record, rate = case
    return made(word, rate) == record(rate)


@law(
    "optimizers.momentum_sgd",
    objects="optimizers.momentum_sgd optimizers.SGD",
    evidence=Evidence.SEARCHED,
    subject=momentum_sgd,
    mutants={
        "0.9 for 0": lambda rate, momentum: momentum_sgd(rate, momentum or "0.9"),
    },
    cases=lambda draws: ((draws.share(), n) for n in (0, "0", "0.5", "0.9")),
)
def momentum_of_its_own(
    made: Callable[[Fraction, int | str], SGD], case: tuple[Fraction, int | str]
) -> bool:
    """The momentum is the one that was asked for, 0 included."""
    rate, momentum = Fraction(int(case[0] * 100), 100), case[1]
    return made(rate, momentum) == SGD(rate, momentum=momentum)
