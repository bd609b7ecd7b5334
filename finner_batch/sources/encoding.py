"""Decoding: the bytes of a document into text.

Filings before about 2005 declare no charset or a wrong one. What is valid UTF-8 is UTF-8. Else the declared charset
counts, which BeautifulSoup's detector finds. Where that is `iso-8859-1` or `us-ascii`, or none, each byte that is not
UTF-8 is windows-1252: filings are put together from pieces, and the C1 bytes of pages that declare Latin-1 are quotes
and dashes (so the WHATWG Encoding Standard, https://encoding.spec.whatwg.org/#names-and-labels). No guess by letter
frequency is made: it would depend on what else is installed.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

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
"""UTF-8's own mark, and the same read as Latin-1 and written as UTF-8 again."""
_WINDOWS_1252 = "".join(
    bytes([byte]).decode("cp1252", "ignore") or chr(byte)  # five bytes are undefined: WHATWG keeps them as C1 controls
    for byte in range(256)
)
_MEANT = {byte: _WINDOWS_1252[byte] for byte in range(0x80, 0xA0)}
_C1 = re.compile("[\x80-\x9f]")
_C1_IN_UTF8 = re.compile(b"\xc2[\x80-\x9f]")
_LATIN = frozenset({"iso8859-1", "cp1252"})
_CHARSETS = ("iso8859", "cp", "mac", "koi8", "shift_jis", "euc_", "gb", "big5")
_STRAY_BYTES = "finner-batch-windows-1252"


def decode(data: bytes) -> str:
    """Decode a document; never fails. Line ends become newlines, NUL a space, misread C1 characters what they were.

    A program that saves CR LF as text once more leaves CR CR LF, which is one line end.
    """
    data = as_utf8(data)
    try:
        text = data.decode("utf-8")
        misread = not text.isascii() and _C1_IN_UTF8.search(data) is not None
    except UnicodeDecodeError:
        text = _decode(data)
        misread = _C1.search(text) is not None
    if misread:
        text = text.translate(_MEANT)
    if "\0" in text:
        text = text.replace("\0", " ")
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text


def as_utf8(data: bytes) -> bytes:
    """Return UTF-16 and UTF-32 text as UTF-8; all else as it is, but for byte order marks at its start."""
    codec = wide_codec(data)
    if codec is not None:
        data = data.decode(codec, "replace").encode("utf-8", "replace")
    while found := next((bom for bom in _BOMS if data.startswith(bom)), None):
        data = data[len(found) :]
    return data


def as_utf8_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Do the same with the chunks of a stream; those that are not UTF-16 or UTF-32 pass as they are."""
    stream = iter(chunks)
    first = b""
    while len(first) < _WIDE_PROBE_BYTES and (chunk := next(stream, None)) is not None:
        first += chunk
    codec = wide_codec(first)
    if codec is None:
        yield as_utf8(first)
        yield from stream
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    yield decoder.decode(first).removeprefix("\ufeff").encode("utf-8", "replace")
    for chunk in stream:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def wide_codec(head: bytes) -> str | None:
    """Return Python's name of the UTF-16 or UTF-32 that the first bytes are in; None for everything else.

    A byte order mark tells it; without one, that the first bytes hold NULs and are Western text when so decoded.
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
    """Whether nine of ten characters are letters and marks of Western text, and none is a control."""
    western = len(_WESTERN.findall(text))
    return western >= 0.9 * len(text) and not _CONTROL.search(text)


def _decode(data: bytes) -> str:
    """Decode what is not UTF-8."""
    declared = _declared_charset(data)
    if declared is not None:
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            declared = None  # a wrong declaration: what follows decodes anything
    return data.decode("utf-8", _STRAY_BYTES)


def _declared_charset(data: bytes) -> str | None:
    """Return Python's name of the charset that an XML declaration or a `meta` element states, if not a Latin-1 one."""
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
