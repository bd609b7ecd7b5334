"""What each element of HTML and inline XBRL means for the visible text."""

import re

from finner_batch.text.facts import VISIBLE_TAGS

INLINE, TAG, HIDDEN, LINE, BLOCK, PRE, ROW, CELL, TABLE = range(9)
"""Kinds of elements: from `BLOCK` on, what stands before and behind is apart; `TAG` is one of inline XBRL."""

_BLOCKS = """
address article aside blockquote body caption center col colgroup dd details dialog dir div dl dt fieldset figcaption
figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noframes ol optgroup option
p page plaintext search section summary tbody tfoot thead ul xmp
"""
_NEVER_SHOWN = "head title script style template noscript object select ix:header ix:hidden"
KIND = (
    dict.fromkeys(_BLOCKS.split(), BLOCK)
    | dict.fromkeys(_NEVER_SHOWN.split(), HIDDEN)
    | dict.fromkeys(VISIBLE_TAGS, TAG)
    | {"br": LINE, "pre": PRE, "pre-table": BLOCK, "tr": ROW, "td": CELL, "th": CELL, "table": TABLE}
)
"""Kind of an element by its name in lower case; any other is `INLINE`."""

HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE)
"""Found in a style that hides its element."""
