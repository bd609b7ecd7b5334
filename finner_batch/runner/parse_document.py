"""The work of a reading process on one document: text, sentences, windows. A pure function of document and settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from time import thread_time

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Document, content_id
from finner_batch.tagging.tokens import SentenceTokenizer, Window
from finner_batch.text.block import Extraction
from finner_batch.text.exhibits import HEAD_BLOCKS, type_in_text, unread_exhibits
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import Sentence, split
from finner_batch.values.document_scale import document_scales


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document ready for the model.

    `document.content` is empty: only its sentences are still needed. `numbered` are the sentences that hold a number,
    `document_scales[i]` is the power of ten that the document states for bare amounts in `numbered[i]`, and
    `windows[i]` holds numbers of `numbered[owners[i]]`. `sentences` and `characters` count the whole document.
    """

    document: Document
    sentences: int
    characters: int
    numbered: tuple[Sentence, ...] = field(repr=False)
    document_scales: tuple[int, ...] = field(repr=False)
    windows: tuple[Window, ...] = field(repr=False)
    owners: tuple[int, ...] = field(repr=False)
    seconds: dict[str, float]
    unread_exhibits: tuple[str, ...] = ()
    """Types of the exhibits that hold its financial statements or debt and are not read with it."""


class Stopwatch:
    """CPU seconds by stage, and the current stage, which an error names."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.stage = "read"

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the CPU time of the block to `stage`: unlike wall clock, it does not depend on other processes."""
        self.stage = stage
        started = thread_time()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + thread_time() - started


def parse(document: Document, tokenizer: SentenceTokenizer, *, tables: bool, watch: Stopwatch) -> ParsedDocument:
    """Extract, split and tokenise. Raises what a stage raises; `watch.stage` is then its name."""
    with watch.measure("extract"):
        extraction = extract(document.content, document.markup, tables=tables)
    with watch.measure("split"):
        sentences = split(extraction)
    with watch.measure("numbers"):
        numbers = [number_tokens(sentence.text) for sentence in sentences]
    with watch.measure("tokenize"):
        found = [tokenizer.windows(sentence.text, own) for sentence, own in zip(sentences, numbers, strict=True)]
        numbered = [sentence for sentence, own in zip(sentences, found, strict=True) if own]
        windows = [own for own in found if own]
    with watch.measure("value"):
        scales = document_scales(extraction.text, [sentence.start for sentence in numbered])
    is_row = document.markup == "prose"
    unread: tuple[str, ...] = ()
    if not is_row:
        with watch.measure("exhibits"):
            document = _with_stated_type(document, extraction)
            unread = unread_exhibits(sentences, document.header, document.siblings)
    # a row of a shard is identified by its id, a row that belongs to a filing, like other documents, by its content
    is_named = is_row and document.header.accession_number is None
    return ParsedDocument(
        document=replace(document, content="", content_id=None if is_named else content_id(extraction.text)),
        sentences=len(sentences),
        characters=len(extraction.text),
        numbered=tuple(numbered),
        document_scales=tuple(scales),
        windows=tuple(chain.from_iterable(windows)),
        owners=tuple(owner for owner, own in enumerate(windows) for _ in own),
        seconds=watch.seconds,
        unread_exhibits=unread,
    )


def _with_stated_type(document: Document, extraction: Extraction) -> Document:
    """Add the type that a document's first words state if its source states none."""
    if document.header.document_type is not None:
        return document
    own_type = type_in_text([block.text for block in extraction.blocks[:HEAD_BLOCKS]])
    return replace(document, header=replace(document.header, document_type=own_type)) if own_type else document


def stage_of(error: BaseException, watch: Stopwatch) -> str:
    """Return the stage to name in a failed document's row."""
    return error.stage if isinstance(error, DocumentError) else watch.stage
