import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.readers.encoding import decode

QUOTED = "the Company\u2019s \u201cBase Rate\u201d \u2013 \u20ac400 million"


LATIN = [
    f'<meta http-equiv="Content-Type" content="text/html; charset={charset}"><p>{QUOTED}</p>'
    for charset in ("iso-8859-1", "us-ascii", "windows-1252", "latin1", "utf-8", "no-such-charset", "hex")
]
OTHER_CHARSET = '<?xml version="1.0" encoding="iso-8859-15"?><html>\u20ac400 million</html>'
WRONG_CHARSET = '<meta charset="shift_jis"><p>caf\u00e9 \u201c</p>'
DECODED = {
    "ASCII": (b"plus 2.25%", "plus 2.25%"),
    "UTF-8": (QUOTED.encode(), QUOTED),
    "C1 bytes without a declaration are windows-1252": (QUOTED.encode("cp1252"), QUOTED),
    "another declared charset counts": (OTHER_CHARSET.encode("iso-8859-15"), OTHER_CHARSET),
    "a declared charset that does not fit does not count": (WRONG_CHARSET.encode("cp1252"), WRONG_CHARSET),
    "pieces in UTF-8 and windows-1252": (QUOTED.encode() + b" " + QUOTED.encode("cp1252"), f"{QUOTED} {QUOTED}"),
    "windows-1252 once misread as Latin-1 is repaired": (
        "shareholders\x92 equity\x97net".encode(),
        "shareholders\u2019 equity\u2014net",
    ),
    "a byte order mark before stray bytes": (codecs.BOM_UTF8 + QUOTED.encode("cp1252"), QUOTED),
    "line ends become newlines and NUL a space": (b"a\r\nb\rc\nd\0e", "a\nb\nc\nd e"),
    "CR CR LF is one line end": (b"a\r\r\nb\r\r\n\r\r\nc", "a\nb\n\nc"),
    **{f"byte order mark of {codec}": (QUOTED.encode(codec), QUOTED) for codec in ("utf-8-sig", "utf-16", "utf-32")},
    **{f"C1 bytes under {page[:75]}": (page.encode("cp1252"), page) for page in LATIN},
}


@pytest.mark.parametrize(("data", "text"), DECODED.values(), ids=DECODED)
def test_bytes_are_decoded_as_they_were_meant(data, text):
    assert decode(data) == text


@given(st.binary())
def test_any_bytes_decode_to_text_that_can_be_stored(data):
    decode(data).encode("utf-8")
