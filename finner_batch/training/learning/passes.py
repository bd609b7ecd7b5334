"""The two passes of training, and the files that each writes.

The first pass trains a head over every frequent concept: the labels alone are rare, and the other concepts teach the
model what kinds of numbers there are. The second pass trains the head over the labels, whose rows start from those of
the first.

The second pass is quantisation-aware: the forward pass rounds matrices and their inputs as the int8 variant does, and
gradients pass the rounding unchanged (straight-through estimator, Bengio et al. 2013, arXiv:1308.3432). The trained
weights are on the int8 grid, so all variants compute with the same weights, and int8 differs from the others only in
rounding activations. Two matrices of each layer that the int8 variant computes in fp32 (see `onnx_graph`) are rounded
too: the export gate shows no loss from that.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils import parametrize

from finner_batch.storage.whole_file import whole_file, whole_folder
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.dataset import GENERATED, OUTSIDE, READ_LABELS, LabelledSentence
from finner_batch.training.data.examples import MASKED, OTHER, Example, frequent_concepts, make_examples
from finner_batch.training.evaluation.scores import decide, scored, scores, softmax
from finner_batch.training.export.model_folder import CHECKPOINT, RECORD_FILE
from finner_batch.training.export.onnx_graph import ACTIVATION_LEVELS, GELU_FLOOR, GELU_LEVELS, WEIGHT_LEVELS
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Checkpoints, Epoch, save_tensors, update_digest
from finner_batch.training.learning.encoder import Base, classifier, load_base
from finner_batch.training.learning.loop import FitConfig, Watch, fit, number_logits, trains_in_bf16, unwatched
from finner_batch.training.learning.train_config import TrainConfig

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

TINY = torch.finfo(torch.float32).tiny
LOG = logging.getLogger(__name__)
CONCEPTS = "concepts"
REFIT = "refit"
"""Subfolder of `checkpoint/` with the state of a second label pass, so that the first can still be resumed."""


class _RoundedRows(nn.Module):
    """Round a weight [outputs, inputs] to the int8 grid with a scale per output."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return _round(weight, WEIGHT_LEVELS)


def round_in_training(model: "DistilBertForTokenClassification") -> None:
    """Make the encoder's linear layers round as in int8, until `end_rounding`."""
    after_gelu = {layer for name, layer in model.named_modules() if name.endswith("ffn.lin2")}
    for layer in _linear_layers(model):
        parametrize.register_parametrization(layer, "weight", _RoundedRows())
        layer.register_forward_pre_hook(_round_gelu if layer in after_gelu else _round_input)


def end_rounding(model: "DistilBertForTokenClassification") -> None:
    """End `round_in_training`: restore plain layers, with their weights and the word embeddings on the int8 grid."""
    for layer in _linear_layers(model):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        layer._forward_pre_hooks.clear()  # noqa: SLF001 - only the rounding was registered
    with torch.no_grad():
        words = model.distilbert.embeddings.word_embeddings.weight
        words.copy_(_round(words, ACTIVATION_LEVELS))


def _linear_layers(model: "DistilBertForTokenClassification") -> list[nn.Linear]:
    return [module for module in model.distilbert.modules() if isinstance(module, nn.Linear)]


def _round_input(_layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    return (_round(inputs[0], ACTIVATION_LEVELS),)


def _round_gelu(_layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    return (_round(inputs[0] + GELU_FLOOR, GELU_LEVELS) - GELU_FLOOR,)


def _round(values: torch.Tensor, levels: int) -> torch.Tensor:
    """Round to `levels` steps per side, scaled by the largest magnitude of the last axis; keep the gradient."""
    scale = values.detach().abs().amax(dim=-1, keepdim=True).clamp_min(TINY) / levels
    return values + (torch.round(values / scale) * scale - values).detach()


def concept_pass(
    base: Base, training: Sequence[LabelledSentence], config: TrainConfig, folder: Path, watch: Watch = unwatched
) -> tuple[Base, list[Epoch]]:
    """Train a head over every frequent concept; return the new base and the epochs.

    The base is written to `folder/concepts/`, which `--base` reads. A finished pass with the same base, data and
    settings is not repeated.
    """
    concepts = [OUTSIDE, OTHER, *frequent_concepts(training, config.concept_minimum)]
    settings = FitConfig(
        epochs=config.concept_epochs,
        learning_rate=config.concept_learning_rate,
        hard_ratio=1.0,
        easy_ratio=0.25,
        budget_tokens=config.batch_tokens,
        accumulate=config.accumulate,
        seed=config.seed,
    )
    key = pass_key(base, training, concepts, settings, config)
    done = folder / CONCEPTS / RECORD_FILE
    if done.is_file():
        record = json.loads(done.read_text(encoding="utf-8"))
        if record["key"] == key:
            LOG.info("pass labels=%d already done in %s", len(concepts), done.parent)
            epochs = [Epoch(**epoch) for epoch in record["epochs"]]
            for number, epoch in enumerate(epochs, start=1):
                watch(number, epoch)
            return load_base(str(done.parent)), epochs
    delete_record(done)
    model = _on_device(classifier(base, concepts, seed=config.seed))
    tokenizer = save_tokenizer(base, folder / CONCEPTS, config.max_length)
    examples = make_examples(training, concepts, tokenizer, mask=True)
    if config.concept_focus:
        examples = [example for example in examples if example.hard]
    LOG.info("pass labels=%d examples=%d", len(concepts), len(examples))
    checkpoints = Checkpoints(
        folder=folder / CONCEPTS, key=key, every_steps=config.checkpoint_steps, resume=config.resume
    )
    epochs = fit(model, examples, settings, checkpoints=checkpoints, watch=watch)
    save_checkpoint(model, folder / CONCEPTS)
    if processes.is_main():
        with whole_file(done) as temporary:
            record = {"key": key, "epochs": [asdict(epoch) for epoch in epochs]}
            temporary.write_text(json.dumps(record), encoding="utf-8")
        checkpoints.remove()
    return load_base(str(done.parent)), epochs


def label_pass(
    base: Base,
    labels: list[str],
    training: Sequence[LabelledSentence],
    validation: Sequence[LabelledSentence],
    config: TrainConfig,
    folder: Path,
    watch: Watch = unwatched,
    epochs: int | None = None,
) -> tuple["DistilBertForTokenClassification", SentenceTokenizer, list[Epoch]]:
    """Train a head over the labels, keep the epoch with the best validation F1, and write it to `folder/checkpoint/`.

    The score counts validation sentences with a label or with a debt's rate or amount: nearly all on which the model
    can err, at a quarter of the time. Without any, the last of `epochs` is kept. Generated sentences that lack some of
    the labels are left out.
    """
    model = _on_device(classifier(base, labels, seed=config.seed))
    round_in_training(model)
    tokenizer = save_tokenizer(base, folder / CHECKPOINT, config.max_length)
    examples = make_examples(drop_partly_labelled(training, labels), labels, tokenizer, mask=True)
    scored_examples = [
        example
        for example in make_examples(validation, labels, tokenizer, mask=True)
        if example.positive or example.hard
    ]
    settings = FitConfig(
        epochs=config.epochs if epochs is None else epochs,
        learning_rate=config.learning_rate,
        hard_ratio=config.hard_ratio,
        easy_ratio=config.easy_ratio,
        budget_tokens=config.batch_tokens,
        accumulate=config.accumulate,
        class_weights=config.class_weights,
        average=config.average,
        patience=config.patience,
        seed=config.seed,
    )
    LOG.info("pass labels=%d examples=%d scored=%d", len(labels), len(examples), len(scored_examples))
    checkpoints = Checkpoints(
        folder=folder / CHECKPOINT if epochs is None else folder / CHECKPOINT / REFIT,
        key=pass_key(base, validation, labels, settings, config),
        every_steps=config.checkpoint_steps,
        resume=config.resume,
    )
    history = fit(
        model,
        examples,
        settings,
        score=(lambda current: validation_f1(current, scored_examples, labels)) if scored_examples else None,
        checkpoints=checkpoints,
        watch=watch,
    )
    end_rounding(model)
    save_checkpoint(model, folder / CHECKPOINT)
    return model, tokenizer, history


def drop_partly_labelled(training: Sequence[LabelledSentence], labels: Sequence[str]) -> list[LabelledSentence]:
    """Drop generated sentences that are only labelled with `READ_LABELS` where `labels` has others.

    Numbers with one of the other labels would be taught as `O`.
    """
    generated = [row for row in training if row.origin == GENERATED]
    concepts = {number.concept for row in generated for number in row.numbers} - {None}
    if not generated or concepts - READ_LABELS or READ_LABELS.issuperset(set(labels) - {OUTSIDE}):
        return list(training)
    LOG.warning("left out generated sentences=%d: they lack some of the labels", len(generated))
    return [row for row in training if row.origin != GENERATED]


def validation_f1(
    model: "DistilBertForTokenClassification", examples: Sequence[Example], labels: Sequence[str]
) -> float:
    """Return the mean of micro- and macro-F1 on the known numbers of examples, so that rare labels count too."""
    numbers = scored(examples, number_logits(model, examples, bf16=trains_in_bf16(model.device.type)))
    known = numbers.where(numbers.gold != MASKED)
    by_label = scores(known.gold, decide(softmax(known.logits, 1.0)), labels)
    return (by_label["micro"].f1 + by_label["macro"].f1) / 2


def pass_key(
    base: Base,
    training: Sequence[LabelledSentence],
    labels: Sequence[str],
    settings: FitConfig,
    config: TrainConfig,
) -> str:
    """Return the digest of everything that determines the weights of a pass."""
    decisive = [list(labels), asdict(settings), config.concept_focus, config.max_length, processes.size()]
    digest = hashlib.sha256(json.dumps(decisive).encode())
    update_base_digest(digest, base)
    for sentence in training:
        digest.update(repr(sentence).encode())
    return digest.hexdigest()


def update_base_digest(digest: "hashlib._Hash", base: Base) -> None:
    """Add a base's configuration, tokenizer, weights and head to a digest."""
    digest.update(base.config.to_json_string().encode() + base.tokenizer.to_str().encode())
    update_digest(digest, base.weights)
    for label, (weights, bias) in base.head.items():
        update_digest(digest, {f"{label} weights": weights, f"{label} bias": bias})


def delete_record(record: Path) -> None:
    """Delete the record of weights that are about to be replaced, so that it never describes other weights.

    Every process must call it.
    """
    processes.wait()
    if processes.is_main():
        record.unlink(missing_ok=True)
    processes.wait()


def save_tokenizer(base: Base, folder: Path, max_length: int) -> SentenceTokenizer:
    """Write the base's tokenizer.json, and read it as inference does."""
    if processes.is_main():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "tokenizer.json") as temporary:
            temporary.write_text(base.tokenizer.to_str(pretty=True), encoding="utf-8")
    processes.wait()
    return SentenceTokenizer(folder / "tokenizer.json", max_length)


def save_checkpoint(model: "DistilBertForTokenClassification", folder: Path) -> None:
    """Write config.json and model.safetensors, which `transformers` and `--base` read, completely or not at all."""
    if processes.is_main():
        with whole_folder(folder, last="model.safetensors") as new:
            (new / "config.json").write_text(model.config.to_json_string(), encoding="utf-8")
            weights = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
            save_tensors(weights, new / "model.safetensors", {"format": "pt"})
    processes.wait()


def _on_device(model: "DistilBertForTokenClassification") -> "DistilBertForTokenClassification":
    cuda = torch.cuda.is_available()
    model.set_attn_implementation("sdpa" if cuda else "eager")  # sdpa's gradient is slower on CPUs
    torch.nn.Module.to(model, "cuda" if cuda else "cpu")
    return model
