"""The driver: passes tasks to an engine and its outcomes to the recorder, until all are done or a stop is requested."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Protocol

from finner_batch.runner.job import Job
from finner_batch.runner.outcomes import Outcome
from finner_batch.runner.recorder import Recorder
from finner_batch.runner.work_queue import Selected, Skipped
from finner_batch.runner.worker import Task


class Engine(Protocol):
    """Turns tasks into outcomes, on this machine or on a cluster."""

    def outcomes(
        self, tasks: Iterator[Task | None], is_commit_due: Callable[[], bool]
    ) -> Generator[Outcome | None, None, None]:
        """Do the tasks and yield their outcomes; those of a source come in order and end with `SourceFinished`.

        None means that the driver may commit or stop, because no batch is partly delivered. It is yielded at least
        twice a second while the engine waits. A None among the tasks stands for a source that needs no work. Documents
        that wait for a full batch are tagged when `is_commit_due()`.

        Raises InterruptedError if a stop is requested while the model runs.
        """

    def documents_in_model(self) -> float:
        """Return how many documents the model has read that were not yielded yet, as a fraction. Thread-safe."""


def drive(job: Job, engine: Engine, rounds: Iterable[Iterator[Selected | None]], recorder: Recorder) -> None:
    """Do the tasks of each round; commit when it is due, and at the end of the round.

    After a request to stop, what was recorded is committed and nothing more is tagged: the next run does the rest.
    """
    for selected in rounds:
        try:
            with closing(engine.outcomes(_tasks(selected, recorder), recorder.is_commit_due)) as outcomes:
                for outcome in outcomes:
                    if outcome is not None:
                        recorder.record(outcome)
                    elif job.stop.requested:
                        break
                    else:
                        recorder.commit_if_due()
        except InterruptedError:
            if not job.stop.requested:
                raise
        recorder.commit()
        if job.stop.requested:
            return


def _tasks(selected: Iterator[Selected | None], recorder: Recorder) -> Iterator[Task | None]:
    """Count what was selected and pass on the tasks, None for each source without one."""
    for one in selected:
        if one is not None:
            recorder.count(one)
        yield None if isinstance(one, Skipped) else one
