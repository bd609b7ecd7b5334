"""Training examples of labelled sentences: windows of token ids with a target for each number; their batches."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagging.tokens import SentenceTokenizer, Window
from finner_batch.training.data.dataset import OUTSIDE, Gold, LabelledSentence

OTHER = "other"
"""Label of a number whose concept is too rare for a label of its own, in a head over frequent concepts."""
MASKED = -1
"""Target of a number that the loss ignores."""

DEBT_CUE = re.compile(
    r"\b(?:notes?|debentures?|bonds?|loans?|borrow\w*|credit|facilit(?:y|ies)|revolv\w*|commercial paper|debt|"
    r"LIBOR|SOFR|EURIBOR|prime rate|base rate|interest|indenture|lenders?|swingline|letters? of credit)\b",
    re.IGNORECASE,
)
RATE_OR_AMOUNT = re.compile(r"[0-9] ?%|basis points|[$€£¥]|\bpercent\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One window of a sentence. `targets[i]` is the label's index of `window.numbers[i]`, or `MASKED`.

    `positive`: some target is a label other than O. `hard`: the sentence mentions debt and a rate or amount.
    `sentence`: index of the sentence in the list that the examples were made from.
    """

    window: Window
    targets: tuple[int, ...]
    positive: bool
    hard: bool
    sentence: int


def frequent_concepts(sentences: Sequence[LabelledSentence], minimum: int) -> list[str]:
    """Return the concepts of at least `minimum` numbers, sorted by name."""
    counts = Counter(number.concept for row in sentences for number in row.numbers if number.concept)
    return sorted(concept for concept, count in counts.items() if count >= minimum)


def make_examples(
    sentences: Sequence[LabelledSentence],
    labels: Sequence[str],
    tokenizer: SentenceTokenizer,
    *,
    mask: bool,
    gold: Gold = "readings",
) -> list[Example]:
    """Make the examples of sentences for a head over `labels` (`O` first, optionally `OTHER`).

    Unknown numbers are masked; sentences without a known number are left out. With `mask`, an untagged and unread
    number is also masked where the same company tags the same printed number with one of the labels elsewhere: filers
    tag a number in one place and leave it untagged in the next.
    """
    index = {label: position for position, label in enumerate(labels)}
    wanted = frozenset(labels) - {OUTSIDE, OTHER}
    tagged = _numbers_tagged_by_company(sentences, wanted) if mask else {}
    examples = []
    for place, row in enumerate(sentences):
        tagged_elsewhere = tagged.get(row.company, ())
        targets_of = {}
        for number in row.numbers:
            label = row.gold(number, wanted, gold)
            if label == OUTSIDE and number.concept is not None and number.concept not in wanted and OTHER in index:
                label = OTHER
            unread = number.concept is None and (number.reading is None or gold == "filers")
            if label is None or (
                label == OUTSIDE and unread and row.text[number.start : number.end] in tagged_elsewhere
            ):
                targets_of[number.start, number.end] = MASKED
            else:
                targets_of[number.start, number.end] = index[label]
        if all(target == MASKED for target in targets_of.values()):
            continue
        hard = bool(DEBT_CUE.search(row.text) and RATE_OR_AMOUNT.search(row.text))
        for window in tokenizer.windows(row.text, list(targets_of)):
            targets = tuple(targets_of[span] for span in window.numbers)
            positive = any(target > 0 for target in targets)
            examples.append(Example(window=window, targets=targets, positive=positive, hard=hard, sentence=place))
    return examples


def sample_epoch(
    examples: Sequence[Example], *, hard_ratio: float, easy_ratio: float, rng: np.random.Generator
) -> list[Example]:
    """Take every positive example, and draw up to `ratio` times as many hard and easy negatives."""
    positives = [example for example in examples if example.positive]
    chosen = list(positives)
    for hard, ratio in ((True, hard_ratio), (False, easy_ratio)):
        pool = [example for example in examples if not example.positive and example.hard is hard]
        count = min(len(pool), round(ratio * len(positives)))
        chosen += [pool[place] for place in rng.permutation(len(pool))[:count]]
    return chosen


def token_batches(
    examples: Sequence[Example], budget_tokens: int, rng: np.random.Generator | None = None
) -> Iterator[list[Example]]:
    """Group examples of similar length into batches of at most `budget_tokens` tokens, including padding.

    The batches are sorted by length, or in random order with `rng`.
    """
    noise = rng.uniform(0.9, 1.1, len(examples)) if rng is not None else np.ones(len(examples))
    order = sorted(range(len(examples)), key=lambda place: examples[place].window.length * noise[place])
    batches: list[list[Example]] = []
    longest = 0
    for place in order:
        example = examples[place]
        longest = max(longest, example.window.length)
        if not batches or (len(batches[-1]) + 1) * longest > budget_tokens:
            batches.append([])
            longest = example.window.length
        batches[-1].append(example)
    for place in rng.permutation(len(batches)) if rng is not None else range(len(batches)):
        yield batches[place]


@dataclass(frozen=True, slots=True)
class Arrays:
    """A batch as arrays: ids and mask int64 [batch, length]; row, position and target int64 [numbers]."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]


def arrays(batch: Sequence[Example]) -> Arrays:
    """Pad a batch to its longest window."""
    length = max(example.window.length for example in batch)
    input_ids = np.zeros((len(batch), length), dtype=np.int64)
    attention_mask = np.zeros((len(batch), length), dtype=np.int64)
    for row, example in enumerate(batch):
        input_ids[row, : example.window.length] = example.window.ids
        attention_mask[row, : example.window.length] = 1
    rows = np.repeat(np.arange(len(batch)), [len(example.targets) for example in batch])
    positions = np.array([position for example in batch for position in example.window.positions], dtype=np.int64)
    targets = np.array([target for example in batch for target in example.targets], dtype=np.int64)
    return Arrays(input_ids, attention_mask, rows, positions, targets)


def _numbers_tagged_by_company(sentences: Sequence[LabelledSentence], labels: frozenset[str]) -> dict[str, set[str]]:
    tagged: dict[str, set[str]] = defaultdict(set)
    for row in sentences:
        for number in row.numbers:
            if number.concept in labels:
                tagged[row.company].add(row.text[number.start : number.end])
    return tagged
