import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.sources.encoding import decode

QUOTED = "the Company\u2019s \u201cBase Rate\u201d \u2013 \u20ac400 million"


def test_ascii_and_utf8_are_themselves():
    assert decode(b"plus 2.25%") == "plus 2.25%"
    assert decode(QUOTED.encode()) == QUOTED


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "us-ascii", "windows-1252", "latin1", "utf-8", "no-such-charset", "hex"]
)
def test_c1_bytes_are_windows_1252_whatever_latin_charset_is_declared(charset):
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}"><p>{QUOTED}</p>'

    assert decode(page.encode("cp1252")) == page


def test_c1_bytes_without_a_declaration_are_windows_1252():
    assert decode(QUOTED.encode("cp1252")) == QUOTED


def test_another_declared_charset_is_obeyed():
    page = '<?xml version="1.0" encoding="iso-8859-15"?><html>\u20ac400 million</html>'

    assert decode(page.encode("iso-8859-15")) == page


def test_a_declared_charset_that_does_not_fit_is_not():
    page = '<meta charset="shift_jis"><p>caf\u00e9 \u201c</p>'

    assert decode(page.encode("cp1252")) == page


def test_pieces_in_utf8_and_windows_1252_in_one_file_are_both_read():
    assert decode(QUOTED.encode() + b" " + QUOTED.encode("cp1252")) == f"{QUOTED} {QUOTED}"


def test_windows_1252_that_was_once_misread_as_latin_1_is_repaired():
    assert decode("shareholders\x92 equity\x97net".encode()) == "shareholders\u2019 equity\u2014net"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_obeyed_and_removed(codec):
    assert decode(QUOTED.encode(codec)) == QUOTED


def test_a_byte_order_mark_before_stray_bytes_is_removed():
    assert decode(codecs.BOM_UTF8 + QUOTED.encode("cp1252")) == QUOTED


def test_line_ends_become_newlines_and_nul_a_space():
    assert decode(b"a\r\nb\rc\nd\0e") == "a\nb\nc\nd e"
    assert decode(b"a\r\r\nb\r\r\n\r\r\nc") == "a\nb\n\nc"


@given(st.binary())
def test_any_bytes_decode_to_text_that_can_be_stored(data):
    decode(data).encode("utf-8")
