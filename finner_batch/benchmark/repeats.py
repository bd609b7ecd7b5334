"""Counts how much of a filing repeats the firm's earlier filings, which the cache of a run saves.

Filings are read, split and tokenised as in a run; no model runs. Windows (what the model reads at once) are compared as
the cache of `finner-batch run` compares them, so known windows are what a cache that is large enough saves.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from finner_batch.errors import DocumentError
from finner_batch.readers.document import FailedDocument, Source
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.runner.parse_document import ParsedDocument, Stopwatch, parse
from finner_batch.tagging.model import EVERY_SENTENCE, Model
from finner_batch.tagging.tagger import window_digest
from finner_batch.tagging.tokens import SentenceTokenizer

GAPS = ((100, "a quarter after"), (380, "a year after"), (sys.maxsize, "longer after"))
"""Maximum days from the period of the company's latest earlier filing to that of the filing, with a name for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A filing's distinct windows (digest to tokens), and its totals including repeats."""

    cik: str | None
    form: str | None
    period: date | None
    sentences: int
    windows: int
    tokens: int
    distinct: Mapping[bytes, int]


@dataclass(slots=True, kw_only=True)
class Count:
    """Windows and tokens of filings, and how many of them are known because they were run before."""

    filings: int = 0
    windows: int = 0
    tokens: int = 0
    known_windows: int = 0
    known_tokens: int = 0

    def add(self, filings: int, distinct: Mapping[bytes, int], known: set[bytes] | Mapping[bytes, int]) -> None:
        """Count distinct windows, and those among them that are known."""
        before = [tokens for digest, tokens in distinct.items() if digest in known]
        self.filings += filings
        self.windows += len(distinct)
        self.tokens += sum(distinct.values())
        self.known_windows += len(before)
        self.known_tokens += sum(before)


def read_filings(sources: Iterable[Source], model: Model, *, every_sentence: bool = False) -> Iterator[Filing]:
    """Yield the documents of the files in the order of a run, without those that cannot be read."""
    cues = EVERY_SENTENCE if every_sentence else model.cues
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, cues)
    for source in sources:
        try:
            for document in read_documents(source, ReadOptions()):
                if not isinstance(document, FailedDocument):
                    yield _filing(parse(document, tokenizer, tables=False, watch=Stopwatch()))
        except DocumentError:
            continue


def after_earlier_ones(filings: Sequence[Filing]) -> dict[tuple[str, str], Count]:
    """Count, by form and gap, the windows of each filing that filings of its company for earlier periods contain."""
    counts: dict[tuple[str, str], Count] = {}
    dated = [(filing.cik, filing.period, filing) for filing in filings if filing.cik and filing.period]
    dated.sort(key=lambda item: item[:2])
    for _, company in groupby(dated, key=lambda item: item[0]):
        known: set[bytes] = set()
        latest: date | None = None
        for period, same in groupby(company, key=lambda item: item[1]):
            of_period = [filing for _, _, filing in same]
            for filing in of_period:
                if latest is not None:
                    gap = next(name for days, name in GAPS if (period - latest).days <= days)
                    counts.setdefault((filing.form or "other", gap), Count()).add(1, filing.distinct, known)
            known.update(*(filing.distinct for filing in of_period))
            latest = period
    return counts


def _filing(parsed: ParsedDocument) -> Filing:
    header = parsed.document.header
    return Filing(
        cik=header.cik,
        form=header.form_type,
        period=header.period_of_report,
        sentences=len(parsed.numbered),
        windows=len(parsed.windows),
        tokens=sum(window.length for window in parsed.windows),
        distinct={window_digest(window): window.length for window in parsed.windows},
    )
