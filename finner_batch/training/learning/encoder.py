"""The encoder that fine-tuning starts from: any DistilBERT, or a BERT converted to one without loss.

A BERT that only sees one segment is a DistilBERT: its token-type embedding of segment 0 is added to every position
embedding, and the other weights are renamed. Tagging tokens does not need BERT's pooler, which is dropped.
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import DistilBertConfig, DistilBertForTokenClassification

from finner_batch.errors import ModelError

PACKAGE_PREFIX = "package:"
BASE_FILES = ("config.json", "model.safetensors", "tokenizer.json")

BERT_LAYER_NAMES = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}


@dataclass(frozen=True, slots=True)
class Base:
    """The base of a fine-tuning.

    `weights`: the encoder's, by DistilBERT's names (without `distilbert.`). `head`: weight row [dim] and bias [] of
    each label of a token classifier; empty for a bare encoder.
    """

    name: str
    config: DistilBertConfig
    weights: dict[str, torch.Tensor]
    head: dict[str, tuple[torch.Tensor, torch.Tensor]]
    tokenizer: Tokenizer


def load_base(name: str) -> Base:
    """Load a base: a folder, `package:NAME` (weights in an installed package), or a hub name.

    Raises ModelError if it is not found, is neither DistilBERT nor BERT, or cannot be converted exactly.
    """
    folder = _folder(name)
    missing = [file for file in BASE_FILES if not (folder / file).is_file()]
    if missing:
        raise ModelError(f"base {name}: {folder} lacks {', '.join(missing)}")
    base_config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = load_file(folder / "model.safetensors")
    head: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    kind = base_config.get("model_type")
    if kind == "distilbert":
        config = DistilBertConfig.from_dict(base_config)
        if "classifier.weight" in weights:
            rows = list(zip(weights["classifier.weight"], weights["classifier.bias"], strict=True))
            head = {base_config["id2label"][str(number)]: row for number, row in enumerate(rows)}
        weights = {key.removeprefix("distilbert."): value for key, value in weights.items()}
        weights = {key: value for key, value in weights.items() if key.startswith(("embeddings.", "transformer."))}
    elif kind == "bert":
        config = DistilBertConfig.from_dict(convert_bert_config(base_config))
        weights = convert_bert_weights(weights)
    else:
        raise ModelError(f"base {name}: model_type is {kind!r}; a DistilBERT or a BERT is needed")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()  # a tokenizer.json may embed both
    tokenizer.no_padding()
    return Base(name, config, weights, head, tokenizer)


def convert_bert_config(bert: dict[str, Any]) -> dict[str, Any]:
    """Translate a BERT's config.json into a DistilBERT's.

    Raises ModelError for a LayerNorm epsilon other than 1e-12 and for relative positions, which DistilBERT lacks.
    """
    if bert.get("layer_norm_eps", 1e-12) != 1e-12 or bert.get("position_embedding_type", "absolute") != "absolute":
        raise ModelError("this BERT is not exactly a DistilBERT: it needs layer_norm_eps 1e-12 and absolute positions")
    return {
        "vocab_size": bert["vocab_size"],
        "max_position_embeddings": bert["max_position_embeddings"],
        "sinusoidal_pos_embds": False,
        "n_layers": bert["num_hidden_layers"],
        "n_heads": bert["num_attention_heads"],
        "dim": bert["hidden_size"],
        "hidden_dim": bert["intermediate_size"],
        "dropout": bert.get("hidden_dropout_prob", 0.1),
        "attention_dropout": bert.get("attention_probs_dropout_prob", 0.1),
        "activation": bert.get("hidden_act", "gelu"),
        "pad_token_id": bert.get("pad_token_id", 0),
    }


def convert_bert_weights(bert: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Translate a BERT's weights into a DistilBERT's with the same outputs for inputs of one segment.

    Raises ModelError for a tensor that DistilBERT lacks.
    """
    bert = {key.removeprefix("bert."): value for key, value in bert.items()}
    bert = {key: value for key, value in bert.items() if key.startswith(("embeddings.", "encoder."))}
    segment = bert.pop("embeddings.token_type_embeddings.weight")[0]
    bert.pop("embeddings.position_ids", None)
    weights: dict[str, torch.Tensor] = {}
    for key, value in bert.items():
        if key.startswith("encoder.layer."):
            number, _, rest = key.removeprefix("encoder.layer.").partition(".")
            module, _, parameter = rest.rpartition(".")
            if module not in BERT_LAYER_NAMES:
                raise ModelError(f"this BERT is not exactly a DistilBERT: it has {key}")
            weights[f"transformer.layer.{number}.{BERT_LAYER_NAMES[module]}.{parameter}"] = value
        else:
            weights[key] = value
    weights["embeddings.position_embeddings.weight"] = weights["embeddings.position_embeddings.weight"] + segment
    return weights


def classifier(base: Base, labels: list[str], *, seed: int) -> DistilBertForTokenClassification:
    """Put a linear head over `labels` (`O` first) on the encoder.

    Labels of the base's own head keep their rows; the others are drawn from the seed.
    """
    torch.manual_seed(seed)
    config = DistilBertConfig.from_dict(base.config.to_dict())
    config.attention_dropout = 0.0  # its masks take a tenth of a training step on a CPU
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    model = DistilBertForTokenClassification(config)
    problems = model.distilbert.load_state_dict(base.weights, strict=False)
    if problems.missing_keys or problems.unexpected_keys:
        raise ModelError(f"base {base.name}: weights do not fit: {problems}")
    with torch.no_grad():
        for index, label in enumerate(labels):
            if label in base.head:
                model.classifier.weight[index], model.classifier.bias[index] = base.head[label]
    return model


def _folder(name: str) -> Path:
    if name.startswith(PACKAGE_PREFIX):
        return _package_folder(name.removeprefix(PACKAGE_PREFIX))
    if Path(name).is_dir():
        return Path(name)
    try:
        return Path(snapshot_download(name, allow_patterns=list(BASE_FILES)))
    except Exception as error:
        raise ModelError(
            f"base {name}: no such folder, and the hub did not give it ({type(error).__name__}). "
            f"Give --base a folder with {', '.join(BASE_FILES)}, or {PACKAGE_PREFIX}NAME for an installed package that "
            f"holds them"
        ) from error


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelError(f"base {PACKAGE_PREFIX}{package}: no such package is installed")
    folders = sorted(path.parent for path in Path(spec.origin).parent.rglob(BASE_FILES[1]))
    if not folders:
        raise ModelError(f"base {PACKAGE_PREFIX}{package}: the package has no {BASE_FILES[1]}")
    return folders[0]
