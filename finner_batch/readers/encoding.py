"""Decoding the bytes of a document into text.

Filings before about 2005 declare no charset or a wrong one. Valid UTF-8 is read as UTF-8. Otherwise the declared
charset counts, which BeautifulSoup's detector finds. If that is `iso-8859-1`, `us-ascii` or missing, each byte that is
not UTF-8 is read as windows-1252: filings are assembled from pieces, and the C1 bytes of pages that declare Latin-1 are
quotes and dashes (WHATWG Encoding Standard, https://encoding.spec.whatwg.org/#names-and-labels). The charset is not
guessed from letter frequencies, since the guess would depend on the installed packages.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_PROBE_BYTES = 1024
_SHORTEST_PROBE_BYTES = 32
_WESTERN = re.compile("[\t\n\f\r -~\xa0-\xff\u2010-\u203a\u20ac]")
_CONTROL = re.compile("[\0-\b\v\x0e-\x1f]")
_BOMS = (codecs.BOM_UTF8, "\u00ef\u00bb\u00bf".encode())
"""UTF-8's byte order mark, and the same mark read as Latin-1 and written as UTF-8 again."""
_WINDOWS_1252 = "".join(
    bytes([byte]).decode("cp1252", "ignore") or chr(byte)  # WHATWG keeps the five undefined bytes as C1 controls
    for byte in range(256)
)
_C1_AS_WINDOWS_1252 = {byte: _WINDOWS_1252[byte] for byte in range(0x80, 0xA0)}
_C1 = re.compile("[\x80-\x9f]")
_C1_IN_UTF8 = re.compile(b"\xc2[\x80-\x9f]")
_LATIN = frozenset({"iso8859-1", "cp1252"})
_CHARSETS = ("iso8859", "cp", "mac", "koi8", "shift_jis", "euc_", "gb", "big5")
_STRAY_BYTES = "finner-batch-windows-1252"


def decode(data: bytes) -> str:
    """Decode a document; never fails. Line ends become newlines, NUL becomes a space, C1 controls windows-1252.

    CR CR LF is one line end: programs write it when they save CR LF as text a second time.
    """
    data = as_utf8(data)
    try:
        text = data.decode("utf-8")
        misread = not text.isascii() and _C1_IN_UTF8.search(data) is not None
    except UnicodeDecodeError:
        text = _decode_legacy(data)
        misread = _C1.search(text) is not None
    if misread:
        text = text.translate(_C1_AS_WINDOWS_1252)
    if "\0" in text:
        text = text.replace("\0", " ")
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text


def as_utf8(data: bytes) -> bytes:
    """Convert UTF-16 and UTF-32 text to UTF-8 and remove byte order marks at the start."""
    codec = _wide_codec(data)
    if codec is not None:
        data = data.decode(codec, "replace").encode("utf-8", "replace")
    while found := next((bom for bom in _BOMS if data.startswith(bom)), None):
        data = data[len(found) :]
    return data


def as_utf8_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Do what `as_utf8` does with a stream of chunks."""
    stream = iter(chunks)
    first = b""
    while len(first) < _WIDE_PROBE_BYTES and (chunk := next(stream, None)) is not None:
        first += chunk
    codec = _wide_codec(first)
    if codec is None:
        yield as_utf8(first)
        yield from stream
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    yield decoder.decode(first).removeprefix("\ufeff").encode("utf-8", "replace")
    for chunk in stream:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _wide_codec(head: bytes) -> str | None:
    """Return Python's name of the UTF-16 or UTF-32 codec of a text that starts with `head`; None for other encodings.

    The codec follows from a byte order mark. Without one, the first bytes must contain NULs and decode to Western text.
    """
    for bom, codec in _WIDE_BOMS:
        if head.startswith(bom):
            return codec
    probe = head[:_WIDE_PROBE_BYTES]
    if probe.count(0) * 3 < len(probe) or len(probe) < _SHORTEST_PROBE_BYTES:
        return None
    return next(
        (codec for _, codec in _WIDE_BOMS if _is_text(probe[: len(probe) // 4 * 4].decode(codec, "replace"))), None
    )


def _is_text(text: str) -> bool:
    """Return whether nine of ten characters are those of Western text and none is a control character."""
    western = len(_WESTERN.findall(text))
    return western >= 0.9 * len(text) and not _CONTROL.search(text)


def _decode_legacy(data: bytes) -> str:
    declared = _declared_charset(data)
    if declared is not None:
        with suppress(UnicodeDecodeError):  # a wrong declaration
            return data.decode(declared)
    return data.decode("utf-8", _STRAY_BYTES)


def _declared_charset(data: bytes) -> str | None:
    """Return Python's name of the charset that an XML declaration or `meta` element states, unless it is Latin-1."""
    from bs4.dammit import EncodingDetector  # noqa: PLC0415 - few documents need it

    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    try:
        name = codecs.lookup(declared or "").name
    except LookupError:
        return None
    return name if name not in _LATIN and name.startswith(_CHARSETS) else None


def _stray_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return codecs.charmap_decode(stray, "strict", _WINDOWS_1252)[0], error.end


codecs.register_error(_STRAY_BYTES, _stray_as_windows_1252)
