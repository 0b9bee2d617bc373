"""Predict numbers: how a disease went, from ten measurements of each patient.

Run `python examples/regression.py`.
"""

import numpy as np

import torchlean as tl

training, held_out = tl.data.split(tl.data.diabetes(), held_out=0.2, seed=0)
trainer = tl.Trainer(
    tl.nn.Sequential(tl.nn.Linear(10, 32), tl.nn.ReLU(), tl.nn.Linear(32, 1)),
    task="regression",
    optimizer=tl.optim.AdamW(0.003, weight_decay=0.1),
)
probes = [
    tl.Probe(f"patient {number}", held_out.inputs[number], held_out.targets[number])
    for number in range(3)
]
trained = trainer.train(
    training, batch_size=32, epochs=20, held_out=held_out, probes=probes
)
print(trained.summary())
print(f"held out: {trained.evaluate(held_out)}")

# How much better than always answering the mean of the training targets.
guess = np.mean((held_out.targets - training.targets.mean()) ** 2)
explained = 1 - trained.evaluate(held_out).loss / guess
print(f"variance explained: {100 * explained:.0f} %")
