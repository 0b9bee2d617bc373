"""How much memory training takes whose data lie in a large file.

    python benchmarks/large_file.py --megabytes 1000

Makes an NPY file of float32 numbers, trains a small model on it, and prints the most
memory that training took beyond what it takes on the first thousand samples. Memory
is what no file stands behind (`RssAnon` of Linux): pages of a mapped file come and go
as the operating system likes.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import threading
from pathlib import Path

import numpy as np

import torchlean as tl

WIDTH = 1000
FIRST = 1000
KILOBYTE = 1024
SECONDS_BETWEEN_LOOKS = 0.002


def private_bytes() -> int:
    """The memory of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text("utf-8")
    found = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return KILOBYTE * int(found[1])


def make(path: Path, rows: int, *, written: bool) -> None:
    """A file of random numbers, or, unless it shall be written, of a hole."""
    table = np.lib.format.open_memmap(path, "w+", np.float32, (rows, WIDTH))
    if written:
        generator = np.random.default_rng(0)
        for first in range(0, rows, FIRST):
            part = table[first : first + FIRST]
            part[:] = generator.normal(size=part.shape)
    table.flush()


def train(path: Path, rows: int, steps: int, arguments: argparse.Namespace) -> None:
    """Train on the first samples of the file, from there."""
    inputs = tl.data.read_npy(path, rows=rows, mapped=True)
    points = tl.data.tensor_dataset(inputs, np.arange(rows) % 2, classes=2)
    trainer = tl.Trainer(
        tl.nn.Sequential(tl.nn.Linear(WIDTH, 8), tl.nn.ReLU(), tl.nn.Linear(8, 2)),
        loss=tl.loss.CrossEntropy(),
        optimizer=tl.optim.SGD(0.01),
        dtype=arguments.dtype,
    )
    shuffle = not arguments.in_order
    trainer.train(points, batch_size=64, steps=steps, shuffle=shuffle)
    points.digest()


def measured(path: Path, rows: int, arguments: argparse.Namespace) -> int:
    """The most memory that training took beyond that of a small part, in bytes."""
    train(path, min(rows, FIRST), 20, arguments)
    before, done, most = private_bytes(), threading.Event(), [0]

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            most[0] = max(most[0], private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        train(path, rows, max(1, rows // 64), arguments)
    finally:
        done.set()
        watcher.join()
    return max(0, most[0] - before)


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--in-order", action="store_true")
    parser.add_argument("--hole", action="store_true", help="a file without numbers")
    parser.add_argument("--folder", type=Path, help="where the file is made")
    arguments = parser.parse_args()
    rows = arguments.megabytes * 10**6 // (4 * WIDTH)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "large.npy"
        make(path, rows, written=not arguments.hole)
        taken = measured(path, rows, arguments)
    print(f"a file of {arguments.megabytes} MB: {taken / 1e6:.1f} MB of memory")


if __name__ == "__main__":
    main()
