"""What kernels need beside arithmetic: bits, addresses, calls, atomic counters.

Each function here has a meaning in plain Python, or says that it has none; the
compiler replaces all of them by one or two machine instructions.
"""

from __future__ import annotations

import struct

from torchlean.cpu.language import Arithmetic, Indices, Reals


def bits_of(x: float) -> int:
    """The bits of a binary32 number, as a signed 32-bit integer.

    >>> hex(bits_of(1.0))
    '0x3f800000'
    """
    return int(struct.unpack("<i", struct.pack("<f", x))[0])


def number_of(bits: int) -> float:
    """The binary32 number that has these bits (a signed 32-bit integer).

    >>> number_of(0x40490FDB)
    3.1415927410125732
    """
    return float(struct.unpack("<f", struct.pack("<i", bits))[0])


def wide_bits_of(x: float) -> int:
    """The bits of a binary64 number, as a signed 64-bit integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


def wide_number_of(bits: int) -> float:
    """The binary64 number that has these bits (a signed 64-bit integer)."""
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def widen(x: float) -> float:
    """A binary32 number as a binary64 number."""
    return x


def narrow(x: float) -> float:
    """The binary32 number nearest to a binary64 number."""
    return float(struct.unpack("<f", struct.pack("<f", x))[0])


def real_of(integer: int, system: Arithmetic) -> float:
    """The number nearest to an integer."""
    return system.constant(integer)


def words_at(address: int) -> Indices:
    """The 64-bit integers that begin at an address; compiled code only."""
    raise NotImplementedError(f"no memory at {address} in plain Python")


def call_kernel(address: int, row: int) -> None:
    """Call the kernel at an address with a row; compiled code only."""
    raise NotImplementedError(f"no kernel at {address} in plain Python: row {row}")


def atomic_load(words: Indices, index: int) -> int:
    """Read a word that other threads write."""
    return words[index]


def atomic_store(words: Indices, index: int, value: int) -> None:
    """Write a word that other threads read; all writes before become visible."""
    words[index] = value


def atomic_add(words: Indices, index: int, value: int) -> int:
    """Add to a word in one step that no thread can interrupt; the value before."""
    before = words[index]
    words[index] = before + value
    return before


def pause() -> None:
    """Wait some ten nanoseconds, and leave the core to its other thread."""


def yield_processor() -> None:
    """Let another thread run on this core."""


def blas_product(
    transpose_a: int,
    transpose_b: int,
    m: int,
    n: int,
    k: int,
    a_stride: int,
    a: Reals,
    b: Reals,
    accumulate: int,
    out: Reals,
) -> None:
    """`out = A B`, or `out += A B`, by NumPy's BLAS; compiled code only.

    All matrices are row-major; `out` is [m, n], A is [m, k], or [k, m] if it is to be
    transposed, its rows `a_stride` apart, and B is [k, n], or [n, k].
    """
    raise NotImplementedError("no BLAS in plain Python")


def local_reals(count: int, system: Arithmetic) -> Reals:
    """A buffer on the stack for a constant number of numbers, not yet written."""
    return [system.constant(0)] * count


def anywhere(x: Reals) -> Reals:
    """The same buffer, with nothing said of where others lie.

    A helper that takes it so is compiled once, not once for every kernel.
    """
    return x


def vector_width(system: Arithmetic) -> int:
    """How many numbers the processor's vectors hold; compiled code only."""
    raise NotImplementedError(f"no vectors in plain Python: {system}")


def multiply_tile(
    vectors: int,
    rows: int,
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    out: Reals,
    out_start: int,
    out_row: int,
    depth: int,
    keep: int,
) -> None:
    """A tile of a matrix product: `rows` rows by `vectors` vectors of columns.

    `out[out_start + i out_row + j] (+)= sum_p a[a_start + i a_row + p a_step]
    b[b_start + p b_step + j]` for p from 0 to depth - 1; what stood there before is
    kept if `keep` is not 0. `rows` is 8, 4, 2 or 1; `vectors` is a constant.
    Compiled code only.
    """
    raise NotImplementedError("no tiles in plain Python")


def multiply_and_pack_tile(
    vectors: int,
    rows: int,
    a: Reals,
    a_start: int,
    a_row: int,
    a_step: int,
    b: Reals,
    b_start: int,
    b_step: int,
    panel: Reals,
    out: Reals,
    out_start: int,
    out_row: int,
    depth: int,
    keep: int,
) -> None:
    """`multiply_tile` that leaves what it reads of B in a panel, without gaps.

    The copy costs little beside the multiplications of a tile of many rows.
    Compiled code only.
    """
    raise NotImplementedError("no tiles in plain Python")


def transpose_tile(
    b: Reals,
    b_start: int,
    b_column: int,
    panel: Reals,
    panel_start: int,
    panel_step: int,
) -> None:
    """A square as wide as a vector: `panel[p panel_step + j] = b[j b_column + p]`.

    Both from their starts on. Compiled code only.
    """
    raise NotImplementedError("no tiles in plain Python")
