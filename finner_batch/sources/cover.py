"""The cover page facts of an inline XBRL filing (`dei:` concepts), found by a scan of the text without parsing it.

Sources: Inline XBRL 1.1, sections 4 (continuation) and 11 (nonNumeric)
(https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/), Transformation Registries 1 to 5 for the dates,
EDGAR Filer Manual volume II for the concepts. In a filing of several registrants the facts without a dimension count,
those of the parent.
"""

import html
import re
from collections.abc import Iterator
from datetime import date
from typing import TypeVar

from finner_batch.sources.document import Header
from finner_batch.sources.edgar_path import normal_cik
from finner_batch.sources.headers import calendar_date

_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FACT_TAG = re.compile(r"<(/?)(?:[\w.-]+:)?nonnumeric\b[^>]*?(/?)>", re.IGNORECASE)
_CONTINUATION_TAG = re.compile(r"<(/?)(?:[\w.-]+:)?continuation\b[^>]*?(/?)>", re.IGNORECASE)
_HIDDEN = re.compile(r"<((?:[\w.-]+:)?exclude)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"</?(?:br|p|div|tr|td|li)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_HYPHENS = re.compile("[\u00ad\u2010\u2011\u2012\u2013]")
_FACT_CHARACTERS = 20_000
"""A cover fact is a few words; one that does not end within this many characters is broken."""
_CONTINUATIONS = 16
_IGNORE = re.IGNORECASE

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


def cover_header(text: str) -> Header:
    """Read what the `dei:` facts of an inline XBRL document state; None where absent, or where registrants disagree."""
    form_type = _stated(text, "DocumentType")
    return Header(
        cik=normal_cik(_stated(text, "EntityCentralIndexKey")),
        company=_stated(text, "EntityRegistrantName"),
        form_type=_HYPHENS.sub("-", form_type) if form_type else None,
        period_of_report=_stated_date(text, "DocumentPeriodEndDate"),
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


def _stated(text: str, concept: str) -> str | None:
    return _agreed(text, [(context, value) for context, _, value in _facts(text, concept)])


def _stated_date(text: str, concept: str) -> date | None:
    return _agreed(text, [(context, read_date(value, form)) for context, form, value in _facts(text, concept)])


def _agreed(text: str, facts: list[tuple[str, _Value]]) -> _Value | None:
    values = {value for _, value in facts if value}
    if len(values) > 1:
        values = {value for context, value in facts if value and not _has_dimension(text, context)}
    return values.pop() if len(values) == 1 else None


def _facts(text: str, concept: str) -> Iterator[tuple[str, str, str]]:
    """Yield context, format and visible text of each fact of a `dei:` concept, in document order."""
    name = f"dei:{concept}"
    position = text.find(name)
    while position >= 0:
        start = text.rfind("<", 0, position)
        end = text.find(">", position) + 1
        position = text.find(name, position + len(name))
        tag = _FACT_TAG.match(text, start)
        if not tag or tag[1] or not end:
            continue
        attributes = _attributes(text[start:end])
        if attributes.get("name") == name:
            yield attributes.get("contextref", ""), attributes.get("format", ""), _value(text, end, attributes)


def _value(text: str, start: int, attributes: dict[str, str]) -> str:
    """Join the visible text of the fact whose start tag ends at `start`, its continuations included."""
    pieces = [_element(text, start, _FACT_TAG)]
    following = attributes.get("continuedat")
    for _ in range(_CONTINUATIONS):
        if following is None:
            break
        found = re.search(
            rf"<(?:[\w.-]+:)?continuation\b[^>]*\bid=[\"']{re.escape(following)}[\"'][^>]*>", text, _IGNORE
        )
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


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}


def _has_dimension(text: str, context: str) -> bool:
    found = re.search(rf"<(?:[\w.-]+:)?context\b[^>]*\bid=[\"']{re.escape(context)}[\"'][^>]*>", text, _IGNORE)
    if found is None:
        return True
    end = text.find("context>", found.end())
    element = text[found.end() : end].lower()
    return "explicitmember" in element or "typedmember" in element
