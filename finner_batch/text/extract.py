"""Extracts a document's visible text as blocks with their sections."""

import re

from finner_batch.sources.document import Markup
from finner_batch.text.block import Block, Extraction
from finner_batch.text.facts import Placement, TagReader, resolve
from finner_batch.text.html import read_html
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.plain import read_plain
from finner_batch.text.prose import read_prose
from finner_batch.text.sections import sections

_SURROGATE = re.compile("[\ud800-\udfff]")


def extract(content: str, markup: Markup, *, tables: bool = False, facts: bool = False) -> Extraction:
    """Extract the visible text of `content` as blocks.

    `tables` includes table rows, one block each. `facts` fills `facts` and `note_spans` from inline XBRL. For `prose`
    the text is the content itself, and blocks keep its line breaks. A lone surrogate, which no encoding can represent,
    becomes U+FFFD.

    Raises DocumentError (stage `extract`) if the markup cannot be parsed.
    """
    if not content.isascii():
        content = _SURROGATE.sub("\ufffd", content)
    if markup == "prose":
        return _extract_prose(content)
    tags = TagReader() if facts and markup == "html" else None
    if markup == "html":
        paragraphs = read_html(content, tables=tables, tags=tags)
    else:
        paragraphs = read_plain(content, tables=tables)
    text = "\n".join([paragraph.text for paragraph in paragraphs])
    starts = []
    position = 0
    for paragraph in paragraphs:
        starts.append(position)
        position += len(paragraph.text) + 1
    blocks = tuple(
        Block(paragraph.text, start, section, paragraph.row, paragraph.struck)
        for paragraph, start, section in zip(paragraphs, starts, _sections(paragraphs), strict=True)
    )
    if tags is None:
        return Extraction(text=text, blocks=blocks)
    found_facts, notes = resolve(tags, Placement(paragraphs, starts), text)
    return Extraction(text=text, blocks=blocks, facts=found_facts, note_spans=notes)


def _extract_prose(content: str) -> Extraction:
    spans = read_prose(content)
    texts = [content[start:end] for start, end in spans]
    blocks = tuple(
        Block(text, start, section) for text, (start, _), section in zip(texts, spans, sections(texts), strict=True)
    )
    return Extraction(text=content, blocks=blocks)


def _sections(paragraphs: list[Paragraph]) -> list[str | None]:
    """Return the section of every paragraph. A table row is no heading; it has the section of the prose before it."""
    prose = iter(sections([paragraph.text for paragraph in paragraphs if not paragraph.row]))
    result: list[str | None] = []
    for paragraph in paragraphs:
        result.append((result[-1] if result else None) if paragraph.row else next(prose))
    return result
