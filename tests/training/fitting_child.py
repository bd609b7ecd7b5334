"""A process that trains a tiny tagger: `fitting_child.py FOLDER [KILLED_AT]`, which SIGKILL ends in that step.

FOLDER holds `base/` and `sentences.parquet`; the weights go to `weights.<rank>.safetensors`, losses and scores
to `epochs.<rank>.json`. With RANK and WORLD_SIZE in the environment several of them train together, without
dropout unless DROPOUT is there; with RESUME they go on from the last state.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.training.data.dataset import OUTSIDE, read_sentences
from finner_batch.training.data.examples import make_examples
from finner_batch.training.learning import loop as fitting
from finner_batch.training.learning.checkpoints import Checkpoints
from finner_batch.training.learning.encoder import classifier, load_base
from finner_batch.training.learning.loop import FitConfig, fit, number_logits
from finner_batch.training.learning.processes import rank, together

LABELS = [OUTSIDE, "DebtInstrumentInterestRateStatedPercentage", "LineOfCreditFacilityMaximumBorrowingCapacity"]
CONFIG = FitConfig(
    epochs=4, learning_rate=1e-2, hard_ratio=2.0, easy_ratio=1.0, budget_tokens=128, patience=3, seed=5, average=0.9
)


def prepared(folder, **changes):
    """Return the model and the examples of every test of the loop."""
    torch.set_num_threads(1)
    base = load_base(str(folder / "base"))
    for name, value in changes.items():
        setattr(base.config, name, value)
    tokenizer = SentenceTokenizer(folder / "base" / "tokenizer.json", 64)
    sentences = read_sentences(folder / "sentences.parquet")
    return classifier(base, LABELS, seed=1), make_examples(sentences, LABELS, tokenizer, mask=False)


def share_right(examples):
    """Return a score: the share of numbers whose most probable label is right."""

    def score(model):
        decided = [rows.argmax(axis=1) for rows in number_logits(model, examples, bf16=False)]
        return np.mean(np.concatenate(decided) == np.concatenate([example.targets for example in examples]))

    return score


def kill_in_step(last):
    done = 0
    step = fitting._step

    def counted(*arguments):
        nonlocal done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        step(*arguments)

    fitting._step = counted


def main(folder, *killed_at):
    for step in killed_at:
        kill_in_step(int(step))
    with together():
        alone = "RANK" not in os.environ
        model, examples = prepared(folder, **({} if alone or "DROPOUT" in os.environ else {"dropout": 0.0}))
        checkpoints = Checkpoints(folder=folder, every_steps=4, resume="RESUME" in os.environ)
        epochs = fit(model, examples, CONFIG, score=share_right(examples), checkpoints=checkpoints)
        save_file(model.state_dict(), folder / f"weights.{rank()}.safetensors")
        (folder / f"epochs.{rank()}.json").write_text(json.dumps([(epoch.loss, epoch.score) for epoch in epochs]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
