"""Statistics of a labelled dataset as Arrow tables: labels, sizes, co-occurrence, tags and readings, values, cues.

A *label* is a concept of the label set. A number counts by its gold label: the reading if there is one, else the
filer's tag. Unknown numbers (untagged and unread, outside notes) do not count.

Cues are the words that distinguish a label's numbers from all others, ranked by the z-score of their log-odds ratio
with an informative Dirichlet prior (Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16, 2008): the
prior keeps rare words from ranking first by chance, and the z-score excludes common words that differ little.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finner_batch.tagging.model import DEFAULT_MODEL
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.dataset import OUTSIDE, READ_LABELS, LabelledSentence, Number
from finner_batch.values.value import read_value

SIDES = ("before", "after")
NEAR_WORDS = 6
"""Number of words on each side of a number that can be cues."""
PRIOR_WORDS = 1000
"""Strength of the prior, in words with the distribution of those near all numbers."""
ANY_NUMBER = "#"
"""Replaces every number among the words."""

_WORD = re.compile(r"(?P<number>[0-9]+(?:[.,/][0-9]+)*)|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[%$€£¥+]")

SCHEMA = pa.schema(
    [
        pa.field("label", pa.string()),
        pa.field("side", pa.string()),
        pa.field("rank", pa.int64()),
        pa.field("word", pa.string()),
        pa.field("z", pa.float64()),
        pa.field("with_label", pa.float64()),
        pa.field("without", pa.float64()),
    ]
)
SPLITS = ("train", "validation", "dev")
QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
SIZES = ("tokens", "characters", "numbers")
_ONE_WINDOW = 1 << 30
"""More tokens than in any sentence."""


class Word(NamedTuple):
    """A word and its span in the text."""

    start: int
    end: int
    text: str


def cues(sentences: Sequence[LabelledSentence], labels: Sequence[str], top: int = 15) -> pa.Table:
    """Rank the words before and after the numbers of each label against those of all other known numbers.

    A word counts once per number and side if it is within `NEAR_WORDS` words. Columns: `label`, `side` (before or
    after), `rank`, `word` (lower case; `#` is any number), its `z` (above 0), and the shares of the label's numbers
    (`with_label`) and of the others (`without`) that have the word there.
    """
    near: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    numbers: Counter[str] = Counter()
    for row in sentences:
        found = words(row.text)
        for number in row.numbers:
            gold = row.gold(number, labels)
            if gold is not None:
                numbers[gold] += 1
                for side, near_words in _sides(found, number).items():
                    near[gold, side].update(near_words)
    rows = []
    for side in SIDES:
        everywhere: Counter[str] = sum((near[gold, side] for gold in numbers), Counter())
        for label in labels:
            mine, others = near[label, side], everywhere - near[label, side]
            scores = log_odds(mine, others)
            best = sorted((word for word in scores if scores[word] > 0), key=lambda word: (-scores[word], word))[:top]
            rows += [
                {
                    "label": label,
                    "side": side,
                    "rank": rank,
                    "word": word,
                    "z": round(scores[word], 1),
                    "with_label": round(mine[word] / numbers[label], 3),
                    "without": round(others[word] / max(1, numbers.total() - numbers[label]), 3),
                }
                for rank, word in enumerate(best, start=1)
            ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def cue_lists(found: pa.Table, labels: Sequence[str]) -> pa.Table:
    """Return the cues of some labels as one line per label and side: `plus 47.6, libor 23.8, …`."""
    rows = found.to_pylist()
    return pa.Table.from_pylist(
        [
            {
                "label": label,
                "side": side,
                "words": ", ".join(
                    f"{row['word']} {row['z']}" for row in rows if (row["label"], row["side"]) == (label, side)
                ),
            }
            for label in labels
            for side in SIDES
        ]
    )


def words(text: str) -> list[Word]:
    """Return the words and signs of a text in lower case with their spans, each number as `#`."""
    return [
        Word(match.start(), match.end(), ANY_NUMBER if match["number"] else match[0].lower())
        for match in _WORD.finditer(text)
    ]


def log_odds(mine: Counter[str], others: Counter[str]) -> dict[str, float]:
    """Return the z-score of each word's log-odds ratio in `mine` against `others`; empty if there is only one word."""
    both = mine + others
    if len(both) == 1:
        return {}
    scores = {}
    for word, count in mine.items():
        prior = PRIOR_WORDS * both[word] / both.total()
        first, second = count + prior, others[word] + prior
        ratio = first / (mine.total() + PRIOR_WORDS - first) / (second / (others.total() + PRIOR_WORDS - second))
        scores[word] = math.log(ratio) / math.sqrt(1 / first + 1 / second)
    return scores


def _sides(found: Sequence[Word], number: Number) -> dict[str, set[str]]:
    """Return the distinct words within `NEAR_WORDS` of a number on each side."""
    first = bisect_right(found, number.start, key=lambda word: word.end)
    last = bisect_left(found, number.end, key=lambda word: word.start)
    return {
        "before": {word.text for word in found[max(0, first - NEAR_WORDS) : first]},
        "after": {word.text for word in found[last : last + NEAR_WORDS]},
    }


def places(sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> pa.Table:
    """Count companies, sentences, those read and those with a label, and numbers, by split and place."""
    rows = []
    for split in SPLITS:
        for place, in_note in (("notes", True), ("elsewhere", False)):
            chosen = [row for row in sentences if row.split == split and row.in_note is in_note]
            companies, read = len({row.company for row in chosen}), sum(row.is_read for row in chosen)
            labelled = sum(any(True for _ in labelled_numbers(row, labels)) for row in chosen)
            numbers = sum(len(row.numbers) for row in chosen)
            rows.append((split, place, companies, len(chosen), read, labelled, numbers))
    return _table(("split", "place", "companies", "sentences", "read", "with_label", "numbers"), rows)


def label_counts(sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> pa.Table:
    """Count the numbers of each label by source, location and split, and the sentences and companies with the label.

    `tagged_…` counts filers' tags and `read_…` readings, in notes and elsewhere; `train`, `validation` and `dev` count
    gold labels; `largest_company` is the largest share of them in one company. Most frequent labels first.
    """
    counts: Counter[tuple[str | None, str]] = Counter()
    by_company: defaultdict[str, Counter[str]] = defaultdict(Counter)
    holding: Counter[str] = Counter()
    for row in sentences:
        place = "notes" if row.in_note else "elsewhere"
        for number in row.numbers:
            counts[number.concept, f"tagged_{place}"] += 1
            counts[number.reading, f"read_{place}"] += 1
        gold = [label for _, label in labelled_numbers(row, labels)]
        holding.update(set(gold))
        for label in gold:
            counts[label, row.split] += 1
            by_company[label][row.company] += 1
    columns = ("tagged_notes", "tagged_elsewhere", "read_notes", "read_elsewhere", *SPLITS)
    rows = [
        (
            label,
            *(counts[label, column] for column in columns),
            holding[label],
            len(by_company[label]),
            _share(max(by_company[label].values(), default=0), by_company[label].total()),
        )
        for label in sorted(labels, key=lambda label: (-by_company[label].total(), label))
    ]
    return _table(("label", *columns, "sentences", "companies", "largest_company"), rows)


def labelled_numbers(row: LabelledSentence, labels: Sequence[str]) -> Iterator[tuple[Number, str]]:
    """Yield the numbers of a sentence that have a label, with the label."""
    for number in row.numbers:
        gold = row.gold(number, labels)
        if gold is not None and gold != OUTSIDE:
            yield number, gold


def sentence_sizes(sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> pa.Table:
    """Measure each sentence: `tokens` (word pieces of the packaged model), `characters`, `numbers`, `labelled` ones."""
    tokenizer = SentenceTokenizer(DEFAULT_MODEL / "tokenizer.json", _ONE_WINDOW)
    rows = []
    for row in sentences:
        (window,) = tokenizer.windows(row.text, [(row.numbers[0].start, row.numbers[0].end)])
        pieces = window.length - 2  # without the special tokens before and after the sentence
        labelled = sum(1 for _ in labelled_numbers(row, labels))
        rows.append((pieces, len(row.text), len(row.numbers), labelled))
    return _table((*SIZES, "labelled"), rows)


def size_quantiles(sizes: pa.Table) -> pa.Table:
    """Return the quantiles of `sentence_sizes` for all sentences and for those with a label."""
    rows = []
    for measure in SIZES:
        for name, chosen in (("all", sizes), ("with a label", sizes.filter(pc.greater(sizes["labelled"], 0)))):
            values = chosen[measure].to_numpy()
            if len(values):
                at = (round(float(np.quantile(values, share))) for share in QUANTILES.values())
                rows.append((measure, name, len(values), *at, int(values.max())))
    return _table(("measure", "sentences", "count", *QUANTILES, "max"), rows)


def together(sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> pa.Table:
    """Count the sentences with both labels of each row and column; the diagonal counts all with the label.

    `alone` counts those without another label.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for row in sentences:
        found = {gold for _, gold in labelled_numbers(row, labels)}
        pairs.update((one, other) for one in found for other in found)
        pairs.update((one, "alone") for one in found if len(found) == 1)
    columns = (*labels, "alone")
    return _table(("label", *columns), [(one, *(pairs[one, other] for other in columns)) for one in labels])


def tags_against_readings(sentences: Sequence[LabelledSentence]) -> pa.Table:
    """Say how filers tagged the numbers that were read, a row for each label of the readings, the last for `O`.

    `same`: with the label of the reading. `another_label`: with another label of the readings. `other_concept`: with
    any other concept. `untagged`: not at all.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for row in sentences:
        for number in row.numbers:
            if number.reading is not None:
                counts[number.reading, _outcome(number)] += 1
    columns = ("same", "another_label", "other_concept", "untagged")
    rows = []
    for reading in (*sorted(READ_LABELS), OUTSIDE):
        outcomes = [counts[reading, column] for column in columns]
        rows.append((reading, sum(outcomes), *outcomes))
    return _table(("reading", "numbers", *columns), rows)


def disagreements(sentences: Sequence[LabelledSentence], top: int = 15) -> pa.Table:
    """Return the most frequent pairs of a reading and a different tag, with the number of companies.

    A reading `O` only disagrees with tags in `READ_LABELS`.
    """
    pairs = (
        ((number.reading, number.concept), row.company)
        for row in sentences
        for number in row.numbers
        if None not in (number.reading, number.concept)
        and number.reading != number.concept
        and (number.reading != OUTSIDE or number.concept in READ_LABELS)
    )
    rows = [(*pair, numbers, companies) for pair, numbers, companies in _ranked(pairs)[:top]]
    return _table(("reading", "tag", "numbers", "companies"), rows)


def values(sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> pa.Table:
    """Read the value and unit of each labelled number from its sentence alone; null where it states none."""
    rows = []
    for row in sentences:
        for number, label in labelled_numbers(row, labels):
            value = read_value(row.text, number.start, number.end)
            rows.append((label, value.value, value.unit))
    return _table(("label", "value", "unit"), rows)


def value_ranges(found: pa.Table) -> pa.Table:
    """Return the quantiles of `values` by label and unit, the most frequent units first."""
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for row in found.to_pylist():
        if row["value"] is not None:
            groups[row["label"], row["unit"] or "none stated"].append(row["value"])
    rows = [
        (label, unit, len(group), *(float(f"{np.quantile(group, at):.4g}") for at in (0, 0.05, 0.5, 0.95, 1)))
        for (label, unit), group in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    ]
    return _table(("label", "unit", "numbers", "min", "p5", "median", "p95", "max"), rows)


def concepts(sentences: Sequence[LabelledSentence]) -> pa.Table:
    """Count the concepts of filers' tags, most frequent first; `share` is cumulative."""
    ranked = _ranked((number.concept, row.company) for row in sentences for number in row.numbers if number.concept)
    sums = list(accumulate(numbers for _, numbers, _ in ranked))
    rows = [(rank, *counts, _share(sums[rank - 1], sums[-1])) for rank, counts in enumerate(ranked, start=1)]
    return _table(("rank", "concept", "numbers", "companies", "share"), rows)


def left_out(statistics: Mapping[str, Any]) -> pa.Table:
    """Return what labelling left out and why, from the dataset's statistics: `left_out` of `total`."""
    split, facts, read = statistics["split_sentences"], statistics["facts"], statistics["readings"]
    documents = statistics["documents"] + statistics["documents_failed"]
    numbered = sum(statistics["sentences"].values()) + statistics["duplicates"]
    rows = [
        ("document", documents, statistics["documents_failed"], "could not be read"),
        ("document", documents, statistics["documents_without_facts"], "no inline XBRL; kept where someone read it"),
        ("document", documents, statistics["documents_without_company"], "states no CIK; kept where someone read it"),
        ("sentence", sum(split.values()), split["without_number"], "holds no number"),
        ("sentence with a number", numbered, statistics["duplicates"], "the company says the same elsewhere"),
        ("fact in prose", facts["in_prose"], facts["no_digit"], "holds no digit: spelled out, or words"),
        ("fact in prose", facts["in_prose"], facts["several_numbers"], "covers several numbers"),
        ("fact in prose", facts["in_prose"], facts["no_sentence"], "lies in no sentence with a number"),
        ("fact in prose", facts["in_prose"], facts["nested"], "inside another fact of the same number"),
    ]
    if read:
        rows.append(("reading", sum(read.values()), read["not_found"], "its sentence is not in the input"))
    return _table(("what", "total", "left_out", "why"), rows)


def _ranked(occurrences: Iterable[tuple[Any, str]]) -> list[tuple[Any, int, int]]:
    """Count the occurrences and the companies of each key, the most frequent first."""
    companies: defaultdict[Any, list[str]] = defaultdict(list)
    for key, company in occurrences:
        companies[key].append(company)
    counts = [(key, len(found), len(set(found))) for key, found in companies.items()]
    return sorted(counts, key=lambda count: (-count[1], count[0]))


def _outcome(number: Number) -> str:
    if number.concept is None:
        return "untagged"
    if number.concept == number.reading:
        return "same"
    return "another_label" if number.concept in READ_LABELS else "other_concept"


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> pa.Table:
    rows = list(rows)
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
