"""The actors of the pipeline: one reads sources, one tags what was read. The stages' own functions do the work.

Reading is done in a process of its own under the actor, by the `Pool` of a local run: time and memory of a document are
bounded, and a document that kills its process is one failed row, as there.
"""

import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any
from uuid import uuid4

import pyarrow as pa

from finner_batch import __version__
from finner_batch.config import RunConfig
from finner_batch.engine.on_ray.messages import (
    BESIDE,
    Broken,
    Opened,
    Row,
    Worked,
    beside,
    result_of,
    row_of,
    rows_of,
    table_of,
    unpack_tasks,
)
from finner_batch.engine.on_ray.tally import Tally
from finner_batch.engine.parse import ParsedDocument
from finner_batch.engine.pool import Pool, SourceDone
from finner_batch.engine.tag import tag_together
from finner_batch.engine.worker import WorkerOptions, own_peak_bytes
from finner_batch.errors import FinnerError
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.session import open_session
from finner_batch.tagger.tagger import Tagger

FLUSH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an actor must know of the run; it tells `tally` what it takes up."""

    config: RunConfig
    model_id: str
    version: str
    tally: Tally
    pass_number: int = 0

    def model(self) -> Model:
        """The model as this node has it. Raises FinnerError where it, or the program, is not the run's own."""
        if __version__ != self.version:
            raise FinnerError(f"a node has finner-batch {__version__}, the run {self.version}: install the same on all")
        model = load_model(self.config.model)
        if model.model_id != self.model_id:
            raise FinnerError(f"a node has the model {model.model_id} in {model.folder}, the run {self.model_id}")
        return model

    def begin(self, stage: str, number: int, position: int, amount: int) -> bool:
        """Tell the tally; False: the block killed its actors before and is left alone."""
        return self.tally.begin(stage, (self.pass_number, number, position), amount)


class ReadingActor:
    """Takes tasks; yields what reading and parsing makes of them, in the order of each source."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._name = uuid4().hex
        self._pool: Pool | None = None

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """One block of tasks. What goes wrong beyond a document is told in a row: Ray is not to try it again."""
        try:
            yield from self._read(unpack_tasks(block))
        except Exception as error:  # noqa: BLE001 - it ends the run in the main process
            yield table_of([beside(Broken(_as_finner_error(error)))])

    def _read(self, numbered: list[tuple[int, Any]]) -> Iterator[pa.Table]:
        tasks = iter(numbered)
        number, task = next(tasks)
        position = task.skip
        if not self._order.begin("read", number, position, len(numbered)):
            return
        pool = self._started_pool()
        rows: list[Row] = []
        size = 0
        for result in pool.results(iter([task for _, task in numbered])):
            if result is None:
                continue
            if isinstance(result, SourceDone):
                result = replace(result, task=replace(result.task, done=frozenset()))  # noqa: PLW2901 - known there
            rows.append(row_of(number, position, result))
            position += 1
            if isinstance(result, SourceDone):
                number, task = next(tasks, (BESIDE, task))
                position = task.skip
            size += len(rows[-1].payload)
            if size >= FLUSH_BYTES:
                yield table_of(rows)
                rows, size = [], 0
        peak = own_peak_bytes() + pool.peak_bytes
        yield table_of([*rows, beside(Worked(actor=self._name, peak_bytes=peak))])

    def _started_pool(self) -> Pool:
        if self._pool is None:
            options = WorkerOptions.of(self._order.config, self._order.model())
            main: Any = sys.modules["__main__"]
            main.__file__ = None  # else each reading process would import Ray's own main module, and Ray with it
            self._pool = Pool(1, options).__enter__()  # it ends with this process
        return self._pool


class TaggingActor:
    """Takes what was read; yields tagged documents, and everything else as it came. One session."""

    def __init__(self, order: Order, device: str, threads: int) -> None:
        self._order = order
        self._device: Any = device
        self._threads = threads
        self._name = uuid4().hex
        self._tagger: Tagger | None = None
        self._opened: Opened | None = None

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """Tag the documents of one block together."""
        try:
            yield table_of(self._tag(list(rows_of(block))))
        except Exception as error:  # noqa: BLE001 - it ends the run in the main process
            yield table_of([beside(Broken(_as_finner_error(error)))])

    def _tag(self, rows: list[Row]) -> list[Row]:
        results = [result_of(row) for row in rows]
        parsed = [result for result in results if isinstance(result, ParsedDocument)]
        if parsed and not self._order.begin("tag", rows[0].number, rows[0].position, len(parsed)):
            return []
        self._opened = None
        tagging = tag_together(parsed, self._loaded_tagger)
        done = [
            row_of(row.number, row.position, next(tagging.documents)) if isinstance(result, ParsedDocument) else row
            for row, result in zip(rows, results, strict=True)
        ]
        worked = Worked(
            actor=self._name,
            peak_bytes=own_peak_bytes(),
            opened=self._opened,
            statistics=tagging.statistics,
            tag_seconds=tagging.seconds,
        )
        return [*done, beside(worked)]

    def _loaded_tagger(self) -> Tagger:
        if self._tagger is None:
            started = perf_counter()
            model = self._order.model()
            session = open_session(model, self._device, backend=self._order.config.backend, threads=self._threads)
            self._tagger = Tagger(model, session, budget_tokens=self._order.config.batch_tokens or None)
            self._opened = Opened(
                device=session.device.name,
                variant=session.variant,
                seconds=perf_counter() - started,
            )
        return self._tagger


def _as_finner_error(error: Exception) -> FinnerError:
    """An error as it can travel: a user's as it is, a bug with its traceback."""
    if isinstance(error, FinnerError):
        return error
    return FinnerError(f"an actor failed: {''.join(traceback.format_exception(error))}")
