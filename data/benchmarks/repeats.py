"""Counts how much of the filings repeats: within a call of the model, in one run, and in a firm's earlier filings.

    python data/benchmarks/repeats.py [--every-sentence] PATH…

Filings are read, split and tokenised as in a run; no model runs.
"""

import argparse
from collections.abc import Sequence

from finner_batch.benchmark.repeats import GAPS, Count, Filing, after_earlier_ones, read_filings
from finner_batch.readers.discover import discover
from finner_batch.tagging.model import load_model
from finner_batch.tagging.tagger import WINDOW_SENTENCES


def in_one_run(filings: Sequence[Filing], window_sentences: int) -> tuple[Count, Count]:
    """All filings as one run would take them: a call's own repeats; and what the cache adds over all calls."""
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
    """Lay out all counts."""
    within, across = in_one_run(filings, WINDOW_SENTENCES["cpu"])
    lines = [f"{'':<44}{'filings':>8}{'windows':>10}{'known':>7}{'tokens':>12}{'known':>7}{'left to run':>13}"]
    lines.append(_line("one run over all: repeats within a call", within))
    lines.append(_line("  of the rest: run in an earlier call", across))
    counts = after_earlier_ones(filings)
    order = [(form, gap) for form in sorted({form for form, _ in counts}) for _, gap in GAPS]
    lines += [
        _line(f"{form}, {gap} the firm's last", counts[form, gap]) for form, gap in order if (form, gap) in counts
    ]
    return "\n".join(lines)


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
    parser = argparse.ArgumentParser(description="Count how much of the filings repeats, within a run and by firm.")
    parser.add_argument("--every-sentence", action="store_true", help="as this flag of `finner-batch run`")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="filings, as `finner-batch run --input` takes them")
    given = parser.parse_args()
    print(table(list(read_filings(discover(given.paths), load_model(), every_sentence=given.every_sentence))))
