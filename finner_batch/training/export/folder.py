"""The model folder that `train` and `export` write and the tagger reads: configuration, tokenizer, card, checksums."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from finner_batch.storage.whole_file import whole_file, whole_folder
from finner_batch.tagger.model import FORMAT_VERSION
from finner_batch.tagger.openvino import OPENVINO
from finner_batch.training.evaluation.scores import THRESHOLD
from finner_batch.training.export.card import model_card
from finner_batch.training.export.graph import Precision

LOG = logging.getLogger(__name__)

CHECKSUMS_FILE = "checksums.json"
CHECKPOINT = "checkpoint"
RECORD_FILE = "training.json"
UNFINISHED_FILE = "unfinished.json"
"""In `checkpoint/` while a training is under way, or was broken off."""
DEVICES = {"int8": "cpu", "fp16": "cuda", "fp32": "any", "openvino": "cpu"}


def file_precision(variant: str) -> Precision:
    """In which precision the file of a variant is: OpenVINO reads that of fp16."""
    return "fp16" if variant == OPENVINO else cast("Precision", variant)


def onnx_file(variant: str) -> str:
    """Name of a variant's file."""
    return f"model.{file_precision(variant)}.onnx"


def write_folder(
    folder: Path, labels: Sequence[str], record: dict[str, Any], graphs: Mapping[Precision, bytes]
) -> None:
    """Write the ONNX files of the graphs, and everything else from the record of the training.

    Thresholds that were chosen for this very model stay; those of an earlier training give way to the usual ones.
    `checksums.json` comes last and covers every file of the folder itself; its subfolders hold training state, which a
    packaged model leaves out. Raises as `whole_folder` does.
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
        with whole_file(folder / CHECKPOINT / RECORD_FILE) as own:
            own.write_text(as_text, encoding="utf-8")


def threshold_of(record: dict[str, Any]) -> float:
    """The training's threshold of every label; the usual one for a record older than that setting."""
    return float(record["config"].get("threshold", THRESHOLD))


def _thresholds(folder: Path, labels: Sequence[str], record: dict[str, Any]) -> dict[str, float]:
    """The folder's thresholds where its labels and training are those of the record, else the training's own."""
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
