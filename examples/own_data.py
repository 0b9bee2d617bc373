"""Train on arrays of your own: a curve through noisy points, saved and read back.

Run `python examples/own_data.py`.
"""

import numpy as np

import torchlean as tl

generator = np.random.default_rng(0)
inputs = generator.uniform(-2, 2, size=(400, 1))
targets = np.sin(3 * inputs) + 0.1 * generator.normal(size=(400, 1))
points = tl.data.tensor_dataset(inputs, targets, name="sine")
training, held_out = tl.data.split(points, held_out=100, seed=0)

trainer = tl.Trainer(
    tl.nn.Sequential(
        tl.nn.Linear(1, 32),
        tl.nn.Tanh(),
        tl.nn.Linear(32, 32),
        tl.nn.Tanh(),
        tl.nn.Linear(32, 1),
    ),
    loss=tl.loss.MeanSquaredError(),
    optimizer=tl.optim.AdamW(0.01),
    schedule=tl.schedule.WarmUp(updates=100, then=tl.schedule.Cosine(total=2900)),
    clipping=tl.clipping.ClipGlobalNorm(1),
)


def show(event: tl.EpochEvent) -> None:
    """Print a line every fifty epochs."""
    if event.epoch % 50 == 0:
        print(f"step {event.step}: held out {event.held_out}")


trained = trainer.train(
    training,
    batch_size=30,
    steps=3000,
    held_out=held_out,
    callbacks=tl.Callbacks(on_epoch_end=show),
    log="sine.json",
    save="sine.safetensors",
)
print(f"after step 3000: held out {trained.evaluate(held_out)}")

again = trainer.load("sine.safetensors")
same = np.array_equal(again.predict(inputs), trained.predict(inputs))
print(f"read back, the model answers alike: {same}")
