"""The two passes of training, and what each leaves on disk.

First a head over every frequent concept, for the wanted labels alone are rare and the other concepts teach what kinds
of numbers there are; then the head over the labels, which starts from its concepts' rows of the first.

Training that knows of int8: matrices and their inputs are rounded in the forward pass as the int8 variant rounds.

Gradients pass the rounding unchanged (straight-through estimator, Bengio et al. 2013, arXiv:1308.3432). At the end the
weights stay on the int8 grid, so that all variants compute with the same weights, and int8 differs from the others only
in rounding activations, which the model has learnt to bear. Two matrices of each layer that the int8 variant computes
in fp32 (see `graph`) are rounded all the same: one rule for all costs them nothing that the gate can see.
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
from finner_batch.training.learning.loop import FitConfig, Watch, fit, number_logits, unwatched
from finner_batch.training.learning.train_config import TrainConfig

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

TINY = torch.finfo(torch.float32).tiny
LOG = logging.getLogger(__name__)
CONCEPTS = "concepts"
REFIT = "refit"
"""Folder in the checkpoint's of the state of a second label pass, so that the first one's stays to be resumed."""


class _RoundedRows(nn.Module):
    """Round a weight [outputs, inputs] to the int8 grid of each output's own scale."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return _round(weight, WEIGHT_LEVELS)


def round_in_training(model: "DistilBertForTokenClassification") -> None:
    """Make the encoder's linear layers compute as int8 ones do, until `settle`."""
    after_gelu = {layer for name, layer in model.named_modules() if name.endswith("ffn.lin2")}
    for layer in _linear_layers(model):
        parametrize.register_parametrization(layer, "weight", _RoundedRows())
        layer.register_forward_pre_hook(_round_gelu if layer in after_gelu else _round_input)


def settle(model: "DistilBertForTokenClassification") -> None:
    """End `round_in_training`: plain layers again, their weights on the grid, as are the word embeddings'."""
    for layer in _linear_layers(model):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        layer._forward_pre_hooks.clear()  # noqa: SLF001 - none but the rounding was registered
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
    """Round to `levels` steps a side of the last axis' greatest magnitude; the gradient is that of no rounding."""
    scale = values.detach().abs().amax(dim=-1, keepdim=True).clamp_min(TINY) / levels
    return values + (torch.round(values / scale) * scale - values).detach()


if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification


def concept_pass(
    base: Base, training: Sequence[LabelledSentence], config: TrainConfig, folder: Path, watch: Watch = unwatched
) -> tuple[Base, list[Epoch]]:
    """Train over every frequent concept; give the encoder and head that come of it.

    They lie in `folder/concepts/`, a folder that `--base` reads. A finished pass from the same base over the same data
    with the same settings is not repeated.
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
    forget(done)
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
    """Train over the labels, keeping the epoch with the best validation F1; it lies in `folder/checkpoint/`.

    The score counts validation sentences that hold a label or speak of a debt's rate or amount: nearly every sentence
    on which the model can err, and a quarter of the time. Without any, the last of `epochs` is kept. Sentences that
    know less than the labels are left out (`informed`).
    """
    model = _on_device(classifier(base, labels, seed=config.seed))
    round_in_training(model)
    tokenizer = save_tokenizer(base, folder / CHECKPOINT, config.max_length)
    examples = make_examples(informed(training, labels), labels, tokenizer, mask=True)
    judged = [
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
    LOG.info("pass labels=%d examples=%d judged=%d", len(labels), len(examples), len(judged))
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
        score=(lambda current: validation_f1(current, judged, labels)) if judged else None,
        checkpoints=checkpoints,
        watch=watch,
    )
    settle(model)
    save_checkpoint(model, folder / CHECKPOINT)
    return model, tokenizer, history


def informed(training: Sequence[LabelledSentence], labels: Sequence[str]) -> list[LabelledSentence]:
    """The sentences without the generated ones, where these label nothing but `READ_LABELS` and `labels` has others.

    Nobody looked for the other labels in them, so their numbers would be taught as none.
    """
    made = [row for row in training if row.origin == GENERATED]
    said = {number.concept for row in made for number in row.numbers} - {None}
    if not made or said - READ_LABELS or READ_LABELS.issuperset(set(labels) - {OUTSIDE}):
        return list(training)
    LOG.warning("left out generated sentences=%d: they know other labels than those to be learnt", len(made))
    return [row for row in training if row.origin != GENERATED]


def validation_f1(
    model: "DistilBertForTokenClassification", examples: Sequence[Example], labels: Sequence[str]
) -> float:
    """Mean of micro- and macro-F1 of the model on the known numbers of examples: a rare label counts, too."""
    numbers = scored(examples, number_logits(model, examples))
    known = numbers.where(numbers.gold != MASKED)
    found = scores(known.gold, decide(softmax(known.logits, 1.0)), labels)
    return (found["micro"].f1 + found["macro"].f1) / 2


def pass_key(
    base: Base,
    training: Sequence[LabelledSentence],
    labels: Sequence[str],
    settings: FitConfig,
    config: TrainConfig,
) -> str:
    """Digest of all that decides what a pass gives."""
    decisive = [list(labels), asdict(settings), config.concept_focus, config.max_length, processes.size()]
    digest = hashlib.sha256(json.dumps(decisive).encode())
    for text in (base.config.to_json_string(), base.tokenizer.to_str()):
        digest.update(text.encode())
    update_digest(digest, base.weights)
    for label, (weights, bias) in base.head.items():
        update_digest(digest, {f"{label} weights": weights, f"{label} bias": bias})
    for sentence in training:
        digest.update(repr(sentence).encode())
    return digest.hexdigest()


def forget(record: Path) -> None:
    """Delete the record of what is about to be written anew: weights never lie beside the record of others.

    Every process calls it, after which none finds the record.
    """
    processes.wait()
    if processes.is_main():
        record.unlink(missing_ok=True)
    processes.wait()


def save_tokenizer(base: Base, folder: Path, max_length: int) -> SentenceTokenizer:
    """Write the base's tokenizer.json and read it as inference will."""
    if processes.is_main():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "tokenizer.json") as temporary:
            temporary.write_text(base.tokenizer.to_str(pretty=True), encoding="utf-8")
    processes.wait()
    return SentenceTokenizer(folder / "tokenizer.json", max_length)


def save_checkpoint(model: "DistilBertForTokenClassification", folder: Path) -> None:
    """Write config.json and model.safetensors, which `transformers` and `--base` read; whole or not at all."""
    if processes.is_main():
        with whole_folder(folder, last="model.safetensors") as new:
            (new / "config.json").write_text(model.config.to_json_string(), encoding="utf-8")
            weights = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
            save_tensors(weights, new / "model.safetensors", {"format": "pt"})
    processes.wait()


def _on_device(model: "DistilBertForTokenClassification") -> "DistilBertForTokenClassification":
    cuda = torch.cuda.is_available()
    model.set_attn_implementation("sdpa" if cuda else "eager")  # sdpa's gradient is the slower one on CPUs
    torch.nn.Module.to(model, "cuda" if cuda else "cpu")
    return model
