"""What each HTML and inline XBRL element does to the visible text."""

from finner_batch.text.facts import VISIBLE_TAGS

INLINE, TAG, STRUCK, RAISED, LOWERED, DOCUMENT_END, HIDDEN, LINE, BLOCK, PRE, ROW, CELL, CAPTION, TABLE = range(14)
"""Kinds of elements. Those from `BLOCK` on separate the text before and after them; `TAG` is inline XBRL."""

_BLOCKS = """
address article aside blockquote body center col colgroup dd details dialog dir div dl dt fieldset figcaption
figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noframes ol optgroup option
p page search section summary tbody tfoot thead ul
"""
_NEVER_SHOWN = "head title script style template noscript object select ix:header ix:hidden"
_AS_TYPED = "pre listing plaintext textarea xmp"
KIND = (
    dict.fromkeys(_BLOCKS.split(), BLOCK)
    | dict.fromkeys(_NEVER_SHOWN.split(), HIDDEN)
    | dict.fromkeys(_AS_TYPED.split(), PRE)
    | dict.fromkeys(VISIBLE_TAGS, TAG)
    | {"br": LINE, "pre-table": BLOCK, "tr": ROW, "td": CELL, "th": CELL, "caption": CAPTION, "table": TABLE}
    | {"del": STRUCK, "sup": RAISED, "sub": LOWERED, "document-end": DOCUMENT_END}
)
"""Lower-case element name -> kind; any other element is `INLINE`."""

STRUCK_NAMES = frozenset(("del", "s", "strike"))
"""Elements that strike their text out. They are renamed to `del` for the HTML parser, which closes the others early."""
