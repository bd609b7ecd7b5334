"""Each document of each task once and in order, whatever a cluster repeats, loses, or delivers out of order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from finner_batch.engine.outcomes import DocumentOutcome, SourceFinished
from finner_batch.engine.worker import Task


@dataclass(slots=True)
class _Open:
    task: Task
    next_position: int
    waiting: dict[int, DocumentOutcome] = field(default_factory=dict)


class OnceInOrder:
    """Keeps account of numbered tasks until each has come to its end."""

    def __init__(self, tasks: Mapping[int, Task]) -> None:
        self._open = {number: _Open(task, task.skip) for number, task in tasks.items()}

    def accept(self, number: int, position: int, result: DocumentOutcome) -> Iterator[DocumentOutcome]:
        """Take a result and yield those whose turn it is. Repeats and results of finished tasks are dropped."""
        opened = self._open.get(number)
        if opened is None or position < opened.next_position:
            return
        opened.waiting[position] = result
        while (found := opened.waiting.pop(opened.next_position, None)) is not None:
            opened.next_position += 1
            if isinstance(found, SourceFinished):
                del self._open[number]
                yield replace(found, task=opened.task)
                return
            yield found

    @property
    def missing(self) -> dict[int, Task]:
        """The tasks that have not come to their end, each to continue after what was delivered of it."""
        return {number: replace(opened.task, skip=opened.next_position) for number, opened in self._open.items()}

    def give_up(self, number: int) -> Task:
        """Remove a task and return it."""
        return self._open.pop(number).task
