"""What the splitter yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `text` is `extraction.text[start:start + len(text)]`, without surrounding white space.

    In text whose own offsets count (shards), line breaks inside a sentence are shown as spaces, one for one.
    """

    index: int
    """0-based position among the document's sentences, those without a digit counted too."""
    text: str
    start: int
    section: str | None
