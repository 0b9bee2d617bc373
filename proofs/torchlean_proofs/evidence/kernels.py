"""A kernel's body, run over symbols: one turn of its loop stands for all of them.

An elementwise kernel is one loop over elements whose turns touch only their own
element. Its loop is run once, at a symbolic place `i`; whatever reads or writes
another place is refused, and a body with a second loop as well. So what is found for
one element holds for every element and every size, provided that the buffers do not
overlap, which the plan's verifier sees to.

>>> def axpy(x, y, out, size, system):
...     for i in range(size):
...         out[i] = x[i] + y[i]
>>> traced = trace(axpy, buffers=("x", "y", "out"), integers=("size",))
>>> print(traced.written["out"])
x[i] + y[i]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from torchlean_proofs.evidence.rebinding import with_globals
from torchlean_proofs.evidence.symbols import SYMBOLS
from torchlean_proofs.evidence.syntax import carried_names
from torchlean_proofs.evidence.term import Term, as_term, in_order, integer, real
from torchlean_spec.errors import Reason, TorchLeanError

PLACE = integer("i")
"""The turn of the loop."""


@dataclass(frozen=True, slots=True)
class Traced:
    """What one turn of a kernel's loop does."""

    written: Mapping[str, Term]
    """For each buffer that is written, its element `i` after the turn."""
    places: Mapping[str, Term]
    """The place of each element that was read before it was written, by its name."""
    bound: Term
    """Where the loop ends."""


class _Turn:
    """The run of a body: which elements hold what, and whether its loop was entered."""

    def __init__(self) -> None:
        self.held: dict[str, Term] = {}
        self.places: dict[str, Term] = {}
        self.written: dict[str, Term] = {}
        self.inside = False
        self.bounds: list[Term] = []

    def turns(self, *bounds: Term | int) -> Iterator[Term] | range:
        """The loop over elements, once; a loop over a known count as it is."""
        if all(isinstance(each, int) for each in bounds):
            return range(*cast(tuple[int, ...], bounds))
        return self._symbolic(bounds)

    def _symbolic(self, bounds: tuple[Term | int, ...]) -> Iterator[Term]:
        (bound,) = bounds if len(bounds) == 1 else (None,)
        if self.bounds or not isinstance(bound, Term):
            raise _refusal("one loop over elements, from 0 on", f"range{bounds}")
        self.bounds.append(bound)
        self.inside = True
        yield PLACE
        self.inside = False


class _Buffer:
    """A buffer as one turn sees it."""

    def __init__(self, name: str, turn: _Turn) -> None:
        self.name = name
        self.turn = turn

    def __getitem__(self, place: Term | int) -> Term:
        name = self._element(place)
        if name not in self.turn.held:
            self.turn.held[name] = real(name)
            self.turn.places[name] = as_term(place)
        return self.turn.held[name]

    def __setitem__(self, place: Term | int, value: Term) -> None:
        if place is not PLACE or not self.turn.inside:
            raise _refusal(f"{self.name}[i] to be written", f"{self.name}[{place}]")
        name = self._element(place)
        self.turn.held[name] = value
        self.turn.written[self.name] = value

    def _element(self, place: Term | int) -> str:
        """The element's name: of the turn's own, or of a place that stays."""
        wanted = as_term(place)
        if wanted is not PLACE and PLACE in in_order([wanted]):
            raise _refusal(f"{self.name}[i]", f"{self.name}[{wanted}]")
        return f"{self.name}[{wanted}]"


class _Integers:
    """A buffer of integers, read at places that do not depend on the turn."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, place: Term | int) -> Term:
        return integer(f"{self.name}[{as_term(place)}]")


def trace(
    body: Callable[..., None],
    *,
    buffers: tuple[str, ...],
    integers: tuple[str, ...],
    integer_buffers: tuple[str, ...] = (),
) -> Traced:
    """Run a kernel's body over symbols.

    Args:
        body: The kernel's Python function, its last parameter the arithmetic.
        buffers: Its parameters that are buffers of reals.
        integers: Those that are integers.
        integer_buffers: Those that are buffers of integers.

    Raises:
        TorchLeanError: `UNSUPPORTED` for what is no loop over elements: a second
            loop, an element that is not the turn's own, a branch on a value, a
            value that is carried from turn to turn.
    """
    turn = _Turn()
    carried = carried_names(body)
    if carried:
        raise _refusal("no value carried from turn to turn", ", ".join(carried))
    given: dict[str, object] = {name: _Buffer(name, turn) for name in buffers}
    given |= {name: integer(name) for name in integers}
    given |= {name: _Integers(name) for name in integer_buffers}
    names = body.__code__.co_varnames[: body.__code__.co_argcount]
    ordered = [SYMBOLS if name == "system" else given[name] for name in names]
    with_globals(body, range=turn.turns)(*ordered)
    if not turn.bounds:
        raise _refusal("a loop over elements", "none")
    return Traced(turn.written, turn.places, turn.bounds[0])


def _refusal(expected: str, got: str) -> TorchLeanError:
    return TorchLeanError(Reason.UNSUPPORTED, f"expected {expected}, got {got}")
