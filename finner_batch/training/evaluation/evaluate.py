"""How good a tagger is on the sentences of a labelled dataset: `finner-batch evaluate`.

The headline counts every sentence of the text whose numbers are all known: the notes, which filers tag exhaustively and
readers read; where there are none, every known number. The breakdown, the errors and the thresholds count what was read
elsewhere, too. Generated sentences are never counted. Needs numpy and the ONNX model; torch and transformers are not
imported.

The list of errors: every number on which model and gold differ, with what it takes to look it up.
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
from finner_batch.training.data.data_sources import load_sources, stated_company
from finner_batch.training.data.dataset import Gold, LabelledSentence
from finner_batch.training.evaluation.gold import (
    EVERY_SPLIT,
    FILING,
    Judged,
    check_choosing,
    check_labels,
    judge,
    labels_learnt,
    learnt_from,
    sentences_to_judge,
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
"""`confidence` is the probability of `predicted`; `start` and `end` are code points of `sentence`."""
LOG = logging.getLogger(__name__)
REPORT_FILE = "report.json"
Text = Literal["notes", "sentences read", "numbers known"]
"""What the headline counts: notes, and rows whose every number is known; where the split has none, the sentences that
someone read; where no one read any, the numbers that are known."""


def mistakes(
    judged: Judged,
    kept: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.int64],
    labels: Sequence[str],
    by: Gold,
) -> list[dict[str, Any]]:
    """Rows of `SCHEMA` for the kept numbers on which the model errs, the surest first; their gold is known.

    `kind`: `missed` (the gold has a label, the model none), `spurious` (the other way), `other label`.
    """
    found = []
    for place in np.flatnonzero(kept & (judged.gold[by] != predicted)).tolist():
        gold, given = judged.gold[by][place], predicted[place]
        number, row = judged.numbers[place], judged.rows[judged.places[place]]
        found.append(
            {
                "kind": "missed" if given == 0 else "spurious" if gold == 0 else "other label",
                "number": row.text[number.start : number.end],
                "gold": labels[gold],
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
    return sorted(found, key=lambda row: -row["confidence"])


def write_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Write rows as Parquet, complete or as it was before, making the folder. Raises as `whole_file` does."""
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary, compression="zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Settings of `finner-batch evaluate`."""

    data: Path
    """Labelled sentences: a dataset made by `label`, rows of one's own, or a name on the hub."""
    model: str | None = None
    """Model folder; None is the packaged one."""
    variant: str | None = None
    """Precision; None is the device's own."""
    split: str = "dev"
    gold: Gold | None = None
    """Whose judgement counts; None: the readings where the split has any, else the filers' tags."""
    labels: str | None = None
    """Label set whose order integer tags of the data follow, where these do not name them; None: that of the model's
    training."""
    cost: str | None = None
    """`fp=1,fn=5`: what a wrong row and a missed number cost. Thresholds are chosen by it."""
    write_thresholds: bool = False
    """Put the chosen thresholds into the model folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that was measured. `figures` counts `text` against `gold`; the others say what they count otherwise.

    `from_filings`: filings' sentences are among those counted. `companies`: how many the data state, 0 where they state
    none. `known_elsewhere`: numbers whose gold is known and that the headline leaves out. `learnt_from`: by its record
    the model has learnt from this split of these very data.
    `beside`: the same text against the other of readings and filers' tags; None where there is but one of them.
    `without_doubtful`: without the `doubtful` numbers of which the reader was not sure; None where there are none.
    `breakdown` by kind and group, `thresholds` by label: over every number of the split whose gold is known.
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
    learnt_from: bool
    figures: Report
    beside: Report | None
    doubtful: int
    without_doubtful: Report | None
    breakdown: Mapping[str, Mapping[str, Group]]
    cost: Cost | None
    thresholds: Mapping[str, Choice] | None
    errors: Sequence[Mapping[str, Any]]
    """Rows of `mistakes.SCHEMA`."""

    @property
    def labels_nothing(self) -> bool:
        """No number that the headline counts got a label."""
        return not self.figures.unfiltered["micro"].given

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, without the errors themselves."""
        result = asdict(self)
        result["errors"] = len(self.errors)
        return result


def evaluate(folder: str | None, data: Path, *, split: str = "dev", variant: str | None = None) -> Report:
    """Measure a model folder (None: the packaged one) on one split: the figures of `measure` alone."""
    return measure(EvaluationConfig(model=folder, data=data, split=split, variant=variant)).figures


def measure(config: EvaluationConfig) -> Evaluation:
    """Measure a model on one split of a labelled dataset.

    Raises UsageError where the split holds nothing to measure on, the data hold none of the model's labels or the
    settings contradict each other, ModelError where the model cannot be used, FinnerError where thresholds cannot be
    written.
    """
    cost = parse_cost(config.cost) if config.cost else None
    _check_writing(config, cost)
    (source,) = load_sources([str(config.data)], config.labels or labels_learnt(config.model))
    rows = sentences_to_judge(source.sentences, config.split)
    by = _gold(config, rows)
    tagger = Tagger.load(
        config.model, device="cpu" if config.variant in (None, "int8", "openvino") else "auto", variant=config.variant
    )
    model = tagger.model
    LOG.info(fields("evaluate", model=model.model_id, split=config.split, gold=by, sentences=len(rows)))
    check_labels(source.sentences, model.labels[1:], config.data)
    learnt = learnt_from(model)
    if config.write_thresholds:
        check_choosing(learnt, source.sentences, config.split, source.sha256)
    if config.split in ("train", EVERY_SPLIT):
        LOG.warning(fields("evaluate", split=config.split, reason="the model may have learnt from some of the rows"))
    judged = judge(rows, tagger)
    whole = judged.whole if judged.whole.any() else np.ones_like(judged.whole)
    thresholds = [model.thresholds[label] for label in model.labels[1:]]

    def figures(kept: NDArray[np.bool_], judge_: Gold = by) -> Report:
        return report(judged.scored(judge_, kept), model.labels, model.temperature, thresholds)

    other: Gold = "filers" if by == "readings" else "readings"
    has_gold = judged.gold[by] >= 0
    counted = [rows[place] for place in np.unique(judged.places[whole & has_gold])]
    read_filings = any(row.is_read and row.origin == FILING for row in counted)
    known = has_gold & (whole if by == "filers" else True)
    probabilities = softmax(judged.logits, model.temperature)
    predicted = decide(probabilities, thresholds)
    doubtful = int(judged.doubtful[whole].sum()) if by == "readings" else 0
    chosen = choose_thresholds(probabilities[known], judged.gold[by][known], model.labels, cost) if cost else None
    if chosen and config.write_thresholds:
        model = write_thresholds(model, {label: choice.best.threshold for label, choice in chosen.items()})
        LOG.info(fields("thresholds", folder=model.folder, model=model.model_id))
    return Evaluation(
        model_id=tagger.model.model_id,
        variant=tagger.session.variant,
        labels=model.labels,
        split=config.split,
        gold=by,
        text=_text(judged.whole, rows),
        from_filings=any(row.origin == FILING for row in counted),
        companies=len({stated_company(row) for row in counted} - {None}),
        sentences_read=sum(row.is_read for row in counted),
        known_elsewhere=int((has_gold & ~whole).sum()),
        learnt_from=learnt is not None and learnt.holds(source.sha256, config.split),
        figures=figures(whole),
        beside=figures(whole, other) if read_filings and judged.whole.any() else None,
        doubtful=doubtful,
        without_doubtful=figures(whole & ~judged.doubtful) if doubtful else None,
        breakdown=breakdown(judged.scored(by, known), predicted[known], rows, model.labels),
        cost=cost,
        thresholds=chosen,
        errors=mistakes(judged, known, probabilities, predicted, model.labels, by),
    )


def write_output(result: Evaluation, text: str, folder: Path) -> None:
    """Write report.json, classification_report.txt (`text`), errors.parquet and both pictures.

    Raises as `whole_folder` does, UsageError where matplotlib is missing.
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
            f"--gold filers: the split {config.split!r} holds no notes, where alone filers tag every number"
        )
    return config.gold or ("readings" if read else "filers")


def _text(whole: NDArray[np.bool_], rows: Sequence[LabelledSentence]) -> Text:
    if whole.any():
        return "notes"
    return "sentences read" if any(row.is_read for row in rows) else "numbers known"


def _check_writing(config: EvaluationConfig, cost: Cost | None) -> None:
    if not config.write_thresholds:
        return
    if cost is None:
        raise UsageError("--write-thresholds needs --cost: thresholds are chosen by what errors cost")
    if config.model is None:
        raise UsageError("--write-thresholds would change the packaged model: give --model FOLDER, a copy of it say")
