"""Of each task every document once and in order, whatever a cluster does: repeats, loses, delivers out of turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from finner_batch.engine.pool import SourceDone
from finner_batch.engine.tag import TaggedDocument
from finner_batch.engine.worker import Task
from finner_batch.sources.document import FailedDocument

Finished: TypeAlias = TaggedDocument | FailedDocument | SourceDone


@dataclass(slots=True)
class _Open:
    task: Task
    next_position: int
    waiting: dict[int, Finished] = field(default_factory=dict)


class Delivery:
    """Keeps account of numbered tasks until each has come to its end."""

    def __init__(self, tasks: Mapping[int, Task]) -> None:
        self._open = {number: _Open(task, task.skip) for number, task in tasks.items()}

    def accept(self, number: int, position: int, result: Finished) -> Iterator[Finished]:
        """Take a result; yield what now has its turn. What came before, or belongs to a finished task, is dropped."""
        opened = self._open.get(number)
        if opened is None or position < opened.next_position:
            return
        opened.waiting[position] = result
        while (found := opened.waiting.pop(opened.next_position, None)) is not None:
            opened.next_position += 1
            if isinstance(found, SourceDone):
                del self._open[number]
                yield replace(found, task=opened.task)
                return
            yield found

    @property
    def missing(self) -> dict[int, Task]:
        """The tasks that have not come to their end, each to go on behind what was delivered of it."""
        return {number: replace(opened.task, skip=opened.next_position) for number, opened in self._open.items()}

    def give_up(self, number: int) -> Task:
        """Take a task off the account."""
        return self._open.pop(number).task
