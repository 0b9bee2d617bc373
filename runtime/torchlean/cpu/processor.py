"""What this processor can do."""

from __future__ import annotations

from functools import cache


@cache
def vector_bytes() -> int:
    """How long this processor's vectors are.

    >>> vector_bytes() in (16, 32, 64)
    True
    """
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16
