"""Works out what a run would read and why, by comparing its input with the results folder. Writes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any

from finner_batch.config import RunConfig
from finner_batch.errors import FinnerError
from finner_batch.machine import MEBIBYTE
from finner_batch.query.connection import connect
from finner_batch.readers.archive import archive_of
from finner_batch.readers.copies import Copies, drop_copy, version_digest
from finner_batch.readers.document import Source
from finner_batch.readers.forms import Forms
from finner_batch.readers.streams import is_url
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.results.run_reports import load_run
from finner_batch.runner.work_queue import Skipped, WorkQueue
from finner_batch.runner.worker import Task
from finner_batch.storage.place import place_of

SOURCES_PER_QUERY = 10_000
_BEFORE = """
WITH asked AS (SELECT unnest($sources) AS source, unnest($digests) AS sha256),
newest AS (
  FROM stored_documents SEMI JOIN asked USING (source)
  QUALIFY row_number() OVER (PARTITION BY source, document_id ORDER BY part DESC, file_row_number DESC) = 1
)
SELECT
  source, arg_max(model_id, (part, file_row_number)), arg_max(config_id, (part, file_row_number)),
  arg_max(run_id, (part, file_row_number)), bool_or(newest.sha256 = asked.sha256), bool_or(status = 'failed')
FROM newest JOIN asked USING (source)
WHERE status <> 'removed'
GROUP BY source
"""
SKIPPED = frozenset(["unchanged", "copies", "failed_before", "other_forms"])


@dataclass(slots=True, kw_only=True)
class PlannedWork:
    """Counts of files by what a run would do with them; a member of an archive counts as a file.

    Read: `new`, `changed_content`, `other_model`, `other_settings`, `other_pipeline_version`, `not_finished` (a run
    stopped in it), `failed_before_tried_again` (a web page in place of a filing), `fetched_to_see` (unknown before the
    download). Skipped: `unchanged`, `copies` (of bytes that are done, or read in this run), `failed_before`
    (`finner-batch retry` processes them), `other_forms`.
    """

    new: int = 0
    changed_content: int = 0
    other_model: int = 0
    other_settings: int = 0
    other_pipeline_version: int = 0
    not_finished: int = 0
    failed_before_tried_again: int = 0
    fetched_to_see: int = 0
    unchanged: int = 0
    copies: int = 0
    failed_before: int = 0
    other_forms: int = 0
    why: list[str] = field(default_factory=list)
    """The model and settings that the results were made with, and those that apply now, where they differ."""


class WorkPlanner:
    """Goes through the sources as a run would, and counts them in `work`. Raises as `Ledger.load` does."""

    def __init__(self, config: RunConfig, model_id: str) -> None:
        self.work = PlannedWork()
        self._config = config
        self._model_id = model_id
        self._results = place_of(config.output)
        self._ledger = Ledger.load(self._results, model_id=model_id, config_id=config.config_id)
        self._reasons: dict[str, str] = {}

    def to_read(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Count each source, and yield those that a run would read; an archive if it would read one of its members."""
        remaining = iter(sources)
        with Copies() as copies:
            while some := list(islice(remaining, SOURCES_PER_QUERY)):
                digests = dict(self._contents(some, copies))
                self._count(digests)
                by_uri = {source.uri: source for source in some}
                owners = (uri if uri in by_uri else archive_of(uri) or uri for uri in digests)
                yield from (by_uri[uri] for uri in dict.fromkeys(owners))

    def _contents(self, sources: Sequence[Source], copies: Copies) -> Iterator[tuple[str, str]]:
        """Yield the URI and digest of every content that a run would read, and count the others.

        A URL is not fetched: the version of an object decides, and other URLs have no digest.
        """
        for source in sources:
            if is_url(source.uri):
                yield from self._behind_url(source)
        config = self._config
        stored = copies.with_members(
            (source for source in sources if not is_url(source.uri)),
            max_bytes=config.max_document_mb * MEBIBYTE,
            with_csv=bool(config.text_column),
        )
        queue = WorkQueue(stored, self._ledger, copies=copies, retry=False, forms=Forms(config.form))
        for selected in next(queue.rounds()):
            match selected:
                case Task():
                    drop_copy(selected.source)
                    yield selected.source.uri, selected.sha256 or "unreadable"
                case Skipped():
                    self._add(selected.reason)
                case None:  # it would wait for a source with the same bytes
                    self._add("copies")

    def _behind_url(self, source: Source) -> Iterator[tuple[str, str]]:
        if not source.version:
            self._add("fetched_to_see")
            yield source.uri, ""
            return
        digest = version_digest(source)
        match self._ledger.decide_version(source.uri, source.version, digest):
            case Decision.DONE:
                self._add("unchanged")
            case Decision.FAILED:
                self._add("failed_before")
            case _:
                yield source.uri, digest

    def _add(self, name: str) -> None:
        setattr(self.work, name, getattr(self.work, name) + 1)

    def _count(self, digests: dict[str, str]) -> None:
        asked = {uri: sha256 for uri, sha256 in digests.items() if sha256}
        if not asked:
            return
        before: dict[str, tuple[Any, ...]] = {}
        if len(self._ledger):
            with closing(connect(self._results)) as connection:
                rows = connection.execute(_BEFORE, {"sources": list(asked), "digests": list(asked.values())}).fetchall()
                before = {row[0]: row[1:] for row in rows}
        for uri in asked:
            self._add(self._reason(*before[uri]) if uri in before else "new")

    def _reason(self, model_id: str, config_id: str, run_id: str, same_content: bool | None, failed: bool) -> str:
        if same_content is None and failed:  # it was unreadable
            return "failed_before_tried_again"
        if not same_content:
            return "changed_content"
        if model_id != self._model_id:
            self._note(f"model {model_id} before, {self._model_id} now")
            return "other_model"
        if config_id == self._config.config_id:
            return "failed_before_tried_again" if failed else "not_finished"
        if config_id not in self._reasons:
            self._reasons[config_id] = self._other_settings(run_id)
        return self._reasons[config_id]

    def _other_settings(self, run_id: str) -> str:
        """Return the reason, and note the settings that differ from those of an earlier run."""
        try:
            settings = load_run(self._results, run_id).get("config", {})
        except FinnerError as error:
            self._note(f"settings or version, unknown which: {error}")
            settings = {}
        if not settings:
            return "other_pipeline_version"
        before, now = _of_rows(settings), self._config.of_rows
        changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        for name in changed:
            self._note(f"{name.replace('_', '-')} {_written(before.get(name))} before, {_written(now.get(name))} now")
        return "other_settings" if changed else "other_pipeline_version"

    def _note(self, why: str) -> None:
        if why not in self.work.why:
            self.work.why.append(why)


def _of_rows(settings: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: settings[field.name] for field in fields(RunConfig) if field.name in settings}
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    plain["input"] = ()
    return RunConfig(**plain).of_rows


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value).lower()
