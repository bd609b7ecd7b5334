"""The cover page facts of an inline XBRL filing (`dei:` concepts), found by a scan of the text without parsing it.

Sources: Inline XBRL 1.1, sections 4 (continuation) and 11 (nonNumeric)
(https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/), Transformation Registries 1 to 5 for the dates,
EDGAR Filer Manual volume II for the concepts. In a filing of several registrants the facts without a dimension count,
those of the parent.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from finner_batch.sources.document import Header
from finner_batch.sources.edgar_path import normal_cik
from finner_batch.sources.headers import calendar_date

_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FACT_TAG = re.compile(r"<(/?)(?:[\w.-]+:)?nonnumeric\b[^<>]*?(/?)>", re.IGNORECASE)
_CONTINUATION_TAG = re.compile(r"<(/?)(?:[\w.-]+:)?continuation\b[^<>]*?(/?)>", re.IGNORECASE)
_CONTEXT_TAG = re.compile(r"<(?:[\w.-]+:)?context\b[^<>]*>", re.IGNORECASE)
_HIDDEN = re.compile(r"<((?:[\w.-]+:)?exclude)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"</?(?:br|p|div|tr|td|li)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_HYPHENS = re.compile("[\u00ad\u2010\u2011\u2012\u2013]")
_FACT_CHARACTERS = 20_000
"""A cover fact is a few words; one that does not end within this many characters is broken."""
_TAG_CHARACTERS = 4096
_CONTINUATIONS = 16
_FACTS_EACH = 64

_CONCEPTS = ("EntityCentralIndexKey", "EntityRegistrantName", "DocumentType", "DocumentPeriodEndDate")
_CONCEPT = re.compile(r"(?:" + "|".join(_CONCEPTS) + r")\b")
_MARKS = ('name="dei:', "name='dei:")
"""What to look for, the usual first: a long mark is found at several GB/s."""

_Value = TypeVar("_Value")

_MONTHS = {
    name: str(number)
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_ORDERS = {
    "mdy": frozenset({"datemonthdayyear", "datemonthdayyearen", "datemonthnamedayyearen", "datelongus", "dateshortus",
                      "dateslashus", "datedotus"}),
    "dmy": frozenset({"datedaymonthyear", "datedaymonthyearen", "datedaymonthnameyearen", "datelonguk", "dateshortuk",
                      "dateslasheu", "datedoteu"}),
    "ymd": frozenset({"dateyearmonthday", ""}),
}  # fmt: skip
_ORDER_OF = {name: order for order, names in _ORDERS.items() for name in names}


@dataclass(frozen=True, slots=True)
class _CoverFact(Generic[_Value]):
    context: str
    transformation: str
    value: _Value

    def as_date(self: "_CoverFact[str]") -> "_CoverFact[date | None]":
        return _CoverFact(self.context, "", read_date(self.value, self.transformation))


def cover_header(text: str) -> Header:
    """Read what the `dei:` facts of an inline XBRL document state; None where absent, or where registrants disagree."""
    facts = _cover_facts(text)
    form_type = _agreed(text, facts["DocumentType"])
    return Header(
        cik=normal_cik(_agreed(text, facts["EntityCentralIndexKey"])),
        company=_agreed(text, facts["EntityRegistrantName"]),
        form_type=_HYPHENS.sub("-", form_type) if form_type else None,
        period_of_report=_agreed(text, [fact.as_date() for fact in facts["DocumentPeriodEndDate"]]),
    )


def read_date(text: str, transformation: str) -> date | None:
    """Read a printed date under its `format`, e.g. `ixt:date-monthname-day-year-en`, or ISO 8601 where that is empty.

    None where the format is unknown or the text is no date.
    """
    order = _ORDER_OF.get(transformation.rpartition(":")[2].replace("-", "").lower())
    parts = re.findall(r"\d+|[A-Za-z]+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text))
    if order is None or len(parts) != len(order):
        return None
    of = dict(zip(order, parts, strict=True))
    month = _MONTHS.get(of["m"][:3].lower(), of["m"])
    if not (of["y"].isdecimal() and of["d"].isdecimal() and month.isdecimal()):
        return None
    year = of["y"] if len(of["y"]) == 4 else f"20{of['y']:>02}"
    return calendar_date(year, month, of["d"])


def _agreed(text: str, facts: Sequence[_CoverFact[_Value]]) -> _Value | None:
    values = {fact.value for fact in facts if fact.value}
    if len(values) > 1:
        values = {fact.value for fact in facts if fact.value and not _has_dimension(text, fact.context)}
    return values.pop() if len(values) == 1 else None


def _cover_facts(text: str) -> dict[str, list[_CoverFact[str]]]:
    """Find the facts of the four concepts, in document order."""
    facts: dict[str, list[_CoverFact[str]]] = {concept: [] for concept in _CONCEPTS}
    mark = next((mark for mark in _MARKS if mark in text), "dei:")
    position = text.find(mark)
    while position >= 0:
        at = position + len(mark)
        position = text.find(mark, at)
        concept = _CONCEPT.match(text, at)
        if not concept or len(facts[concept[0]]) >= _FACTS_EACH:
            continue
        start = text.rfind("<", max(0, at - _TAG_CHARACTERS), at)
        tag = _FACT_TAG.match(text, start) if start >= 0 else None
        if not tag or tag[1]:
            continue
        attributes = _attributes(tag[0])
        if attributes.get("name") == f"dei:{concept[0]}":
            value = "" if tag[2] else _visible_text(text, tag.end(), attributes)
            facts[concept[0]].append(_CoverFact(attributes.get("contextref", ""), attributes.get("format", ""), value))
    return facts


def _visible_text(text: str, start: int, attributes: dict[str, str]) -> str:
    """Join the visible text of the fact whose start tag ends at `start`, its continuations included."""
    pieces = [_element(text, start, _FACT_TAG)]
    following = attributes.get("continuedat")
    for _ in range(_CONTINUATIONS):
        if following is None:
            break
        found = _tag_with_id(text, _CONTINUATION_TAG, following)
        if found is None:
            break
        pieces.append(_element(text, found.end(), _CONTINUATION_TAG))
        following = _attributes(found[0]).get("continuedat")
    markup = _BREAK.sub(" ", _HIDDEN.sub("", "".join(pieces)))
    return " ".join(html.unescape(_TAG.sub("", markup)).replace("\u200b", "").split())


def _element(text: str, start: int, tags: re.Pattern[str]) -> str:
    """Cut the markup from `start` to the end tag that closes the element begun before it."""
    depth = 1
    for tag in tags.finditer(text, start, start + _FACT_CHARACTERS):
        if tag[1]:
            depth -= 1
        elif not tag[2]:
            depth += 1
        if not depth:
            return text[start : tag.start()]
    return ""


def _tag_with_id(text: str, tags: re.Pattern[str], element_id: str) -> re.Match[str] | None:
    for mark in (f'id="{element_id}"', f"id='{element_id}'"):
        at = text.find(mark)
        while at >= 0:
            start = text.rfind("<", max(0, at - _TAG_CHARACTERS), at)
            if start >= 0 and (tag := tags.match(text, start)):
                return tag
            at = text.find(mark, at + len(mark))
    return None


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}


def _has_dimension(text: str, context: str) -> bool:
    found = _tag_with_id(text, _CONTEXT_TAG, context)
    if found is None:
        return True
    element = text[found.end() : text.find("context>", found.end())].lower()
    return "explicitmember" in element or "typedmember" in element
