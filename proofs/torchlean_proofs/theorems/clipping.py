"""Clipping: what it bounds, what it leaves, and that twice is once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torchlean_proofs.evidence.rebinding import called, with_globals_throughout
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.syntax import Function
from torchlean_proofs.evidence.term import Term, equal, less, less_equal, number, real
from torchlean_proofs.evidence.theorem import Covered, Obligation, Theorem
from torchlean_proofs.theorems.optimizers import objects_of
from torchlean_spec.clipping import ClipGlobalNorm, ClipRange, ClipValue
from torchlean_spec.exact import exact
from torchlean_spec.shape import Shape, vector
from torchlean_spec.tensor import Tensor, of_any_shape

ZERO = number(0)
Elements = Sequence[Term]


def _exact(value: object) -> object:
    """The spec's `exact`, where the value may be a symbol."""
    return value if isinstance(value, Term) else exact(value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Value:
    """The fields of `ClipValue`, as symbols."""

    limit: Term


@dataclass(frozen=True, slots=True)
class _Range:
    """The fields of `ClipRange`, as symbols."""

    lowest: Term
    highest: Term


class _Norm:
    """The fields of `ClipGlobalNorm`, its maximum a symbol, and its form."""

    norm, epsilon = 2, 0

    def __init__(self, maximum: Term, form: Function) -> None:
        self.maximum = maximum
        self._form = form

    def clip_in_form(self, *arguments: object) -> object:
        """The spec's, over symbols."""
        return self._form(self, *arguments)


def clipped(method: Function, record: object, elements: Elements) -> list[Term]:
    """What a clipping makes of the elements of one tensor."""
    shape: Shape = vector(len(elements))
    tensor = of_any_shape(Tensor(shape, tuple(elements)))
    (found,) = with_globals_throughout(method, exact=_exact)(record, SYMBOLS, [tensor])
    return list(found.values)


def _theorem(
    name: str,
    sentence: str,
    covered: Covered,
    obligations: Callable[[Covered], list[Obligation]],
    equivalent: Mapping[str, str] | None = None,
) -> Theorem:
    return Theorem(
        f"clipping.{name}",
        sentence,
        covered,
        objects_of(covered),
        obligations,
        tells_all=False,
        equivalent=equivalent or {},
    )


def between_limits() -> Iterator[Theorem]:
    """What both clippings by value do, element by element."""
    limit, low, high = real("limit"), real("lowest"), real("highest")
    cases = {
        "value": (ClipValue.clip, _Value(limit), -limit, limit, (less(ZERO, limit),)),
        "range": (ClipRange.clip, _Range(low, high), low, high, (less(low, high),)),
    }
    x, y = real("x"), real("y")
    for name, (method, record, least, most, known) in cases.items():

        def bounded(
            covers: Covered,
            record: object = record,
            ends: tuple[Term, Term] = (least, most),
            known: tuple[Term, ...] = known,
        ) -> list[Obligation]:
            (found,) = clipped(covers["clip"], record, [x])
            (again,) = clipped(covers["clip"], record, [found])
            inside = (*known, less_equal(ends[0], x), less_equal(x, ends[1]))
            return [
                Obligation("not below", less_equal(ends[0], found), known),
                Obligation("not above", less_equal(found, ends[1]), known),
                Obligation("left inside", equal(found, x), inside),
                Obligation("twice is once", equal(again, found), known),
            ]

        def narrower(
            covers: Covered,
            record: object = record,
            known: tuple[Term, ...] = known,
        ) -> list[Obligation]:
            (one,) = clipped(covers["clip"], record, [x])
            (other,) = clipped(covers["clip"], record, [y])
            ordered = (*known, less_equal(x, y))
            return [
                Obligation("in order", less_equal(one, other), ordered),
                Obligation("not further", less_equal(other - one, y - x), ordered),
            ]

        word = f"Clipping by {'a limit' if name == 'value' else 'two limits'}"
        yield _theorem(
            f"{name}.bounds",
            f"{word} brings every element between them, leaves those that are, and "
            "does nothing the second time.",
            {"clip": cast(Function, method)},
            bounded,
        )
        yield _theorem(
            f"{name}.distances",
            f"{word} keeps the order of elements, and brings none further apart.",
            {"clip": cast(Function, method)},
            narrower,
        )


def down_to_a_norm() -> Theorem:
    """What clipping by the norm does to a tensor of two elements."""
    maximum = real("maximum")
    g, h = real("g"), real("h")
    rules = dict(called(ClipGlobalNorm.clip_in_form, "torchlean_spec.clipping"))

    def obligations(covers: Covered) -> list[Obligation]:
        form = with_globals_throughout(
            ClipGlobalNorm.clip_in_form, exact=_exact, **covers
        )
        after = clipped(ClipGlobalNorm.clip, _Norm(maximum, form), [g, h])
        known = (less(ZERO, maximum),)
        squares = g * g + h * h
        smaller = after[0] * after[0] + after[1] * after[1]
        inside = (*known, less_equal(squares, maximum * maximum))
        return [
            Obligation("the norm", less_equal(smaller, maximum * maximum), known),
            Obligation("one way", equal(after[0] * h, after[1] * g), known),
            Obligation("no sign", less_equal(ZERO, after[0] * g), known),
            Obligation("g left inside", equal(after[0], g), inside),
            Obligation("h left inside", equal(after[1], h), inside),
        ]

    return _theorem(
        "norm.bounds",
        "Clipping two elements by their norm brings it to the maximum at most, keeps "
        "their direction, and leaves what is within it.",
        rules,
        obligations,
        {
            "_scaled, 11:25: 0 became 1": "an epsilon of 0 adds nothing",
            "_scaled, 15:13: less_equal became less": "at the maximum the factor is 1",
        },
    )


def theorems() -> Iterator[Theorem]:
    """The theorems of this topic."""
    yield from between_limits()
    yield down_to_a_norm()
