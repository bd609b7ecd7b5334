"""Fine-tuning from labelled sentences to a model folder.

It learns from the split `train`, chooses by `validation` (the epoch, the temperature), and reports on `dev`, by which
nothing is chosen.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from finner_batch.errors import UsageError
from finner_batch.store.whole import whole_file
from finner_batch.tagger.cues import Cues
from finner_batch.training.data.dataset import (
    FILING,
    GENERATED,
    OUTSIDE,
    SENTENCES_FILE,
    LabelledSentence,
    write_sentences,
)
from finner_batch.training.data.examples import frequent_concepts, make_examples
from finner_batch.training.data.labels import read_cues, read_labels
from finner_batch.training.data.sources import apply_shares, known_sentences, load_sources, whole_text
from finner_batch.training.evaluation.calibration import fit_temperature
from finner_batch.training.evaluation.evaluate import EvaluationConfig, measure, write_output
from finner_batch.training.evaluation.report import report
from finner_batch.training.evaluation.scores import scored
from finner_batch.training.evaluation.summary import summary
from finner_batch.training.export.export import export_model
from finner_batch.training.export.folder import CHECKPOINT, RECORD_FILE
from finner_batch.training.learning import processes
from finner_batch.training.learning.base import load_base
from finner_batch.training.learning.checkpoints import Checkpoints, Epoch
from finner_batch.training.learning.loop import number_logits, unwatched
from finner_batch.training.learning.passes import CONCEPTS, REFIT, concept_pass, forget, label_pass
from finner_batch.training.learning.record import describe_data, describe_machine, versions
from finner_batch.training.learning.tracking import tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import DistilBertForTokenClassification

    from finner_batch.tagger.tokens import SentenceTokenizer
    from finner_batch.training.data.dataset import Gold
    from finner_batch.training.data.examples import Example
    from finner_batch.training.evaluation.scores import Scored
    from finner_batch.training.learning.config import TrainConfig
    from finner_batch.training.learning.tracking import Tracker

logger = logging.getLogger(__name__)

LABELS = "labels"
FREQUENT = "frequent:"
EVALUATION = "evaluation"
"""Folder of the exported model's own evaluation, within the model folder."""
UNREAD_LOGIT = -100.0
"""Of every label but `O`, for a number that the model is not given to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Sentences of which something is known. No sentence of one split has the text of one that is held out from it.

    `dev` holds text whose numbers are all known; `held_out` is every sentence of that split, as given.
    """

    train: Sequence[LabelledSentence]
    validation: Sequence[LabelledSentence]
    dev: Sequence[LabelledSentence]
    held_out: Sequence[LabelledSentence]


def train(config: TrainConfig) -> Path:
    """Fine-tune, calibrate, export, evaluate and write the model folder; give its path.

    Training state lies in the folder's `checkpoint/` and `concepts/` (safetensors), the figures of the exported model
    in `evaluation/`; a packaged model leaves all three out. Raises UsageError for unusable data or settings, ModelError
    for an unusable base or a failed export gate.
    """
    with processes.together(), tracked(config) as tracker:
        return _train(config, tracker)


def split_sentences(sentences: Sequence[LabelledSentence], config: TrainConfig) -> Splits:
    """Take the splits that a training needs. Raises UsageError where one is missing."""
    sentences = apply_shares(sentences, {"validation": config.validation_share, "dev": config.dev_share})
    known = {split: known_sentences(sentences, split) for split in ("train", "validation", "dev")}
    dev = whole_text(known["dev"])
    if not dev:
        raise UsageError("the split 'dev' holds no text whose numbers are all known: nothing could be reported")
    taken = {row.text for row in known["dev"]}
    validation = [row for row in known["validation"] if row.text not in taken]
    taken |= {row.text for row in validation}
    training = [row for row in known["train"] if row.text not in taken]
    logger.info(
        "splits train=%d validation=%d dev=%d left_out=%d with a text that is held out",
        *map(len, (training, validation, dev)),
        len(known["train"]) + len(known["validation"]) - len(training) - len(validation),
    )
    for split, rows in (("train", training), ("validation", validation)):
        if not rows:
            raise UsageError(f"every sentence of the split {split!r} repeats the text of one that is held out from it")
    held_out = [row for row in sentences if row.split == "dev"]
    return Splits(train=training, validation=validation, dev=dev, held_out=held_out)


def choose_labels(name: str, training: Sequence[LabelledSentence]) -> list[str]:
    """The labels that `--labels` names. Raises UsageError where it names none, or none that the sentences hold."""
    if not name.startswith(FREQUENT):
        labels = read_labels(name)
    elif not (minimum := name.removeprefix(FREQUENT)).isdecimal() or not int(minimum):
        raise UsageError(f"--labels {name}: needs a whole number from 1 up, as in {FREQUENT}100")
    else:
        labels = frequent_concepts(training, int(minimum))
    wanted = frozenset(labels)
    found = {row.gold(number, wanted) for row in training for number in row.numbers} & wanted
    if not found:
        raise UsageError(f"--labels {name}: no sentence of the split 'train' holds one of these labels")
    if found < wanted:
        logger.warning("labels without an example: %s", ", ".join(sorted(wanted - found)))
    return labels


def chosen_epochs(history: Sequence[Epoch]) -> int:
    """How many epochs gave the weights that were kept: those up to the best score; all where none was scored."""
    scores = [epoch.score for epoch in history if epoch.score is not None]
    return scores.index(max(scores)) + 1 if scores else len(history)


def _train(config: TrainConfig, tracker: Tracker | None) -> Path:
    output = Path(config.output)
    cues = read_cues(config.cues)
    sources = load_sources(config.data)
    splits = split_sentences([row for source in sources for row in source.sentences], config)
    labels = [OUTSIDE, *choose_labels(config.labels, splits.train)]
    base = load_base(config.base)
    positions = base.config.max_position_embeddings
    if config.max_length > positions:
        raise UsageError(f"--max-length {config.max_length}: the base {base.name} has only {positions} positions")
    forget(output / CHECKPOINT / RECORD_FILE)
    states = [Checkpoints(folder=output / name) for name in (CONCEPTS, CHECKPOINT, f"{CHECKPOINT}/{REFIT}")]
    if processes.is_main() and not config.resume:
        for state in states:
            state.remove()
    watches = {name: tracker.watch(name) if tracker else unwatched for name in (CONCEPTS, LABELS, REFIT)}
    passes: dict[str, list[Epoch]] = {}
    if config.concept_epochs:
        tagged = [row for row in splits.train if row.in_note and row.origin != GENERATED]
        base, passes[CONCEPTS] = concept_pass(base, tagged, config, output, watches[CONCEPTS])
    model, tokenizer, passes[LABELS] = label_pass(
        base, labels, splits.train, splits.validation, config, output, watches[LABELS]
    )
    temperature = _temperature(model, tokenizer, labels, splits.validation)
    if config.refit:
        chosen = chosen_epochs(passes[LABELS])
        logger.info("refit epochs=%d sentences=%d", chosen, len(splits.train) + len(splits.validation))
        both = [*splits.train, *splits.validation]
        model, tokenizer, passes[REFIT] = label_pass(base, labels, both, [], config, output, watches[REFIT], chosen)
    if not processes.is_main():
        return output
    record = {
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(epoch.seconds for epochs in passes.values() for epoch in epochs)),
        "config": asdict(config),
        "data": describe_data(sources, {name: getattr(splits, name) for name in ("train", "validation", "dev")}),
        "machine": describe_machine(),
        "versions": versions(),
        "passes": {name: [asdict(epoch) for epoch in epochs] for name, epochs in passes.items()},
        "cues": cues,
        **_figures(model, tokenizer, labels, splits, temperature, config.threshold, Cues.of(cues, where=config.cues)),
    }
    with whole_file(output / CHECKPOINT / RECORD_FILE) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    _finish(output, splits, record, tracker)
    for state in states:
        state.remove()
    return output


def _temperature(
    model: DistilBertForTokenClassification,
    tokenizer: SentenceTokenizer,
    labels: list[str],
    validation: Sequence[LabelledSentence],
) -> float:
    """The temperature that suits the validation split, of a model that has not learnt from it."""
    examples = make_examples(validation, labels, tokenizer, mask=False)
    numbers = scored(examples, number_logits(model, examples, bf16=False))
    return fit_temperature(numbers.logits, numbers.gold)


def _figures(
    model: DistilBertForTokenClassification,
    tokenizer: SentenceTokenizer,
    labels: list[str],
    splits: Splits,
    temperature: float,
    threshold: float,
    cues: Cues,
) -> dict[str, Any]:
    """Figures on the dev split and, where sentences of filings were read, on those of filings by their tags."""

    def numbers(sentences: Sequence[LabelledSentence], by: Gold) -> Scored:
        examples = make_examples(sentences, labels, tokenizer, mask=False, gold=by)
        return scored(examples, _read_logits(model, examples, sentences, cues), sentences)

    thresholds = [threshold] * (len(labels) - 1)
    found = {"development": report(numbers(splits.dev, "readings"), labels, temperature, thresholds).as_json()}
    filings = [row for row in splits.dev if row.origin == FILING]
    if any(row.is_read for row in filings):
        found["development_filers"] = report(numbers(filings, "filers"), labels, temperature, thresholds).as_json()
    return found


def _read_logits(
    model: DistilBertForTokenClassification,
    examples: Sequence[Example],
    sentences: Sequence[LabelledSentence],
    cues: Cues,
) -> list[NDArray[np.float32]]:
    """Logits [numbers, labels] of each example; those of a sentence without the cues say `O`, as a job has it."""
    read = [example for example in examples if cues.found_in(sentences[example.sentence].text)]
    found = iter(number_logits(model, read, bf16=False))
    outside = np.full(model.classifier.out_features, UNREAD_LOGIT, dtype=np.float32)
    outside[0] = 0.0
    kept = {id(example) for example in read}
    return [
        next(found) if id(example) in kept else np.tile(outside, (len(example.window.numbers), 1))
        for example in examples
    ]


def _finish(output: Path, splits: Splits, record: dict[str, Any], tracker: Tracker | None) -> None:
    """Export the model through its gates, evaluate what was exported, and hand the results to the tracker."""
    with TemporaryDirectory() as folder:
        held_out = Path(folder)
        write_sentences(splits.held_out, held_out / SENTENCES_FILE)
        export_model(output, held_out)
        result = measure(EvaluationConfig(model=str(output), data=held_out, split="dev"))
    write_output(result, summary(result), output / EVALUATION)
    if tracker:
        for name, key in (("dev", "development"), ("dev by filers", "development_filers")):
            if key in record:
                tracker.scores(name, record[key]["unfiltered"])
        files = [path for folder in (output, output / EVALUATION) for path in sorted(folder.iterdir())]
        tracker.artifacts([path for path in files if path.suffix in {".json", ".md", ".txt", ".png"}])
