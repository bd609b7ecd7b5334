"""Names of files as text that any column, log or JSON file can hold, and back: no two names become one.

A file name is bytes, and Python shows a byte that is not UTF-8 as half a character (PEP 383), which Parquet refuses.
"""

import re

_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_TO_ESCAPE = re.compile(r"[\udc80-\udcff]|\\(?=x(?:5c|[89a-f][0-9a-f]))")


def recordable(path: str) -> str:
    r"""Return a path or URL as it is recorded: a byte that is not UTF-8 as `\xff`.

    A backslash that would read as such an escape is `\x5c`, so that every name has a form of its own.
    """
    return _TO_ESCAPE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", path)


def path_of(recorded: str) -> str:
    """Return the path or URL whose recordable form this is, as `open` takes it."""
    if "\\" not in recorded:
        return recorded
    return _ESCAPED.sub(lambda found: _character(int(found[1], 16)), recorded)


def _character(byte: int) -> str:
    return bytes([byte]).decode("utf-8", "surrogateescape")
