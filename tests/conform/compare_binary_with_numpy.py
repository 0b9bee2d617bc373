"""Compare binary numbers with NumPy, bit for bit, over a million cases of each kind.

For binary16, binary32 and binary64: sum, difference, product, quotient, square root,
negation, absolute value and the conversions between the three, each computed twice
by the spec (by Python floats, and by integers alone) and once by NumPy. Operands
are random patterns, numbers of ordinary size, neighbours of the limits, zeros,
infinities and NaN. Every NaN counts as the same.

    python tests/conform/compare_binary_with_numpy.py --cases 1000000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torchlean_spec.numbers import BINARY16, BINARY32, BINARY64, Binary, BinaryNumber
from torchlean_spec.numbers.binary_integers import IntegerEngine

Floats = NDArray[np.floating]
Patterns = NDArray[np.uint64]

CHUNK = 100_000
"""Cases computed at a time, so that memory stays small."""


@dataclass(frozen=True, slots=True)
class Width:
    """A format, as the spec and as NumPy know it."""

    system: Binary
    floats: type[np.floating]
    integers: type[np.unsignedinteger]


WIDTHS = [
    Width(BINARY16, np.float16, np.uint16),
    Width(BINARY32, np.float32, np.uint32),
    Width(BINARY64, np.float64, np.uint64),
]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, in the three ways in which it is computed."""

    name: str
    operands: int
    numpy: Callable[..., Floats]
    number: Callable[..., BinaryNumber]
    pattern: Callable[..., int]


def operations(width: Width) -> list[Operation]:
    """The basic operations of a format."""
    engine = IntegerEngine(width.system.format)
    system = width.system
    return [
        Operation("add", 2, np.add, lambda x, y: x + y, engine.add),
        Operation("subtract", 2, np.subtract, lambda x, y: x - y, engine.subtract),
        Operation("multiply", 2, np.multiply, lambda x, y: x * y, engine.multiply),
        Operation("divide", 2, np.divide, lambda x, y: x / y, engine.divide),
        Operation("sqrt", 1, np.sqrt, system.sqrt, engine.sqrt),
        Operation("negate", 1, np.negative, lambda x: -x, engine.negate),
        Operation("absolute", 1, np.absolute, system.absolute, engine.absolute),
    ]


def conversions(source: Width) -> Iterator[tuple[Operation, Width]]:
    """The conversions of a format to each of the three."""
    plain = IntegerEngine(source.system.format)
    for target in WIDTHS:
        engine = IntegerEngine(target.system.format)

        def cast(x: Floats, target: Width = target) -> Floats:
            return x.astype(target.floats)

        def pattern(bits: int, engine: IntegerEngine = engine) -> int:
            # Each number of the three formats is a Python float.
            return engine.from_float(plain.to_float(bits))

        name = f"convert to {target.system.name}"
        yield Operation(name, 1, cast, target.system.convert, pattern), target


def operands(width: Width, count: int, generator: np.random.Generator) -> Floats:
    """Random patterns; a third of ordinary size; a tenth of special numbers."""
    top = np.iinfo(width.integers).max
    patterns = generator.integers(0, top, count, width.integers, endpoint=True)
    found: Floats = patterns.view(width.floats)
    found[::3] = generator.normal(size=len(found[::3])).astype(width.floats)
    limits = np.finfo(width.floats)
    least, tiny, largest = limits.smallest_subnormal, limits.tiny, limits.max
    special = [0.0, 1.0, 1 + limits.eps, 1.5, 3.0, np.inf, least, tiny, tiny - least]
    special = [*special, tiny / 2, largest, largest / 2, np.nan, float(limits.eps)]
    table = np.array(special, width.floats)
    chosen = generator.choice(np.concatenate([table, -table]), len(found[::10]))
    found[::10] = chosen
    return found


def patterns_of(width: Width, values: Floats) -> Patterns:
    """The bits, with the one pattern for NaN that the spec has."""
    canonical = np.where(np.isnan(values), np.abs(width.floats(np.nan)), values)
    bits = canonical.astype(width.floats).view(width.integers)
    return bits.astype(np.uint64)


def mismatches(
    operation: Operation, source: Width, target: Width, arguments: list[Floats]
) -> tuple[int, int]:
    """How often the spec differs from NumPy: by floats, and by integers."""
    with np.errstate(all="ignore"):
        expected = patterns_of(target, operation.numpy(*arguments))
    # A payload of the quick way is a float that the format holds.
    number = type(source.system.from_float(0.0))
    with np.errstate(invalid="ignore"):
        payloads = [each.astype(float).tolist() for each in arguments]
    numbers = [list(map(number, each)) for each in payloads]
    answers = [each.payload for each in map(operation.number, *numbers)]
    quick = patterns_of(target, np.array(answers).astype(target.floats))
    bits = [patterns_of(source, each).tolist() for each in arguments]
    plain = np.array(list(map(operation.pattern, *bits)), np.uint64)
    return int((quick != expected).sum()), int((plain != expected).sum())


def compare(operation: Operation, source: Width, target: Width, cases: int) -> int:
    """Run one operation over all its cases, print a line, return the mismatches."""
    generator = np.random.default_rng(len(operation.name) + source.floats(0).itemsize)
    begun = time.perf_counter()
    by_floats = by_integers = 0
    for start in range(0, cases, CHUNK):
        count = min(CHUNK, cases - start)
        arguments = [
            operands(source, count, generator) for _ in range(operation.operands)
        ]
        found = mismatches(operation, source, target, arguments)
        by_floats, by_integers = by_floats + found[0], by_integers + found[1]
    print(
        f"{source.system.name:9} {operation.name:20} {cases:9} cases, mismatches: "
        f"{by_floats} by floats, {by_integers} by integers "
        f"({time.perf_counter() - begun:.1f} s)",
        flush=True,
    )
    return by_floats + by_integers


def main(arguments: list[str]) -> int:
    """Compare everything; 0 if every bit agrees."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    cases = parser.parse_args(arguments).cases
    wrong = total = 0
    for width in WIDTHS:
        for operation in operations(width):
            wrong += compare(operation, width, width, cases)
            total += cases
        for operation, target in conversions(width):
            wrong += compare(operation, width, target, cases)
            total += cases
    print(f"{total} cases, each computed twice: {wrong} mismatches")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
