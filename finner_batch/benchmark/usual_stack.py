"""The usual stack without this program: BeautifulSoup, pysbd, a transformers pipeline, or a plain onnxruntime loop.

Each is used as its documentation shows, and no slower. Each class is constructed once and then called with texts.
"""

import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from finner_batch.benchmark.input_counts import plain_tokenizer
from finner_batch.errors import DeviceError, UsageError
from finner_batch.machine import usable_cpus
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import Model
from finner_batch.tagging.onnx_file import Encoder

PIPELINE_BATCH = {"cpu": 1, "cuda": 32}
LOOP_BATCH = {"cpu": 1, "cuda": 8}
"""Sentences per batch. One is fastest on a CPU: neighbouring sentences differ in length, and padding costs."""
_NEEDED = ("pysbd", "torch", "transformers")
_MOST_HEADS = 12


def require_packages() -> None:
    """Check that the packages of a comparison are installed. Raises UsageError that says how to install them.

    Nothing is imported yet: the imports would make every garbage collection slower while stages are measured.
    """
    missing = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise UsageError(
            f"--compare needs {', '.join(missing)}: pip install 'finner-batch[benchmark]' "
            f"(or pip install {' '.join(missing)})"
        )


def _optional(package: str) -> Any:
    return importlib.import_module(package)


def soup_text(markup: str) -> str:
    """Return the text of a page by BeautifulSoup's `get_text`."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning  # noqa: PLC0415 - heavy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # inline XBRL is XHTML
        return BeautifulSoup(markup, "lxml").get_text(" ")


class PysbdSplitter:
    """pysbd's rules for English."""

    def __init__(self) -> None:
        pysbd = _optional("pysbd")
        self._segmenter = pysbd.Segmenter(language="en", clean=False)

    def __call__(self, texts: Sequence[str]) -> int:
        """Split each text and return the number of sentences."""
        return sum(len(self._segmenter.segment(text)) for text in texts)


class TransformersPipeline:
    """A token classification pipeline in fp32, on sentences in the given order, cut at the model's length.

    Batches hold one sentence on a CPU, 32 on a GPU. The model has the sizes of the measured one and random weights,
    which cost the same; its head predicts `O` for nearly all tokens, as a trained one does, so that few entities have
    to be aggregated. Raises DeviceError if the GPU is required and torch has no CUDA.
    """

    def __init__(self, model: Model, encoder: Encoder, device: Device) -> None:
        torch, transformers = _optional("torch"), _optional("transformers")
        if device.name == "cuda" and not torch.cuda.is_available():
            raise DeviceError("--compare on the GPU needs a torch with CUDA; this one has none: use --device cpu")
        transformers.utils.logging.set_verbosity_error()
        torch.set_num_threads(usable_cpus())
        torch.manual_seed(0)
        labels = dict(enumerate(model.labels))
        config = transformers.DistilBertConfig(
            vocab_size=encoder.vocabulary,
            max_position_embeddings=encoder.positions,
            dim=encoder.width,
            hidden_dim=encoder.feed_forward,
            n_layers=encoder.layers,
            n_heads=next(heads for heads in range(_MOST_HEADS, 0, -1) if encoder.width % heads == 0),
            id2label=labels,
            label2id={label: index for index, label in labels.items()},
        )
        network = transformers.DistilBertForTokenClassification(config).eval()
        with torch.no_grad():
            network.classifier.bias[0] = 4.0
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=plain_tokenizer(model),
            model_max_length=model.max_length,
            model_input_names=["input_ids", "attention_mask"],
            pad_token="[PAD]",  # noqa: S106 - the name of a token
        )
        self._pipeline: Any = transformers.pipeline(
            "token-classification",
            model=network,
            tokenizer=tokenizer,
            device=0 if device.name == "cuda" else -1,
            batch_size=PIPELINE_BATCH[device.name],
            aggregation_strategy="simple",
        )

    def __call__(self, sentences: Sequence[str]) -> int:
        """Tag the sentences and return the number of entities."""
        return sum(len(found) for found in self._pipeline(list(sentences)))


class OnnxLoop:
    """The same ONNX file in onnxruntime with default settings, on sentences in the given order.

    Batches hold one sentence on a CPU, 8 on a GPU, padded to the longest.
    """

    def __init__(self, model: Model, variant: str, device: Device) -> None:
        import onnxruntime  # noqa: PLC0415 - heavy

        wanted = "CUDAExecutionProvider" if device.name == "cuda" else "CPUExecutionProvider"
        self._session = onnxruntime.InferenceSession(str(model.onnx_path(variant)), providers=[wanted])
        if self._session.get_providers()[0] != wanted:
            raise DeviceError(f"onnxruntime should run on {wanted} but uses {self._session.get_providers()[0]}")
        self._batch = LOOP_BATCH[device.name]
        self._tokenizer = plain_tokenizer(model)
        self._tokenizer.enable_truncation(model.max_length)
        self._tokenizer.enable_padding()

    def __call__(self, sentences: Sequence[str]) -> int:
        """Tag the sentences and return the number of labelled tokens, without padding."""
        labelled = 0
        for start in range(0, len(sentences), self._batch):
            encodings = self._tokenizer.encode_batch(list(sentences[start : start + self._batch]))
            mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
            ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
            (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
            labelled += int(((logits.argmax(axis=-1) > 0) & (mask > 0)).sum())
        return labelled
