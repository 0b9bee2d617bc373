"""Laws of dropout: which elements are kept, and by how much they are scaled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, law, repeat
from torchlean_proofs.laws.operations_applied import (
    Application,
    application,
    exact_law,
    exact_table,
    exactly,
    index_of,
    meaning_of,
    with_attributes,
)
from torchlean_proofs.laws.operations_derivatives import Rule, rule_law
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.dropout import keep_threshold
from torchlean_spec.operations.operation import Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.random import word
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor

TOPIC = "dropout"
LAYERS = 3 * 2**32
"""Where the streams of dropout layers begin."""


def uses(draws: Draws) -> Iterator[Application]:
    """Tensors, seeds, steps, probabilities and layers."""

    def drawn() -> Application:
        extents = draws.choice(((7,), (2, 4), (3, 2, 2)))
        probability = draws.choice(
            (Fraction(0), Fraction(1, 2), Fraction(1, 3), Fraction(9, 10))
        )
        return application(
            exact_table(draws, *extents),
            index_of(draws.integer(0, 2**32 - 1), draws.integer(1, 9)),
            probability=probability,
            stream=draws.integer(0, 3),
        )

    return repeat(24, drawn)


def is_masked(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether each element is kept by its own word, and scaled."""
    x, (seed, step) = use.real(0), use.index(1).values
    probability = use.attributes.exact("probability")
    layer = LAYERS + use.attributes.integer("stream")
    expected = []
    for i, value in enumerate(x.values):
        drawn = word(seed, layer, (step - 1) * len(x.values) + i)
        kept = drawn < (1 - probability) * 2**32
        expected.append(value / (1 - probability) if kept else Fraction(0))
    return result == Tensor(x.shape, tuple(expected))


Change = Callable[[int, int], tuple[int, int]]


def drawing(change: Change) -> Meaning:
    """Dropout of another seed or step."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        seed, step = operands.index(1).values
        shape: Shape = operands.index(1).shape
        draw = Tensor(shape, change(seed, step))
        given: Operands[A] = Operands([operands.real(0), draw])
        return meaning_of("dropout")(system, attributes, given)

    return meaning


def scaled(by: Callable[[Fraction], Fraction]) -> Meaning:
    """Dropout whose kept elements are scaled by something else, of p."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        probability = attributes.exact("probability")
        factor = system.constant((1 - probability) * by(probability))
        right = meaning_of("dropout")(system, attributes, operands)
        return right.map(lambda value: value * factor)

    return meaning


def complement(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """The elements kept that should be dropped, and the other way about."""
    x = operands.real(0)
    right = meaning_of("dropout")(system, attributes, operands)
    factor = system.constant(1 / (1 - attributes.exact("probability")))
    pairs = zip(x.values, right.values, strict=True)
    return Tensor(x.shape, tuple(v * factor - kept for v, kept in pairs))


MEANING = exact_law(
    TOPIC,
    "dropout",
    "Kept by a word of its own, an element is divided by 1 - p, else it is 0.",
    is_masked,
    uses,
    {
        "one mask for all steps": drawing(lambda seed, step: (seed, 1)),
        "steps from 0": drawing(lambda seed, step: (seed, step + 1)),
        "the seed ignored": drawing(lambda seed, step: (0, step)),
        "one mask for all layers": with_attributes("dropout", stream=0),
        "not scaled": scaled(lambda p: Fraction(1)),
        "scaled by 1 - p": scaled(lambda p: 1 - p),
        "scaled by 1 / p": scaled(lambda p: 1 / p if p else Fraction(1)),
        "the others kept": complement,
        "nothing dropped": with_attributes("dropout", probability=Fraction(0)),
    },
)


@law(
    "dropout.threshold",
    objects="operations.dropout.meaning",
    evidence=Evidence.SEARCHED,
    subject=keep_threshold,
    mutants={
        "rounded down": lambda p: math.floor((1 - p) * 2**32),
        "of p": lambda p: math.ceil(p * 2**32),
        "of 24 bits": lambda p: math.ceil((1 - p) * 2**24) * 2**8,
        "of all words but one": lambda p: math.ceil((1 - p) * (2**32 - 1)),
    },
    cases=lambda draws: repeat(50, draws.share),
)
def shares_of_words(
    threshold: Callable[[Fraction], int], probability: Fraction
) -> bool:
    """Of the 2^32 words, the share 1 - p is kept, and less than one word more."""
    kept = threshold(probability)
    share = (1 - probability) * 2**32
    return share <= kept < share + 1


@law(
    "dropout.apart",
    objects="operations.dropout.meaning random.words",
    evidence=Evidence.SEARCHED,
    subject=meaning_of("dropout"),
    mutants={
        "one mask for all steps": drawing(lambda seed, step: (seed, 1)),
        "one mask for all layers": with_attributes("dropout", stream=0),
        "one mask for all seeds": drawing(lambda seed, step: (0, step)),
    },
    cases=lambda draws: repeat(
        10, lambda: (draws.integer(1, 99), draws.integer(2, 9), draws.integer(1, 5))
    ),
)
def masks_apart(dropout: Meaning, case: tuple[int, int, int]) -> bool:
    """Another seed, step or layer gives another mask, and the same ones the same."""
    seed, step, layer = case

    def mask(seed: int, step: int, layer: int) -> tuple[Fraction, ...]:
        ones = Tensor(index_of(*range(64)).shape, (Fraction(1),) * 64)
        half = Fraction(1, 2)
        draw = index_of(seed, step)
        use = application(ones, draw, probability=half, stream=layer)
        return exactly(dropout, use).values

    first = mask(seed, step, layer)
    others = [
        mask(seed + 1, step, layer),
        mask(seed, step + 1, layer),
        mask(seed, step, layer + 1),
    ]
    return first == mask(seed, step, layer) and first not in others


# DERIVATIVE


def _passed_on(use: Use) -> list[AnyValue | None]:
    return [use.upstream, None]


def _of_another(**changed: int | Fraction) -> Rule:
    """A rule that masks upstream in another way than the operand."""

    def rule(use: Use) -> list[AnyValue | None]:
        attributes = {**use.attributes, **changed}
        return [use.upstream.apply("dropout", use.operands[1], **attributes), None]

    return rule


RULE = rule_law(
    TOPIC,
    "dropout",
    uses,
    rational=True,
    mutants={
        "upstream passed on": _passed_on,
        "another layer's mask": _of_another(stream=9),
        "another probability": _of_another(probability=Fraction(1, 4)),
    },
)
