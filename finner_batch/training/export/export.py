"""Exports a checkpoint to the ONNX variants of a model folder, each of which must pass its gate.

The gate compares a variant with the checkpoint (PyTorch, fp32) on sentences of the split `dev`: those of notes, and
others with a debt's rate or amount. If a variant decides differently or loses accuracy, none is written. The model
folder records the figures. The variant `openvino` has no file: OpenVINO runs that of fp16
(`finner_batch/tagging/openvino.py`).
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import ModelError, UsageError
from finner_batch.tagging.batching import batches
from finner_batch.tagging.openvino import OPENVINO, compiled, is_installed
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.data_sources import apply_shares, known_sentences, load_data, whole_text
from finner_batch.training.data.examples import Example, make_examples
from finner_batch.training.evaluation.gold import check_labels
from finner_batch.training.evaluation.scores import decide, scored, scores, softmax
from finner_batch.training.export.model_folder import (
    CHECKPOINT,
    RECORD_FILE,
    UNFINISHED_FILE,
    Precision,
    file_precision,
    threshold_of,
    write_folder,
)
from finner_batch.training.export.onnx_graph import build
from finner_batch.training.learning.encoder import classifier, load_base
from finner_batch.training.learning.loop import number_logits

LOG = logging.getLogger(__name__)

Variant: TypeAlias = Precision | Literal["openvino"]
MAX_LOGIT_DIFFERENCE: dict[Variant, float] = {"fp32": 0.001, "fp16": 0.05, "int8": 1.0, "openvino": 1.0}
"""Maximum over all numbers and labels; logits of a trained head are within about -8..8."""
MIN_SPAN_AGREEMENT = 0.995
MAX_F1_LOSS = 0.003
BUDGET_TOKENS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The comparison of a variant with the reference.

    `spans`: numbers that the reference or the variant labels; `span_agreement`: share of them with the same label, as
    2 x both / (one + other). `f1_loss`: the reference's micro-F1 on notes of the split `dev` minus the variant's.
    """

    precision: Variant
    numbers: int
    spans: int
    max_logit_difference: float
    mean_logit_difference: float
    span_agreement: float
    reference_f1: float
    f1: float
    f1_loss: float
    bytes: int

    def failures(self) -> list[str]:
        """Return the reasons why the variant fails; empty if it passes."""
        if not self.spans:
            return [f"nothing was compared: of {self.numbers:,} numbers neither it nor the checkpoint labels one"]
        reasons = []
        if self.max_logit_difference > MAX_LOGIT_DIFFERENCE[self.precision]:
            reasons.append(f"logits differ by {self.max_logit_difference:.3f}")
        if self.span_agreement < MIN_SPAN_AGREEMENT:
            reasons.append(f"only {self.span_agreement:.2%} of the spans agree")
        if self.f1_loss > MAX_F1_LOSS:
            reasons.append(f"F1 falls by {self.f1_loss:.4f}")
        return reasons


def export_model(folder: Path, data: Path | None = None, precisions: Sequence[Variant] | None = None) -> list[Gate]:
    """Write the ONNX variants of a folder made by `train`, its configuration and its card.

    `data`: a source as for `train`, None for the training's own; without a split `dev`, the training's share is set
    aside again. Without `precisions`: int8 and fp16, and openvino if it is installed and passes. Earlier variants
    are kept. Raises ModelError if the folder has no checkpoint or a variant fails its gate, UsageError if the
    data have nothing to compare on; nothing is written then.
    """
    checkpoint = folder / CHECKPOINT
    if not (checkpoint / RECORD_FILE).is_file():
        if (checkpoint / UNFINISHED_FILE).is_file():
            raise ModelError(f"{folder} holds an unfinished training: start the same `train` again to resume it")
        raise ModelError(f"{folder} has no {CHECKPOINT}/ with {RECORD_FILE}: `export` needs a folder made by `train`")
    record: dict[str, Any] = json.loads((checkpoint / RECORD_FILE).read_text(encoding="utf-8"))
    base = load_base(str(checkpoint))
    labels = list(base.head)
    model = classifier(base, labels, seed=0)
    tokenizer = SentenceTokenizer(checkpoint / "tokenizer.json", int(record["config"]["max_length"]))
    names = [str(data)] if data else record["config"]["data"]
    notes, others = gate_examples(names, labels, tokenizer, record["config"])
    reference = number_logits(model, [*notes, *others], bf16=False)
    weights = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    gates = []
    graphs: dict[Precision, bytes] = {}
    default: tuple[Variant, ...] = ("int8", "fp16", *(("openvino",) if is_installed() else ()))
    for precision in precisions or default:
        graph = build(base.config, weights, len(labels), file_precision(precision)).SerializeToString()
        logits = run_graph(graph, [*notes, *others], by_openvino=precision == OPENVINO)
        gate = compare(
            precision,
            reference,
            logits,
            notes,
            temperature=record["development"]["temperature"],
            threshold=threshold_of(record),
            labels=labels,
            bytes_written=len(graph),
        )
        LOG.info("gate %s", " ".join(f"{name}={value}" for name, value in asdict(gate).items()))
        if gate.failures() and precisions is None and precision == OPENVINO:
            LOG.warning("openvino is left out, it fails its gate: %s", "; ".join(gate.failures()))
            continue
        if gate.failures():
            raise ModelError(f"the {precision} variant of {folder} fails its gate: {'; '.join(gate.failures())}")
        graphs[file_precision(precision)] = graph
        gates.append(gate)
    record["gates"] = {**record.get("gates", {}), **{gate.precision: asdict(gate) for gate in gates}}
    write_folder(folder, labels, record, graphs)
    return gates


def gate_examples(
    data: Sequence[str], labels: Sequence[str], tokenizer: SentenceTokenizer, settings: Mapping[str, Any]
) -> tuple[list[Example], list[Example]]:
    """Return examples of the split `dev`: of notes, and of other text with a debt's rate or amount.

    `settings` are those of the training, with its shares. Raises UsageError if the data have no such notes, or none
    of the labels in them.
    """
    shares = {split: float(settings.get(f"{split}_share", 0)) for split in ("validation", "dev")}
    sentences = apply_shares(load_data(data, settings.get("labels")), shares)
    in_notes = whole_text(known_sentences(sentences, "dev"))
    if not in_notes:
        raise UsageError(
            f"--data {', '.join(data)}: the split 'dev' holds no text whose numbers are all known, to compare on"
        )
    check_labels(in_notes, labels[1:], ", ".join(data))
    notes = make_examples(in_notes, labels, tokenizer, mask=False)
    elsewhere = [sentence for sentence in sentences if sentence.split == "dev" and not sentence.in_note]
    others = [example for example in make_examples(elsewhere, labels, tokenizer, mask=False) if example.hard]
    return notes, others


def run_graph(graph: bytes, examples: Sequence[Example], *, by_openvino: bool = False) -> list[NDArray[np.float32]]:
    """Return the logits [numbers, labels] of each example, by onnxruntime or OpenVINO on the CPU."""
    run = _openvino(graph) if by_openvino else _onnxruntime(graph)
    windows = [example.window for example in examples]
    by_window: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(windows)
    for batch in batches(windows, budget_tokens=BUDGET_TOKENS):
        logits = run({"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
        for row, member in enumerate(batch.members):
            by_window[member] = logits[row, list(windows[member].positions)]
    return by_window


def _onnxruntime(graph: bytes) -> Callable[[dict[str, NDArray[np.int64]]], NDArray[np.float32]]:
    import onnxruntime  # noqa: PLC0415 - heavy

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda feeds: session.run(["logits"], feeds)[0]


def _openvino(graph: bytes) -> Callable[[dict[str, NDArray[np.int64]]], NDArray[np.float32]]:
    import openvino  # noqa: PLC0415 - heavy

    request = compiled(openvino.Core(), graph, 1).create_infer_request()
    return lambda feeds: np.array(request.infer(feeds)["logits"], dtype=np.float32)  # OpenVINO reuses the buffer


def compare(
    precision: Variant,
    reference: Sequence[NDArray[np.float32]],
    logits: Sequence[NDArray[np.float32]],
    notes: Sequence[Example],
    *,
    temperature: float,
    threshold: float,
    labels: Sequence[str],
    bytes_written: int,
) -> Gate:
    """Compare a variant's logits with the reference's; the first `len(notes)` of both are those of `notes`."""
    one, other = np.concatenate(reference), np.concatenate(logits)
    differences = np.abs(one - other)
    thresholds = [threshold] * (len(labels) - 1)
    decided, varied = (decide(softmax(rows, temperature), thresholds) for rows in (one, other))
    spans = int((decided > 0).sum()) + int((varied > 0).sum())
    alike = int(((decided > 0) & (decided == varied)).sum())
    f1 = []
    for rows in (reference, logits):
        numbers = scored(notes, rows[: len(notes)])
        f1.append(scores(numbers.gold, decide(softmax(numbers.logits, temperature), thresholds), labels)["micro"].f1)
    return Gate(
        precision=precision,
        numbers=len(one),
        spans=int(((decided > 0) | (varied > 0)).sum()),
        max_logit_difference=float(differences.max()),
        mean_logit_difference=float(differences.mean()),
        span_agreement=2 * alike / spans if spans else 1.0,
        reference_f1=f1[0],
        f1=f1[1],
        f1_loss=f1[0] - f1[1],
        bytes=bytes_written,
    )
