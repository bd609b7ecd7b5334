"""One row of the `entities` table: a number's position, value, confidence, address, and the number that it replaced.

Amended credit agreements are filed as marked copies, `<s>$200.0 million</s> <u>$275.0 million</u>`: the amount is 275
million and was 200 million before.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import quote

from finner_batch.tagging.tagger import Span
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import Sentence
from finner_batch.values.quantity import read_quantity
from finner_batch.values.value import Value, read_value

_INDEX_SUFFIX = "-index.htm"
_WORDS_EACH_SIDE = 5
_WORDS_ON_ONE_LINE = 1
"""The same in plain text, where a browser finds only text on one line, and lines have some ten words."""
_TEXT_SUFFIX = ".txt"
_FRAGMENT_REACH = 160
_LIST_MARK = re.compile(r"(?:[^\w\s$\N{EURO SIGN}\N{POUND SIGN}]{1,3}|\(?\w{1,4}[.)])\s+")
"""The label of a list item, which a page may display separately."""
_WORD = re.compile(r"\S+")
_CONTEXT_CHARACTERS = 200
"""Characters of the sentence on either side that are read with a struck number."""
_LONGEST_STRUCK = 400
"""Longer struck text is a passage, not a replaced number."""
_BRACKETS = " <>[]{}"
"""Brackets that marked copies put around struck text."""


@dataclass(frozen=True, slots=True)
class ReplacedNumber:
    """A struck number as printed and its value, which is None if the digits are not a number."""

    text: str
    value: float | None


def entity_row(
    sentence: Sentence, span: Span, value: Value, before: ReplacedNumber | None = None, *, sec_url: str | None = None
) -> dict[str, Any]:
    """Return the columns `section` to `sec_url`; the writer adds those of the document.

    `before`: the struck-out number that this one replaced. `sec_url`: the document's address at EDGAR.
    """
    return {
        "section": sentence.section,
        "sentence_index": sentence.index,
        "sentence": sentence.text,
        "start": span.start,
        "end": span.end,
        "document_start": sentence.start + span.start,
        "document_end": sentence.start + span.end,
        "label": span.label,
        "text": sentence.text[span.start : span.end],
        "value": value.value,
        "unit": value.unit,
        "scale": value.scale,
        "confidence": span.confidence,
        "before_text": before.text if before else None,
        "before_value": before.value if before else None,
        "sec_url": sec_url_of(sec_url, sentence.text, span.start, span.end),
    }


def replaced_number(sentence: Sentence, start: int, end: int, *, document_scale: int = 0) -> ReplacedNumber | None:
    """Return the number struck out directly before the number token `sentence.text[start:end]`, else directly after it.

    Only white space may separate the two numbers and their marks (currency, percent sign, scale words). The struck
    number shares the marks that it lacks with its replacement: `$<s>200</s> <u>275</u> million`. Of several struck
    numbers, the result is the nearest with the same unit. It is None if there is none, or if only some digits of a
    number were replaced. `document_scale`: see `read_value`.
    """
    text = sentence.text
    quantity = read_quantity(text, start, end)
    unit = read_value(text, start, end, document_scale=document_scale).unit
    token = text[start:end]
    for at, struck in reversed(sentence.struck[: bisect_right(sentence.struck, start, key=itemgetter(0))]):
        if text[at : max(at, quantity.start)].strip():
            break
        outside = text[:at], text[:at], text[end:], text[quantity.end :]
        if replaced := _replaced_in(struck, outside, unit, document_scale, touches=token if at == start else ""):
            return replaced
    for at, struck in sentence.struck[bisect_left(sentence.struck, end, key=itemgetter(0)) :]:
        if text[min(at, quantity.end) : at].strip() or _is_before_number(text, at):
            break
        outside = text[:start], text[: quantity.start], text[end:], text[max(at, quantity.end) :]
        if replaced := _replaced_in(
            struck, outside, unit, document_scale, touches=token if at == end else "", is_after=True
        ):
            return replaced
    return None


def _replaced_in(
    struck: str,
    outside: tuple[str, str, str, str],
    unit: str | None,
    document_scale: int,
    *,
    touches: str,
    is_after: bool = False,
) -> ReplacedNumber | None:
    """Return the number in struck text that the sentence's number replaced.

    `outside`: the text before it, for a struck number without and with marks of its own, then the same after it.
    `touches`: the digits that the struck text touches.
    """
    if len(struck) > _LONGEST_STRUCK:
        return None
    struck = struck.strip(_BRACKETS)
    tokens = number_tokens(struck)
    for first, last in tokens if is_after else reversed(tokens):
        token, marks = struck[first:last], (struck[:first].strip() != "", struck[last:].strip() != "")
        if not any(marks) and _has_no_separator(touches) < _has_no_separator(token):
            continue
        before = outside[marks[0]][-_CONTEXT_CHARACTERS:]
        after = outside[2 + marks[1]][:_CONTEXT_CHARACTERS]
        read = f"{before} {struck}{'' if after[:1] == '%' else ' '}{after}"
        offset = len(before) + 1
        value = read_value(read, offset + first, offset + last, document_scale=document_scale)
        alone = read_quantity(struck, first, last)
        is_alone = not struck[: alone.start].strip() and not struck[alone.end :].strip()
        if value.unit == unit if value.unit and unit else is_alone:
            return ReplacedNumber(token, value.value)
    return None


def _has_no_separator(digits: str) -> bool:
    """Whether a number is only digits: `2` struck before `3.50` may be the first digit of 2.50."""
    return "." not in digits and "," not in digits


def _is_before_number(text: str, at: int) -> bool:
    """Whether a number, which then replaced the struck text, follows directly."""
    tokens = number_tokens(text[at : at + _CONTEXT_CHARACTERS])
    if not tokens:
        return False
    start, end = tokens[0]
    return not text[at : max(at, read_quantity(text, at + start, at + end).start)].strip()


def sec_url_of(sec_url: str | None, sentence: str, start: int, end: int) -> str | None:
    """Return a document's address with a fragment of the words around `sentence[start:end]`.

    The words are from the same sentence, a few on each side, so that most fragments are unique in a page. The index of
    a filing, which does not have the sentence, gets no fragment.

    Source: URL Fragment Text Directives (https://wicg.github.io/scroll-to-text-fragment/): `#:~:text=` and
    percent-encoded words of the page; `-`, `,` and `&` are encoded too, as they separate the parts of a directive.
    """
    if sec_url is None or sec_url.endswith(_INDEX_SUFFIX):
        return sec_url
    begin = _LIST_MARK.match(sentence, 0, start)
    first = max(begin.end() if begin else 0, start - _FRAGMENT_REACH)
    last = min(len(sentence), end + _FRAGMENT_REACH)
    words = [(word.start() + first, word.end() + first) for word in _WORD.finditer(sentence[first:last])]
    before = [word for word in words if word[1] <= start]
    if before and first and not sentence[first - 1].isspace():
        del before[0]  # the word was cut at its start
    after = [word for word in words if word[0] >= end]
    if after and last < len(sentence) and not sentence[last].isspace():
        del after[-1]  # the word was cut at its end
    number = [word for word in words if word[1] > start and word[0] < end]
    most = _WORDS_ON_ONE_LINE if sec_url.endswith(_TEXT_SUFFIX) else _WORDS_EACH_SIDE
    chosen = [*before[-most:], *number, *after[:most]]
    shown = " ".join(sentence[chosen[0][0] : chosen[-1][1]].split())
    return f"{sec_url}#:~:text={quote(shown, safe='').replace('-', '%2D')}"
