"""The model folder that `train` and `export` write and the tagger reads: configuration, tokenizer, card, checksums.

Every figure of the model card comes from the record of the training.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from finner_batch.storage.whole_file import whole_file, whole_folder
from finner_batch.tagging.model import FORMAT_VERSION
from finner_batch.tagging.openvino import OPENVINO
from finner_batch.training.evaluation.scores import (
    AVERAGES,
    THRESHOLD,
    UNDEFINED,
    Score,
    absent_label_lines,
    markdown_table,
    ranked_labels,
    score_cells,
)

VARIANTS = """\
Compared with the PyTorch checkpoint in fp32 on the same sentences{others}.
The int8 variant uses one activation scale per token, so no row depends on the other sentences of its batch.
`openvino`: the fp16 file as OpenVINO runs it, in int8."""
OTHER_TEXT = " and on other text of the same companies with a debt's rate or amount"

LIMITS = """\
{text} Each sentence is read without the ones before it.
A confidence is an estimate from few {units}: have a person check it before a decision."""
FILING_TEXT = """\
For prose of English 10-K and 10-Q filings of 2019 and later. The training data have few older filings and agreements,
and no tables."""
OWN_TEXT = "For text like that of the data named above."

CHOSEN = """\
The epoch and the temperature were chosen on the split `validation`, not on these {units}.{interval}
*Filtered* counts only the sentences that hold one of the labels, as figures published for FiNER-139 do."""
INTERVAL = " In brackets: the\n95 % interval over resampled {drawn}."

CUES = """\
A sentence without the model's cues (`config.json`) is not read: its numbers count as predicted to have no label.
"""
READINGS = "The gold labels are the readings of the sentences (`data/annotations/README.md`)."
FILERS = """\
The figures of the same model against the filers' own inline XBRL. Filers leave numbers untagged that they tag
elsewhere, or give them another concept, so a right answer can count as wrong here."""
Precision = Literal["fp32", "fp16", "int8"]
LOG = logging.getLogger(__name__)
CHECKSUMS_FILE = "checksums.json"
CHECKPOINT = "checkpoint"
RECORD_FILE = "training.json"
UNFINISHED_FILE = "unfinished.json"
"""In `checkpoint/` during a training, and after an interrupted one."""
SCORE_COLUMNS = ("label", "numbers", "P", "R", "F1", "P filtered", "R filtered", "F1 filtered")
GATE_COLUMNS = (
    *("variant", "MB", "largest logit difference", "mean", "spans compared", "spans alike", "micro-F1", "loss"),
)
DEVICES = {"int8": "cpu", "fp16": "cuda", "fp32": "any", "openvino": "cpu"}


def model_card(record: dict[str, Any]) -> str:
    """Return the card of a trained and exported model as Markdown."""
    config, development = record["config"], record["development"]
    labels = [name for name in development["unfiltered"] if name not in AVERAGES]
    filings = _of_filings(record)
    filers = record.get("development_filers") if filings else None
    parts = [
        f"# {config['name']}",
        "Labels the numbers of a sentence from an SEC filing. Each label is a us-gaap concept:"
        if filings
        else "Labels the numbers of a sentence. The labels:",
        "\n".join(f"- {label}" for label in labels),
        "## Figures",
        _figures(record),
        _scores(development),
        _reliability(development),
        *([f"### By the filers' tags\n{FILERS}", _scores(filers)] if filers else []),
        "## Variants",
        VARIANTS.format(others=OTHER_TEXT if filings else ""),
        _gates(record["gates"]),
        "## How it was made",
        _making(record),
        "## Limits",
        LIMITS.format(text=FILING_TEXT if filings else OWN_TEXT, units="companies" if filings else "sentences"),
    ]
    if config["notes"]:
        parts += ["## Provenance and licence", config["notes"].strip()]
    return "\n\n".join(parts) + "\n"


def _of_filings(record: dict[str, Any]) -> bool:
    """Return whether the training data have filings that `label` read."""
    return any(source["filings"] for source in record["data"]["sources"])


def _figures(record: dict[str, Any]) -> str:
    data, development = record["data"], record["development"]
    companies, filings, drawn = data["dev_companies"], _of_filings(record), development["resampled"]
    gold = f"{READINGS}\n" if "development_filers" in record and filings else ""
    chosen = CHOSEN.format(
        units="companies" if companies else "sentences", interval=INTERVAL.format(drawn=drawn) if drawn else ""
    )
    start = f"Development companies, never trained on: {companies}, with" if companies else "Never trained on:"
    sentences = f"{development['sentences']:,} sentences{' of notes' if filings else ''}"
    cues = CUES if record.get("cues") else ""
    return f"{start} {sentences}\nthat hold a number, {development['numbers']:,} numbers. {gold}{cues}{chosen}"


def _reliability(development: dict[str, Any]) -> str:
    return (
        f"Of the {development['sentences_without_label']:,} sentences without any of the labels "
        f"{_with_interval(development['false_positive_sentences'], development['false_positive_interval'], '.2%')} got "
        f"one.\nCalibration: expected error of the confidences {development['ece_before']:.3f}, and "
        f"{development['ece_after']:.3f} with the\ntemperature {development['temperature']:.2f} in use."
    )


def _making(record: dict[str, Any]) -> str:
    config, data, machine = record["config"], record["data"], record["machine"]
    tokens = sum(epoch["tokens"] for epochs in record["passes"].values() for epoch in epochs)
    epochs = ", ".join(f"{len(rows)} over the {name}" for name, rows in record["passes"].items())
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    sources = "; ".join(_source(source) for source in data["sources"])
    return (
        f"- base encoder: `{config['base']}`\n"
        f"- data: {sources}\n"
        f"- splits: {data['train_sentences']:,} sentences of {data['train_companies']} companies train, "
        f"{data['validation_sentences']:,} of {data['validation_companies']} choose\n"
        f"- epochs: {epochs}; {tokens:,} tokens, {record['seconds'] / 60:.0f} minutes on {machine['cpu']}, "
        f"{machine['threads']} threads, {record['trained'][:10]}\n"
        f"- versions: {versions}\n"
        "- `training.json` holds every setting and figure"
    )


def _source(source: dict[str, Any]) -> str:
    filings = f" of {source['filings']} filings" if source["filings"] else ""
    return f"`{source['name']}`, {source['sentences']:,} sentences{filings} (SHA-256 `{source['sha256'][:16]}`)"


def _scores(development: dict[str, Any]) -> str:
    unfiltered, filtered = (
        {name: Score(**score) for name, score in development[kind].items()} for kind in ("unfiltered", "filtered")
    )
    rows = []
    for name in ranked_labels(unfiltered):
        score = unfiltered[name]
        precision, recall, f1 = score_cells(score)
        if f1 != UNDEFINED:
            f1 = _with_interval(score.f1, score.f1_interval, ".3f")
        rows.append([name, str(score.support), precision, recall, f1, *score_cells(filtered[name])])
    return "\n".join([markdown_table(SCORE_COLUMNS, rows), *(f"\n{line}." for line in absent_label_lines(unfiltered))])


def _with_interval(value: float, interval: tuple[float, float] | None, form: str) -> str:
    return format(value, form) + (f" [{interval[0]:{form}}, {interval[1]:{form}}]" if interval else "")


def _gates(gates: dict[str, Any]) -> str:
    rows = [
        [
            *(name, f"{gate['bytes'] / 1e6:.1f}"),
            *(f"{gate['max_logit_difference']:.3f}", f"{gate['mean_logit_difference']:.4f}"),
            *(str(gate["spans"]), f"{gate['span_agreement']:.2%}", f"{gate['f1']:.3f}", f"{gate['f1_loss']:+.4f}"),
        ]
        for name, gate in gates.items()
    ]
    return markdown_table(GATE_COLUMNS, rows)


def file_precision(variant: str) -> Precision:
    """Return the precision of a variant's file: OpenVINO reads that of fp16."""
    return "fp16" if variant == OPENVINO else cast("Precision", variant)


def onnx_file(variant: str) -> str:
    """Return the name of a variant's file."""
    return f"model.{file_precision(variant)}.onnx"


def write_folder(
    folder: Path, labels: Sequence[str], record: dict[str, Any], graphs: Mapping[Precision, bytes]
) -> None:
    """Write the ONNX graphs, and the other files from the record of the training.

    Thresholds chosen for this model are kept; those of an earlier training are reset. `checksums.json` is written last
    and covers the files of the folder, not its subfolders with training state, which a packaged model lacks. Raises as
    `whole_folder` does.
    """
    settings = record["config"]
    config = {
        "format_version": FORMAT_VERSION,
        "name": settings["name"],
        "labels": list(labels),
        "max_length": settings["max_length"],
        "temperature": record["development"]["temperature"],
        "thresholds": _thresholds(folder, labels, record),
        "cues": record.get("cues", {}),
        "variants": {
            precision: {"file": onnx_file(precision), "device": DEVICES[precision]} for precision in record["gates"]
        },
    }
    as_text = json.dumps(record, indent=2) + "\n"
    with whole_folder(folder, last=CHECKSUMS_FILE) as new:
        for precision, graph in graphs.items():
            (new / onnx_file(precision)).write_bytes(graph)
        (new / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (new / RECORD_FILE).write_text(as_text, encoding="utf-8")
        (new / "README.md").write_text(model_card(record), encoding="utf-8")
        shutil.copyfile(folder / CHECKPOINT / "tokenizer.json", new / "tokenizer.json")
        files = {path.name: path for path in (*folder.iterdir(), *new.iterdir()) if path.is_file()}
        digests = {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in sorted(files.items())
            if name != CHECKSUMS_FILE
        }
        (new / CHECKSUMS_FILE).write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
        with whole_file(folder / CHECKPOINT / RECORD_FILE) as temporary:
            temporary.write_text(as_text, encoding="utf-8")


def threshold_of(record: dict[str, Any]) -> float:
    """Return the training's threshold for every label; the default for a record older than that setting."""
    return float(record["config"].get("threshold", THRESHOLD))


def _thresholds(folder: Path, labels: Sequence[str], record: dict[str, Any]) -> dict[str, float]:
    """Return the folder's thresholds if its labels and training are those of the record, else the training's."""
    threshold = threshold_of(record)
    usual = dict.fromkeys(labels[1:], threshold)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        earlier = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return usual
    if config["labels"] == list(labels) and {**earlier, "gates": None} == {**record, "gates": None}:
        return {label: float(config["thresholds"][label]) for label in usual}
    if any(value not in {THRESHOLD, threshold} for value in config["thresholds"].values()):
        LOG.warning("thresholds of %s reset to %s: they were chosen for another training", folder, threshold)
    return usual
