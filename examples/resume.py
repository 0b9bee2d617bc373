"""Break a run off in the middle of an epoch, and go on from its file.

The file has the parameters, the optimizer's state, the number of the step, and where
the loader stood. The run that goes on ends with the bits of the run without a break.

Run `python examples/resume.py`.
"""

import numpy as np

import torchlean as tl

training, held_out = tl.data.split(tl.data.two_moons(), held_out=0.2, seed=0)
loader = tl.data.batch_loader(training, 32, seed=0)
trainer = tl.Trainer(
    tl.nn.Sequential(
        tl.nn.Linear(2, 16), tl.nn.ReLU(), tl.nn.Dropout(0.1), tl.nn.Linear(16, 2)
    ),
    task="classification",
    optimizer=tl.optim.Adam(0.01),
    schedule=tl.schedule.Cosine(total=200),
)
whole = trainer.train(loader, steps=200)

first = trainer.train(loader, steps=85, save="half.safetensors")
position = first.loader.position
print(f"stopped after step 85: epoch {position.epoch}, batch {position.batch}")

resumed = trainer.train(first.loader, steps=200, resume="half.safetensors")
print(f"made {len(resumed.losses)} steps more, {resumed.report.steps} in all")
same = all(
    np.array_equal(resumed.parameters[name].view("uint32"), array.view("uint32"))
    for name, array in whole.parameters.items()
)
print(f"the bits are those of the run without a break: {same}")
print(f"held out: {resumed.evaluate(held_out)}")

again = tl.load("half.safetensors")
print(f"the file by itself: {again}, {again.evaluate(held_out)}")
