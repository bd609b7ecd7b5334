"""Fine-tuning from labelled sentences to a model folder.

The model trains on the split `train`; `validation` selects epoch and temperature; `dev` is only reported.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finner_batch.errors import ModelError, UsageError
from finner_batch.storage.whole_file import whole_file
from finner_batch.tagging.model import Cues
from finner_batch.training.data.data_sources import Source, apply_shares, known_sentences, load_sources, whole_text
from finner_batch.training.data.dataset import (
    GENERATED,
    OUTSIDE,
    SENTENCES_FILE,
    LabelledSentence,
    first_names,
    read_cues,
    read_labels,
    write_sentences,
)
from finner_batch.training.data.examples import frequent_concepts
from finner_batch.training.evaluation.evaluate import EvaluationConfig, measure, write_output
from finner_batch.training.evaluation.evaluation_summary import summary
from finner_batch.training.export.export import export_model
from finner_batch.training.export.model_folder import CHECKPOINT, RECORD_FILE
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Epoch
from finner_batch.training.learning.encoder import Base, load_base
from finner_batch.training.learning.loop import unwatched
from finner_batch.training.learning.output import MADE_FROM, begin, check_folder, training_identity
from finner_batch.training.learning.passes import CONCEPTS, REFIT, concept_pass, delete_record, label_pass
from finner_batch.training.learning.tracking import Tracker, require_mlflow, tracked
from finner_batch.training.learning.train_config import TrainConfig
from finner_batch.training.learning.training_record import (
    describe_data,
    describe_environment,
    development_figures,
    temperature_of,
)

LOG = logging.getLogger(__name__)

LABELS = "labels"
FREQUENT = "frequent:"
EVALUATION = "evaluation"
"""Subfolder of the model folder with the evaluation of the exported model."""
MODEL = "model"
"""Folder of the MLflow artifacts with the files of the model folder, which `run --model` reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Sentences with known labels. No text of `dev` occurs in the other splits, none of `validation` in `train`.

    `dev` has text in which every number is known; `held_out` is every sentence of that split.
    """

    train: Sequence[LabelledSentence]
    validation: Sequence[LabelledSentence]
    dev: Sequence[LabelledSentence]
    held_out: Sequence[LabelledSentence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The checked inputs of a training. `labels`: `O` first. `identity`: `training_identity`."""

    sources: Sequence[Source]
    splits: Splits
    labels: list[str]
    cues: dict[str, str]
    base: Base
    identity: dict[str, Any]


def train(config: TrainConfig) -> Path:
    """Fine-tune, calibrate, export and evaluate a model, and write its folder; return the folder's path.

    Training state is in the subfolders `checkpoint/` and `concepts/` (safetensors), the figures of the exported model
    in `evaluation/`; a packaged model has none of the three. The same training resumes where it stopped, and is not
    repeated (`output`). Raises UsageError for invalid data or settings, or if the output holds something else,
    LockedError if another process trains there, ModelError for an unusable base, a model that labels nothing, or a
    failed export gate.
    """
    check_folder(config)
    require_mlflow(config)
    with processes.together():
        inputs = _read_inputs(config)
        with begin(config, inputs.identity) as unfinished:
            if unfinished:
                with tracked(config, unfinished) as tracker:
                    _train(config, inputs, tracker)
                if processes.is_main():
                    unfinished.end()
    return Path(config.output)


def split_sentences(sentences: Sequence[LabelledSentence], config: TrainConfig) -> Splits:
    """Select the splits of a training. Raises UsageError if one is missing."""
    sentences = apply_shares(sentences, {"validation": config.validation_share, "dev": config.dev_share})
    known = {split: known_sentences(sentences, split) for split in ("train", "validation", "dev")}
    dev = whole_text(known["dev"])
    if not dev:
        raise UsageError("the split 'dev' holds no text whose numbers are all known: nothing could be reported")
    taken = {row.text for row in known["dev"]}
    validation = [row for row in known["validation"] if row.text not in taken]
    taken |= {row.text for row in validation}
    training = [row for row in known["train"] if row.text not in taken]
    LOG.info(
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
    """Return the labels that `--labels` names. Raises UsageError if it names none, or none that occurs."""
    if not name.startswith(FREQUENT):
        labels = read_labels(name)
    elif not (minimum := name.removeprefix(FREQUENT)).isdecimal() or not int(minimum):
        raise UsageError(f"--labels {name}: needs a whole number from 1 up, as in {FREQUENT}100")
    else:
        labels = frequent_concepts(training, int(minimum))
    missing = sorted(set(labels) - _occurring(labels, training, name, "train"))
    if missing:
        LOG.warning("labels without an example: %d of %d: %s", len(missing), len(labels), first_names(missing, 10))
    return labels


def _occurring(labels: Sequence[str], sentences: Sequence[LabelledSentence], name: str, split: str) -> set[str | None]:
    """Return the labels that occur in sentences. Raises UsageError if none does."""
    wanted = frozenset(labels)
    occurring = {row.gold(number, wanted) for row in sentences for number in row.numbers} & wanted
    if not occurring:
        raise UsageError(f"--labels {name}: no sentence of the split {split!r} holds one of these labels")
    return occurring


def chosen_epochs(history: Sequence[Epoch]) -> int:
    """Return the number of epochs up to the best score, or of all if none was scored."""
    scores = [epoch.score for epoch in history if epoch.score is not None]
    return scores.index(max(scores)) + 1 if scores else len(history)


def _read_inputs(config: TrainConfig) -> Inputs:
    """Read and check the inputs of a training; write nothing."""
    cues = read_cues(config.cues)
    sources = load_sources(config.data, config.labels)
    splits = split_sentences([row for source in sources for row in source.sentences], config)
    labels = choose_labels(config.labels, splits.train)
    for split, rows in (("validation", splits.validation), ("dev", splits.dev)):
        _occurring(labels, rows, config.labels, split)
    base = load_base(config.base)
    positions = base.config.max_position_embeddings
    if config.max_length > positions:
        raise UsageError(f"--max-length {config.max_length}: the base {base.name} has only {positions} positions")
    return Inputs(
        sources=sources,
        splits=splits,
        labels=[OUTSIDE, *labels],
        cues=cues,
        base=base,
        identity=training_identity(config, sources, labels, cues, base),
    )


def _train(config: TrainConfig, inputs: Inputs, tracker: Tracker | None) -> None:
    output = Path(config.output)
    splits, labels, base = inputs.splits, inputs.labels, inputs.base
    delete_record(output / CHECKPOINT / RECORD_FILE)
    watches = {name: tracker.watch(name) if tracker else unwatched for name in (CONCEPTS, LABELS, REFIT)}
    passes: dict[str, list[Epoch]] = {}
    if config.concept_epochs:
        tagged = [row for row in splits.train if row.in_note and row.origin != GENERATED]
        base, passes[CONCEPTS] = concept_pass(base, tagged, config, output, watches[CONCEPTS])
    model, tokenizer, passes[LABELS] = label_pass(
        base, labels, splits.train, splits.validation, config, output, watches[LABELS]
    )
    temperature = temperature_of(model, tokenizer, labels, splits.validation)
    if config.refit:
        chosen = chosen_epochs(passes[LABELS])
        LOG.info("refit epochs=%d sentences=%d", chosen, len(splits.train) + len(splits.validation))
        both = [*splits.train, *splits.validation]
        model, tokenizer, passes[REFIT] = label_pass(base, labels, both, [], config, output, watches[REFIT], chosen)
    if not processes.is_main():
        return
    cues = Cues.of(inputs.cues, where=config.cues)
    record = {
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(epoch.seconds for epochs in passes.values() for epoch in epochs)),
        "config": asdict(config),
        MADE_FROM: inputs.identity,
        "data": describe_data(inputs.sources, {name: getattr(splits, name) for name in ("train", "validation", "dev")}),
        **describe_environment(),
        "passes": {name: [asdict(epoch) for epoch in epochs] for name, epochs in passes.items()},
        "cues": inputs.cues,
        **development_figures(model, tokenizer, labels, splits.dev, temperature, config.threshold, cues),
    }
    micro = record["development"]["unfiltered"]["micro"]
    if not micro["given"]:
        raise ModelError(
            f"the trained model labels nothing: none of the {micro['support']:,} numbers of the split dev that have a "
            "label gets one. No model is written. Train with --no-resume and more data, more --epochs, another "
            f"--learning-rate or a lower --threshold; {output} keeps its state until then"
        )
    with whole_file(output / CHECKPOINT / RECORD_FILE) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    _finish(output, splits, record, tracker)


def _finish(output: Path, splits: Splits, record: dict[str, Any], tracker: Tracker | None) -> None:
    """Export the model through its gates, evaluate the exported model, and track the results."""
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
        tracker.artifacts([output / "README.md", *sorted((output / EVALUATION).iterdir())])
        tracker.artifacts(sorted(path for path in output.iterdir() if path.is_file()), MODEL)
