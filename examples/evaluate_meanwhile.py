"""A callback that evaluates during training, and leaves the mode as it was.

Dropout acts in mode `train` and rests in mode `eval`. The loop trains in the first; the
callback looks at the held-out samples in the second, within a block that brings the old
mode back.

Run `python examples/evaluate_meanwhile.py`.
"""

import torchlean as tl
from torchlean.train import advanced

training, held_out = tl.data.split(tl.data.two_moons(), held_out=0.2, seed=0)
model = tl.nn.Sequential(
    tl.nn.Linear(2, 32), tl.nn.ReLU(), tl.nn.Dropout(0.2), tl.nn.Linear(32, 2)
)
task = advanced.Task(model, tl.loss.CrossEntropy())
runner = advanced.instantiate(task)
modes: list[tuple[str, str]] = []


def look(event: tl.StepEvent) -> None:
    """Count the held-out samples that are right, every fiftieth step."""
    if event.step % 50 == 0:
        before = runner.mode
        with runner.with_mode("eval"):
            count = runner.accuracy(held_out)
        modes.append((before, runner.mode))
        print(f"step {event.step}: {count.correct} of {count.total} held out")


report, loader = tl.train.train_loader(
    runner,
    tl.train.epochs(8, tl.optim.Adam(0.01), log_every=0),
    tl.data.batch_loader(training, 32, seed=0),
    tl.Callbacks(on_step=look),
)
print(f"mean loss {report.before.loss:.3f}, then {report.after.loss:.3f}")
print(f"mode before and behind each look: {set(modes)}")
print(f"mode at the end: {runner.mode}")
