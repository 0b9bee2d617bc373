"""What a primitive operation is: shape rule, meaning, derivative rule.

An operation is described once, here in the spec. The runtime adds a kernel for
each device, the proofs add a law; `torchlean operations` prints what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Generic, Protocol, cast

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers.system import A, NumberSystem
from torchlean_spec.shape import Shape
from torchlean_spec.tensor import Tensor

Attribute = int | Fraction | str | Shape | tuple[int, ...] | tuple[Fraction, ...] | None
"""What an operation may be parameterised by; exact and immutable."""


class Kind(StrEnum):
    """What a tensor holds."""

    REAL = "real"
    INDEX = "index"
    """Integers: class indices, row numbers, a seed and a step."""


class Attributes(Mapping[str, Attribute]):
    """The attributes of one use of an operation: immutable, hashable, typed getters.

    >>> Attributes(factor=Fraction(1, 2)).exact("factor")
    Fraction(1, 2)
    """

    __slots__ = ("_pairs",)

    def __init__(self, **values: Attribute) -> None:
        self._pairs = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> Attribute:
        return self._pairs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return hash(tuple(self._pairs.items()))

    def __repr__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._pairs.items())

    def exact(self, name: str) -> Fraction:
        """An exact real."""
        return Fraction(cast("Fraction | int", self._pairs[name]))

    def integer(self, name: str) -> int:
        """An integer."""
        return cast("int", self._pairs[name])

    def optional_integer(self, name: str) -> int | None:
        """An integer, or nothing."""
        return cast("int | None", self._pairs.get(name))

    def integers(self, name: str) -> tuple[int, ...]:
        """A row of integers."""
        return cast("tuple[int, ...]", self._pairs[name])

    def optional_exacts(self, name: str) -> tuple[Fraction, ...] | None:
        """A row of exact reals, or nothing."""
        return cast("tuple[Fraction, ...] | None", self._pairs.get(name))

    def text(self, name: str) -> str:
        """A word."""
        return cast("str", self._pairs[name])

    def shape(self, name: str) -> Shape:
        """A shape."""
        return cast("Shape", self._pairs[name])


@dataclass(frozen=True, slots=True)
class Operands(Generic[A]):
    """The tensors that an operation is applied to."""

    tensors: Sequence[Tensor[A, Shape] | Tensor[int, Shape]]

    def real(self, position: int) -> Tensor[A, Shape]:
        """The operand at a position, which holds numbers."""
        return cast("Tensor[A, Shape]", self.tensors[position])

    def index(self, position: int) -> Tensor[int, Shape]:
        """The operand at a position, which holds integers."""
        return cast("Tensor[int, Shape]", self.tensors[position])


class Meaning(Protocol):
    """The value of an operation, over any number system."""

    def __call__(
        self, system: NumberSystem[A], attributes: Attributes, operands: Operands[A], /
    ) -> Tensor[A, Shape]:
        """The result, of operands whose shapes fit."""
        ...


ShapeRule = Callable[[Attributes, Sequence[Shape]], Shape]
"""The shape of the result; refuses operands that do not fit."""


class Value(Protocol):
    """A tensor inside a program that is being built (see `program.py`)."""

    @property
    def shape(self) -> Shape:
        """Its shape."""
        ...

    @property
    def kind(self) -> Kind:
        """What it holds."""
        ...

    def apply(
        self, operation: str, /, *others: Value, **attributes: Attribute
    ) -> Value:
        """Apply an operation to this value, and to others after it."""
        ...

    def build(self, operation: str, /, **attributes: Attribute) -> Value:
        """Apply an operation without operands, in the same program."""
        ...


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an operation in a program, as its derivative rule sees it."""

    attributes: Attributes
    operands: tuple[Value, ...]
    result: Value
    upstream: Value
    """The derivative of the program's output in the result."""


DerivativeRule = Callable[[Use], Sequence[Value | None]]
"""The derivative of the output in each operand; `None` where there is none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A primitive operation.

    `derivative` is `None` where the operation has none: the result is then a
    constant for differentiation, and `why_constant` says why.
    """

    name: str
    operands: tuple[str, ...]
    """The operands' names; a name that ends in `#` holds integers."""
    shape: ShapeRule
    meaning: Meaning
    derivative: DerivativeRule | None
    why_constant: str = ""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What each operand holds."""
        return tuple(
            Kind.INDEX if name.endswith("#") else Kind.REAL for name in self.operands
        )


OPERATIONS: dict[str, Operation] = {}
"""The registry: every primitive operation by its name."""


def register(operation: Operation) -> Operation:
    """Enter an operation into the registry; a name is given once."""
    if operation.name in OPERATIONS:
        raise TorchLeanError(
            Reason.CONTRADICTION,
            f"expected a new operation name, got {operation.name!r} twice",
        )
    OPERATIONS[operation.name] = operation
    return operation


def operation_named(name: str) -> Operation:
    """Look an operation up.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    found = OPERATIONS.get(name)
    if found is None:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected the name of an operation such as 'add', got {name!r}",
        )
    return found
