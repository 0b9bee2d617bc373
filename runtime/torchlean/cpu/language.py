"""What kernels are written in: buffers, integers, and an arithmetic.

A kernel's body is a plain Python function over buffers (indexed like lists),
integers, and last an arithmetic named `system`, which offers the functions of the
spec's `NumberSystem` and two more. So the same text is compiled by Numba, runs in
plain Python over any number system of the spec, and can be traced by the proofs.

Two arithmetics are compiled for each dtype. Both round each operation once, in
the order written; they differ in the elementary functions and in the two functions
that are not in the spec:

* `strict`: elementary functions correctly rounded, `multiply_add` two roundings,
  `add_any_order` a plain addition;
* `fast`: elementary functions within one unit in the last place, `multiply_add`
  one rounding where the processor has it, `add_any_order` free to be reordered.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import Protocol, TypeVar

Reals = MutableSequence[float]
"""A buffer of numbers of the kernel's dtype."""

Indices = MutableSequence[int]
"""A buffer of 64-bit integers."""


class Arithmetic(Protocol):
    """The arithmetic that a kernel is compiled for: a dtype and a mode."""

    @property
    def strict(self) -> bool:
        """Whether this is the strict arithmetic."""
        ...

    @property
    def wide(self) -> Arithmetic:
        """The binary64 arithmetic of the same mode."""
        ...

    def constant(self, value: float, /) -> float:
        """A constant, rounded to the dtype."""
        ...

    def sqrt(self, x: float, /) -> float:
        """Square root, correctly rounded."""
        ...

    def exp(self, x: float, /) -> float:
        """Exponential function."""
        ...

    def expm1(self, x: float, /) -> float:
        """`e^x - 1`."""
        ...

    def log(self, x: float, /) -> float:
        """Natural logarithm."""
        ...

    def log1p(self, x: float, /) -> float:
        """`log(1 + x)`."""
        ...

    def tanh(self, x: float, /) -> float:
        """Hyperbolic tangent."""
        ...

    def erf(self, x: float, /) -> float:
        """Error function."""
        ...

    def absolute(self, x: float, /) -> float:
        """Absolute value."""
        ...

    def maximum(self, x: float, y: float, /) -> float:
        """The larger; a NaN wins, and +0 exceeds -0."""
        ...

    def minimum(self, x: float, y: float, /) -> float:
        """The smaller; a NaN wins, and -0 is below +0."""
        ...

    def less(self, x: float, y: float, /) -> bool:
        """Whether x < y; false of a NaN."""
        ...

    def less_equal(self, x: float, y: float, /) -> bool:
        """Whether x <= y; false of a NaN."""
        ...

    def equal(self, x: float, y: float, /) -> bool:
        """Whether x == y; false of a NaN."""
        ...

    def where(self, condition: bool, chosen: float, otherwise: float, /) -> float:
        """A selection; both sides are evaluated."""
        ...

    def multiply_add(self, x: float, y: float, z: float, /) -> float:
        """`x y + z`."""
        ...

    def add_any_order(self, total: float, term: float, /) -> float:
        """`total + term`, one link of a sum whose order is free."""
        ...


F = TypeVar("F", bound=Callable[..., object])

HELPERS: dict[Callable[..., object], bool] = {}
"""Functions that kernels call, and whether they are always inlined."""


def helper(function: F) -> F:
    """Mark a function that kernels may call; it is inlined wherever it is called."""
    HELPERS[function] = True
    return function


def routine(function: F) -> F:
    """Mark a longer function that kernels may call; the compiler may inline it."""
    HELPERS[function] = False
    return function


SHARED: dict[str, Callable[..., object]] = {}
"""Functions that are compiled once for all kernels, by name."""
SHARED_PREFIX = "torchlean_shared_"


def shared(function: F) -> F:
    """Mark a long function that many kernels call: it has machine code of its own.

    Its parameters are buffers, integers and numbers, and last the arithmetic; its
    annotations, which are read, say which. As in kernels, a buffer that is written
    overlaps none of the others.
    """
    SHARED[function.__name__] = function
    return function


def shared_symbol(name: str, dtype: str, mode: str) -> str:
    """The name of a shared function's code, for a dtype and a mode."""
    return f"{SHARED_PREFIX}{name}_{dtype}_{mode}"


def parameter_kinds(function: Callable[..., object]) -> list[str]:
    """What a shared function's parameters are: the words of its annotations."""
    return [str(function.__annotations__[each]) for each in parameters(function)]


def parameters(function: Callable[..., object]) -> tuple[str, ...]:
    """The names of a function's parameters, but for the arithmetic."""
    code = function.__code__
    names = tuple(code.co_varnames[: code.co_argcount])
    assert names[-1] == "system", f"{function.__name__}: the last parameter is system"
    return names[:-1]
