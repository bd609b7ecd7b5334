"""One pass over tasks: a Ray dataset of them goes through reading and tagging actors, and its rows stream back."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from math import gcd
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

import pyarrow as pa

from finner_batch.errors import describe
from finner_batch.log import fields
from finner_batch.runner.on_ray.actors import ActorOptions, ReadingActor, TaggingActor, WorkingActor
from finner_batch.runner.on_ray.cluster import Cluster
from finner_batch.runner.on_ray.messages import Numbered, pack_tasks
from finner_batch.runner.worker_pool import GRACE_S

LOG = logging.getLogger(__name__)
BLOCK_BYTES = 4 << 20
"""Maximum size of the parsed documents that are tagged at once: some ten thousand sentences."""
MOST_SOURCES = 32
"""Maximum number of sources in a block per CPU. More of them make batches fuller and more uniform."""
MOST_CPUS = 4
"""Maximum number of CPUs of an actor: they share one session and its memory, and die together."""
BLOCK_STORED_BYTES = 64 << 20
ROWS_FOR_A_GPU = 256
"""Rows that a GPU's actor gets together, from any number of blocks; Ray needs a number here."""


def cpus_of_an_actor(workers: int, cpus_of_nodes: Sequence[int]) -> int:
    """Return how many CPUs an actor gets so that no CPU of any node is left idle: a divisor of all their numbers."""
    common = gcd(workers, *cpus_of_nodes)
    return max(count for count in range(1, MOST_CPUS + 1) if common % count == 0)


def blocks_of(tasks: Sequence[Numbered], actors: int, most: int) -> Iterator[list[Numbered]]:
    """Divide tasks into blocks that get smaller towards the end, so that all actors finish at about the same time."""
    parts = 2 * actors if actors > 1 else 1
    begin = 0
    while begin < len(tasks):
        size = max(1, min(most, (len(tasks) - begin) // parts))
        block: list[Numbered] = []
        stored = 0
        for number, task in tasks[begin : begin + size]:
            stored += task.size or 0
            if block and stored > BLOCK_STORED_BYTES:
                break
            block.append((number, task))
        yield block
        begin += len(block)


class PassFailedError(Exception):
    """Ray ended a pass early; another pass can do the rest."""


class Pipeline:
    """Reading and tagging on a cluster, for any number of passes."""

    def __init__(self, ray: Any, cluster: Cluster, options: ActorOptions, workers: int) -> None:
        """`workers`: the most CPUs that are used."""
        self._ray = ray
        self._cluster = cluster
        self._options = options
        self._workers = workers
        self._cpus = 1 if cluster.gpus else cpus_of_an_actor(workers, cluster.cpus_of_nodes)
        self._passes = count()

    def tables(self, tasks: Sequence[Numbered], *, one_by_one: bool) -> Iterator[pa.Table | None]:
        """Do the tasks and yield tables of rows, None twice a second while there are none. Raises PassFailedError.

        With `one_by_one` each source is a block of its own. A block that kills its actors repeatedly is left out.
        """
        dataset = self._dataset(tasks, one_by_one=one_by_one)
        ready: Queue[pa.Table | Exception | None] = Queue(maxsize=2)
        left = Event()
        thread = Thread(target=_pump, args=(dataset, ready, left), name="results", daemon=True)
        thread.start()
        try:
            while True:
                try:
                    table = ready.get(timeout=0.5)
                except Empty:
                    yield None
                    continue
                if table is None:
                    return
                if isinstance(table, Exception):
                    raise PassFailedError(describe(table)) from table
                yield table
        finally:
            left.set()
            if thread.is_alive():
                _end(dataset)
                thread.join(10)

    def _dataset(self, tasks: Sequence[Numbered], *, one_by_one: bool) -> Any:
        data = self._ray.data
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.target_max_block_size = BLOCK_BYTES
        context.max_errored_blocks = -1  # what is missing is done again, each source alone
        longest = MOST_SOURCES * (self._options.config.timeout_s + GRACE_S)
        context.execution_no_progress_timeout_s = longest + 600
        most = 1 if one_by_one else MOST_SOURCES * self._cpus
        items = [pack_tasks(block) for block in blocks_of(tasks, self._taggers, most)]
        stage = partial(self._stage, blocks=len(items))
        dataset = data.from_items(items, override_num_blocks=len(items))
        options = replace(self._options, pass_number=next(self._passes))
        arguments: dict[str, Any] = {"options": options, "device": self._cluster.device}
        if not self._cluster.gpus:
            return stage(dataset, WorkingActor, arguments | {"cpus": self._cpus}, self._taggers, num_cpus=self._cpus)
        dataset = stage(dataset, ReadingActor, arguments, self._workers, num_cpus=1)
        return stage(dataset, TaggingActor, arguments, self._taggers, batch_size=ROWS_FOR_A_GPU, num_cpus=0, num_gpus=1)

    @property
    def _taggers(self) -> int:
        return self._cluster.gpus or self._workers // self._cpus

    def _stage(
        self,
        dataset: Any,
        actor: type,
        arguments: dict[str, Any],
        most: int,
        *,
        blocks: int,
        batch_size: int | None = None,
        **resources: int,
    ) -> Any:
        """Send `dataset` through a pool of one to `most` actors."""
        most = min(most, blocks)
        return dataset.map_batches(
            actor,
            fn_constructor_kwargs=dict(arguments),
            batch_size=batch_size,
            batch_format="pyarrow",
            compute=self._ray.data.ActorPoolStrategy(min_size=1, max_size=most, initial_size=most),
            **resources,
        )


def _pump(dataset: Any, ready: Queue[pa.Table | Exception | None], left: Event) -> None:
    """Move the tables of the dataset to the main thread, which must not block, because a stop may be requested."""
    end: Exception | None = None
    try:
        for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            if not _put(ready, table, left):
                return
    except Exception as error:  # noqa: BLE001 - raised in the main thread
        end = error
    _put(ready, end, left)


def _put(ready: Queue[pa.Table | Exception | None], item: pa.Table | Exception | None, left: Event) -> bool:
    while not left.is_set():
        with suppress(Full):
            ready.put(item, timeout=0.5)
            return True
    return False


def _end(dataset: Any) -> None:
    """End the execution of a dataset that is not read to its end: its actors are killed."""
    executor = dataset._current_executor  # noqa: SLF001 - Ray Data has no public way to leave an iteration from outside
    if executor is None:
        return
    try:
        executor.shutdown(force=True)
    except Exception as error:  # noqa: BLE001 - a signal to the whole process group has ended Ray too
        LOG.info(fields("ray-gone", error=error))
