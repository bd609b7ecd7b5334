"""Counts what the input holds before anything is measured, which also warms caches and libraries.

Summarises repeats of a measurement: the median, the lowest and the highest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import median

from tokenizers import Tokenizer

from finner_batch.errors import DocumentError, UsageError
from finner_batch.readers.document import Document, Source
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.readers.stored import fingerprint
from finner_batch.runner.parse_document import Stopwatch
from finner_batch.tagging.model import Model
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import split


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of `n` repeats. For a handful of repeats the range says more than an interval."""

    median: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise the values. Raises ValueError if there are none."""
        if not values:
            raise ValueError("no repeat was measured")
        return cls(median=median(values), lowest=min(values), highest=max(values), n=len(values))

    def rate(self, amount: float) -> "Spread":
        """Convert seconds for `amount` to amount per second. A time below the clock's resolution counts as 1 ns."""
        seconds = (max(value, 1e-9) for value in (self.median, self.highest, self.lowest))
        middle, low, high = (amount / value for value in seconds)
        return Spread(median=middle, lowest=low, highest=high, n=self.n)


def ratios(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """Return how many times as long `slower` took as `faster`; both hold seconds, measured in turns.

    The median is the ratio of the medians. Lowest and highest are those of the pairs, so that a disturbance of both
    cancels out.
    """
    pairs = Spread.of([one / max(other, 1e-9) for one, other in zip(slower, faster, strict=True)])
    middle = median(slower) / max(median(faster), 1e-9)
    return Spread(median=middle, lowest=min(pairs.lowest, middle), highest=max(pairs.highest, middle), n=pairs.n)


@dataclass(slots=True, kw_only=True)
class Survey:
    """Counts over all readable documents; of identical files only the first counts, as in a run.

    `sources` counts all files given, `duplicates` those left out. `stored_bytes` are those of the files, or of the rows
    of shards; `markup_bytes` those of the decompressed documents as UTF-8, of which `html_bytes` are HTML. `characters`
    counts the extracted text, `prose_tokens` the tokens of all sentences, `numbered_tokens` those of sentences with a
    number; each sentence includes the model's two special tokens.
    """

    sources: int = 0
    duplicates: int = 0
    documents: int = 0
    stored_bytes: int = 0
    markup_bytes: int = 0
    html_bytes: int = 0
    characters: int = 0
    sentences: int = 0
    numbered_sentences: int = 0
    prose_tokens: int = 0
    numbered_tokens: int = 0


def survey(sources: Sequence[Source], model: Model) -> tuple[Survey, list[str]]:
    """Count as `count` does. Raises UsageError if no sentence holds a number."""
    found, distinct = count(sources, model)
    if not found.numbered_sentences:
        raise UsageError("nothing to measure: the input holds no sentence with a number; give other files with --input")
    return found, distinct


def count(sources: Sequence[Source], model: Model, options: ReadOptions | None = None) -> tuple[Survey, list[str]]:
    """Read, extract, split and count; also return the distinct sentences with a number, in the order of the text."""
    tokenizer = plain_tokenizer(model)
    read = list(distinct_sources(sources, Stopwatch()))
    found = Survey(sources=len(sources), duplicates=len(sources) - len(read))
    distinct: dict[str, None] = {}
    for document in documents_of(read, options):
        try:
            extraction = extract(document.content, document.markup)
        except DocumentError:
            continue
        texts = [sentence.text for sentence in split(extraction)]
        has_number = [bool(number_tokens(text)) for text in texts]
        tokens = [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)]
        size = len(document.content.encode("utf-8", "replace"))
        found.documents += 1
        found.stored_bytes += document.bytes
        found.markup_bytes += size
        found.html_bytes += size if document.markup == "html" else 0
        found.characters += len(extraction.text)
        found.sentences += len(texts)
        found.numbered_sentences += sum(has_number)
        found.prose_tokens += sum(tokens)
        found.numbered_tokens += sum(compress(tokens, has_number))
        distinct.update(dict.fromkeys(compress(texts, has_number)))
    return found, list(distinct)


def distinct_sources(sources: Iterable[Source], watch: Stopwatch) -> Iterator[Source]:
    """Yield the sources that a run reads: the first of identical ones, and those that cannot be hashed.

    All are hashed; `watch` records the seconds as `hash`.
    """
    seen: set[str] = set()
    for source in sources:
        with watch.measure("hash"):
            sha256 = _sha256(source)
        if sha256 is None or sha256 not in seen:
            yield source
        if sha256 is not None:
            seen.add(sha256)


def _sha256(source: Source) -> str | None:
    try:
        return fingerprint(source)[0]
    except DocumentError:  # reading it fails too, and is counted there
        return None


def documents_of(sources: Iterable[Source], options: ReadOptions | None = None) -> Iterator[Document]:
    """Yield the readable documents one at a time; a run counts the others."""
    for source in sources:
        try:
            for document in read_documents(source, options or ReadOptions()):
                if isinstance(document, Document):
                    yield document
        except DocumentError:
            continue


def plain_tokenizer(model: Model) -> Tokenizer:
    """Return the model's tokenizer in the `tokenizers` library, without truncation and padding."""
    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
