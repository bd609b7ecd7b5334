"""The record of a training: what it was made from, where, and with which versions."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from finner_batch.machine import cpu_name, installed_versions
from finner_batch.training.data.dataset import LabelledSentence
from finner_batch.training.data.sources import Source, stated_company
from finner_batch.training.learning import processes

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
