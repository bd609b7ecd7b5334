"""A model folder: its content, its verification, and its identity.

A folder holds `config.json`, `tokenizer.json`, `checksums.json` and one ONNX file per variant (precision). It
contains no code; every file is verified against `checksums.json` (SHA-256) before it is opened.

Few sentences with a number are about debt, and only those have labels of debt. So a folder may list cues: groups of
patterns (`cues` in `config.json`). A sentence without a match of every group is not read, and its numbers get no label.
The model's scores are measured with its cues.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from finner_batch.errors import ModelError
from finner_batch.tagging.onnx_file import Shapes, read_shapes

FORMAT_VERSION = 1
_INPUTS = frozenset(["input_ids", "attention_mask"])
_OUTPUT = "logits"
_PADDING_ROWS = 1024
"""A table of word pieces must have fewer rows than this without an id. Some are padded to a multiple of up to 128."""
_SHORTEST_LENGTH = 16
_HIGHEST_THRESHOLD = 1.0
"""At 1, a label is almost never given: `evaluate --write-thresholds` writes it if no lower threshold is worthwhile."""
DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models" / "debt4"


@dataclass(frozen=True, slots=True)
class Cues:
    """Compiled groups of patterns. Without a group, every sentence is read."""

    groups: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, patterns: Mapping[str, str], *, where: str) -> "Cues":
        """Compile the patterns of a folder, by group name. Raises ModelError if one is not a regular expression."""
        groups = []
        for name, pattern in patterns.items():
            try:
                groups.append(re.compile(pattern, re.IGNORECASE))
            except (re.error, TypeError) as error:
                raise ModelError(f"{where}: the cues {name!r} are not a regular expression ({error})") from error
        return cls(tuple(groups))

    def found_in(self, sentence: str) -> bool:
        """Return whether every group matches in the sentence."""
        return all(group.search(sentence) for group in self.groups)


EVERY_SENTENCE = Cues()


@dataclass(frozen=True, kw_only=True)
class Model:
    """A verified model folder.

    `labels[0]` is `O`; the others are concept names. `max_length` counts tokens, special ones included. `temperature`
    divides the logits before the softmax. A number gets its likeliest label other than `O` if that label's probability
    reaches `thresholds[label]`, even if `O` is likelier. `variants` maps a precision (`int8`, `fp16`, `fp32`) to the
    name of its ONNX file. A sentence that lacks one of the `cues` is not read.
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
        """The name, and a digest of everything that can change a row, e.g. `debt4@3f1c0a9b2d4e`."""
        rows = "".join(
            f"{name}:{digest}\n" for name, digest in sorted(self.checksums.items()) if not name.endswith(".md")
        )
        return f"{self.name}@{hashlib.sha256(rows.encode()).hexdigest()[:12]}"

    def onnx_path(self, variant: str) -> Path:
        """Return the path of a variant's ONNX file, verified.

        Raises ModelError if it is missing, damaged, or does not fit the configuration or the tokenizer.
        """
        if variant not in self.variants:
            raise ModelError(
                f"model {self.folder} has no {variant} variant (it has {', '.join(sorted(self.variants))}): "
                f"make it with `finner-batch export --precision {variant}`"
            )
        name = self.variants[variant]
        _verify(self.folder, name, self.checksums)
        if misfit := next(self._misfits(read_shapes(self.folder / name)), None):
            raise ModelError(f"model {self.folder}: {name} {misfit}; export the model again")
        return self.folder / name

    def _misfits(self, shapes: Shapes) -> Iterator[str]:
        """Yield what in an ONNX file does not fit the labels, the longest window and the vocabulary."""
        if shapes.inputs != _INPUTS or _OUTPUT not in shapes.outputs:
            yield f"takes {_listed(shapes.inputs)} and returns {_listed(shapes.outputs)}, no logits of tokens"
        elif shapes.outputs[_OUTPUT][-1:] != (len(self.labels),):
            yield f"returns logits {shapes.outputs[_OUTPUT]}, and config.json lists {len(self.labels)} labels"
        rows = {name: shape[0] for name, shape in shapes.constants.items() if len(shape) == 2 and shape[1] > 1}
        positions = next((count for name, count in rows.items() if "position_embeddings.weight" in name), None)
        if positions is not None and positions < self.max_length:
            yield f"has {positions} positions, and config.json a max_length of {self.max_length}"
        words = next((count for name, count in rows.items() if "word_embeddings.weight" in name), None)
        ids = max(vocabulary_of(read_json_object(self.folder / "tokenizer.json")).values()) + 1
        if words is not None and not ids <= words < ids + _PADDING_ROWS:
            yield f"has {words} word pieces, and tokenizer.json ids for {ids}"


def load_model(folder: str | Path | None = None) -> Model:
    """Read and verify a model folder; None means the packaged model.

    An ONNX file is verified when it is opened (`Model.onnx_path`). Raises ModelError with the file and the reason if
    something is missing, damaged or of an unknown format.
    """
    path = DEFAULT_MODEL if folder is None else Path(folder)
    if not path.is_dir():
        raise ModelError(f"no model folder at {path}: give --model a folder made by `finner-batch train`")
    checksums = read_json_object(path / "checksums.json")
    for name in checksums:
        if not name.endswith(".onnx"):
            _verify(path, name, checksums)
    for required in ("config.json", "tokenizer.json"):
        if required not in checksums:
            raise ModelError(f"model {path}: checksums.json does not list {required}; export the model again")
    config = read_json_object(path / "config.json")
    if config.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"model {path} has format_version {config.get('format_version')!r}, this program reads {FORMAT_VERSION}: "
            "export the model again with this version"
        )
    return _model(path, config, checksums)


def _model(path: Path, config: Mapping[str, Any], checksums: Mapping[str, str]) -> Model:
    try:
        labels = tuple(config["labels"])
        model = Model(
            folder=path,
            name=str(config["name"]),
            labels=labels,
            max_length=int(config["max_length"]),
            temperature=float(config["temperature"]),
            thresholds={label: float(value) for label, value in config["thresholds"].items()},
            cues=Cues.of(config.get("cues", {}), where=f"model {path}"),
            variants={str(key): str(value["file"]) for key, value in config["variants"].items()},
            checksums=checksums,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"model {path}: config.json lacks or garbles {error}; export the model again") from error
    if wrong := next(_wrong_settings(model, listed=isinstance(config["labels"], list)), None):
        raise ModelError(f"model {path}: config.json {wrong}; export the model again")
    return model


def _wrong_settings(model: Model, *, listed: bool) -> Iterator[str]:
    """Yield what is invalid in a configuration. NaN is outside every range."""
    names = model.labels[1:]
    if not (listed and names and model.labels[0] == "O" and all(isinstance(name, str) and name for name in names)):
        yield "must list labels: O, then the names"
    elif len({*model.labels}) < len(model.labels):
        yield "lists a label twice"
    elif missing := [name for name in names if name not in model.thresholds]:
        yield f"has no threshold for {', '.join(missing)}"
    yield from (
        f"has the threshold {value} for {name}, which is not from 0 to {_HIGHEST_THRESHOLD}"
        for name, value in model.thresholds.items()
        if not 0 <= value <= _HIGHEST_THRESHOLD
    )
    if not 0 < model.temperature < math.inf:
        yield f"has the temperature {model.temperature}, which is not a number above 0"
    if model.max_length < _SHORTEST_LENGTH:
        yield f"has max_length {model.max_length}, which is below {_SHORTEST_LENGTH}"


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file of a model folder. Raises ModelError if it is not a JSON object."""
    folder, name = path.parent, path.name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"model {folder} has no {name}: it is not a finner-batch model folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"model {folder}: {name} cannot be read ({error})") from error
    if not isinstance(data, dict):
        raise ModelError(f"model {folder}: {name} is not a JSON object")
    return data


def vocabulary_of(definition: Mapping[str, Any]) -> dict[str, int]:
    """Return the ids of a WordPiece vocabulary. Raises ModelError if there is none."""
    model = definition.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocabulary, dict) or not vocabulary or not all(type(id_) is int for id_ in vocabulary.values()):
        raise ModelError("tokenizer.json holds no vocabulary of word pieces and their ids; export the model again")
    return vocabulary


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _verify(folder: Path, name: str, checksums: Mapping[str, str]) -> None:
    if not isinstance(checksums.get(name), str):
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
