"""What a tagger says of every number of labelled sentences, beside what readers and filers say.

What a model has learnt from, by the record of its training; and whether thresholds may be chosen by some rows.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import UsageError
from finner_batch.tagging.model import DEFAULT_MODEL, Model
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.data_sources import known_sentences
from finner_batch.training.data.dataset import GENERATED, OUTSIDE, Gold, LabelledSentence, Number
from finner_batch.training.data.examples import MASKED
from finner_batch.training.evaluation.scores import Scored, company_indexes
from finner_batch.training.export.model_folder import RECORD_FILE

EVERY_SPLIT = "all"
NAMED = 10
"""So many labels are named in a message."""
FILING = "filing"
"""Origin of the sentences that `label` takes from filings; all others are rows of one's own."""
REPORTED = "dev"
"""The split by which nothing is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Every number of `rows`: number i is `numbers[i]` of `rows[places[i]]`.

    `logits` is [numbers, labels]. `gold[by][i]` is a label's index, `MASKED` where nothing is known. `whole[i]`: the
    sentence is of text whose every number is known (a note), and no choice of a reader.
    """

    rows: Sequence[LabelledSentence]
    numbers: Sequence[Number]
    places: NDArray[np.int64]
    logits: NDArray[np.float64]
    gold: Mapping[Gold, NDArray[np.int64]]
    doubtful: NDArray[np.bool_]
    whole: NDArray[np.bool_]

    def scored(self, by: Gold, kept: NDArray[np.bool_] | None = None) -> Scored:
        """The numbers (those that are kept) as one judge has them."""
        companies = company_indexes([row.company for row in self.rows])[self.places]
        numbers = Scored(self.logits, self.gold[by], self.places, companies)
        return numbers if kept is None else numbers.where(kept)


def sentences_to_judge(sentences: Sequence[LabelledSentence], split: str) -> list[LabelledSentence]:
    """Sentences of a split (`all`: of every one) that a model may be measured on: known of, and not made up.

    Raises UsageError where the split has none.
    """
    rows = [replace(row, split=split) for row in sentences] if split == EVERY_SPLIT else sentences
    if not any(row.split == split for row in rows):
        held = ", ".join(sorted({row.split for row in rows})) or "no sentences"
        raise UsageError(
            f"the data have no sentences in the split {split!r}, they have {held}: give --split one of these, or "
            "--split all for every row"
        )
    try:
        known = known_sentences(rows, split)
    except UsageError as error:
        raise UsageError(
            f"of the sentences in the split {split!r} nothing is known, they are neither notes nor read: give another "
            "--split, or data with labels"
        ) from error
    found = [row for row in known if row.origin != GENERATED]
    if not found:
        raise UsageError(f"the split {split!r} holds generated sentences only: nothing is measured on those")
    return found


def check_labels(sentences: Sequence[LabelledSentence], labels: Sequence[str], data: object) -> None:
    """Refuse data of which no number has a label of the model's: every figure would be 0. Raises UsageError."""
    counts = Counter(
        label
        for row in sentences
        for number in row.numbers
        for label in {number.concept, number.reading} - {None, OUTSIDE}
    )
    if counts.keys().isdisjoint(labels):
        found = ", ".join(str(label) for label, _ in counts.most_common(NAMED)) or "none at all"
        raise UsageError(
            f"--data {data} has none of the model's labels, so nothing can be measured. It has {found}"
            + (f" and {len(counts) - NAMED} more" if len(counts) > NAMED else "")
            + f"; the model has {', '.join(labels[:NAMED])}"
            + (f" and {len(labels) - NAMED} more" if len(labels) > NAMED else "")
        )


def judge(rows: Sequence[LabelledSentence], tagger: Tagger) -> Judged:
    """Tag the numbers of sentences. The logits are those of the model before its temperature, up to a constant.

    The numbers of sentences that lack the model's cues count as judged `O`.
    """
    tokenizer = SentenceTokenizer(tagger.model.folder / "tokenizer.json", tagger.model.max_length)
    windows, owners = [], []
    for place, row in enumerate(rows):
        found = tokenizer.windows(row.text, [(number.start, number.end) for number in row.numbers])
        windows += found
        owners += [place] * len(found)
    is_read = np.array([tagger.model.cues.found_in(row.text) for row in rows], dtype=bool)
    probabilities, _ = tagger.probabilities(
        [window for window, owner in zip(windows, owners, strict=True) if is_read[owner]]
    )
    places = np.repeat(np.array(owners, dtype=np.int64), [len(window.numbers) for window in windows])
    tables = np.eye(1, len(tagger.model.labels)).repeat(len(places), axis=0)
    tables[is_read[places]] = np.concatenate([*probabilities, tables[:0]])
    tables = np.maximum(tables, np.finfo(float).tiny)
    by_span = [{(number.start, number.end): number for number in row.numbers} for row in rows]
    numbers = [by_span[place][span] for place, window in zip(owners, windows, strict=True) for span in window.numbers]
    return Judged(
        rows=rows,
        numbers=numbers,
        places=places,
        logits=np.log(tables) * tagger.model.temperature,
        gold={by: _targets(rows, numbers, places, tagger.model.labels, by) for by in ("readings", "filers")},
        doubtful=np.array([number.doubtful for number in numbers], dtype=bool),
        whole=np.array([row.exhaustive for row in rows], dtype=bool)[places],
    )


def _targets(
    rows: Sequence[LabelledSentence],
    numbers: Sequence[Number],
    places: NDArray[np.int64],
    labels: Sequence[str],
    by: Gold,
) -> NDArray[np.int64]:
    index = {label: position for position, label in enumerate(labels)}
    wanted = frozenset(labels[1:])
    targets = []
    for number, place in zip(numbers, places, strict=True):
        label = rows[place].gold(number, wanted, by)
        targets.append(MASKED if label is None else index[label])
    return np.array(targets, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """`sources`: SHA-256 of each source of the training data. `splits`: those of them that the weights come from."""

    sources: frozenset[str]
    splits: frozenset[str]

    def holds(self, sha256: str, split: str) -> bool:
        """Say whether the weights come from rows of this split (`all`: of any) of this very source."""
        return sha256 in self.sources and split in {*self.splits, EVERY_SPLIT}


def learnt_from(model: Model) -> Learnt | None:
    """Read what a model has learnt from; None where its folder has no record of a training."""
    if RECORD_FILE not in model.checksums:
        return None
    record = json.loads((model.folder / RECORD_FILE).read_text(encoding="utf-8"))
    data = record["data"]
    refit = record["config"].get("refit", False)
    return Learnt(
        sources=frozenset(source["sha256"] for source in data.get("sources", [data])),
        splits=frozenset(["train", "validation"] if refit else ["train"]),
    )


def labels_learnt(folder: str | None) -> str | None:
    """The `--labels` of the training of a model folder (None: the packaged one); None where no record says it."""
    try:
        record = json.loads(((Path(folder) if folder else DEFAULT_MODEL) / RECORD_FILE).read_text(encoding="utf-8"))
        return str(record["config"]["labels"])
    except (OSError, ValueError, KeyError):  # a damaged folder is told of where the model is loaded
        return None


def check_choosing(learnt: Learnt | None, sentences: Sequence[LabelledSentence], split: str, sha256: str) -> None:
    """Refuse to choose thresholds by rows that the model has learnt from, or that are reported.

    `sentences` are all of the source whose digest is `sha256`. Free are the split `validation` of a model that was not
    refitted with it, and rows of one's own, of a source that the model has not learnt from. Raises UsageError.
    """
    chosen = [row for row in sentences if split in (row.split, EVERY_SPLIT)]
    if any(row.split == REPORTED for row in chosen):
        raise UsageError(
            f"--write-thresholds: nothing is chosen by the split {REPORTED}, it is what is reported: --split validation"
        )
    own = not any(row.origin == FILING for row in chosen)
    if own and (learnt is None or sha256 not in learnt.sources):
        return
    if learnt and "validation" in learnt.splits:
        raise UsageError(
            "--write-thresholds: the model was refitted with the split validation (--refit), so thresholds must come "
            "from data that it has not seen: rows of your own, which were not among its training data"
        )
    if split != "validation":
        raise UsageError(
            f"--write-thresholds: --split {split} holds sentences to learn from, on which a model is too sure: "
            "--split validation, or rows of your own that the model has not learnt from"
        )
