"""The store of compiled kernels: what is compiled, loaded, found damaged, refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from torchlean import kernel_cache
from torchlean.cpu.registry import Dtype, Mode
from torchlean.kernel_cache import Key, address_of, cache_folder, every_key
from torchlean_spec.errors import Reason, TorchLeanError

RELU = Key("relu", Dtype.FLOAT32, Mode.FAST)
PROGRAM = """
import sys
from torchlean.cpu.registry import Dtype, Mode
from torchlean.kernel_cache import Key, warm_up
names = ["relu", "sum_last"]
compiled = warm_up(Key(name, Dtype.FLOAT32, Mode.FAST) for name in names)
print(compiled, "numba" in sys.modules)
"""


def run(folder: Path, program: str = PROGRAM) -> str:
    """What a fresh process prints, with a store of its own."""
    environment = os.environ | {"TORCHLEAN_CACHE": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_kernels_are_compiled_once_and_then_loaded_without_numba(
    tmp_path: Path,
) -> None:
    """The second process finds all code on disk; a damaged file is made anew."""
    assert run(tmp_path) == "2 True"
    assert run(tmp_path) == "0 False"
    (stored,) = tmp_path.rglob("torchlean_relu_float32_any.kernel")
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1])
    assert run(tmp_path) == "1 True"
    assert stored.read_bytes() == whole
    # What a kernel calls is made anew too, without the kernel being compiled.
    (shared,) = tmp_path.rglob("torchlean_shared_sum_of_float32_fast.kernel")
    shared.unlink()
    assert run(tmp_path) == "0 True"


def test_importing_torchlean_and_its_tables_imports_no_compiler(
    tmp_path: Path,
) -> None:
    """Numba and LLVM are loaded when code is needed, and not before."""
    program = (
        "import sys, torchlean, torchlean.interpreter, torchlean.plan;"
        "from torchlean.cpu.registry import kernel_table; kernel_table();"
        "print('numba' in sys.modules, 'llvmlite' in sys.modules)"
    )
    assert run(tmp_path, program) == "False False"


def test_modes_share_code_that_does_not_differ() -> None:
    """An addition has one code, a sum has two."""
    strict = Key("relu", Dtype.FLOAT32, Mode.STRICT)
    assert RELU.symbol == strict.symbol == "torchlean_relu_float32_any"
    assert address_of(RELU) == address_of(strict)
    fast, strict = (Key("sum_last", Dtype.FLOAT32, mode) for mode in Mode)
    assert fast.symbol == "torchlean_sum_last_float32_fast"
    assert address_of(fast) != address_of(strict)


def test_the_folder_is_named_by_sources_and_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another version of a compiler has another folder; the same has the same."""
    monkeypatch.setenv("TORCHLEAN_CACHE", str(tmp_path))
    cache_folder.cache_clear()
    try:
        first = cache_folder()
        assert first.parent == tmp_path / "kernels"
        assert re.fullmatch("[0-9a-f]{20}", first.name)
        cache_folder.cache_clear()
        assert cache_folder() == first
        monkeypatch.setattr(kernel_cache, "version", lambda name: f"{name} 999")
        cache_folder.cache_clear()
        assert cache_folder() != first
    finally:
        cache_folder.cache_clear()


def test_folders_of_long_ago_are_removed(tmp_path: Path) -> None:
    """What was compiled for other versions does not pile up."""
    for name, age in (("new", 0), ("old", 2 * kernel_cache.KEPT_SECONDS)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "torchlean_relu_float32_any.kernel").touch()
        then = time.time() - age
        os.utime(folder, (then, then))
    kernel_cache.remove_old_folders(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]
    kernel_cache.remove_old_folders(tmp_path / "absent")


def test_every_kernel_is_listed_for_each_dtype_and_mode() -> None:
    """Elementary functions are missing in strict binary64 alone."""
    keys = set(every_key())
    found = [(key.dtype, key.mode) for key in keys if key.name == "exp"]
    assert sorted(found) == [
        (Dtype.FLOAT32, Mode.FAST),
        (Dtype.FLOAT32, Mode.STRICT),
        (Dtype.FLOAT64, Mode.FAST),
    ]
    assert sum(key.name == "relu" for key in keys) == 4


def test_an_unknown_kernel_is_refused() -> None:
    """The whole message."""
    with pytest.raises(TorchLeanError) as caught:
        address_of(Key("rel", Dtype.FLOAT32, Mode.STRICT))
    assert caught.value.reason is Reason.UNKNOWN_NAME
    assert str(caught.value) == (
        "expected the name of a strict CPU kernel such as 'relu', got 'rel'"
    )
