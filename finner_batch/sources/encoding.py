"""Decoding: the bytes of a document into text.

Filings before about 2005 declare no charset or a wrong one. What is valid UTF-8 is UTF-8. Else the declared charset
counts, which BeautifulSoup's detector finds. Where that is `iso-8859-1` or `us-ascii`, or none, each byte that is not
UTF-8 is windows-1252: filings are put together from pieces, and the C1 bytes of pages that declare Latin-1 are quotes
and dashes (so the WHATWG Encoding Standard, https://encoding.spec.whatwg.org/#names-and-labels). No guess by letter
frequency is made: it would depend on what else is installed.
"""

import codecs
import re

_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
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
    """Decode a document; never fails. Line ends become newlines, NUL a space, misread C1 characters what they were."""
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        misread = not text.isascii() and _C1_IN_UTF8.search(data) is not None
    except UnicodeDecodeError:
        text = _decode(data)
        misread = _C1.search(text) is not None
    if misread:
        text = text.translate(_MEANT)
    if "\0" in text:
        text = text.replace("\0", " ")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def has_wide_bom(data: bytes) -> bool:
    """Tell whether a byte order mark says UTF-16 or UTF-32, whose text is full of NUL bytes."""
    return any(data.startswith(bom) for bom, _ in _WIDE_BOMS)


def _decode(data: bytes) -> str:
    """Decode what is not UTF-8."""
    for bom, codec in _WIDE_BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(codec, "replace")
    declared = _declared_charset(data)
    if declared is not None:
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            declared = None  # a wrong declaration: what follows decodes anything
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", _STRAY_BYTES)


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
