"""`torchlean warmup`: compile every kernel now, for images and build machines."""

from __future__ import annotations

import time
from collections.abc import Sequence

from torchlean.cli import DONE
from torchlean.cli.arguments import Parser


def main(words: Sequence[str]) -> int:
    """Compile every kernel now, so that no run has to wait."""
    Parser(
        "warmup",
        "Compile every kernel now, so that no run has to wait. Kernels that were\n"
        "compiled before, from the same sources on the same machine, are kept.",
        "TORCHLEAN_CACHE names the folder that holds them; ~/.cache/torchlean by\n"
        "default.",
    ).read(words)
    from torchlean.kernel_cache import cache_folder, every_key, warm_up

    started = time.perf_counter()
    compiled = warm_up()
    seconds = time.perf_counter() - started
    total = len(list(every_key()))
    print(f"{total} kernels are ready in {cache_folder()}")
    print(f"compiled {compiled} of them now, in {seconds:.1f} s")
    return DONE
