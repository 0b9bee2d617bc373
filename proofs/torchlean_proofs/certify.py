"""Check a certificate with the spec alone: neither NumPy nor Numba is imported.

What a run does not record is derived anew: the data set from its source, the batch
of each step from the loader's seed, the initial state from the run's seed. What it
records is judged phase by phase, each from its own recorded inputs.
"""

from __future__ import annotations

from itertools import pairwise

from torchlean_proofs.report import Report
from torchlean_proofs.steps import judge_step
from torchlean_proofs.strict import SYSTEMS, floats_of
from torchlean_spec.certificate import Certificate
from torchlean_spec.data import Dataset, Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.numbers import bounded
from torchlean_spec.sampling import sampled_steps
from torchlean_spec.shape import Shape
from torchlean_spec.training import State, TrainingRun, batch_of, initial_state


def initial_floats(training_run: TrainingRun) -> State[float]:
    """The state before step 1, each number rounded as the run's format rounds.

    Raises:
        TorchLeanError: What an initializer refuses.
    """
    system = SYSTEMS[training_run.number_format]
    return floats_of(system, initial_state(system, training_run))


def certify(
    certificate: Certificate,
    dataset: Dataset[Shape, Targets] | None = None,
    intact: bool = True,
) -> Report:
    """Judge every recorded step.

    The state before step 1 must be the initial one, and where two recorded steps
    follow each other, the second must start where the first ended, to the bit.

    Args:
        certificate: What the run recorded.
        dataset: The data set, for a caller that has it at hand; it is derived from
            the certificate's source otherwise. Either way its digest is compared.
        intact: Whether the file's digest was that of its content.

    Raises:
        TorchLeanError: `FILE_FORMAT` for steps that the run does not have or that
            are not in order, what the source refuses (`MISSING_DEPENDENCY` without
            its files), and what a run refuses whose parts do not fit together.
    """
    training_run = certificate.training_run
    require_steps(certificate)
    data = certificate.source.load() if dataset is None else dataset
    system = bounded(training_run.number_format, ulps=certificate.ulps)
    known: dict[int, State[float]] = {}
    found = []
    for step in certificate.steps:
        if step.number == 1:
            known[0] = initial_floats(training_run)
        batch = batch_of(system, training_run, data, step.number)
        before = known.get(step.number - 1)
        found.append(judge_step(system, training_run, batch, before, step))
        known[step.number] = step.after
    return Report(
        certificate.backend,
        tuple(found),
        intact,
        data.digest() == certificate.data_digest,
        certificate.ulps,
        _drawn_by_seed(certificate),
    )


def _drawn_by_seed(certificate: Certificate) -> bool:
    """Whether the recorded steps are those that the run's seed draws."""
    run = certificate.training_run
    numbers = tuple(step.number for step in certificate.steps)
    return numbers == sampled_steps(run.steps, len(numbers), run.seed)


def require_steps(certificate: Certificate) -> None:
    """Refuse steps that are not in order, or that the run does not have.

    Raises:
        TorchLeanError: `FILE_FORMAT`.
    """
    numbers = [step.number for step in certificate.steps]
    last = certificate.training_run.steps
    within = all(1 <= number <= last for number in numbers)
    if not within or any(a >= b for a, b in pairwise(numbers)):
        raise TorchLeanError(
            Reason.FILE_FORMAT,
            f"expected recorded steps in order, from 1 to {last}, each once, "
            f"got {numbers}",
        )
