"""Laws of what the primitive operations mean: each held to its definition.

A definition here is written with other words than the spec's: loops over indices
for the operations that move or sum numbers, the defining equation for functions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from torchlean_proofs.laws.derivatives import (
    WIDE,
    Application,
    Family,
    agree,
    indices,
    into,
)
from torchlean_proofs.laws.law import Evidence, Law, law
from torchlean_proofs.laws.operations import FAMILIES, family
from torchlean_spec import random
from torchlean_spec.numbers import RATIONAL
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.operations import Attributes, Operands, operation_named
from torchlean_spec.operations.operation import Meaning
from torchlean_spec.shape import Shape, shape_of, sizes
from torchlean_spec.tensor import Tensor

Exactly = Callable[[Application], Sequence[Fraction]]
"""A definition over rationals: the elements of the result."""


def values(use: Application, operand: int = 0) -> list[Fraction]:
    """The elements of an operand."""
    return [Fraction(value) for value in use.operands[operand].values]


def at(use: Application, operand: int, *place: int) -> Fraction:
    """One element of an operand."""
    tensor = use.operands[operand]
    flat = 0
    for extent, i in zip(sizes(tensor.shape), place, strict=True):
        flat = flat * extent + i
    return Fraction(tensor.values[flat])


def pairwise(formula: Callable[[Fraction, Fraction], Fraction]) -> Exactly:
    """A definition element by element, of two operands."""
    return lambda use: list(map(formula, values(use, 0), values(use, 1)))


def each(formula: Callable[[Fraction], Fraction]) -> Exactly:
    """A definition element by element, of one operand."""
    return lambda use: list(map(formula, values(use)))


def product(use: Application, left: str, right: str) -> list[Fraction]:
    """A matrix product, by index letters: `k` is summed over."""
    extents = {
        letter: extent
        for letters, operand in ((left, 0), (right, 1))
        for letter, extent in zip(
            letters, sizes(use.operands[operand].shape), strict=True
        )
    }
    return [
        sum(
            (
                at(use, 0, *({"m": m, "n": n, "k": k}[x] for x in left))
                * at(use, 1, *({"m": m, "n": n, "k": k}[x] for x in right))
                for k in range(extents["k"])
            ),
            Fraction(0),
        )
        for m in range(extents["m"])
        for n in range(extents["n"])
    ]


def affine(use: Application) -> list[Fraction]:
    """`x W^T + b`, row by row."""
    outputs, inputs = sizes(use.operands[1].shape)
    x = values(use)
    rows = [x[i : i + inputs] for i in range(0, len(x), inputs)]
    return [
        sum((row[k] * at(use, 1, n, k) for k in range(inputs)), at(use, 2, n))
        for row in rows
        for n in range(outputs)
    ]


def places(use: Application) -> list[tuple[int, ...]]:
    """The index of every element of the result, in order."""
    return list(itertools.product(*map(range, sizes(use.shape))))


def summed(use: Application) -> list[Fraction]:
    """Sums along an axis, by indices."""
    axis = use.attributes.optional_integer("axis")
    if axis is None:
        return [sum(values(use), Fraction(0))]
    extents = sizes(use.operands[0].shape)
    axis %= len(extents)
    return [
        sum(
            (at(use, 0, *p[:axis], i, *p[axis:]) for i in range(extents[axis])),
            Fraction(0),
        )
        for p in places(use)
    ]


def averaged(use: Application) -> list[Fraction]:
    """Sums divided by how many numbers each of them has."""
    count = len(use.operands[0].values) // len(places(use))
    return [total / count for total in summed(use)]


def stretched(use: Application) -> list[Fraction]:
    """Copies along axes of size 1 and along new outer axes."""
    extents = sizes(use.operands[0].shape)
    return [
        at(
            use,
            0,
            *(
                min(i, extent - 1)
                for i, extent in zip(p[-len(extents) :], extents, strict=True)
            ),
        )
        for p in places(use)
    ]


def folded(use: Application) -> list[Fraction]:
    """What `stretched` would copy from one element, added up."""
    target = use.shape
    extents = sizes(target)
    found = dict.fromkeys(places(use), Fraction(0))
    source = sizes(use.operands[0].shape)
    for p in itertools.product(*map(range, source)):
        tail = p[len(source) - len(extents) :]
        kept = tuple(min(i, e - 1) for i, e in zip(tail, extents, strict=True))
        found[kept] += at(use, 0, *p)
    return list(found.values())


def transposed(use: Application) -> list[Fraction]:
    """Axis i of the result is axis `permutation[i]`."""
    permutation = use.attributes.integers("permutation")
    found = []
    for place in places(use):
        source = [0] * len(place)
        for i, axis in zip(place, permutation, strict=True):
            source[axis] = i
        found.append(at(use, 0, *source))
    return found


def joined(use: Application) -> list[Fraction]:
    """The first operand's elements before the seam, the second's after it."""
    extents = sizes(use.operands[0].shape)
    axis = use.attributes.integer("axis") % len(extents)
    found = []
    for p in places(use):
        if p[axis] < extents[axis]:
            found.append(at(use, 0, *p))
        else:
            found.append(at(use, 1, *p[:axis], p[axis] - extents[axis], *p[axis + 1 :]))
    return found


def sliced(use: Application) -> list[Fraction]:
    """The elements from `start` on."""
    axis, start = use.attributes.integer("axis"), use.attributes.integer("start")
    return [at(use, 0, *p[:axis], p[axis] + start, *p[axis + 1 :]) for p in places(use)]


def gathered(use: Application) -> list[Fraction]:
    """Row `index[j]`."""
    index = use.operands[1].values
    return [at(use, 0, int(index[j]), k) for j, k in places(use)]


def scattered(use: Application) -> list[Fraction]:
    """The sum of the rows with an index."""
    index = use.operands[1].values
    return [
        sum((at(use, 0, j, k) for j in range(len(index)) if index[j] == i), Fraction(0))
        for i, k in places(use)
    ]


def masked(use: Application) -> list[Fraction]:
    """Dropout, word by word: kept below `ceil((1 - p) 2^32)`, and scaled up."""
    seed, step = map(int, use.operands[1].values)
    probability = use.attributes.exact("probability")
    layer = (3 << 32) | use.attributes.integer("stream")
    x = values(use)
    found = []
    for i, value in enumerate(x):
        word = random.word(seed, layer, (step - 1) * len(x) + i)
        kept = word < (1 - probability) * 2**32
        found.append(value / (1 - probability) if kept else Fraction(0))
    return found


def hot(use: Application) -> list[Fraction]:
    """1 where the column is the class."""
    return [Fraction(use.operands[0].values[j] == k) for j, k in places(use)]


def one_hot_family() -> Family:
    """Uses of `one_hot`."""
    return Family(
        "one_hot", lambda draws: (indices(draws, 3, 4),), lambda draws: {"classes": 4}
    )


def fill_family() -> Family:
    """Uses of `fill`."""
    return Family(
        "fill",
        lambda draws: (),
        lambda draws: {"target": shape_of([2, 2]), "value": draws.fraction()},
    )


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
PRECISION = 60
"""Digits of the decimals in which irrational functions are defined."""


def decimal(value: Fraction) -> Decimal:
    """A rational to `PRECISION` digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def tanh(x: Decimal) -> Decimal:
    """By the exponential function."""
    power = (2 * x).exp()
    return (power - 1) / (power + 1)


def erf(x: Decimal) -> Decimal:
    """By its power series at 0."""
    term, total, k = x, x, 0
    while abs(term) > Decimal(10) ** -PRECISION:
        k += 1
        term = -term * x * x / k
        total += term / (2 * k + 1)
    return 2 * total / PI.sqrt()


def gelu_tanh(x: Decimal) -> Decimal:
    """The approximation of GELU."""
    inner = (2 / PI).sqrt() * (x + Decimal("0.044715") * x**3)
    return x / 2 * (1 + tanh(inner))


def rowwise(use: Application, logarithm: bool) -> list[Decimal]:
    """Softmax of each row, or its logarithm."""
    width = sizes(use.operands[0].shape)[-1]
    x = list(map(decimal, values(use)))
    found: list[Decimal] = []
    for start in range(0, len(x), width):
        powers = [value.exp() for value in x[start : start + width]]
        shares = [power / sum(powers) for power in powers]
        found += [share.ln() if logarithm else share for share in shares]
    return found


def elu(use: Application) -> list[Decimal]:
    """`x`, or `alpha (e^x - 1)` below 0."""
    alpha = decimal(use.attributes.exact("alpha"))
    x = list(map(decimal, values(use)))
    return [value if value > 0 else alpha * (value.exp() - 1) for value in x]


def in_decimals(
    formula: Callable[[Decimal], Decimal],
) -> Callable[[Application], list[Decimal]]:
    """A definition element by element, in decimals."""
    return lambda use: [formula(decimal(x)) for x in values(use)]


DECIMAL_DEFINITIONS: dict[str, tuple[Callable[[Application], list[Decimal]], str]] = {
    "sqrt": (in_decimals(lambda x: x.sqrt()), "log"),
    "exp": (in_decimals(lambda x: x.exp()), "softplus"),
    "log": (in_decimals(lambda x: x.ln()), "sqrt"),
    "sigmoid": (in_decimals(lambda x: 1 / (1 + (-x).exp())), "tanh"),
    "tanh": (in_decimals(tanh), "sigmoid"),
    "softplus": (in_decimals(lambda x: (1 + x.exp()).ln()), "relu"),
    "silu": (in_decimals(lambda x: x / (1 + (-x).exp())), "gelu"),
    "gelu": (in_decimals(lambda x: x / 2 * (1 + erf(x / Decimal(2).sqrt()))), "silu"),
    "gelu_tanh": (in_decimals(gelu_tanh), "gelu"),
    "elu": (elu, "leaky_relu"),
    "softmax": (lambda use: rowwise(use, False), "log_softmax"),
    "log_softmax": (lambda use: rowwise(use, True), "softmax"),
}
"""For each irrational operation its definition, and an operation that it is not."""

RATIONAL_DEFINITIONS: dict[str, tuple[Exactly, str | None]] = {
    "add": (pairwise(lambda x, y: x + y), "subtract"),
    "subtract": (pairwise(lambda x, y: x - y), "add"),
    "multiply": (pairwise(lambda x, y: x * y), "divide"),
    "divide": (pairwise(lambda x, y: x / y), "multiply"),
    "maximum": (pairwise(max), "minimum"),
    "minimum": (pairwise(min), "maximum"),
    "negate": (each(lambda x: -x), "absolute"),
    "absolute": (each(abs), "negate"),
    "sign": (each(lambda x: Fraction((x > 0) - (x < 0))), "relu"),
    "square": (each(lambda x: x**2), "absolute"),
    "reciprocal": (each(lambda x: 1 / x), "square"),
    "scale": (
        lambda use: [x * use.attributes.exact("factor") for x in values(use)],
        None,
    ),
    "relu": (each(lambda x: max(x, Fraction(0))), "absolute"),
    "leaky_relu": (
        lambda use: [
            x if x > 0 else use.attributes.exact("slope") * x for x in values(use)
        ],
        "relu",
    ),
    "sum": (summed, "mean"),
    "mean": (averaged, "sum"),
    "broadcast": (stretched, None),
    "reduce_to": (folded, None),
    "linear": (affine, None),
    "matmul": (lambda use: product(use, "mk", "kn"), None),
    "matmul_transposed_left": (lambda use: product(use, "km", "kn"), None),
    "matmul_transposed_right": (lambda use: product(use, "mk", "nk"), None),
    "reshape": (values, None),
    "transpose": (transposed, None),
    "concatenate": (joined, None),
    "slice": (sliced, None),
    "fill": (lambda use: [use.attributes.exact("value")] * 4, None),
    "gather_rows": (gathered, None),
    "scatter_add_rows": (scattered, None),
    "one_hot": (hot, None),
    "dropout": (masked, None),
}
"""For each operation its definition, and an operation that it is not."""

EXTRA = (
    family("sign", (6,)),
    one_hot_family(),
    fill_family(),
)
"""How to draw uses of the operations without a derivative."""


def evaluated(meaning: Meaning, system: NumberSystem[A], use: Application) -> list[A]:
    """The elements that a meaning gives over a number system."""
    kinds = operation_named(use.operation).kinds
    pairs = zip(use.operands, kinds, strict=True)
    operands = Operands([into(system, each, kind) for each, kind in pairs])
    return list(meaning(system, use.attributes, operands).values)


def raised(meaning: Meaning) -> Meaning:
    """A meaning whose first element is too large by one."""

    def wrong(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning(system, attributes, operands)
        first = right.values[0] + system.constant(1)
        return Tensor(right.shape, (first, *right.values[1:]))

    return wrong


def backwards(meaning: Meaning) -> Meaning:
    """A meaning whose elements stand in reverse order."""

    def wrong(
        system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        right = meaning(system, attributes, operands)
        return Tensor(right.shape, right.values[::-1])

    return wrong


def is_defined_by(meaning: Meaning, use: Application) -> bool:
    """Whether a meaning gives what the operation's definition gives."""
    if use.operation in RATIONAL_DEFINITIONS:
        defined = RATIONAL_DEFINITIONS[use.operation][0](use)
        return evaluated(meaning, RATIONAL, use) == list(defined)
    with localcontext(Context(prec=PRECISION)):
        expected = DECIMAL_DEFINITIONS[use.operation][0](use)
    wanted = [WIDE.constant(Fraction(x)) for x in expected]
    found = evaluated(meaning, WIDE, use)
    pairs = zip(found, wanted, strict=True)
    return all(agree(WIDE, left, right) for left, right in pairs)


def meaning_law(name: str) -> Law:
    """The law that an operation means what its definition says."""
    meaning = operation_named(name).meaning
    exact = name in RATIONAL_DEFINITIONS
    other = {**RATIONAL_DEFINITIONS, **DECIMAL_DEFINITIONS}[name][1]
    mutants: dict[str, Meaning] = {"first element too large by one": raised(meaning)}
    if name != "fill":
        mutants["elements in reverse order"] = backwards(meaning)
    if other is not None:
        mutants[f"{other} instead"] = operation_named(other).meaning
    families = [each for each in (*FAMILIES, *EXTRA) if each.operation == name]

    @law(
        f"operations.{name}.meaning",
        objects=f"operations.{name}",
        evidence=Evidence.IDENTITY_TESTED if exact else Evidence.SEARCHED,
        subject=meaning,
        mutants=mutants,
        cases=lambda draws: itertools.chain(*(f.draw(draws) for f in families)),
    )
    def holds(meaning: Meaning, use: Application) -> bool:
        return is_defined_by(meaning, use)

    how = "exactly" if exact else "within rounding"
    return replace(holds, sentence=f"`{name}` means what its definition says, {how}.")


MEANINGS = tuple(
    meaning_law(name) for name in (*RATIONAL_DEFINITIONS, *DECIMAL_DEFINITIONS)
)
"""One law for each operation, losses and gradients aside."""
