"""A tagger's predictions on labelled sentences next to their gold labels, and a model's training data.

The record of a training says which data may be used to choose thresholds.
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
from finner_batch.training.data.dataset import FILING, GENERATED, OUTSIDE, Gold, LabelledSentence, Number, first_names
from finner_batch.training.data.examples import MASKED
from finner_batch.training.evaluation.scores import Scored, company_indexes
from finner_batch.training.export.model_folder import RECORD_FILE

EVERY_SPLIT = "all"
REPORTED_SPLIT = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Every number of `rows`: number i is `numbers[i]` of `rows[places[i]]`.

    `logits` is [numbers, labels]. `gold[source][i]` is a label's index, `MASKED` where it is unknown. `exhaustive[i]`:
    every number of the sentence is known, as in a note.
    """

    rows: Sequence[LabelledSentence]
    numbers: Sequence[Number]
    places: NDArray[np.int64]
    logits: NDArray[np.float64]
    gold: Mapping[Gold, NDArray[np.int64]]
    doubtful: NDArray[np.bool_]
    exhaustive: NDArray[np.bool_]

    def scored(self, gold: Gold, kept: NDArray[np.bool_]) -> Scored:
        """Return the kept numbers with their gold labels from one source."""
        companies = company_indexes([row.company for row in self.rows])[self.places]
        return Scored(self.logits, self.gold[gold], self.places, companies).where(kept)


def sentences_to_evaluate(sentences: Sequence[LabelledSentence], split: str) -> list[LabelledSentence]:
    """Return the sentences of a split (`all`: of every split) with known labels, without generated ones.

    Raises UsageError if the split has none.
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
            f"the sentences in the split {split!r} have no known labels, they are neither notes nor read: give another "
            "--split, or data with labels"
        ) from error
    kept = [row for row in known if row.origin != GENERATED]
    if not kept:
        raise UsageError(f"the split {split!r} holds generated sentences only: nothing is measured on those")
    return kept


def check_labels(sentences: Sequence[LabelledSentence], labels: Sequence[str], data: object) -> None:
    """Raise UsageError if no number has one of the model's labels: every figure would be 0."""
    counts = Counter(
        label
        for row in sentences
        for number in row.numbers
        for label in {number.concept, number.reading} - {None, OUTSIDE}
    )
    if counts.keys().isdisjoint(labels):
        held = first_names([str(label) for label, _ in counts.most_common()], 10) or "none at all"
        raise UsageError(
            f"--data {data} has none of the model's labels, so nothing can be measured. It has {held}; "
            f"the model has {first_names(labels, 10)}"
        )


def predict(rows: Sequence[LabelledSentence], tagger: Tagger) -> Predictions:
    """Tag the numbers of sentences. The logits are those before the model's temperature, up to a constant.

    Numbers of sentences without the model's cues are predicted `O`.
    """
    tokenizer = SentenceTokenizer(tagger.model.folder / "tokenizer.json", tagger.model.max_length)
    windows, owners = [], []
    for place, row in enumerate(rows):
        own = tokenizer.windows(row.text, [(number.start, number.end) for number in row.numbers])
        windows += own
        owners += [place] * len(own)
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
    return Predictions(
        rows=rows,
        numbers=numbers,
        places=places,
        logits=np.log(tables) * tagger.model.temperature,
        gold={gold: _targets(rows, numbers, places, tagger.model.labels, gold) for gold in ("readings", "filers")},
        doubtful=np.array([number.doubtful for number in numbers], dtype=bool),
        exhaustive=np.array([row.exhaustive for row in rows], dtype=bool)[places],
    )


def _targets(
    rows: Sequence[LabelledSentence],
    numbers: Sequence[Number],
    places: NDArray[np.int64],
    labels: Sequence[str],
    gold: Gold,
) -> NDArray[np.int64]:
    index = {label: position for position, label in enumerate(labels)}
    wanted = frozenset(labels[1:])
    targets = []
    for number, place in zip(numbers, places, strict=True):
        label = rows[place].gold(number, wanted, gold)
        targets.append(MASKED if label is None else index[label])
    return np.array(targets, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a model was trained on: the SHA-256 of each source, and the splits of them that the weights come from."""

    sources: frozenset[str]
    splits: frozenset[str]

    def holds(self, sha256: str, split: str) -> bool:
        """Return whether the weights come from a split (`all`: any split) of a source."""
        return sha256 in self.sources and split in {*self.splits, EVERY_SPLIT}


def training_data(model: Model) -> TrainingData | None:
    """Read what a model was trained on; None if its folder has no record of a training."""
    if RECORD_FILE not in model.checksums:
        return None
    record = json.loads((model.folder / RECORD_FILE).read_text(encoding="utf-8"))
    data = record["data"]
    refit = record["config"].get("refit", False)
    return TrainingData(
        sources=frozenset(source["sha256"] for source in data.get("sources", [data])),
        splits=frozenset(["train", "validation"] if refit else ["train"]),
    )


def training_labels(folder: str | None) -> str | None:
    """Return the `--labels` with which a model (None: the packaged one) was trained; None without a record."""
    try:
        record = json.loads(((Path(folder) if folder else DEFAULT_MODEL) / RECORD_FILE).read_text(encoding="utf-8"))
        return str(record["config"]["labels"])
    except (OSError, ValueError, KeyError):  # loading the model reports a damaged folder
        return None


def check_choosing(
    trained_on: TrainingData | None, sentences: Sequence[LabelledSentence], split: str, sha256: str
) -> None:
    """Raise UsageError if thresholds would be chosen on rows that the model was trained on, or that are reported.

    `sentences` are all of the source with the digest `sha256`. Allowed are the split `validation` of a model that was
    not refitted with it, and a user's own rows from a source that the model was not trained on.
    """
    chosen = [row for row in sentences if split in (row.split, EVERY_SPLIT)]
    if any(row.split == REPORTED_SPLIT for row in chosen):
        raise UsageError(
            f"--write-thresholds: the split {REPORTED_SPLIT} is only reported, nothing is chosen by it: "
            "give --split validation"
        )
    own = not any(row.origin == FILING for row in chosen)
    if own and (trained_on is None or sha256 not in trained_on.sources):
        return
    if trained_on and "validation" in trained_on.splits:
        raise UsageError(
            "--write-thresholds: the model was refitted with the split validation (--refit), so thresholds must come "
            "from data that it has not seen: rows of your own, which were not among its training data"
        )
    if split != "validation":
        raise UsageError(
            f"--write-thresholds: --split {split} holds training sentences, on which a model is overconfident: "
            "give --split validation, or rows of your own that the model was not trained on"
        )
