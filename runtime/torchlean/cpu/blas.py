"""NumPy's own BLAS, found in its wheel, called by address.

NumPy's wheels carry OpenBLAS as a private library. Where it is found, kernels
for large products call it, always on one thread: threads are ours alone to share
out. Where it is not (other builds of NumPy), own kernels do all products.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy

SYMBOLS = ("torchlean_sgemm", "torchlean_dgemm")
"""The names under which kernels call the products of 32 and 64 bits."""

# The prefix and the suffix of the functions' names, of NumPy 2 and of NumPy 1.
_NAMES = (("scipy_", "64_"), ("", "64_"))


@dataclass(frozen=True, slots=True)
class Blas:
    """The addresses of the products, and the functions that set the threads."""

    sgemm: int
    dgemm: int
    library: ctypes.CDLL
    prefix: str
    suffix: str

    def threads(self) -> int:
        """How many threads the library uses now."""
        # As an attribute, a function is looked up once and kept.
        name = f"{self.prefix}openblas_get_num_threads{self.suffix}"
        return int(getattr(self.library, name)())

    def set_threads(self, count: int) -> None:
        """Set how many threads the library uses."""
        name = f"{self.prefix}openblas_set_num_threads{self.suffix}"
        getattr(self.library, name)(count)


@cache
def library() -> Blas | None:
    """NumPy's BLAS with 64-bit sizes, or nothing."""
    package = Path(numpy.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in sorted(folder.glob("lib*openblas*")):
            loaded = ctypes.CDLL(str(path))
            for prefix, suffix in _NAMES:
                if hasattr(loaded, f"{prefix}cblas_sgemm{suffix}"):
                    sgemm, dgemm = (
                        ctypes.cast(
                            loaded[f"{prefix}cblas_{name}{suffix}"], ctypes.c_void_p
                        ).value
                        for name in ("sgemm", "dgemm")
                    )
                    assert sgemm is not None and dgemm is not None
                    return Blas(sgemm, dgemm, loaded, prefix, suffix)
    return None


def found() -> bool:
    """Whether kernels that call the BLAS can be used."""
    return library() is not None


def offer_symbols() -> None:
    """Tell LLVM's loader where the products are."""
    from llvmlite import binding

    blas = library()
    if blas is not None:
        for name, address in zip(SYMBOLS, (blas.sgemm, blas.dgemm), strict=True):
            binding.add_symbol(name, address)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the BLAS use one thread, and restore its number afterwards."""
    blas = library()
    if blas is None:
        yield
        return
    before = blas.threads()
    if before == 1:
        yield
        return
    blas.set_threads(1)
    try:
        yield
    finally:
        blas.set_threads(before)
