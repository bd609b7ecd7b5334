"""The stage's function: a document's content into its visible text, as blocks that know their section."""

from finner_batch.sources.document import Markup
from finner_batch.text.block import Block, Extraction
from finner_batch.text.facts import Placement, Tagging, resolve
from finner_batch.text.html import read_html
from finner_batch.text.paragraph import Paragraph
from finner_batch.text.sections import sections


def extract(content: str, markup: Markup, *, tables: bool = False, facts: bool = False) -> Extraction:
    """Extract the visible text of `content` as blocks.

    `tables` includes table rows, one block a row. `facts` fills `facts` and `note_spans` from inline XBRL.
    Raises DocumentError (stage `extract`) where the markup cannot be read.
    """
    if markup == "html":
        paragraphs, tagging = read_html(content, tables=tables, facts=facts)
    else:
        paragraphs = [Paragraph(" ".join(part.split())) for part in content.split("\n\n") if part.strip()]
        tagging = Tagging()
    starts = []
    position = 0
    for paragraph in paragraphs:
        starts.append(position)
        position += len(paragraph.text) + 1
    text = "\n".join(paragraph.text for paragraph in paragraphs)
    places = sections([paragraph.text for paragraph in paragraphs])
    blocks = tuple(
        Block(paragraph.text, start, place, paragraph.row)
        for paragraph, start, place in zip(paragraphs, starts, places, strict=True)
    )
    if not facts:
        return Extraction(text=text, blocks=blocks)
    found, notes = resolve(tagging, Placement(paragraphs, starts), text)
    return Extraction(text=text, blocks=blocks, facts=found, note_spans=notes)
