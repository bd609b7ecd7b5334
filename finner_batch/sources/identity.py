"""Identifies copies of a document by their content."""

import hashlib

_NOT_COUNTED = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))


def content_id(text: str) -> str | None:
    """Return a digest (32 hex digits) of the letters and digits of an extracted text; None if it has none.

    Copies of a document differ in line ends, quotes, spaces and wrappers; their ASCII letters and digits are equal.
    """
    counted = text.encode("utf-8", "replace").translate(None, _NOT_COUNTED)
    return hashlib.blake2b(counted, digest_size=16).hexdigest() if counted else None
