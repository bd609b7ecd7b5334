"""The job: everything about a run that its stages need and that does not change while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from finner_batch.config import RunConfig
from finner_batch.engine.stop import Stop
from finner_batch.machine import Clock
from finner_batch.objects.bucket import always
from finner_batch.store.ledger import Ledger
from finner_batch.store.place import Place
from finner_batch.tagger.device import Device
from finner_batch.tagger.model import Model


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
    check_lock: Callable[[], None] = always
    """Raises LockedError once the lock of the results folder is lost; called before each commit."""
    stop: Stop = field(default_factory=Stop)
    clock: Clock = field(default_factory=Clock)
