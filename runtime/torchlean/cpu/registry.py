"""The table of kernels: what each is called, and what it reads and writes.

A kernel's address takes one argument, the address of its *row*: sixteen 64-bit
integers, of which the first is the kernel's own address and the others are its
arguments in the order of the body's parameters. A buffer is given by its address,
an integer by itself.

>>> relu = kernel_named("relu")
>>> print(relu)
relu(read x[size], write out[size], size)
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

from torchlean.cpu.language import parameters
from torchlean_spec.errors import Reason, TorchLeanError

ROW_WORDS = 16
"""64-bit integers in a row: the kernel's address and up to 15 arguments."""

TOPICS = (
    "activations",
    "class_losses",
    "clipping",
    "elementwise",
    "indexing",
    "layout",
    "likelihood",
    "linear",
    "measuring",
    "optimizers",
    "orthogonal",
    "projection",
    "random",
    "reduction",
    "regression_losses",
    "row_losses",
    "running",
    "strict_linear",
)
"""The modules of this package that hold kernels."""


class Access(StrEnum):
    """What a kernel does with an argument."""

    READ = "read"
    WRITE = "write"
    """Every element of the extent is written, and none is read before."""

    UPDATE = "update"
    """Read and written in place."""

    STOP = "stop"
    """The control block of a kernel that reads it and may set its status, to stop the
    run; pieces that run at once may share it, since all of them set the same."""

    INTEGER = "integer"


class Dtype(StrEnum):
    """What numbers a kernel computes with."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Mode(StrEnum):
    """Which arithmetic a kernel is compiled for; see `language`."""

    FAST = "fast"
    STRICT = "strict"


BOTH = (Mode.FAST, Mode.STRICT)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a kernel."""

    name: str
    access: Access
    extent: str = ""
    """Of a buffer: its elements, an expression in the kernel's integers."""

    holds_integers: bool = False
    """Whether a buffer holds 64-bit integers, not numbers of the dtype."""

    @property
    def is_buffer(self) -> bool:
        """Whether the argument is the address of a buffer."""
        return self.access is not Access.INTEGER

    def __str__(self) -> str:
        if not self.is_buffer:
            return self.name
        kind = "#" if self.holds_integers else ""
        return f"{self.access} {self.name}{kind}[{self.extent}]"


Body = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel, its body not yet compiled.

    Buffers that a kernel writes or updates overlap no other buffer of the row; the
    compiled code relies on it.
    """

    name: str
    body: Body
    arguments: tuple[Argument, ...]
    modes: tuple[Mode, ...]
    dtypes: tuple[Dtype, ...]
    varies: bool
    """Whether fast and strict code differ; if not, both modes share one object."""

    elementary: bool
    """Whether elementary functions are evaluated (strict float64 refuses them)."""

    shard_axis: str
    """The integer argument along which a call may be cut into several calls that
    touch disjoint memory, or nothing."""

    shard_steps: Mapping[str, str]
    """By how much each buffer (in elements) or integer moves on for each unit of the
    shard axis; arguments that are not named stay."""

    blas: bool
    """Whether NumPy's BLAS is called."""

    def extents(self, integers: Mapping[str, int]) -> dict[str, int]:
        """The number of elements in each buffer, given the integer arguments.

        >>> kernel_named("linear").extents({"rows": 2, "inputs": 3, "outputs": 5})
        {'x': 6, 'weight': 15, 'bias': 5, 'out': 10}
        """
        return {
            each.name: max(evaluate(each.extent, integers), 0)
            for each in self.arguments
            if each.is_buffer
        }

    def supports(self, dtype: Dtype, mode: Mode) -> bool:
        """Whether there is code for a dtype and a mode."""
        refused = self.elementary and dtype is Dtype.FLOAT64 and mode is Mode.STRICT
        return mode in self.modes and dtype in self.dtypes and not refused

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


_KERNELS: dict[tuple[str, Mode], Kernel] = {}

B = TypeVar("B", bound=Body)


def kernel(
    *,
    reads: Mapping[str, str] | None = None,
    writes: Mapping[str, str] | None = None,
    updates: Mapping[str, str] | None = None,
    stops: Mapping[str, str] | None = None,
    integers_in: tuple[str, ...] = (),
    name: str = "",
    modes: tuple[Mode, ...] = BOTH,
    dtypes: tuple[Dtype, ...] = tuple(Dtype),
    varies: bool = False,
    elementary: bool = False,
    shard_axis: str = "",
    shard_steps: Mapping[str, str] | None = None,
    blas: bool = False,
) -> Callable[[B], B]:
    """Enter a kernel into the table.

    Args:
        reads: Buffers that are read, each with its extent.
        writes: Buffers that are written.
        updates: Buffers that are read and written in place.
        stops: The control block, if the kernel may stop the run by it.
        integers_in: Those of the buffers that hold 64-bit integers.
        name: The kernel's name; the body's by default.
        modes: The modes that the body is for.
        dtypes: The dtypes that the body is for.
        varies: Whether fast and strict code of the body differ.
        elementary: Whether the body evaluates elementary functions.
        shard_axis: The integer along which a call may be cut.
        shard_steps: How far each buffer moves on for each unit of it.
        blas: Whether NumPy's BLAS is called.
    """
    buffers = {
        **{key: (Access.READ, extent) for key, extent in (reads or {}).items()},
        **{key: (Access.WRITE, extent) for key, extent in (writes or {}).items()},
        **{key: (Access.UPDATE, extent) for key, extent in (updates or {}).items()},
        **{key: (Access.STOP, extent) for key, extent in (stops or {}).items()},
    }

    def enter(body: B) -> B:
        names = parameters(body)
        assert len(names) < ROW_WORDS, f"{body.__name__}: too many arguments"
        assert buffers.keys() <= set(names), f"{body.__name__}: unknown buffer"
        described = tuple(
            Argument(each, *buffers[each], each in integers_in)
            if each in buffers
            else Argument(each, Access.INTEGER)
            for each in names
        )
        entry = Kernel(
            name or body.__name__,
            body,
            described,
            modes,
            dtypes,
            varies or elementary,
            elementary,
            shard_axis,
            shard_steps or {},
            blas,
        )
        for mode in modes:
            assert (entry.name, mode) not in _KERNELS, f"{entry.name} stands twice"
            _KERNELS[entry.name, mode] = entry
        return body

    return enter


def kernel_table() -> dict[tuple[str, Mode], Kernel]:
    """Every kernel by name and mode."""
    for topic in TOPICS:
        importlib.import_module(f"torchlean.cpu.{topic}")
    return dict(sorted(_KERNELS.items()))


def kernel_named(name: str, mode: Mode = Mode.FAST) -> Kernel:
    """Look a kernel up.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`.
    """
    found = _KERNELS.get((name, mode)) or kernel_table().get((name, mode))
    if found is None:
        raise TorchLeanError(
            Reason.UNKNOWN_NAME,
            f"expected the name of a {mode} CPU kernel such as 'relu', got {name!r}",
        )
    return found


def evaluate(expression: str, integers: Mapping[str, int]) -> int:
    """The value of an extent such as `rows*inputs` (only `+ - *` and names).

    >>> evaluate("rows*inputs + 1", {"rows": 2, "inputs": 3})
    7
    """
    return _evaluate(_parsed(expression), integers)


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _evaluate(node: ast.expr, integers: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name) and node.id in integers:
        return integers[node.id]
    if isinstance(node, ast.BinOp):
        left = _evaluate(node.left, integers)
        right = _evaluate(node.right, integers)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
    raise TorchLeanError(
        Reason.UNKNOWN_NAME,
        f"expected sums and products of {', '.join(integers)}, "
        f"got {ast.unparse(node)!r}",
    )
