"""Measures a tagger on the sentences of a labelled dataset: `finner-batch evaluate`.

The main figures count text in which every number is known: the notes, which filers tag exhaustively and readers read;
without notes, every known number. Breakdown, errors and thresholds also count sentences read elsewhere. Generated
sentences are never counted. Uses numpy and the ONNX model; torch and transformers are not imported.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from finner_batch.errors import UsageError
from finner_batch.log import fields
from finner_batch.storage.file_system import storage_errors
from finner_batch.storage.whole_file import whole_file, whole_folder
from finner_batch.tagging.tagger import Tagger
from finner_batch.training.data.data_sources import count_companies, load_sources
from finner_batch.training.data.dataset import FILING, Gold, LabelledSentence
from finner_batch.training.evaluation.gold import (
    EVERY_SPLIT,
    Predictions,
    check_choosing,
    check_labels,
    predict,
    sentences_to_evaluate,
    training_data,
    training_labels,
)
from finner_batch.training.evaluation.model_figures import Group, Report, breakdown, report
from finner_batch.training.evaluation.plots import draw_confusion, draw_reliability, require_matplotlib
from finner_batch.training.evaluation.scores import decide, softmax
from finner_batch.training.evaluation.thresholds import Choice, Cost, choose_thresholds, parse_cost, write_thresholds

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("number", pa.string(), nullable=False),
        pa.field("gold", pa.string(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("doubtful", pa.bool_(), nullable=False),
        pa.field("sentence", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("company", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("section", pa.string()),
        pa.field("in_note", pa.bool_(), nullable=False),
    ]
)
"""One row per error. `confidence`: probability of `predicted`; `start` and `end` are code points of `sentence`."""
LOG = logging.getLogger(__name__)
REPORT_FILE = "report.json"
Text = Literal["notes", "sentences read", "numbers known"]
"""What the main figures count: notes and other rows in which every number is known; without any, sentences that were
read; without those, the known numbers."""


def errors(
    predictions: Predictions,
    kept: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.int64],
    labels: Sequence[str],
    gold: Gold,
) -> list[dict[str, Any]]:
    """Return rows of `SCHEMA` for the wrong predictions among the kept numbers, the most confident first.

    `kind`: `missed` (only the gold has a label), `spurious` (only the model gives one), `other label`.
    """
    rows = []
    for place in np.flatnonzero(kept & (predictions.gold[gold] != predicted)).tolist():
        right, given = predictions.gold[gold][place], predicted[place]
        number, row = predictions.numbers[place], predictions.rows[predictions.places[place]]
        rows.append(
            {
                "kind": "missed" if given == 0 else "spurious" if right == 0 else "other label",
                "number": row.text[number.start : number.end],
                "gold": labels[right],
                "predicted": labels[given],
                "confidence": float(probabilities[place, given]),
                "doubtful": number.doubtful,
                "sentence": row.text,
                "start": number.start,
                "end": number.end,
                "company": row.company,
                "document_id": row.document_id,
                "section": row.section,
                "in_note": row.in_note,
            }
        )
    return sorted(rows, key=lambda row: -row["confidence"])


def write_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Write rows as Parquet and create its folder. Raises as `whole_file` does."""
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary, compression="zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Settings of `finner-batch evaluate`."""

    data: Path
    """Labelled sentences: a dataset of `label`, a file of rows, or a name on the hub."""
    model: str | None = None
    """Model folder; None is the packaged one."""
    variant: str | None = None
    """Precision; None is the device's own."""
    split: str = "dev"
    gold: Gold | None = None
    """Source of the gold labels; None: the readings if the split has any, else the filers' tags."""
    labels: str | None = None
    """Label set whose order integer tags follow where the data do not name them; None: that of the training."""
    cost: str | None = None
    """`fp=1,fn=5`: the costs of a wrong row and a missed number, by which thresholds are chosen."""
    write_thresholds: bool = False
    """Write the chosen thresholds into the model folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result of `measure`. `figures` compares `text` with `gold`.

    `from_filings`: sentences of filings are counted. `companies`: those that the data state. `known_elsewhere`: known
    numbers that `figures` leaves out. `trained_on`: the model was trained on this split of these data.
    `other_gold`: `figures` with the other source of gold labels; None if there is only one.
    `without_doubtful`: `figures` without the `doubtful` numbers; None without any.
    `breakdown` (by kind and group) and `thresholds` (by label) count every known number of the split.
    """

    model_id: str
    variant: str
    labels: tuple[str, ...]
    split: str
    gold: Gold
    text: Text
    from_filings: bool
    companies: int
    sentences_read: int
    known_elsewhere: int
    trained_on: bool
    figures: Report
    other_gold: Report | None
    doubtful: int
    without_doubtful: Report | None
    breakdown: Mapping[str, Mapping[str, Group]]
    cost: Cost | None
    thresholds: Mapping[str, Choice] | None
    errors: Sequence[Mapping[str, Any]]
    """Rows of `SCHEMA`."""

    @property
    def labels_nothing(self) -> bool:
        """Whether the model gave none of the counted numbers a label."""
        return not self.figures.unfiltered["micro"].given

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, with the number of errors in place of their rows."""
        result = asdict(self)
        result["errors"] = len(self.errors)
        return result


def measure(config: EvaluationConfig) -> Evaluation:
    """Measure a model on one split of a labelled dataset.

    Raises UsageError if the split has no known labels, the data have none of the model's labels or the settings
    contradict each other, ModelError if the model cannot be used, FinnerError if thresholds cannot be written.
    """
    cost = parse_cost(config.cost) if config.cost else None
    _check_writing(config, cost)
    (source,) = load_sources([str(config.data)], config.labels or training_labels(config.model))
    rows = sentences_to_evaluate(source.sentences, config.split)
    gold = _gold(config, rows)
    tagger = Tagger.load(
        config.model, device="cpu" if config.variant in (None, "int8", "openvino") else "auto", variant=config.variant
    )
    model = tagger.model
    LOG.info(fields("evaluate", model=model.model_id, split=config.split, gold=gold, sentences=len(rows)))
    check_labels(source.sentences, model.labels[1:], config.data)
    trained_on = training_data(model)
    if config.write_thresholds:
        check_choosing(trained_on, source.sentences, config.split, source.sha256)
    if config.split in ("train", EVERY_SPLIT):
        reason = "the model may have been trained on some of the rows"
        LOG.warning(fields("evaluate", split=config.split, reason=reason))
    predictions = predict(rows, tagger)
    exhaustive = predictions.exhaustive
    counted = exhaustive if exhaustive.any() else np.ones_like(exhaustive)
    thresholds = [model.thresholds[label] for label in model.labels[1:]]

    def figures(kept: NDArray[np.bool_], source_of_gold: Gold = gold) -> Report:
        return report(predictions.scored(source_of_gold, kept), model.labels, model.temperature, thresholds)

    other: Gold = "filers" if gold == "readings" else "readings"
    has_gold = predictions.gold[gold] >= 0
    counted_rows = [rows[place] for place in np.unique(predictions.places[counted & has_gold])]
    read_filings = any(row.is_read and row.origin == FILING for row in counted_rows)
    known = has_gold & (counted if gold == "filers" else True)
    probabilities = softmax(predictions.logits, model.temperature)
    predicted = decide(probabilities, thresholds)
    doubtful = int(predictions.doubtful[counted].sum()) if gold == "readings" else 0
    chosen = (
        choose_thresholds(probabilities[known], predictions.gold[gold][known], model.labels, cost) if cost else None
    )
    if chosen and config.write_thresholds:
        model = write_thresholds(model, {label: choice.best.threshold for label, choice in chosen.items()})
        LOG.info(fields("thresholds", folder=model.folder, model=model.model_id))
    return Evaluation(
        model_id=tagger.model.model_id,
        variant=tagger.session.variant,
        labels=model.labels,
        split=config.split,
        gold=gold,
        text=_text(exhaustive, rows),
        from_filings=any(row.origin == FILING for row in counted_rows),
        companies=count_companies(counted_rows),
        sentences_read=sum(row.is_read for row in counted_rows),
        known_elsewhere=int((has_gold & ~counted).sum()),
        trained_on=trained_on is not None and trained_on.holds(source.sha256, config.split),
        figures=figures(counted),
        other_gold=figures(counted, other) if read_filings and exhaustive.any() else None,
        doubtful=doubtful,
        without_doubtful=figures(counted & ~predictions.doubtful) if doubtful else None,
        breakdown=breakdown(predictions.scored(gold, known), predicted[known], rows, model.labels),
        cost=cost,
        thresholds=chosen,
        errors=errors(predictions, known, probabilities, predicted, model.labels, gold),
    )


def write_output(result: Evaluation, text: str, folder: Path) -> None:
    """Write report.json, classification_report.txt (`text`), errors.parquet and both pictures.

    Raises as `whole_folder` does, UsageError if matplotlib is missing.
    """
    require_matplotlib()
    with whole_folder(folder, last=REPORT_FILE) as new:
        (new / REPORT_FILE).write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")
        (new / "classification_report.txt").write_text(text + "\n", encoding="utf-8")
        draw_confusion(result.figures.confusion, result.labels, new / "confusion.png")
        draw_reliability(result.figures, new / "reliability.png")
        write_rows(result.errors, SCHEMA, new / "errors.parquet")


def _gold(config: EvaluationConfig, rows: Sequence[LabelledSentence]) -> Gold:
    read, exhaustive = any(row.is_read for row in rows), any(row.exhaustive for row in rows)
    if config.gold == "readings" and not read:
        raise UsageError(f"--gold readings: no sentence of the split {config.split!r} was read; label --annotations")
    if config.gold == "filers" and read and not exhaustive:
        raise UsageError(
            f"--gold filers: the split {config.split!r} holds no notes, the only text in which filers tag every number"
        )
    return config.gold or ("readings" if read else "filers")


def _text(exhaustive: NDArray[np.bool_], rows: Sequence[LabelledSentence]) -> Text:
    if exhaustive.any():
        return "notes"
    return "sentences read" if any(row.is_read for row in rows) else "numbers known"


def _check_writing(config: EvaluationConfig, cost: Cost | None) -> None:
    if not config.write_thresholds:
        return
    if cost is None:
        raise UsageError("--write-thresholds needs --cost: thresholds are chosen by what errors cost")
    if config.model is None:
        raise UsageError(
            "--write-thresholds would change the packaged model: give --model FOLDER, such as a copy of it"
        )
