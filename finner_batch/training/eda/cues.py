"""Cues: the words near a label's numbers that tell them from all other numbers.

Words are ranked by the z-score of their log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn,
"Fightin' Words", Political Analysis 16, 2008): the prior keeps rare words from coming first by chance, and the z-score
keeps out common words that differ little.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from finner_batch.training.data.dataset import LabelledSentence, Number

SIDES = ("before", "after")
NEAR_WORDS = 6
"""Words on one side of a number in which a cue is looked for."""
PRIOR_WORDS = 1000
"""Strength of the prior: as if so many more words had been seen, distributed as near all numbers."""
ANY_NUMBER = "#"
"""Stands for any number among the words."""

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


class Word(NamedTuple):
    """A word and its place in the text."""

    start: int
    end: int
    text: str


def cues(sentences: Sequence[LabelledSentence], labels: Sequence[str], top: int = 15) -> pa.Table:
    """Rank the words before and after the numbers of each label against those of all other known numbers.

    A word counts once for a number where it stands within `NEAR_WORDS` words of it on that side. Columns: `label`,
    `side` (before or after), `rank`, `word` (lower case; `#` is any number), its `z` (above 0), and the share of the
    label's numbers (`with_label`) and of the others (`without`) that have the word there.
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
    """The cues of some labels as one line a label and side: `plus 47.6, libor 23.8, …`."""
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
    """The words and signs of a text in lower case, each number as `#`, with their spans."""
    return [
        Word(match.start(), match.end(), ANY_NUMBER if match["number"] else match[0].lower())
        for match in _WORD.finditer(text)
    ]


def log_odds(mine: Counter[str], others: Counter[str]) -> dict[str, float]:
    """z-score of the log-odds ratio of each word of `mine` against `others`; empty where all words are the same one."""
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
    """The different words within `NEAR_WORDS` of a number, on either side."""
    first = bisect_right(found, number.start, key=lambda word: word.end)
    last = bisect_left(found, number.end, key=lambda word: word.start)
    return {
        "before": {word.text for word in found[max(0, first - NEAR_WORDS) : first]},
        "after": {word.text for word in found[last : last + NEAR_WORDS]},
    }
