"""Measures how much of a filing repeats the company's earlier ones: `python -m finner_batch.benchmark.repeats PATH…`.

`--every-sentence` before the paths includes every sentence with a number, as the flag of a run does.

Filings are read, split and tokenised as in a run; no model runs. Windows (what the model reads at once) are compared as
in the cache of `finner-batch run`, so the known ones are those that a large enough cache saves.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from finner_batch.engine.parse import ParsedDocument, Stopwatch, parse
from finner_batch.errors import DocumentError
from finner_batch.sources.discover import discover
from finner_batch.sources.document import FailedDocument, Source
from finner_batch.sources.read import ReadOptions, read_documents
from finner_batch.tagger.cues import EVERY_SENTENCE
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.remembered import window_digest
from finner_batch.tagger.tagger import WINDOW_SENTENCES
from finner_batch.tagger.tokens import SentenceTokenizer

GAPS = ((100, "a quarter after"), (380, "a year after"), (sys.maxsize, "longer after"))
"""Maximum days from the period of the company's latest earlier filing to that of the filing, with a name for each."""

_EVERY_SENTENCE = "--every-sentence"


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


def in_one_run(filings: Sequence[Filing], window_sentences: int) -> tuple[Count, Count]:
    """Count all filings as one run: repeats within a call of the model, and what the cache adds across calls."""
    within, across = Count(), Count()
    known: set[bytes] = set()
    call: dict[bytes, int] = {}
    sentences = held = 0
    for place, filing in enumerate(filings, start=1):
        within.windows, within.tokens = within.windows + filing.windows, within.tokens + filing.tokens
        call.update(filing.distinct)
        sentences, held = sentences + filing.sentences, held + 1
        if sentences >= window_sentences or place == len(filings):
            across.add(held, call, known)
            known.update(call)
            call, sentences, held = {}, 0, 0
    within.filings = across.filings
    within.known_windows = within.windows - across.windows
    within.known_tokens = within.tokens - across.tokens
    return within, across


def table(filings: Sequence[Filing]) -> str:
    """Format all counts as a table."""
    within, across = in_one_run(filings, WINDOW_SENTENCES["cpu"])
    lines = [f"{'':<44}{'filings':>8}{'windows':>10}{'known':>7}{'tokens':>12}{'known':>7}{'left to run':>13}"]
    lines.append(_line("one run over all: repeats within a call", within))
    lines.append(_line("  of the rest: run in an earlier call", across))
    counts = after_earlier_ones(filings)
    order = [(form, gap) for form in sorted({form for form, _ in counts}) for _, gap in GAPS]
    lines += [
        _line(f"{form}, {gap} the company's last", counts[form, gap]) for form, gap in order if (form, gap) in counts
    ]
    return "\n".join(lines)


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


def _line(name: str, count: Count) -> str:
    windows, tokens = (
        known / whole if whole else 0.0
        for known, whole in ((count.known_windows, count.windows), (count.known_tokens, count.tokens))
    )
    left = count.tokens - count.known_tokens
    return (
        f"{name:<44}{count.filings:>8}{count.windows:>10,}{windows:>7.1%}{count.tokens:>12,}{tokens:>7.1%}{left:>13,}"
    )


if __name__ == "__main__":
    paths = [argument for argument in sys.argv[1:] if argument != _EVERY_SENTENCE]
    if not paths:
        sys.exit(f"usage: python -m finner_batch.benchmark.repeats [{_EVERY_SENTENCE}] PATH…")
    print(table(list(read_filings(discover(paths), load_model(), every_sentence=_EVERY_SENTENCE in sys.argv))))  # noqa: T201
