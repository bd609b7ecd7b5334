"""White space and invisible characters: which are shown as a space in extracted text, and which are removed."""

import re

_PADDING = "\u180e\u200b\u200c\u200d\u2060\ufeff"
"""Zero-width characters that filings use as padding between words; inside a word or a number they are removed.

In 308 filings, 30,000 of them are next to white space and 7 between a word and a bracket or after a dash.
"""
_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
_NEVER_SHOWN = f"\u00ad\u061c\u200e\u200f\u202a-\u202e\u2061-\u2064\u2066-\u2069{_TEXT_STYLE}{_EMOJI_STYLE}"
"""Soft hyphen, direction marks, invisible operators, variation selectors: always removed."""

_INVISIBLE = re.compile(f"[{_PADDING}{_NEVER_SHOWN}]")
_RUN_NEVER_SHOWN = re.compile(f"[{_NEVER_SHOWN}]+")
_RUN_OF_PADDING = re.compile(f"[{_PADDING}]+")
_IN_WORDS = r"\w'\u2019/\u2010\u2011-"
_IN_NUMBERS = r".,'\u2019%/\u2044\u2010-\u2013\u2212$\u20ac\u00a3\u00a5-"
_WITHIN = re.compile(
    rf"(?<=[{_IN_WORDS}])[{_PADDING}]+(?=\w)|(?<=\w)[{_PADDING}]+(?=[{_IN_WORDS}])"
    rf"|(?<=[{_IN_NUMBERS}])[{_PADDING}]+(?=\d)|(?<=\d)[{_PADDING}]+(?=[{_IN_NUMBERS}])"
)


def collapse(raw: str) -> str:
    """Replace every run of white space (no-break and other Unicode spaces, controls) by one plain space.

    Invisible characters are removed; `_PADDING` between words becomes a space.
    """
    text = " ".join(raw.split())
    if text.isprintable() and _TEXT_STYLE not in text and _EMOJI_STYLE not in text:  # `isprintable` rejects the others
        return text
    return " ".join(_RUN_OF_PADDING.sub(" ", _WITHIN.sub("", _RUN_NEVER_SHOWN.sub("", raw))).split())


def collapsed_offsets(raw: str) -> list[int]:
    """Return, for each character of `raw`, the offset in `collapse(raw)` of it or of the next visible character."""
    text = collapse(raw)
    places = [offset for offset, character in enumerate(text) if character != " "]
    places.append(len(text))
    offsets = []
    seen = 0
    for character in raw:
        offsets.append(places[seen])
        seen += not (character.isspace() or _INVISIBLE.match(character))
    return offsets


def visible_length(raw: str) -> int:
    """Return the number of visible characters in `raw`."""
    return len("".join(collapse(raw).split()))
