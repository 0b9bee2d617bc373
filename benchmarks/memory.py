"""What training allocates: per step nothing, and the peak of an epoch beside PyTorch's.

    python benchmarks/memory.py [--steps 100000]

The first part counts every call of malloc, calloc, realloc and aligned allocation in
the process, by a small library that is put before the C library (it needs `cc`), for
a run of 10 steps and for one of many. A step allocates nothing; what is counted
is the work between slices of the run, each of hundreds of steps. The second part runs
an epoch of the same model in a fresh process of each competitor, and prints how far
its resident memory rose above what importing and building had taken.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SAMPLES = 1_600_000

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
static long count;
long allocation_count(void) { return count; }
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
#define MORE __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED)
void *malloc(size_t n) { MORE; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { MORE; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { MORE; return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { MORE; return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { MORE; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
  MORE;
  *p = __libc_memalign(a, n);
  return *p ? 0 : 12;
}
"""

MODEL = """
import resource, sys
import numpy
WIDTHS, BATCH, COUNT = (784, 256, 128, 10), 32, 6400
source = numpy.random.default_rng(0)
inputs = source.standard_normal((COUNT, WIDTHS[0])).astype(numpy.float32)
targets = source.integers(0, WIDTHS[-1], COUNT)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""

OURS = (
    MODEL
    + """
import torchlean as tl
from torchlean.engine import Engine
from torchlean_spec.data import Loader
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun
layers = []
for a, b in zip(WIDTHS, WIDTHS[1:]):
    layers += [tl.nn.Linear(a, b), tl.nn.ReLU()]
run = TrainingRun(Task(tl.nn.Sequential(*layers[:-1]), tl.loss.CrossEntropy()),
                  tl.optim.Adam(), Loader(COUNT, BATCH), steps=10**9)
engine = Engine(run, tl.data.tensor_dataset(inputs, targets))
before = peak()
engine.run(COUNT // BATCH)
print(before, peak())
"""
)

TORCH = (
    MODEL
    + """
import torch
from torch import nn
layers = []
for a, b in zip(WIDTHS, WIDTHS[1:]):
    layers += [nn.Linear(a, b), nn.ReLU()]
model = nn.Sequential(*layers[:-1])
optimizer = torch.optim.Adam(model.parameters(), fused=True)
x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
before = peak()
for batch in torch.randperm(COUNT).split(BATCH):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
    optimizer.step()
print(before, peak())
"""
)


def counted(steps: int) -> None:
    """Count allocations of a short and of a long run; runs inside the child."""
    import numpy

    import torchlean as tl
    from torchlean.engine import Engine
    from torchlean_spec.data import Loader
    from torchlean_spec.task import Task
    from torchlean_spec.training import TrainingRun

    count = ctypes.CDLL(None).allocation_count
    count.restype = ctypes.c_long
    source = numpy.random.default_rng(0)
    inputs = source.standard_normal((SAMPLES, 2)).astype(numpy.float32)
    targets = source.standard_normal((SAMPLES, 1)).astype(numpy.float32)
    model = tl.nn.Sequential(tl.nn.Linear(2, 8), tl.nn.ReLU(), tl.nn.Linear(8, 1))
    task = Task(model, tl.loss.MeanSquaredError())
    loader = Loader(SAMPLES, 16)
    run = TrainingRun(task, tl.optim.SGD(0.01), loader, steps=10**9)
    engine = Engine(run, tl.data.tensor_dataset(inputs, targets), threads=1)
    engine.run(steps)
    before = count()
    bytearray(10**6)
    if count() == before:
        raise SystemExit("the counter does not count")
    found = []
    for length in (10, steps):
        before = count()
        engine.run(length)
        found.append(count() - before)
    print(
        f"calls of the allocator: {found[0]} in a run of 10 steps, "
        f"{found[1]} in one of {steps}"
    )
    if found[1] - found[0] > steps // 50:
        raise SystemExit("steps allocate memory")


def count_in_child(steps: int) -> None:
    """Build the counting library, and run the first part under it."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "count.c"), Path(folder, "count.so")
        source.write_text(COUNTER)
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
        again = [sys.executable, __file__, "--counted", "--steps", str(steps)]
        environment = {**os.environ, "LD_PRELOAD": str(library)}
        subprocess.run(again, check=True, env=environment)


def rise(program: str) -> tuple[float, float]:
    """Resident MiB before an epoch, and how much more its peak had."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    before, after = map(float, done.stdout.split())
    return before, after - before


def main(arguments: list[str]) -> int:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.counted:
        counted(given.steps)
        return 0
    count_in_child(given.steps)
    print("\nMLP 784-256-128-10, batch 32, Adam, one epoch of 200 steps: peak memory")
    for name, program in (("torchlean", OURS), ("torch, eager", TORCH)):
        before, more = rise(program)
        print(f"  {name:14} {before:7.1f} MiB before, {more:6.1f} MiB more at the peak")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
