"""Decoding: the bytes of a document into text.

Filings before about 2005 declare no charset or a wrong one. What is valid UTF-8 is UTF-8; else the declared charset,
which BeautifulSoup's detector finds; else UTF-8 in which each stray byte is windows-1252, as in files put together from
pieces. `iso-8859-1` and `us-ascii` mean windows-1252, as the WHATWG Encoding Standard
(https://encoding.spec.whatwg.org/#names-and-labels) has it: the C1 bytes of such pages are quotes and dashes. No guess
by letter frequency is made: it would depend on what else is installed.
"""

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOWS_1252 = "".join(
    bytes([byte]).decode("cp1252", "ignore") or chr(byte)  # five bytes are undefined: WHATWG keeps them as C1 controls
    for byte in range(256)
)
_C1 = {byte: _WINDOWS_1252[byte] for byte in range(0x80, 0xA0)}
_FIND_C1 = re.compile("[\x80-\x9f]")
_LATIN = frozenset({"ascii", "iso8859-1", "cp1252"})
_CHARSETS = ("iso8859", "cp", "mac", "koi8", "shift_jis", "euc_", "gb", "big5")
_STRAY_BYTES = "finner-batch-windows-1252"


def decode(data: bytes) -> str:
    """Decode a document; never fails. Line ends become newlines, NUL a space, misread C1 characters what they were."""
    if data.isascii():
        text = data.decode("ascii")
    else:
        text = _decode(data)
        if _FIND_C1.search(text):
            text = text.translate(_C1)
    if "\0" in text:
        text = text.replace("\0", " ")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def has_wide_bom(data: bytes) -> bool:
    """Tell whether a byte order mark says UTF-16 or UTF-32, whose text is full of NUL bytes."""
    return any(data.startswith(bom) for bom, _ in _BOMS[1:])


def _decode(data: bytes) -> str:
    for bom, codec in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(codec, "replace" if codec != "utf-8" else _STRAY_BYTES)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        declared = _declared_charset(data)
    if declared in _LATIN:
        return codecs.charmap_decode(data, "strict", _WINDOWS_1252)[0]
    if declared is not None:
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            declared = None  # a wrong declaration: what follows decodes anything
    return data.decode("utf-8", _STRAY_BYTES)


def _declared_charset(data: bytes) -> str | None:
    """Return Python's name of the charset that an XML declaration or a `meta` element states; None without one."""
    from bs4.dammit import EncodingDetector  # noqa: PLC0415 - few documents need it

    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    try:
        name = codecs.lookup(declared or "").name
    except LookupError:
        return None
    return name if name in _LATIN or name.startswith(_CHARSETS) else None


def _stray_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return codecs.charmap_decode(stray, "strict", _WINDOWS_1252)[0], error.end


codecs.register_error(_STRAY_BYTES, _stray_as_windows_1252)
