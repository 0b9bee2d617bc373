"""A basis of the gradient's range: Gram and Schmidt, twice, every so many steps."""

from __future__ import annotations

from torchlean.cpu.language import Arithmetic, Indices, Reals
from torchlean.cpu.registry import kernel
from torchlean.cpu.running import STEP
from torchlean.cpu.summation import dot_of


@kernel(
    reads={"sums": "count*length", "threshold": "1", "control": "16"},
    writes={"along": "count", "shadow": "length"},
    updates={"basis": "count*length"},
    integers_in=("control",),
    varies=True,
)
def refresh_basis(
    sums: Reals,
    threshold: Reals,
    control: Indices,
    along: Reals,
    shadow: Reals,
    basis: Reals,
    count: int,
    length: int,
    interval: int,
    system: Arithmetic,
) -> None:
    """Make the rows of `sums` orthonormal, in the first step of every interval.

    `along` and `shadow` are room for one row's shares and for their sum.
    """
    if control[STEP] % interval == 0:
        zero = system.constant(0)
        for k in range(count):
            start = k * length
            for i in range(length):
                basis[start + i] = sums[start + i]
            turns = min(k, 1) * 2
            for _ in range(turns):
                for j in range(k):
                    along[j] = dot_of(basis, j * length, basis, start, length, system)
                for i in range(length):
                    shadow[i] = along[0] * basis[i]
                for j in range(1, k):
                    for i in range(length):
                        shadow[i] = shadow[i] + along[j] * basis[j * length + i]
                for i in range(length):
                    basis[start + i] = basis[start + i] - shadow[i]
            before = system.sqrt(dot_of(sums, start, sums, start, length, system))
            after = system.sqrt(dot_of(basis, start, basis, start, length, system))
            if system.less(threshold[0] * before, after):
                for i in range(length):
                    basis[start + i] = basis[start + i] / after
            else:
                for i in range(length):
                    basis[start + i] = zero
