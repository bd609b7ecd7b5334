"""The job: everything that the stages of a run need and that does not change while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from finner_batch.config import RunConfig
from finner_batch.results.ledger import Ledger
from finner_batch.runner.stop import Stop
from finner_batch.storage.bucket import no_check
from finner_batch.storage.clock import Clock
from finner_batch.storage.place import Place
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: made once, when the lock of the results folder is held, and handed to every stage of the main process.

    Reading processes and actors get only what crosses to them: `WorkerOptions` and `ActorOptions`.
    """

    config: RunConfig
    model: Model
    results: Place
    """The results folder."""
    ledger: Ledger
    run_id: str
    device: Device
    """Where the model is expected to run; the session that is opened decides."""
    workers: int
    """The most reading processes at a time."""
    check_lock: Callable[[], None] = no_check
    """Raises LockedError once the lock of the results folder is lost; called before each commit."""
    stop: Stop = field(default_factory=Stop)

    @property
    def clock(self) -> Clock:
        """The clock of the results folder."""
        return self.results.clock
