"""Character references of HTML (`&amp;`, `&#8217;`) into characters."""

import html
import re

_ENDLESS = re.compile("&#[0-9]{100,};?")
"""A number that Python may refuse to read for its length, and no character has."""


def unescape(text: str) -> str:
    """Replace the character references in a text, those of no character by U+FFFD."""
    return html.unescape(_ENDLESS.sub("\ufffd", text))
