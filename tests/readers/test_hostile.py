"""Markup made to break parsers: each is read, or refused, in linear time."""

from contextlib import suppress
from time import process_time

import pytest

from finner_batch.errors import DocumentError

N = 100_000
INLINE_XBRL = '<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL">'
FACT = '<ix:nonNumeric name="dei:DocumentType" contextRef="c{0}" continuedAt="x">{0}</ix:nonNumeric>'
HOSTILE = {
    "nested tags": "<html>" + "<div>" * 2 * N,
    "titles without end": "<pre>" + "<title>" * N,
    "comments without end": "<pre>" + "<!--" * N,
    "tags without end": "<pre>" + "<a " * N,
    "names of facts without tags": INLINE_XBRL + 'name="dei:DocumentType" ' * N,
    "facts without end": INLINE_XBRL + FACT.partition("{0}</")[0] * N,
    "facts that disagree": INLINE_XBRL + "<xbrli:context " * N + "".join(FACT.format(n) for n in range(N // 10)),
    "documents without text": "<SEC-HEADER>" + "<DOCUMENT>" * N,
    "a header of white space": "<SEC-HEADER>" + "\n \t" * N + "<DOCUMENT>\n<TYPE>10-K\n<TEXT>\nText",
    "a stripped submission of white space": "<SEC-HEADER>\nACCESSION NUMBER: x\n" + "10-K\n\n\n" * N,
    "entities that expand": '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "aa">'
    + '<!ENTITY b "&a;&a;">' * N
    + "]><html>",
    "processing instructions": '<?xml version="1.0"?>' + "<?a " * N,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_takes_linear_time(stored, name):
    started = process_time()
    with suppress(DocumentError):
        stored.read(HOSTILE[name], documents="all")
    assert process_time() - started < 10
