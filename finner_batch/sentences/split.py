"""The stage's function: blocks into sentences, offsets kept."""

from functools import cache

from nupunkt import PunktSentenceTokenizer
from nupunkt.models import load_default_model

from finner_batch.sentences.sentence import Sentence
from finner_batch.text.block import Extraction


@cache
def _tokenizer() -> PunktSentenceTokenizer:
    return load_default_model()


def split(extraction: Extraction) -> list[Sentence]:
    """Split every block into sentences; a sentence never crosses a block."""
    span_tokenize = _tokenizer().span_tokenize
    sentences: list[Sentence] = []
    for block in extraction.blocks:
        for start, end in span_tokenize(block.text):
            piece = block.text[start:end]
            text = piece.strip()
            if not text:
                continue
            lead = len(piece) - len(piece.lstrip())
            sentences.append(Sentence(len(sentences), text, block.start + start + lead, block.section))
    return sentences
