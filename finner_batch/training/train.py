"""Fine-tuning from labelled sentences to a model folder."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from finner_batch.errors import UsageError
from finner_batch.training.base import load_base
from finner_batch.training.dataset import (
    OUTSIDE,
    SENTENCES_FILE,
    STATISTICS_FILE,
    LabelledSentence,
    note_sentences,
    read_sentences,
)
from finner_batch.training.evaluate import fit_temperature, report, scored
from finner_batch.training.examples import make_examples
from finner_batch.training.export import export_model
from finner_batch.training.fit import Epoch, number_logits
from finner_batch.training.folder import CHECKPOINT, RECORD_FILE
from finner_batch.training.passes import CONCEPTS, concept_pass, label_pass

if TYPE_CHECKING:
    from finner_batch.training.config import TrainConfig

LABEL_SETS = {
    "debt4": (
        "DebtInstrumentBasisSpreadOnVariableRate1",
        "DebtInstrumentInterestRateStatedPercentage",
        "LineOfCreditFacilityMaximumBorrowingCapacity",
        "DebtInstrumentInterestRateEffectivePercentage",
    )
}
RECORDED_PACKAGES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "onnxruntime-gpu", "numpy")


def train(config: TrainConfig) -> Path:
    """Fine-tune, calibrate, export and write the model folder; give its path.

    Training state lies in the folder's `checkpoint/` and `concepts/` (safetensors), which a packaged model leaves out.
    Raises UsageError for unusable data, ModelError for an unusable base or a failed export gate.
    """
    output, data = Path(config.output), Path(config.data)
    labels = [OUTSIDE, *read_labels(config.labels)]
    sentences = read_sentences(data)
    training, development = note_sentences(sentences, "train"), note_sentences(sentences, "dev")
    base = load_base(config.base)
    passes: dict[str, list[Epoch]] = {}
    if config.concept_epochs:
        base, passes[CONCEPTS] = concept_pass(base, training, config, output)
    model, tokenizer, passes["labels"] = label_pass(base, labels, training, development, config, output)
    examples = make_examples(development, labels, tokenizer, mask=False)
    numbers = scored(examples, number_logits(model, examples, bf16=False))
    record = {
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(epoch.seconds for epochs in passes.values() for epoch in epochs)),
        "config": asdict(config),
        "data": _describe(data, training, development),
        "machine": {"cpu": _cpu_name(), "threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()},
        "versions": _versions(),
        "passes": {name: [asdict(epoch) for epoch in epochs] for name, epochs in passes.items()},
        "development": report(numbers, labels, fit_temperature(numbers.logits, numbers.gold)).as_json(),
    }
    (output / CHECKPOINT / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    export_model(output, data)
    return output


def read_labels(name: str) -> list[str]:
    """Read a label set: a known name, or a file with one concept name a line. Raises UsageError."""
    if name in LABEL_SETS:
        return list(LABEL_SETS[name])
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"--labels {name}: neither a label set ({', '.join(LABEL_SETS)}) nor a file of concept names")
    content = path.read_text(encoding="utf-8")
    try:
        labels = json.loads(content)
    except ValueError:
        labels = content.split()
    if not isinstance(labels, list) or not labels or len(set(labels)) < len(labels) or OUTSIDE in labels:
        raise UsageError(f"--labels {name}: needs distinct concept names, a JSON list or one a line, without {OUTSIDE}")
    return labels


def _describe(data: Path, training: list[LabelledSentence], development: list[LabelledSentence]) -> dict[str, Any]:
    """Name the data by hash and size."""
    file = data / SENTENCES_FILE if data.is_dir() else data
    statistics = file.parent / STATISTICS_FILE
    return {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "train_sentences": len(training),
        "dev_sentences": len(development),
        "train_companies": len({sentence.company for sentence in training}),
        "dev_companies": len({sentence.company for sentence in development}),
        "documents": json.loads(statistics.read_text(encoding="utf-8"))["documents"] if statistics.is_file() else None,
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
