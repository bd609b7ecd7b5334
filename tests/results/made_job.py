"""A small job over made-up contents, so that the store is tried as a run uses it, without parsing or a model."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finner_batch.results.digests import row_digest
from finner_batch.results.ledger import Decision, Ledger
from finner_batch.results.run_reports import new_run_id
from finner_batch.results.writer import Writer
from finner_batch.storage.place import Place, place_of


@dataclass(frozen=True)
class Content:
    """What a made-up file holds: `parts` are (name, text) of its documents; `shard` makes them rows of a shard."""

    parts: tuple[tuple[str, str], ...]
    accession: str | None = None
    shard: bool = False

    @property
    def sha256(self) -> str:
        return sha256_of(repr(self))


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def made_entities(text: str) -> list[dict[str, Any]]:
    """One entity a digit of the text; a text that holds `fail` makes a document fail."""
    return [
        {
            "section": "Part II, Item 8 > Note 7 - Debt",
            "sentence_index": place,
            "sentence": text,
            "start": place,
            "end": place + 1,
            "document_start": place,
            "document_end": place + 1,
            "label": "DebtInstrumentBasisSpreadOnVariableRate1",
            "text": character,
            "value": float(character) / 100,
            "unit": "pure",
            "scale": -2,
            "confidence": 0.9,
            "before_text": None,
            "before_value": None,
            "sec_url": None,
        }
        for place, character in enumerate(text)
        if character.isdigit()
    ]


@dataclass
class Job:
    """Runs made-up sources into a results folder; `after_step` is called after every call of the writer."""

    results: Path | Place
    model_id: str = "model"
    config_id: str = "config"
    commit_every: int = 1
    check: Callable[[], None] = lambda: None
    after_step: Callable[[], None] = lambda: None
    done: list[str] = field(default_factory=list)
    """Documents that were processed, over all runs of this job."""

    def run(self, sources: Mapping[str, Content], *, retry: bool = False) -> None:
        ledger = Ledger.load(place_of(self.results), model_id=self.model_id, config_id=self.config_id)
        with Writer(
            place_of(self.results),
            ledger=ledger,
            run_id=new_run_id(),
            model_id=self.model_id,
            config_id=self.config_id,
            lock=self.check,
        ) as writer:
            again = [source for source in sorted(sources) if self._source(writer, ledger, sources, source, retry)]
            writer.commit()
            for source in again:
                self._source(writer, ledger, sources, source, retry)
            writer.commit()
            self.after_step()

    def _source(self, writer: Writer, ledger: Ledger, sources: Mapping[str, Content], source: str, retry: bool) -> bool:
        content = sources[source]
        decision = ledger.decide(source, content.sha256, retry=retry)
        if decision is Decision.COPY:
            home = ledger.home(content.sha256)
            if home in sources and sources[home].sha256 != content.sha256:
                ledger.claim(content.sha256)
                decision = Decision.NEW
        if decision is not Decision.NEW:
            return decision is Decision.CLAIMED
        rows_done = ledger.rows_done(source, retry=retry) if content.shard else frozenset()
        kept = []
        for name, text in content.parts:
            document = self._document(source, content, name, text)
            digest = row_digest(document["document_id"], document["sha256"])
            if digest in rows_done:
                kept.append(digest)
                continue
            failed = "fail" in text
            self.done.append(document["document_id"])
            writer.add(
                document | ({"status": "failed", "stage": "decode", "error": text} if failed else {"status": "ok"}),
                [] if failed else made_entities(text),
            )
            self._step(writer)
        writer.finish(source, content.sha256, kept=kept)
        self._step(writer)
        return False

    def _document(self, source: str, content: Content, name: str, text: str) -> dict[str, Any]:
        return {
            "document_id": f"{content.accession}/{name}" if content.accession else name,
            "source": source,
            "sha256": sha256_of(text) if content.shard else content.sha256,
            "bytes": len(text),
            "kind": "parquet" if content.shard else "html",
            "accession_number": content.accession,
            "sentences": 1,
            "tagged_sentences": 1,
            "seconds": 0.5,
        }

    def _step(self, writer: Writer) -> None:
        if writer.pending_documents >= self.commit_every:
            writer.commit()
        self.after_step()
