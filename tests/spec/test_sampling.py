"""The steps of a certificate: the first, the last, others by the seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.sampling import sampled_steps


@given(
    steps=st.integers(0, 200),
    count=st.integers(0, 250),
    seed=st.integers(0, 2**64 - 1),
)
def test_a_sample_has_ends_and_no_repeats(steps: int, count: int, seed: int) -> None:
    """As many as asked for or as there are, in order, each once."""
    sample = sampled_steps(steps, count, seed)
    assert len(sample) == min(steps, count)
    assert list(sample) == sorted(set(sample))
    assert set(sample) <= set(range(1, steps + 1))
    if sample:
        assert sample[0] == 1
    if count > 1 and steps:
        assert sample[-1] == steps


def test_every_step_can_be_drawn() -> None:
    """Over some seeds, each step between the first and the last turns up."""
    drawn = {step for seed in range(60) for step in sampled_steps(12, 4, seed)}
    assert drawn == set(range(1, 13))


def test_the_seed_decides() -> None:
    """The same seed draws the same steps, another one others."""
    assert sampled_steps(10**9, 10, 1) == sampled_steps(10**9, 10, 1)
    assert sampled_steps(10**9, 10, 1) != sampled_steps(10**9, 10, 2)


def test_less_than_no_step_is_refused() -> None:
    """One sentence, with the number."""
    with pytest.raises(TorchLeanError) as refused:
        sampled_steps(10, -1, 0)
    assert refused.value.reason is Reason.HYPERPARAMETER
    assert str(refused.value) == (
        "expected a number of steps to certify of at least 0, got -1"
    )
