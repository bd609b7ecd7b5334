"""White space: what counts as a space in extracted text."""

import re

ZERO_WIDTH = "\u180e\u200b\u200c\u200d\u2060\ufeff"
"""Characters without width. They stand between words in filings, as padding, and are shown as spaces."""

_ZERO_WIDTH = re.compile(f"[{ZERO_WIDTH}]")


def collapse(raw: str) -> str:
    """Show every run of white space (no-break, zero-width and other Unicode spaces, controls) as one plain space."""
    if not raw.isascii():
        raw = _ZERO_WIDTH.sub(" ", raw)
    return " ".join(raw.split())


def collapsed_offset(raw: str, position: int) -> int:
    """Where the character at `raw[position]`, which is no white space, stands in `collapse(raw)`."""
    before = collapse(raw[:position] + "|")
    return len(before) - 1
