"""White space and invisible characters: what counts as a space in extracted text, and what as nothing."""

import re

PADDING = "\u180e\u200b\u200c\u200d\u2060\ufeff"
"""Characters without width that filings set between words, as padding; within a word or a number they are nothing.

In 308 filings at hand, 30,000 of them stand beside white space, 7 between a word and a bracket or behind a dash.
"""
_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
_NOTHING = f"\u00ad\u061c\u200e\u200f\u202a-\u202e\u2061-\u2064\u2066-\u2069{_TEXT_STYLE}{_EMOJI_STYLE}"
"""Soft hyphen, marks of direction, invisible operators, variation selectors: never seen, whatever is beside them."""

_INVISIBLE = re.compile(f"[{PADDING}{_NOTHING}]")
_NOTHINGS = re.compile(f"[{_NOTHING}]+")
_PADDINGS = re.compile(f"[{PADDING}]+")
_OF_WORDS = r"\w'\u2019/\u2010\u2011-"
_OF_NUMBERS = r".,'\u2019%/\u2044\u2010-\u2013\u2212$\u20ac\u00a3\u00a5-"
_WITHIN = re.compile(
    rf"(?<=[{_OF_WORDS}])[{PADDING}]+(?=\w)|(?<=\w)[{PADDING}]+(?=[{_OF_WORDS}])"
    rf"|(?<=[{_OF_NUMBERS}])[{PADDING}]+(?=\d)|(?<=\d)[{PADDING}]+(?=[{_OF_NUMBERS}])"
)


def collapse(raw: str) -> str:
    """Show every run of white space (no-break and other Unicode spaces, controls) as one plain space.

    Invisible characters are left out; `PADDING` between words is shown as a space.
    """
    text = " ".join(raw.split())
    if text.isprintable() and _TEXT_STYLE not in text and _EMOJI_STYLE not in text:  # no other invisible one passes
        return text
    return " ".join(_PADDINGS.sub(" ", _WITHIN.sub("", _NOTHINGS.sub("", raw))).split())


def collapsed_offsets(raw: str) -> list[int]:
    """For each visible character of `raw` its offset in `collapse(raw)`; for any other that of the next visible one."""
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
    """How many visible characters `raw` holds."""
    return len("".join(collapse(raw).split()))
