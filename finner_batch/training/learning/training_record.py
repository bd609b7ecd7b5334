"""The record of a training: data, machine and versions; the checkpoint's temperature and figures on held-out data."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from finner_batch.machine import cpu_name, installed_versions
from finner_batch.tagging.model import Cues
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.data_sources import Source, count_companies
from finner_batch.training.data.dataset import FILING, Gold, LabelledSentence
from finner_batch.training.data.examples import Example, make_examples
from finner_batch.training.evaluation.model_figures import fit_temperature, report
from finner_batch.training.evaluation.scores import Scored, scored
from finner_batch.training.learning import processes
from finner_batch.training.learning.loop import number_logits, trains_in_bf16

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

UNREAD_LOGIT = -100.0
"""Logit of every label but `O` for a number of a sentence without cues, which the model does not read."""
PACKAGES = (
    *("finner-batch", "torch", "transformers", "tokenizers", "safetensors"),
    *("onnx", "onnxruntime", "onnxruntime-gpu", "numpy", "pyarrow"),
)


def temperature_of(
    model: "DistilBertForTokenClassification",
    tokenizer: SentenceTokenizer,
    labels: list[str],
    validation: Sequence[LabelledSentence],
) -> float:
    """Fit the temperature on the validation split, on which the model was not trained."""
    examples = make_examples(validation, labels, tokenizer, mask=False)
    numbers = scored(examples, number_logits(model, examples, bf16=False))
    return fit_temperature(numbers.logits, numbers.gold)


def development_figures(
    model: "DistilBertForTokenClassification",
    tokenizer: SentenceTokenizer,
    labels: list[str],
    development: Sequence[LabelledSentence],
    temperature: float,
    threshold: float,
    cues: Cues,
) -> dict[str, Any]:
    """Return the figures on the dev split and, where filings have readings, on its filings by the filers' tags."""

    def numbers(sentences: Sequence[LabelledSentence], gold: Gold) -> Scored:
        examples = make_examples(sentences, labels, tokenizer, mask=False, gold=gold)
        return scored(examples, _logits_with_cues(model, examples, sentences, cues), sentences)

    thresholds = [threshold] * (len(labels) - 1)
    figures = {"development": asdict(report(numbers(development, "readings"), labels, temperature, thresholds))}
    filings = [row for row in development if row.origin == FILING]
    if any(row.is_read for row in filings):
        figures["development_filers"] = asdict(report(numbers(filings, "filers"), labels, temperature, thresholds))
    return figures


def _logits_with_cues(
    model: "DistilBertForTokenClassification",
    examples: Sequence[Example],
    sentences: Sequence[LabelledSentence],
    cues: Cues,
) -> list[NDArray[np.float32]]:
    """Return the logits [numbers, labels] of each example; `O` for sentences without cues, as in a job."""
    read = [example for example in examples if cues.found_in(sentences[example.sentence].text)]
    logits = iter(number_logits(model, read, bf16=False))
    outside = np.full(model.classifier.out_features, UNREAD_LOGIT, dtype=np.float32)
    outside[0] = 0.0
    is_read = {id(example) for example in read}
    return [
        next(logits) if id(example) in is_read else np.tile(outside, (len(example.window.numbers), 1))
        for example in examples
    ]


def describe_data(sources: Sequence[Source], splits: Mapping[str, Sequence[LabelledSentence]]) -> dict[str, Any]:
    """Describe the sources by hash and size, and count the sentences and companies of each split.

    `sha256` is that of the only source, or of the joined digests of several. `documents`: filings that `label` read,
    None if no source states them. `…_companies` counts stated companies.
    """
    digests = [source.sha256 for source in sources]
    filings = [source.filings for source in sources if source.filings is not None]
    described: dict[str, Any] = {
        "sha256": digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
        "sources": [
            {
                "name": source.name,
                "sha256": source.sha256,
                "sentences": len(source.sentences),
                "filings": source.filings,
            }
            for source in sources
        ],
        "documents": sum(filings) if filings else None,
    }
    for name, sentences in splits.items():
        described[f"{name}_sentences"] = len(sentences)
        described[f"{name}_companies"] = count_companies(sentences)
    return described


def describe_environment() -> dict[str, Any]:
    """Return the processor, threads, GPUs and processes of the training, and the versions of what affects it."""
    return {
        "machine": {
            "cpu": cpu_name(),
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.is_available(),
            "bf16": trains_in_bf16("cuda" if torch.cuda.is_available() else "cpu"),
            "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
            "processes": processes.size(),
        },
        "versions": {"python": platform.python_version(), **installed_versions(PACKAGES)},
    }
