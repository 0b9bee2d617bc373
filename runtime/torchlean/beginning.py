"""Where a run begins: with the seed's parameters, with given ones, or within itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torchlean.data.loader import BatchLoader
from torchlean.engine import Engine
from torchlean.execution import Execution, Parameters
from torchlean.loading import FilePath, initial_from, resumable
from torchlean.saved_run import SavedRun
from torchlean.state import State
from torchlean.trained import Trained
from torchlean_spec.data import Targets
from torchlean_spec.errors import Reason, TorchLeanError
from torchlean_spec.shape import Shape
from torchlean_spec.training import TrainingRun

AnyLoader = BatchLoader[Shape, Targets]


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """Where a run begins."""

    parameters: Parameters | None = None
    """What it begins with; none for what the seed gives."""
    slots: Mapping[str, Parameters] | None = None
    """What the optimizer has kept; none for one that has seen nothing."""
    step: int = 0
    """How many updates were made."""
    seeded: bool = True
    """Whether the run began with the parameters that its seed gives."""
    what: str = ""
    """What is resumed, for messages."""
    resumed: SavedRun | None = None
    """The run that goes on, if one does."""

    def apply(self, engine: Engine) -> None:
        """Bring an engine there.

        Raises:
            TorchLeanError: `OTHER_MODEL` if the state is another optimizer's.
        """
        if self.parameters is not None:
            slots = engine.state().slots if self.slots is None else self.slots
            engine.set_state(State(self.step, self.parameters, slots))

    def loader(self, given: AnyLoader) -> AnyLoader:
        """A loader as it stood before the run.

        Raises:
            TorchLeanError: `CONTRADICTION` if a run goes on, and the loader stands
                neither where it began nor behind the last batch that it has seen.
        """
        if self.resumed is None:
            return given
        start, following = self.resumed.position, self.resumed.next_position
        if given.position not in (start, following):
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"expected a loader at epoch {following.epoch}, "
                f"batch {following.batch}, where the run stopped, "
                f"got one at epoch {given.position.epoch}, "
                f"batch {given.position.batch}",
            )
        return replace(given, position=start)

    def require_run(self, run: TrainingRun, loader: AnyLoader | None = None) -> None:
        """Refuse to go on with another run than the one that stopped.

        Args:
            run: The run that shall go on.
            loader: Its samples; none of a stream.

        Raises:
            TorchLeanError: `CONTRADICTION`, naming what differs.
        """
        saved = self.resumed
        if saved is None:
            return
        saved.require_same(self.what, run)
        digest = "" if loader is None else loader.dataset.digest()
        if saved.data_digest != digest:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{self.what}: expected a run on {_shown(digest)}, "
                f"got one on {_shown(saved.data_digest)}",
            )
        if saved.steps > run.steps:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                f"{self.what}: expected a run of at most {run.steps} steps to go on "
                f"with, got one of {saved.steps}",
            )

    def require_certifiable(self, steps: int) -> None:
        """Refuse to record steps of a run that began with given parameters.

        Raises:
            TorchLeanError: `CONTRADICTION`.
        """
        if steps and not self.seeded:
            raise TorchLeanError(
                Reason.CONTRADICTION,
                "expected certify=0 for a run that began with given parameters, since "
                f"a certificate's are those that the seed gives, got {steps}",
            )


def beginning_of(
    execution: Execution,
    load_parameters: FilePath | Trained | None,
    resume: FilePath | Trained | None,
) -> Beginning:
    """Where a run begins.

    Args:
        execution: How it is computed.
        load_parameters: What it takes its first parameters from, if not the seed.
        resume: What it goes on from, if it does.

    Raises:
        TorchLeanError: `CONTRADICTION` for both, else what `resumable` and
            `initial_from` refuse.
    """
    if resume is not None and load_parameters is not None:
        raise TorchLeanError(
            Reason.CONTRADICTION, "expected load_parameters or resume, got both"
        )
    if load_parameters is not None:
        return Beginning(initial_from(load_parameters, execution), seeded=False)
    if resume is None:
        return Beginning()
    what, trained, saved = resumable(resume, execution)
    return Beginning(
        trained.parameters,
        trained.optimizer_state,
        saved.steps,
        saved.seeded,
        what,
        saved,
    )


def _shown(digest: str) -> str:
    return f"the data with the digest {digest}" if digest else "a stream"
