import random

from finner_batch.readers.document import Source
from finner_batch.runner.on_ray.engine import OnceInOrder
from finner_batch.runner.on_ray.pipeline import BLOCK_STORED_BYTES, blocks_of, cpus_of_an_actor
from finner_batch.runner.outcomes import SourceFinished
from finner_batch.runner.worker import Task


def task(number, **given):
    return Task(source=Source(uri=f"/in/{number}", name=str(number)), sha256="00", size=given.pop("size", 1), **given)


def results_of(number, documents):
    """(number, position, result) of each document and of the end."""
    found = [task(number).failed("read", f"E{place}", "") for place in range(documents)]
    return [
        (number, place, result) for place, result in enumerate([*found, SourceFinished(task(number), complete=True)])
    ]


def test_whatever_comes_twice_late_or_out_of_turn_is_delivered_once_and_in_order():
    chance = random.Random(4)
    for _ in range(200):
        tasks = {number: task(number, done=frozenset([b"row"])) for number in range(5)}
        sent = [row for number in tasks for row in results_of(number, chance.randrange(6))]
        rows = sent + chance.choices(sent, k=10)
        chance.shuffle(rows)
        results = OnceInOrder(tasks)
        got = [(row[0], result) for row in rows for result in results.accept(*row)]
        assert not results.missing
        for number, given in tasks.items():
            own = [result for owner, result in got if owner == number]
            expected = [result for owner, _, result in sent if owner == number]
            assert own[:-1] == expected[:-1]
            assert own[-1].task == given, "the task as the main process has it, with the rows that were done"


def test_what_is_missing_goes_on_behind_what_was_delivered():
    results = OnceInOrder({0: task(0), 1: task(1)})
    rows = results_of(0, 4)
    assert len([found for row in (rows[0], rows[1], rows[3]) for found in results.accept(*row)]) == 2
    assert [*results.accept(*results_of(1, 0)[0])]
    assert results.missing == {0: task(0, skip=2)}
    resumed = OnceInOrder(results.missing)
    assert [found for row in rows for found in resumed.accept(*row)] == [
        rows[2][2],
        rows[3][2],
        SourceFinished(task(0, skip=2), complete=True),
    ]


def test_blocks_hold_every_task_once_and_grow_smaller_towards_the_end():
    tasks = [(number, task(number, size=100)) for number in range(215)]
    blocks = list(blocks_of(tasks, actors=2, most=8))
    assert [pair for block in blocks for pair in block] == tasks
    sizes = [len(block) for block in blocks]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (8, 1)


def test_a_large_source_shares_its_block_with_nothing():
    tasks = [(number, task(number, size=BLOCK_STORED_BYTES)) for number in range(40)]
    assert {len(block) for block in blocks_of(tasks, actors=1, most=8)} == {1}


def test_the_actors_leave_no_cpu_of_any_node_without_work():
    for workers, nodes, expected in ((2, [2], 2), (4, [1, 1], 1), (32, [16, 16], 4), (12, [6, 6], 3), (7, [16], 1)):
        found = cpus_of_an_actor(workers, nodes)
        assert (found, workers % found, {cpus % found for cpus in nodes}) == (expected, 0, {0})
