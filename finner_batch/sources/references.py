"""Conversion of HTML character references (`&amp;`, `&#8217;`) into characters."""

import html
import re

_ENDLESS = re.compile("&#[0-9]{100,};?")
"""A number too long for Python to parse, which is no character's."""


def unescape(text: str) -> str:
    """Replace the character references in a text; invalid ones become U+FFFD."""
    return html.unescape(_ENDLESS.sub("\ufffd", text))
