"""What a newcomer waits for: a fresh process, until the digits model's first step.

    python benchmarks/start_up.py [--rounds 7]

Each round starts one process of each competitor, in turn. Our kernels are in their
cache on disk, as they are from the second run on. A second part, in one process:
from the description of another model to its first finished step.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import paired

OURS = """
import torchlean as tl
from torchlean.engine import Engine
from torchlean_spec.data import Loader
from torchlean_spec.task import Task
from torchlean_spec.training import TrainingRun
data = tl.data.digits()
model = tl.nn.Sequential(tl.nn.Linear(64, 64), tl.nn.ReLU(), tl.nn.Linear(64, 32),
                         tl.nn.ReLU(), tl.nn.Linear(32, 10))
run = TrainingRun(Task(model, tl.loss.CrossEntropy()), tl.optim.Adam(),
                     Loader(len(data), 32), steps=1)
print(float(Engine(run, data).run(1)[0]))
"""

TORCH = """
import csv, gzip, importlib.util, pathlib, torch
from torch import nn
root = pathlib.Path(importlib.util.find_spec("sklearn").submodule_search_locations[0])
rows = list(csv.reader(gzip.open(root / "datasets/data/digits.csv.gz", "rt")))
table = torch.tensor([[float(cell) for cell in row] for row in rows])
inputs, targets = table[:, :-1] / 16, table[:, -1].long()
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(),
                      nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), fused=True)
chosen = torch.randperm(len(inputs))[:32]
loss = nn.functional.cross_entropy(model(inputs[chosen]), targets[chosen])
loss.backward()
optimizer.step()
print(float(loss))
"""

SECOND_MODEL = (
    OURS
    + """
import time
times = []
for width in range(40, 60):
    start = time.perf_counter()
    other = tl.nn.Sequential(tl.nn.Linear(64, width), tl.nn.Tanh(),
                             tl.nn.Linear(width, 10))
    run = TrainingRun(Task(other, tl.loss.CrossEntropy()), tl.optim.SGD(0.1),
                         Loader(len(data), 16 + width), steps=1)
    Engine(run, data).run(1)
    times.append(time.perf_counter() - start)
print(*times[1:])
"""
)


def process(program: str) -> str:
    """Run a program in a fresh process; its output."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout


def main(arguments: list[str]) -> int:
    """Time both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(arguments)
    programs = {"torchlean": OURS, "torch, eager": TORCH}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for round_number in range(given.rounds + 1):
        for name, program in programs.items():
            start = time.perf_counter()
            process(program)
            if round_number:
                times[name].append(time.perf_counter() - start)
    ours = times["torchlean"]
    rows = [
        paired.Row(
            name,
            paired.summary(each),
            paired.summary([a / b for a, b in zip(each, ours, strict=True)]),
        )
        for name, each in times.items()
    ]
    title = "fresh process to the first finished step of the digits model"
    goals = {"torch, eager": 3.0}
    paired.show(paired.Comparison(title, "torchlean", rows, given.rounds, 0, goals))
    last = process(SECOND_MODEL).splitlines()[-1]
    milliseconds = [1000 * float(each) for each in last.split()]
    print(
        "\nanother model in the same process, from description to finished first step: "
        f"{paired.summary(milliseconds)} ms (goal: 10)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
