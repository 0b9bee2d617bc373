"""Laws of picking and placing rows by integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from torchlean_proofs.laws.law import Draws, Evidence, Law, law, refuses
from torchlean_proofs.laws.operations_applied import (
    Application,
    application,
    exact_law,
    exact_table,
    exactly,
    index_of,
    indices,
    meaning_of,
)
from torchlean_proofs.laws.operations_derivatives import rule_law
from torchlean_spec.errors import Reason
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands
from torchlean_spec.operations.operation import Attribute, Meaning, Use
from torchlean_spec.operations.operation import Value as AnyValue
from torchlean_spec.shape import Shape, shape_of, size, sizes
from torchlean_spec.tensor import Tensor

TOPIC = "indexing"


def rows_of(tensor: Tensor[Fraction, Shape]) -> list[tuple[Fraction, ...]]:
    """What stands at each index of the outermost axis."""
    count, *rest = sizes(tensor.shape)
    width = size(shape_of(rest))
    return [tensor.values[i * width : (i + 1) * width] for i in range(count)]


def picks(draws: Draws) -> Iterator[Application]:
    """Tensors of 1 to 3 axes, and rows of them, some twice and some never."""
    for extents in ((3,), (3, 2), (4, 2, 2), (1, 3)):
        index = indices(draws, 4, extents[0])
        yield application(exact_table(draws, *extents), index)
    yield application(exact_table(draws, 3, 2), index_of(2, 2, 0))


def placements(draws: Draws) -> Iterator[Application]:
    """Rows, and where to add each of them."""
    for extents in ((3,), (3, 2), (4, 2, 2)):
        index = indices(draws, extents[0], 3)
        yield application(exact_table(draws, *extents), index, rows=3)
    yield application(exact_table(draws, 3, 2), index_of(1, 1, 0), rows=4)


def classes(draws: Draws) -> Iterator[Application]:
    """Class indices."""
    for count in (1, 3, 6):
        yield application(indices(draws, count, 4), classes=4)
    yield application(index_of(0, 3, 1), classes=4)


def is_picked(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether row j is the row with the number that index j holds."""
    rows = rows_of(use.real(0))
    extents = (len(use.index(1).values), *sizes(use.operands[0].shape)[1:])
    return sizes(result.shape) == extents and rows_of(result) == [
        rows[i] for i in use.index(1).values
    ]


def is_placed(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether scattering is the adjoint of gathering, on every unit tensor."""
    x, index = use.real(0), use.index(1)
    extents = (use.attributes.integer("rows"), *sizes(x.shape)[1:])
    found = []
    for place in range(size(shape_of(extents))):
        unit = tuple(Fraction(place == i) for i in range(size(shape_of(extents))))
        gathered = exactly(
            meaning_of("gather_rows"),
            application(Tensor(shape_of(extents), unit), index),
        )
        pairs = zip(gathered.values, x.values, strict=True)
        found.append(sum((a * b for a, b in pairs), Fraction(0)))
    return result == Tensor(shape_of(extents), tuple(found))


def is_one_hot(use: Application, result: Tensor[Fraction, Shape]) -> bool:
    """Whether each row holds 1 at its class, 0 elsewhere."""
    count = use.attributes.integer("classes")
    rows = [[Fraction(i == c) for c in range(count)] for i in use.index(0).values]
    return list(map(list, rows_of(result))) == rows


Change = Callable[[Sequence[int]], Sequence[int]]


def with_index(name: str, position: int, change: Change) -> Meaning:
    """An operation that is given other indices."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        index = operands.index(position)
        values = tuple(change(index.values))
        tensors = list(operands.tensors)
        tensors[position] = Tensor(index.shape, values)
        return meaning_of(name)(system, attributes, Operands(tensors))

    return meaning


def last_wins(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """A scatter that writes where it should add."""
    x, index = operands.real(0), operands.index(1)
    rows = attributes.integer("rows")
    width = len(x.values) // len(index.values)
    values = [system.constant(0)] * (rows * width)
    for j, i in enumerate(index.values):
        values[i * width : (i + 1) * width] = x.values[j * width : (j + 1) * width]
    return Tensor(shape_of((rows, *sizes(x.shape)[1:])), tuple(values))


def negated_one_hot(
    system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
) -> Tensor[A, Shape]:
    """0 at the class, 1 elsewhere."""
    right = meaning_of("one_hot")(system, attributes, operands)
    return right.map(lambda x: system.constant(1) - x)


MEANINGS = (
    exact_law(
        TOPIC,
        "gather_rows",
        "Row j of what is gathered is row `index[j]`.",
        is_picked,
        picks,
        {
            "backwards": with_index("gather_rows", 1, lambda index: index[::-1]),
            "in the order of the rows": with_index("gather_rows", 1, sorted),
            "the first row for all": with_index(
                "gather_rows", 1, lambda index: [0] * len(index)
            ),
        },
    ),
    exact_law(
        TOPIC,
        "scatter_add_rows",
        "scatter_add_rows is the adjoint of gather_rows.",
        is_placed,
        placements,
        {
            "the last row wins": last_wins,
            "backwards": with_index("scatter_add_rows", 1, lambda index: index[::-1]),
            "all into the first row": with_index(
                "scatter_add_rows", 1, lambda index: [0] * len(index)
            ),
        },
    ),
    exact_law(
        TOPIC,
        "one_hot",
        "A one-hot row holds 1 at the class, 0 elsewhere.",
        is_one_hot,
        classes,
        {
            "0 at the class": negated_one_hot,
            "the next class": with_index(
                "one_hot", 0, lambda index: [(i + 1) % 4 for i in index]
            ),
            "backwards": with_index("one_hot", 0, lambda index: index[::-1]),
        },
    ),
)


def first_row(name: str) -> Meaning:
    """An operation that takes row 0 for whatever it is given."""
    position = 0 if name == "one_hot" else 1
    return with_index(name, position, lambda index: [0] * len(index))


def nothing(name: str) -> Meaning:
    """An operation that gives zeros, as the original's one-hot rows are."""

    def meaning(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = first_row(name)(system, attributes, operands)
        return right.map(lambda each: system.constant(0))

    return meaning


def out_of_range(name: str) -> Iterator[Application]:
    """Uses whose index is below 0, or not below the count."""
    attributes: dict[str, dict[str, Attribute]] = {
        "gather_rows": {},
        "scatter_add_rows": {"rows": 2},
        "one_hot": {"classes": 2},
    }
    for bad in (-1, 2, 3):
        operands = (
            [index_of(0, bad)]
            if name == "one_hot"
            else [Tensor(shape_of([2]), (Fraction(1),) * 2), index_of(0, bad)]
        )
        yield application(*operands, **attributes[name])


def refusal_law(name: str) -> Law:
    """The law that an operation refuses indices out of range."""

    def refused(meaning: Meaning, use: Application) -> bool:
        return refuses(Reason.CLASS_OUT_OF_RANGE, lambda: exactly(meaning, use))

    refused.__doc__ = f"`{name}` refuses an index below 0 or not below the count."
    return law(
        f"{TOPIC}.{name}.out_of_range",
        objects=f"operations.{name}.meaning",
        evidence=Evidence.SEARCHED,
        subject=meaning_of(name),
        mutants={"cut to the range": first_row(name), "left out": nothing(name)},
        cases=lambda draws: out_of_range(name),
    )(refused)


REFUSALS = tuple(map(refusal_law, ("gather_rows", "scatter_add_rows", "one_hot")))


# DERIVATIVES


def _gathered_again(use: Use) -> Sequence[AnyValue | None]:
    """A rule that scatters with all indices 0: the first row gets everything."""
    x, index = use.operands
    placed = use.upstream.apply("scatter_add_rows", index, rows=sizes(x.shape)[0])
    total = placed.apply("sum", axis=0).apply(
        "reshape", target=shape_of((1, *sizes(x.shape)[1:]))
    )
    return [total.apply("broadcast", target=x.shape), None]


def _not_placed(use: Use) -> Sequence[AnyValue | None]:
    """A rule that passes upstream on, row by row."""
    return [
        use.upstream.apply("slice", axis=0, start=0, stop=1).apply(
            "broadcast", target=use.operands[0].shape
        ),
        None,
    ]


RULES = (
    rule_law(
        TOPIC,
        "gather_rows",
        picks,
        rational=True,
        mutants={"every row gets everything": _gathered_again},
    ),
    rule_law(
        TOPIC,
        "scatter_add_rows",
        placements,
        rational=True,
        mutants={"the first row's for all": _not_placed},
    ),
)
