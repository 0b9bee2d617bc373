"""Compiled kernels, each stored on disk by itself, loaded without Numba.

A kernel is compiled when it is first asked for; its machine code is written to a
folder named by a digest of all kernel sources, the compilers' versions and the
processor's features, so that an edit, an upgrade or another machine never meets
old code. The next process loads the code in a millisecond, with no compiler
imported.

The folder lies in `TORCHLEAN_CACHE`, or else in `~/.cache/torchlean`.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from torchlean.cpu import blas
from torchlean.cpu.language import SHARED, SHARED_PREFIX, shared_symbol
from torchlean.cpu.registry import Dtype, Kernel, Mode, kernel_named, kernel_table
from torchlean.files import write_bytes
from torchlean_spec.errors import Reason, TorchLeanError

if TYPE_CHECKING:
    from llvmlite import binding

DIGEST_BYTES = 32
KEPT_SECONDS = 90 * 24 * 3600
Call = Callable[[int], None]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One piece of compiled code: a kernel, or a function that kernels share."""

    name: str
    dtype: Dtype
    mode: Mode
    shared: bool = False

    @property
    def kernel(self) -> Kernel:
        """The kernel's description."""
        return kernel_named(self.name, self.mode)

    @property
    def symbol(self) -> str:
        """The code's name; one for both modes where their code is equal."""
        if self.shared:
            return shared_symbol(self.name, self.dtype, self.mode)
        mode = self.mode if self.kernel.varies else "any"
        return f"torchlean_{self.name}_{self.dtype}_{mode}"


def digest_of_sources() -> bytes:
    """A digest of all kernel sources as they are on disk now."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for source in sorted([*package.glob("cpu/*.py"), Path(__file__)]):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.digest()


# As they were when this process imported them; see `_store`.
_imported_sources = digest_of_sources()


@cache
def cache_folder() -> Path:
    """The folder that holds the machine code for these sources on this machine."""
    from llvmlite import binding

    described = (
        version("numba"),
        version("llvmlite"),
        platform.python_version(),
        binding.get_process_triple(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
    )
    digest = hashlib.sha256(_imported_sources + "\0".join(described).encode())
    root = os.environ.get("TORCHLEAN_CACHE") or Path.home() / ".cache" / "torchlean"
    return Path(root) / "kernels" / digest.hexdigest()[:20]


_addresses: dict[str, int] = {}
_engines: list[binding.ExecutionEngine] = []
_lock = threading.RLock()


def address_of(key: Key) -> int:
    """The address of a kernel's code, which is loaded or compiled if need be.

    Raises:
        TorchLeanError: `UNKNOWN_NAME`, or `UNSUPPORTED` where there is no code for
            the dtype and the mode.
    """
    found = _addresses.get(key.symbol)
    if found is None:
        warm_up([key])
        found = _addresses[key.symbol]
    return found


def function_of(key: Key) -> Call:
    """The kernel as a function of a row's address; it runs without Python's lock."""
    return _prototype()(address_of(key))


def warm_up(keys: Iterable[Key] | None = None) -> int:
    """Load kernels, compiling those that are not stored yet.

    Shows progress on standard error if a person is watching and there is some
    compiling to do.

    Args:
        keys: Which; all of this machine's by default.

    Returns:
        How many had to be compiled.
    """
    with _lock:
        wanted = sorted({*(every_key() if keys is None else keys)})
        for key in wanted:
            _require_supported(key)
        # Both modes may share code: one key for each symbol.
        distinct = {key.symbol: key for key in wanted}.values()
        missing = [key for key in distinct if not _load(key)]
        with _progress(missing) as shown:
            for key in shown:
                _provide(key)
        return len(missing)


def every_key() -> Iterator[Key]:
    """Every kernel, dtype and mode that there is code for on this machine."""
    for (name, _), kernel in kernel_table().items():
        for mode in kernel.modes:
            for dtype in Dtype:
                if kernel.supports(dtype, mode) and (not kernel.blas or blas.found()):
                    yield Key(name, dtype, mode)


def _require_supported(key: Key) -> None:
    if not key.kernel.supports(key.dtype, key.mode):
        raise TorchLeanError(
            Reason.UNSUPPORTED,
            f"expected a dtype and a mode that the kernel {key.name} is made for, "
            f"got {key.dtype} in {key.mode} mode",
        )


def _file(key: Key) -> Path:
    return cache_folder() / f"{key.symbol}.kernel"


def _provide(key: Key) -> None:
    """Load code, and what it calls; compile what is not stored."""
    if not _load(key):
        content = _compile(key)
        _store(key, content)
        _install(key, content)


def llvm_text(key: Key) -> str:
    """The optimised LLVM text of a piece of code, compiled anew: to be looked at."""
    with _lock:
        _offer_placeholders(key.dtype, key.mode)
        compiling = importlib.import_module("torchlean.cpu.compiling")
        if key.shared:
            text = compiling.compile_shared(key.name, key.dtype, key.mode, key.symbol)
        else:
            text = compiling.compile_kernel(key.kernel, key.dtype, key.mode, key.symbol)
    return str(text)


def _compile(key: Key) -> bytes:
    """Compile one piece of code.

    Returns:
        A line that names the shared functions which the code calls, and then the
        machine code.
    """
    text = llvm_text(key)
    compiling = importlib.import_module("torchlean.cpu.compiling")
    needs = " ".join(compiling.needed_symbols(text))
    return needs.encode() + b"\n" + machine_code(text)


def _store(key: Key, content: bytes) -> None:
    """Write compiled code to the folder, behind a digest of it.

    If the sources on disk are no longer those that this process imported, what it
    compiles may be a mixture of both, and belongs in no folder. A folder that cannot
    be written only costs the next process some time.
    """
    if digest_of_sources() != _imported_sources:
        return
    if not cache_folder().exists():
        remove_old_folders(cache_folder().parent)
    with suppress(TorchLeanError):
        write_bytes(_file(key), hashlib.sha256(content).digest() + content)


def remove_old_folders(root: Path) -> None:
    """Remove the folders of other sources and compilers that are three months old."""
    oldest = time.time() - KEPT_SECONDS
    with suppress(OSError):
        for folder in root.iterdir():
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _offer_placeholders(dtype: Dtype, mode: Mode) -> None:
    """Give every symbol some address while Numba compiles.

    Numba links what it compiles at once, though that copy is never run; ours is
    linked when it is loaded, after what it calls.
    """
    from llvmlite import binding

    blas.offer_symbols()
    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in SHARED:
        symbol = shared_symbol(name, dtype, mode)
        if symbol not in _addresses:
            binding.add_symbol(symbol, abort)


def _load(key: Key) -> bool:
    """Load stored code; false if there is none, or only a damaged file."""
    if key.symbol in _addresses:
        return True
    try:
        stored = _file(key).read_bytes()
    except OSError:
        return False
    content = stored[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != stored[:DIGEST_BYTES]:
        return False
    _install(key, content)
    return True


def _install(key: Key, content: bytes) -> None:
    """Put compiled code into memory, after what it calls."""
    needs, _, code = content.partition(b"\n")
    for symbol in needs.decode().split():
        name, dtype, mode = symbol.removeprefix(SHARED_PREFIX).rsplit("_", 2)
        _provide(Key(name, Dtype(dtype), Mode(mode), shared=True))
    _link(key, code)


def _link(key: Key, code: bytes) -> None:
    """Put machine code into memory and learn its address."""
    from llvmlite import binding

    engine = binding.create_mcjit_compiler(
        binding.parse_assembly(""), _target_machine()
    )
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    # The code lives as long as its engine.
    _engines.append(engine)
    _addresses[key.symbol] = engine.get_function_address(key.symbol)
    if key.shared:
        binding.add_symbol(key.symbol, _addresses[key.symbol])


def machine_code(text: str) -> bytes:
    """The object file of an LLVM module for this processor."""
    from llvmlite import binding

    machine = _target_machine()
    return bytes(machine.emit_object(binding.parse_assembly(text)))


@cache
def _target_machine() -> binding.TargetMachine:
    """This processor, set up as Numba does it; engines only read it, so one serves."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    blas.offer_symbols()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if target.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


@cache
def _prototype() -> Callable[[int], Call]:
    return ctypes.CFUNCTYPE(None, ctypes.c_int64)


@contextmanager
def _progress(missing: list[Key]) -> Iterator[Iterable[Key]]:
    """Show how compiling goes on, if a person is watching a terminal."""
    if len(missing) < 2 or not sys.stderr.isatty():
        yield missing
        return
    from tqdm import tqdm

    with tqdm(missing, desc="compiling kernels", unit="kernel") as shown:
        yield shown
