import errno
import os

import pytest

from finner_batch.errors import FinnerError
from finner_batch.results.digests import row_digest
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.results.part import list_parts
from finner_batch.results.writer import Writer
from finner_batch.storage.place import place_of


def texts(look, results):
    return sorted({(row[1], row[3]) for row in look(results)["entities"]})


def names(look, results):
    return [row[1] for row in look(results)["documents"]]


def test_an_unchanged_file_is_done_once(results, job, a_file):
    runs = job(results)
    for _ in range(3):
        runs.run({"/in/a": a_file("rate 2")})
    assert runs.done == ["a.htm"]


def test_a_changed_file_is_done_again_and_its_old_rows_are_out_of_every_view(results, job, a_file, look):
    job(results).run({"/in/a": a_file("rate 2"), "/in/b": a_file("rate 3", "b.htm")})
    runs = job(results)
    runs.run({"/in/a": a_file("rate 4"), "/in/b": a_file("rate 3", "b.htm")})
    assert runs.done == ["a.htm"]
    assert texts(look, results) == [("a.htm", "rate 4"), ("b.htm", "rate 3")]


def test_a_file_changed_back_is_done_again(results, job, a_file, look):
    runs = job(results)
    for text in ("rate 2", "rate 4", "rate 2"):
        runs.run({"/in/a": a_file(text)})
    assert len(runs.done) == 3
    assert texts(look, results) == [("a.htm", "rate 2")]


@pytest.mark.parametrize("change", [{"model_id": "other"}, {"config_id": "other"}])
def test_another_model_or_setting_does_everything_again_and_back(results, job, a_file, look, change):
    sources = {"/in/a": a_file("rate 2"), "/in/b": a_file("rate 3", "b.htm")}
    job(results).run(sources)
    changed = job(results, **change)
    changed.run(sources)
    changed.run(sources)
    assert changed.done == ["a.htm", "b.htm"]
    assert {row[5:] for row in look(results)["documents"]} == {
        (change.get("model_id", "model"), change.get("config_id", "config"))
    }
    back = job(results)
    back.run(sources)
    assert back.done == ["a.htm", "b.htm"]
    assert len(look(results)["documents"]) == 2


def test_a_document_that_its_file_no_longer_holds_is_gone(results, job, content, look):
    accession = "0000320193-23-000106"
    job(results).run({"/in/a": content((("a.htm", "rate 2"), ("b.htm", "rate 3")), accession)})
    job(results).run({"/in/a": content((("b.htm", "rate 3"), ("c.htm", "rate 5")), accession)})
    assert names(look, results) == [f"{accession}/b.htm", f"{accession}/c.htm"]
    assert len(look(results)["entities"]) == 2


def test_a_moved_and_a_copied_file_are_not_done_again(results, job, a_file, look):
    runs = job(results)
    runs.run({"/in/a": a_file("rate 2")})
    runs.run({"/moved/a": a_file("rate 2")})
    runs.run({"/copied/a": a_file("rate 2"), "/in/a": a_file("rate 2")})
    assert runs.done == ["a.htm"]
    assert [row[0] for row in look(results)["documents"]] == ["/in/a"]


def test_two_new_files_with_the_same_bytes_are_read_once(results, job, a_file):
    runs = job(results)
    runs.run({"/in/a": a_file("rate 2"), "/in/b": a_file("rate 2")})
    runs.run({"/in/a": a_file("rate 2"), "/in/b": a_file("rate 2")})
    assert runs.done == ["a.htm"]


def test_each_of_two_files_with_the_same_broken_bytes_has_its_failed_row(results, job, content, look):
    runs = job(results)
    sources = {f"/in/{name}": content(((name, "fail"),)) for name in ("a", "b")}
    assert sources["/in/a"].sha256 != sources["/in/b"].sha256
    same = content((("a", "fail"),))
    for _ in range(2):
        runs.run({"/in/a": same, "/in/b": same})
    assert runs.done == ["a", "a"]
    assert [(row[0], row[3]) for row in look(results)["documents"]] == [("/in/a", "failed"), ("/in/b", "failed")]


def test_a_name_that_gets_new_content_leaves_the_old_content_to_the_file_it_was_moved_to(results, job, a_file, look):
    runs = job(results)
    runs.run({"/in/latest": a_file("rate 2")})
    runs.run({"/in/archived": a_file("rate 2"), "/in/latest": a_file("rate 4")})
    assert sorted((row[0], row[3]) for row in look(results)["entities"]) == [
        ("/in/archived", "rate 2"),
        ("/in/latest", "rate 4"),
    ]


def test_a_file_that_becomes_a_copy_of_another_sheds_its_old_rows(results, job, a_file, look):
    job(results).run({"/in/a": a_file("rate 2"), "/in/b": a_file("rate 4", "b.htm")})
    job(results).run({"/in/a": a_file("rate 2"), "/in/b": a_file("rate 2")})
    assert {text for _, text in texts(look, results)} == {"rate 2"}


def test_a_moved_file_under_another_model_leaves_no_old_rows_behind(results, job, a_file, look):
    job(results).run({"/in/a": a_file("rate 2")})
    job(results, model_id="other").run({"/moved/a": a_file("rate 2")})
    assert [(row[0], row[5]) for row in look(results)["documents"]] == [("/moved/a", "other")]


def test_one_filing_in_two_forms_is_shown_once_and_neither_is_done_again(results, job, a_file, look):
    accession = "0000320193-23-000106"
    sources = {"/in/a": a_file("rate 2", accession=accession), "/in/b": a_file("rate  2", accession=accession)}
    runs = job(results)
    for _ in range(3):
        runs.run(sources)
    assert len(runs.done) == 2
    assert [row[0] for row in look(results)["documents"]] == ["/in/b"]
    runs.run({"/in/b": a_file("rate 3", "other.htm", accession)})
    assert [(row[0], row[1]) for row in look(results)["documents"]] == [
        ("/in/a", f"{accession}/a.htm"),
        ("/in/b", f"{accession}/other.htm"),
    ]


def test_a_failed_document_waits_for_retry_and_keeps_the_others_out(results, job, content, look):
    sources = {"/in/a": content((("a.htm", "rate 2"), ("b.htm", "fail"))), "/in/c": content((("c.htm", "rate 3"),))}
    runs = job(results)
    runs.run(sources)
    runs.run(sources)
    assert runs.done == ["a.htm", "b.htm", "c.htm"]
    runs.run(sources, retry=True)
    assert runs.done[3:] == ["a.htm", "b.htm"]
    assert [row[3] for row in look(results)["documents"]] == ["ok", "failed", "ok"]


def test_the_failed_documents_can_be_listed(results, job, content):
    job(results).run({"/in/a": content((("a.htm", "rate 2"), ("b.htm", "fail: broken")))})
    failed = list(Ledger.load(place_of(results), model_id="model", config_id="config").failed())
    assert [(row.source, row.document_id, row.stage, row.error) for row in failed] == [
        ("/in/a", "b.htm", "decode", "fail: broken")
    ]


def shard_of(content, texts):
    return content(tuple(sorted(texts.items())), shard=True)


def test_a_shard_is_resumed_at_the_row(results, job, content, killed, look):
    sources = {"/in/s": shard_of(content, {f"s#{number}": f"rate {number}" for number in range(9)})}
    calls = []

    def die():
        calls.append(None)
        if len(calls) == 8:
            raise killed

    broken = job(results, after_step=die)
    with pytest.raises(killed):
        broken.run(sources)
    again = job(results)
    again.run(sources)
    assert len(broken.done) == 8
    assert 0 < len(again.done) < 9
    assert len(look(results)["documents"]) == 9
    again.run(sources)
    assert len(broken.done) + len(again.done) < 18


def test_a_finished_shard_is_known_by_its_hash_alone(results, job, content):
    shard = shard_of(content, {"x": "rate 1", "y": "rate 2"})
    job(results).run({"/in/s": shard})
    ledger = Ledger.load(place_of(results), model_id="model", config_id="config")
    assert ledger.decide("/in/s", shard.sha256) is Decision.DONE
    assert ledger.decide("/copied/s", shard.sha256) is Decision.COPY
    assert len(ledger) == 2


def test_a_changed_shard_redoes_changed_rows_and_drops_removed_ones(results, job, content, look):
    runs = job(results)
    runs.run({"/in/s": shard_of(content, {"x": "rate 1", "y": "rate 2", "z": "rate 3"})})
    runs.run({"/in/s": shard_of(content, {"x": "rate 1", "y": "rate 5", "w": "rate 4"})})
    assert sorted(runs.done[3:]) == ["w", "y"]
    assert texts(look, results) == [("w", "rate 4"), ("x", "rate 1"), ("y", "rate 5")]
    runs.run({"/in/s": shard_of(content, {"x": "rate 1", "y": "rate 2", "z": "rate 3"})})
    assert texts(look, results) == [("x", "rate 1"), ("y", "rate 2"), ("z", "rate 3")]


def test_a_shard_changed_back_after_a_broken_run_is_not_taken_for_finished(results, job, content, killed, look):
    first = shard_of(content, {f"{number}": f"rate {number}" for number in range(6)})
    second = shard_of(content, {f"{number}": f"rate 7{number}" for number in range(6)})
    job(results).run({"/in/s": first})

    def die():
        if len(list_parts(place_of(results))) > 4:
            raise killed

    with pytest.raises(killed):
        job(results, after_step=die).run({"/in/s": second})
    assert "rate 70" in {text for _, text in texts(look, results)}
    job(results).run({"/in/s": first})
    assert {text for _, text in texts(look, results)} == {f"rate {number}" for number in range(6)}


def test_rows_of_a_shard_are_not_mistaken_for_files(results, job, content):
    text = "rate 1"
    job(results).run({"/in/s": shard_of(content, {"x": text})})
    ledger = Ledger.load(place_of(results), model_id="model", config_id="config")
    [digest] = ledger.rows_done("/in/s")
    sha256 = __import__("hashlib").sha256(text.encode()).hexdigest()
    assert digest == row_digest("x", sha256)
    assert ledger.decide("/in/text-of-the-row", sha256) is Decision.NEW


def test_failed_rows_of_a_shard_are_read_again_by_retry_only(results, job, content):
    sources = {"/in/s": shard_of(content, {"x": "rate 1", "y": "fail"})}
    runs = job(results)
    runs.run(sources)
    runs.run(sources)
    assert runs.done == ["x", "y"]
    runs.run(sources, retry=True)
    assert runs.done == ["x", "y", "y"]


def test_a_damaged_file_is_named_with_what_to_do(results, job, a_file):
    job(results).run({"/in/a": a_file("rate 2")})
    path = results / "documents" / f"{list_parts(place_of(results))[-1]}.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FinnerError, match=rf"{path.name} cannot be read.*delete it"):
        Ledger.load(place_of(results), model_id="model", config_id="config")


def test_without_a_folder_everything_is_new(results):
    ledger = Ledger.load(place_of(results), model_id="model", config_id="config")
    assert len(ledger) == 0
    assert ledger.decide("/in/a", "ab" * 32) is Decision.NEW
    assert ledger.decide("/in/b", "ab" * 32) is Decision.CLAIMED


def write_failed(results, sources, *, error_type, run="20260101T000000Z-0000"):
    """One run in which each of these sources is what cannot be read; returns the ledger as the run left it."""
    ledger = Ledger.load(place_of(results), model_id="m", config_id="c")
    with Writer(place_of(results), ledger=ledger, run_id=run, model_id="m", config_id="c") as writer:
        for source in sources:
            row = {"document_id": source, "source": source, "sha256": "ab" * 32, "status": "failed"}
            writer.add(row | {"stage": "read", "error_type": error_type, "error": "a login page"})
            writer.finish(source, "ab" * 32)
        writer.commit()
    return ledger


@pytest.mark.parametrize(
    ("error_type", "decision"), [("NotTheFilingError", Decision.NEW), ("DocumentError", Decision.FAILED)]
)
def test_a_page_in_place_of_a_filing_is_read_again_by_every_run_and_what_else_failed_is_not(
    results, error_type, decision
):
    write_failed(results, ["/in/a"], error_type=error_type)

    assert Ledger.load(place_of(results), model_id="m", config_id="c").decide("/in/a", "ab" * 32) is decision


@pytest.mark.parametrize(
    ("error_type", "decisions"),
    [
        ("NotTheFilingError", [Decision.NEW] * 3),
        ("DocumentError", [Decision.NEW] * 3),
        ("OutOfTimeError", [Decision.NEW, Decision.CLAIMED, Decision.CLAIMED]),
    ],
)
def test_bytes_that_no_source_can_be_read_from_are_not_tried_one_source_after_the_other(results, error_type, decisions):
    ledger = write_failed(results, ["/in/a"], error_type=error_type)

    assert [ledger.decide(source, "ab" * 32) for source in ("/in/b", "/in/c", "/in/d")] == decisions


def test_a_whole_file_that_the_system_does_not_give_is_not_to_be_deleted(results, job, a_file, monkeypatch):
    job(results).run({"/in/a": a_file("rate 2")})

    def refuse(*_arguments, **_options):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("finner_batch.results.part.pq.ParquetFile", refuse)
    with pytest.raises(FinnerError, match="cannot be read: Too many open files") as refusal:
        Ledger.load(place_of(results), model_id="model", config_id="config")
    assert "delete" not in str(refusal.value)
