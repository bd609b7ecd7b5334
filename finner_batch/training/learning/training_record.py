"""The record of a training: what it was made from, where, and with which versions.

What a trained checkpoint does on the sentences held out from it: its temperature, and its figures.
"""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from finner_batch.machine import cpu_name, installed_versions
from finner_batch.tagging.model import Cues
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.data_sources import Source, stated_company
from finner_batch.training.data.dataset import FILING, Gold, LabelledSentence
from finner_batch.training.data.examples import Example, make_examples
from finner_batch.training.evaluation.model_figures import fit_temperature, report
from finner_batch.training.evaluation.scores import Scored, scored
from finner_batch.training.learning import processes
from finner_batch.training.learning.loop import number_logits

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

UNREAD_LOGIT = -100.0
"""Of every label but `O`, for a number that the model is not given to read."""
PACKAGES = (
    "finner-batch",
    *(
        "torch",
        "transformers",
        "tokenizers",
        "safetensors",
        "onnx",
        "onnxruntime",
        "onnxruntime-gpu",
        "numpy",
        "pyarrow",
    ),
)


def temperature_of(
    model: "DistilBertForTokenClassification",
    tokenizer: SentenceTokenizer,
    labels: list[str],
    validation: Sequence[LabelledSentence],
) -> float:
    """The temperature that suits the validation split, of a model that has not learnt from it."""
    examples = make_examples(validation, labels, tokenizer, mask=False)
    numbers = scored(examples, number_logits(model, examples, bf16=False))
    return fit_temperature(numbers.logits, numbers.gold)


def figures(
    model: "DistilBertForTokenClassification",
    tokenizer: SentenceTokenizer,
    labels: list[str],
    development: Sequence[LabelledSentence],
    temperature: float,
    threshold: float,
    cues: Cues,
) -> dict[str, Any]:
    """Figures on the dev split and, where sentences of filings were read, on those of filings by their tags."""

    def numbers(sentences: Sequence[LabelledSentence], by: Gold) -> Scored:
        examples = make_examples(sentences, labels, tokenizer, mask=False, gold=by)
        return scored(examples, _read_logits(model, examples, sentences, cues), sentences)

    thresholds = [threshold] * (len(labels) - 1)
    found = {"development": report(numbers(development, "readings"), labels, temperature, thresholds).as_json()}
    filings = [row for row in development if row.origin == FILING]
    if any(row.is_read for row in filings):
        found["development_filers"] = report(numbers(filings, "filers"), labels, temperature, thresholds).as_json()
    return found


def _read_logits(
    model: "DistilBertForTokenClassification",
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


def describe_data(sources: Sequence[Source], splits: Mapping[str, Sequence[LabelledSentence]]) -> dict[str, Any]:
    """Name the sources by hash and size, and count what each split holds.

    `sha256` is that of the only source, of several that of their digests in order. `documents`: filings that `label`
    read; None where no source says. `…_companies` counts those that a source states.
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
        described[f"{name}_companies"] = len({stated_company(sentence) for sentence in sentences} - {None})
    return described


def describe_machine() -> dict[str, Any]:
    """The processor, threads, GPUs and processes of the training."""
    return {
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "processes": processes.size(),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a training gives."""
    return {"python": platform.python_version(), **installed_versions(PACKAGES)}
