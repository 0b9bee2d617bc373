"""Terms: the graph of what a function computes, each node once.

A term is an operator over terms. Equal terms are the same object, so that a graph
with shared parts stays small, and two functions that compute the same in the same
order have the same term.

>>> x, y = real("x"), real("y")
>>> x * y + x * y is x * y + x * y
True
>>> print(x * y + number(Fraction(1, 2)))
(x * y) + 1/2
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from typing import Final

from torchlean_spec.errors import Reason, TorchLeanError


class Sort(StrEnum):
    """What a term stands for."""

    REAL = "real"
    INTEGER = "integer"
    TRUTH = "truth"


INFIX: Final = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "modulo": "%",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "and": "&",
    "or": "|",
}
"""How the operators of two arguments are written."""

COMPARISONS: Final = ("less", "less_equal", "equal")


class Term:
    """A node of the graph; made by the functions of this module and by operators."""

    __slots__ = ("arguments", "number", "operator", "place", "sort")
    operator: str
    """Such as `add`; `variable` and `constant` are the leaves."""
    arguments: tuple[Term, ...]
    number: Fraction | str
    """Of a constant its value, of a variable its name, else nothing."""
    sort: Sort
    place: int
    """Counts terms in the order of their making; arguments come first."""

    def __add__(self, other: Term | int | Fraction) -> Term:
        return arithmetic("add", self, as_term(other, self.sort))

    def __radd__(self, other: int | Fraction) -> Term:
        return arithmetic("add", as_term(other, self.sort), self)

    def __sub__(self, other: Term | int | Fraction) -> Term:
        return arithmetic("subtract", self, as_term(other, self.sort))

    def __rsub__(self, other: int | Fraction) -> Term:
        return arithmetic("subtract", as_term(other, self.sort), self)

    def __mul__(self, other: Term | int | Fraction) -> Term:
        return arithmetic("multiply", self, as_term(other, self.sort))

    def __rmul__(self, other: int | Fraction) -> Term:
        return arithmetic("multiply", as_term(other, self.sort), self)

    def __truediv__(self, other: Term | int | Fraction) -> Term:
        return arithmetic("divide", self, as_term(other, self.sort))

    def __rtruediv__(self, other: int | Fraction) -> Term:
        return arithmetic("divide", as_term(other, self.sort), self)

    def __floordiv__(self, other: Term | int) -> Term:
        return arithmetic("floor_divide", self, as_term(other, self.sort))

    def __mod__(self, other: Term | int) -> Term:
        return arithmetic("modulo", self, as_term(other, self.sort))

    def __neg__(self) -> Term:
        return term("negate", self)

    def __abs__(self) -> Term:
        return term("absolute", self)

    def __and__(self, other: Term) -> Term:
        return term("and", self, other, sort=Sort.TRUTH)

    def __or__(self, other: Term) -> Term:
        return term("or", self, other, sort=Sort.TRUTH)

    def __invert__(self) -> Term:
        return term("not", self, sort=Sort.TRUTH)

    def __bool__(self) -> bool:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected a choice by where, got a branch on the symbol {self}",
        )

    def __str__(self) -> str:
        return written(self)

    def __repr__(self) -> str:
        return f"Term({written(self)})"


_known: dict[tuple[str, tuple[int, ...], Fraction | str, Sort], Term] = {}


def term(
    operator: str,
    *arguments: Term,
    sort: Sort | None = None,
    number: Fraction | str = "",
) -> Term:
    """The term of an operator and its arguments; of the first one's sort by default."""
    kind = arguments[0].sort if sort is None else sort
    key = operator, tuple(each.place for each in arguments), number, kind
    if (found := _known.get(key)) is not None:
        return found
    made = Term()
    made.operator, made.arguments, made.number = operator, arguments, number
    made.sort, made.place = kind, len(_known)
    _known[key] = made
    return made


def arithmetic(operator: str, left: Term, right: Term) -> Term:
    """An operation on two numbers of one sort.

    Raises:
        TorchLeanError: `UNSUPPORTED` for a real and an integer, or a truth.
    """
    if left.sort is not right.sort or left.sort is Sort.TRUTH:
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected two numbers of one sort, got {left.sort} {left} and "
            f"{right.sort} {right}",
        )
    if left.sort is Sort.INTEGER and operator in ("add", "subtract"):
        # Over the integers nothing is rounded, so that a zero may go.
        if right.operator == "constant" and right.number == 0:
            return left
    return term(operator, left, right)


def real(name: str) -> Term:
    """A variable that stands for any real."""
    return term("variable", sort=Sort.REAL, number=name)


def integer(name: str) -> Term:
    """A variable that stands for any integer."""
    return term("variable", sort=Sort.INTEGER, number=name)


def truth(value: bool) -> Term:
    """A truth that is known."""
    return term("constant", sort=Sort.TRUTH, number=Fraction(value))


def number(value: Fraction | int) -> Term:
    """A real constant."""
    return term("constant", sort=Sort.REAL, number=Fraction(value))


def as_term(value: Term | int | Fraction, sort: Sort = Sort.INTEGER) -> Term:
    """A whole number as a term of a sort, and an exact number as a real."""
    if isinstance(value, Term):
        return value
    kind = Sort.REAL if isinstance(value, Fraction) else sort
    return term("constant", sort=kind, number=Fraction(value))


def less(left: Term, right: Term) -> Term:
    """`left < right`."""
    return term("less", left, right, sort=Sort.TRUTH)


def less_equal(left: Term, right: Term) -> Term:
    """`left <= right`."""
    return term("less_equal", left, right, sort=Sort.TRUTH)


def equal(left: Term, right: Term) -> Term:
    """`left == right`."""
    return term("equal", left, right, sort=Sort.TRUTH)


def where(condition: Term, chosen: Term, otherwise: Term) -> Term:
    """`chosen` if the condition holds, else `otherwise`."""
    return term("where", condition, chosen, otherwise, sort=chosen.sort)


def in_order(roots: Iterable[Term]) -> list[Term]:
    """The terms that some terms are made of, arguments first, each once."""
    found: dict[int, Term] = {}
    waiting = [(root, False) for root in reversed(list(roots))]
    while waiting:
        each, entered = waiting.pop()
        if each.place in found:
            continue
        if entered:
            found[each.place] = each
            continue
        waiting.append((each, True))
        waiting += [(argument, False) for argument in reversed(each.arguments)]
    return list(found.values())


def variables(*roots: Term) -> Iterator[Term]:
    """The variables of some terms, in the order in which they are met."""
    return (each for each in in_order(roots) if each.operator == "variable")


def substituted(root: Term, put: dict[Term, Term]) -> Term:
    """A term in which some terms stand for others."""
    made: dict[int, Term] = {}
    for each in in_order([root]):
        if each in put:
            made[each.place] = put[each]
        elif not each.arguments:
            made[each.place] = each
        else:
            arguments = [made[argument.place] for argument in each.arguments]
            made[each.place] = term(
                each.operator, *arguments, sort=each.sort, number=each.number
            )
    return made[root.place]


def written(root: Term) -> str:
    """A term as people write it."""
    if not root.arguments:
        return str(root.number)
    inside = [
        f"({written(each)})" if each.operator in INFIX else written(each)
        for each in root.arguments
    ]
    if root.operator in INFIX:
        return f" {INFIX[root.operator]} ".join(inside)
    if root.operator == "negate":
        return f"-{inside[0]}"
    return f"{root.operator}({', '.join(map(written, root.arguments))})"
