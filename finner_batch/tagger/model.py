"""A model folder: what is in it, whether it is whole, and what identifies it.

A folder holds `config.json`, `tokenizer.json`, `checksums.json` and one ONNX file per variant (precision). Nothing in
it executes; every file is verified against `checksums.json` (SHA-256) before it is opened.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from finner_batch.errors import ModelError
from finner_batch.tagger.cues import EVERY_SENTENCE, Cues

FORMAT_VERSION = 1
DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models" / "debt4"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A verified model folder.

    `labels[0]` is `O`; the others are concept names. `max_length` counts tokens, special ones included. `temperature`
    divides the logits before the softmax. A number gets its likeliest label other than `O` where its probability
    reaches `thresholds[label]`, be `O` likelier or not. `variants` maps a precision (`int8`, `fp16`, `fp32`) to its
    ONNX file's name. A sentence that lacks one of the `cues` is not read.
    """

    folder: Path
    name: str
    labels: tuple[str, ...]
    max_length: int
    temperature: float
    thresholds: Mapping[str, float]
    variants: Mapping[str, str]
    cues: Cues = EVERY_SENTENCE
    checksums: Mapping[str, str]

    @cached_property
    def model_id(self) -> str:
        """Name and a digest of everything that can change a row, e.g. `debt4@3f1c0a9b2d4e`."""
        rows = "".join(
            f"{name}:{digest}\n" for name, digest in sorted(self.checksums.items()) if not name.endswith(".md")
        )
        return f"{self.name}@{hashlib.sha256(rows.encode()).hexdigest()[:12]}"

    def onnx_path(self, variant: str) -> Path:
        """Path of a variant's ONNX file, verified. Raises ModelError where the folder lacks it or it is damaged."""
        if variant not in self.variants:
            raise ModelError(
                f"model {self.folder} has no {variant} variant (it has {', '.join(sorted(self.variants))}): "
                f"make it with `finner-batch export --precision {variant}`"
            )
        name = self.variants[variant]
        _verify(self.folder, name, self.checksums)
        return self.folder / name


def load_model(folder: str | Path | None = None) -> Model:
    """Read and verify a model folder; None means the packaged default.

    The ONNX files themselves are verified when one is opened (`Model.onnx_path`). Raises ModelError with the file and
    the reason where something is missing, damaged or of an unknown format.
    """
    path = DEFAULT_MODEL if folder is None else Path(folder)
    if not path.is_dir():
        raise ModelError(f"no model folder at {path}: give --model a folder made by `finner-batch train`")
    checksums = _read_json(path, "checksums.json")
    for name in checksums:
        if not name.endswith(".onnx"):
            _verify(path, name, checksums)
    for required in ("config.json", "tokenizer.json"):
        if required not in checksums:
            raise ModelError(f"model {path}: checksums.json does not list {required}; export the model again")
    config = _read_json(path, "config.json")
    if config.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"model {path} has format_version {config.get('format_version')!r}, this program reads {FORMAT_VERSION}: "
            "export the model again with this version"
        )
    return _model(path, config, checksums)


def _model(path: Path, config: Mapping[str, Any], checksums: Mapping[str, str]) -> Model:
    try:
        labels = tuple(str(label) for label in config["labels"])
        model = Model(
            folder=path,
            name=str(config["name"]),
            labels=labels,
            max_length=int(config["max_length"]),
            temperature=float(config["temperature"]),
            thresholds={str(label): float(value) for label, value in config["thresholds"].items()},
            cues=Cues.of(config.get("cues", {}), where=f"model {path}"),
            variants={str(key): str(value["file"]) for key, value in config["variants"].items()},
            checksums=checksums,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"model {path}: config.json lacks or garbles {error}; export the model again") from error
    if len(labels) < 2 or labels[0] != "O" or model.temperature <= 0 or model.max_length < 16:
        raise ModelError(
            f"model {path}: config.json must have labels starting with O, temperature > 0, max_length >= 16"
        )
    missing = [label for label in labels[1:] if label not in model.thresholds]
    if missing:
        raise ModelError(f"model {path}: config.json has no threshold for {', '.join(missing)}")
    return model


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"model {folder} has no {name}: it is not a finner-batch model folder") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"model {folder}: {name} cannot be read ({error})") from error
    if not isinstance(data, dict):
        raise ModelError(f"model {folder}: {name} is not a JSON object")
    return data


def _verify(folder: Path, name: str, checksums: Mapping[str, str]) -> None:
    if name not in checksums:
        raise ModelError(f"model {folder}: checksums.json does not list {name}; export the model again")
    try:
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"model {folder}: {name} cannot be read ({error})") from error
    if digest != checksums[name]:
        raise ModelError(
            f"model {folder}: {name} is damaged (SHA-256 {digest[:12]}…, expected {checksums[name][:12]}…)"
        )
