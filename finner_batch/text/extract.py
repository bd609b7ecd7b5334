"""Extracts a document's visible text as blocks with their sections."""

import re

from finner_batch.readers.document import Markup
from finner_batch.text.block import Block, Extraction
from finner_batch.text.html import read_html
from finner_batch.text.ixbrl_facts import Placement, TagReader, resolve
from finner_batch.text.line_breaks import continues
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.plain_text import read_plain
from finner_batch.text.sections import sections

_LINE = re.compile(r"[^\r\n]+")
_SENTENCE_END = re.compile(r"[.:;!?][\"'\u201d\u2019)\]]*\Z")
_WRAPPED_WIDTH = range(50, 101)
_WRAPPED_SHARE = 0.5
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


def _sections(paragraphs: list[Paragraph]) -> list[str | None]:
    """Return the section of every paragraph. A table row is no heading; it has the section of the prose before it."""
    prose = iter(sections([paragraph.text for paragraph in paragraphs if not paragraph.row]))
    result: list[str | None] = []
    for paragraph in paragraphs:
        result.append((result[-1] if result else None) if paragraph.row else next(prose))
    return result


def _extract_prose(content: str) -> Extraction:
    spans = _read_prose(content)
    texts = [content[start:end] for start, end in spans]
    blocks = tuple(
        Block(text, start, section) for text, (start, _), section in zip(texts, spans, sections(texts), strict=True)
    )
    return Extraction(text=content, blocks=blocks)


def _read_prose(text: str) -> list[tuple[int, int]]:
    """Return spans (start, end) of the paragraphs of `text`, without surrounding white space.

    A blank line ends a paragraph, and so does a line break unless the sentence continues after it. In hard-wrapped text
    (half the lines have 50 to 100 characters), a line of that length continues unless it ends like a sentence.
    """
    lines = [span for match in _LINE.finditer(text) if (span := _without_surrounding_space(text, *match.span()))]
    wrapped = sum(end - start in _WRAPPED_WIDTH for start, end in lines) >= _WRAPPED_SHARE * len(lines)
    result: list[tuple[int, int]] = []
    previous = None
    for line in lines:
        if previous and _line_continues(text, previous, line, wrapped=wrapped):
            result[-1] = (result[-1][0], line[1])
        else:
            result.append(line)
        previous = line
    return result


def _line_continues(text: str, line: tuple[int, int], following: tuple[int, int], *, wrapped: bool) -> bool:
    if len(text[line[1] : following[0]].splitlines()) > 2:
        return False
    before, after = text[max(line[0], line[1] - 40) : line[1]], text[following[0] : following[1]][:40]
    if _SENTENCE_END.search(before):
        return False
    return continues(before, after) or (wrapped and line[1] - line[0] in _WRAPPED_WIDTH)


def _without_surrounding_space(text: str, start: int, end: int) -> tuple[int, int] | None:
    line = text[start:end].rstrip()
    return (start + len(line) - len(line.lstrip()), start + len(line)) if line else None
