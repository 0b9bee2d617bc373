"""What the compiled code may contain: the text that LLVM made of strict kernels."""

from __future__ import annotations

import re

import pytest

from torchlean.cpu.registry import Dtype, Kernel, Mode, kernel_table
from torchlean.kernel_cache import Key, llvm_text

FLAGS = re.compile(r"\b(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b")
FUSED = re.compile(r"llvm\.fma")
TOPICS = ("activations", "elementwise", "optimizers", "summation", "strict_linear")
STRICT = sorted(
    (name, kernel)
    for (name, mode), kernel in kernel_table().items()
    if mode is Mode.STRICT and kernel.body.__module__.rsplit(".", 1)[-1] in TOPICS
)


@pytest.mark.parametrize(("name", "kernel"), STRICT, ids=[name for name, _ in STRICT])
def test_strict_code_has_no_fast_mathematics(name: str, kernel: Kernel) -> None:
    """No flag that lets rounding change, no fused operation, no hidden widening."""
    text = llvm_text(Key(name, Dtype.FLOAT32, Mode.STRICT))
    code = "\n".join(line for line in text.splitlines() if " = " in line)
    arithmetic = re.findall(r"= f(?:add|sub|mul|div|neg) .*", code)
    assert not [line for line in arithmetic if FLAGS.search(line)]
    assert not FUSED.search(code)
    # Elementary functions are evaluated in binary64 and rounded once; nothing else.
    if not kernel.elementary:
        assert "double" not in code


@pytest.mark.parametrize("name", ["sum_of", "dot_of", "sum_columns", "product_columns"])
def test_strict_shared_code_has_no_fast_mathematics(name: str) -> None:
    """The sums and products that strict kernels call."""
    text = llvm_text(Key(name, Dtype.FLOAT32, Mode.STRICT, shared=True))
    arithmetic = re.findall(r"= f(?:add|sub|mul|div|neg) .*", text)
    assert arithmetic
    assert not [line for line in arithmetic if FLAGS.search(line)]
    assert not FUSED.search(text)
    assert "double" not in text


@pytest.mark.parametrize("name", ["add", "relu", "sqrt", "sgd", "adam", "adamw"])
def test_loops_over_elements_are_vectorised_without_checks(name: str) -> None:
    """Alias metadata spares the comparison of addresses, and vectors are used."""
    text = llvm_text(Key(name, Dtype.FLOAT32, Mode.FAST))
    assert re.search(r"<(?:4|8|16) x float>", text)
    assert "vector.memcheck" not in text


def test_fast_sums_reorder_additions_alone() -> None:
    """The only flag in fast code is the one of `add_any_order`."""
    text = llvm_text(Key("sum_of", Dtype.FLOAT32, Mode.FAST, shared=True))
    flags = set(FLAGS.findall("\n".join(re.findall(r"= f(?:add|mul) .*", text))))
    assert flags == {"reassoc"}
