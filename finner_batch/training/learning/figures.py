"""What a trained checkpoint does on the sentences held out from it: its temperature, and its figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.cues import Cues
from finner_batch.tagger.tokens import SentenceTokenizer
from finner_batch.training.data.dataset import FILING, Gold, LabelledSentence
from finner_batch.training.data.examples import Example, make_examples
from finner_batch.training.evaluation.calibration import fit_temperature
from finner_batch.training.evaluation.report import report
from finner_batch.training.evaluation.scores import Scored, scored
from finner_batch.training.learning.loop import number_logits

if TYPE_CHECKING:
    from transformers import DistilBertForTokenClassification

UNREAD_LOGIT = -100.0
"""Of every label but `O`, for a number that the model is not given to read."""


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
