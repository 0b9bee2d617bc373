"""Train a classifier of handwritten digits, and leave a certificate of the run.

Run `python examples/digits.py`, then `torchlean certify certificate.json`.
"""

import torchlean as tl

training, held_out = tl.data.split(tl.data.digits(), held_out=0.2, seed=0)
model = tl.nn.Sequential(
    tl.nn.Linear(64, 64),
    tl.nn.ReLU(),
    tl.nn.Linear(64, 32),
    tl.nn.ReLU(),
    tl.nn.Linear(32, 10),
)
trainer = tl.Trainer(
    model,
    loss=tl.loss.CrossEntropy(label_smoothing=0.1),
    optimizer=tl.optim.Adam(0.003),
)
trained = trainer.train(training, batch_size=32, epochs=30, certify=10)

print(trained.model_summary())
print(f"before: {trained.before}")
print(f"after:  {trained.after}")
print(f"held out: {trained.evaluate(held_out)}")
trained.write_certificate("certificate.json")
