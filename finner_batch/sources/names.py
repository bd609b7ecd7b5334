"""Reversible conversion of file names into text that any column, log or JSON file can store.

A file name is bytes. Python represents a byte that is not UTF-8 as a lone surrogate (PEP 383), which Parquet rejects.
"""

import re

_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_TO_ESCAPE = re.compile(r"[\udc80-\udcff]|\\(?=x(?:5c|[89a-f][0-9a-f]))")


def recordable(path: str) -> str:
    r"""Return the recordable form of a path or URL: a byte that is not UTF-8 becomes `\xff`.

    A backslash that would start such an escape becomes `\x5c`, so that different names stay different.
    """
    return _TO_ESCAPE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", path)


def path_of(recorded: str) -> str:
    """Return the path or URL, for `open`, of a recordable form."""
    if "\\" not in recorded:
        return recorded
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "surrogateescape"), recorded)
