"""The cover page facts of an inline XBRL filing (`dei:` concepts), found by scanning the text without parsing it.

Sources: Inline XBRL 1.1, sections 4 (continuation) and 11 (nonNumeric)
(https://www.xbrl.org/specification/inlinexbrl-part1/rec-2013-11-18/), Transformation Registries 1 to 5 for the dates,
EDGAR Filer Manual volume II for the concepts. In a filing of several registrants, the facts without a dimension are
those of the parent, and they are the ones used.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple, TypeVar

from finner_batch.readers.document import Header
from finner_batch.readers.edgar_path import normal_cik
from finner_batch.readers.headers import calendar_date
from finner_batch.readers.wrappers import COMMENT, unescape, without

_ATTRIBUTE = re.compile(r"""([\w:.-]{1,100})\s{0,100}=\s{0,100}(?:"([^"]*)"|'([^']*)'|([^\s"'<>=]+))""")
_IN_TAG = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*?"""
"""The rest of a start tag. A quoted value may contain `>` but never `<` (XML 1.0, 2.3)."""
_FACT_TAG = re.compile(rf"<(/?)(?:[\w.-]{{1,64}}:)?nonnumeric\b{_IN_TAG}(/?)>", re.IGNORECASE)
_CONTINUATION_TAG = re.compile(rf"<(/?)(?:[\w.-]{{1,64}}:)?continuation\b{_IN_TAG}(/?)>", re.IGNORECASE)
_CONTEXT = re.compile(r"<(?:[\w.-]{1,64}:)?context\s([^<>]*)>", re.IGNORECASE)
_HIDDEN = (
    (
        re.compile(r"<(?:[\w.-]{1,64}:)?exclude\b[^<>]*>", re.IGNORECASE),
        re.compile(r"</[\w.:-]*exclude\s*>", re.IGNORECASE),
    ),
    COMMENT,
)
_BREAK = re.compile(r"</?(?:br|p|div|tr|td|li)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_HYPHENS = re.compile("[\u00ad\u2010\u2011\u2012\u2013]")
_FORM_WORD = re.compile(r"\Aform\s+", re.IGNORECASE)
_FORM_WITHOUT_HYPHEN = re.compile(r"\A(10|20|6|8|11|40)\s?([KQF])(?![A-Za-z])")
_MARK = r"(?:\(\d{1,2}\)|\([a-z]\)|[*\u2020\u2021\u00a7]{1,4}|\d{1,2})"
_TAGS = r"(?:\s{0,20}<[^<>]{0,500}>){0,4}\s{0,20}"
_RAISED = re.compile(rf"<(sup|span|font)\b([^<>]*)>{_TAGS}{_MARK}{_TAGS}</\1\s*>", re.IGNORECASE)
"""A footnote mark in an element of its own. It is raised if the element is a `sup` or its style raises it."""
_RAISING = re.compile(
    r"vertical-align\s{0,20}:\s{0,20}(?:super|top|text-top)|[;\"'\s]top\s{0,20}:\s{0,20}-\d", re.IGNORECASE
)
_LAST_MARK = re.compile(r"(?:\(\d{1,2}\)|[*\u2020\u2021\u00a7\u00b9\u00b2\u00b3\u2070-\u207f]|\(\*{1,3}\))\Z")
_MARK_LENGTH = 5
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_FACT_CHARACTERS = 20_000
"""A cover fact is a few words; a longer one is broken."""
_TAG_CHARACTERS = 4096
_CONTINUATIONS = 16
_FACTS_EACH = 64
_CONTEXT_CHARACTERS = 20_000

_CONCEPTS = ("EntityCentralIndexKey", "EntityRegistrantName", "DocumentType", "DocumentPeriodEndDate", "AmendmentFlag")
_CONCEPT = re.compile(r"(?:" + "|".join(_CONCEPTS) + r")\b")
_NAMESPACE = re.compile(r"""xmlns:([\w.-]{1,64})\s{0,20}=\s{0,20}["']http://xbrl\.(?:sec\.gov|us)/dei/""")
_PREFIX = "dei"
"""Prefix of the concepts that the EDGAR Filer Manual recommends. A document may declare another one."""
_TRUE = frozenset({"fixedtrue", "booleantrue"})
_FALSE = frozenset({"fixedfalse", "booleanfalse"})
"""Transformations whose result does not depend on the printed text."""

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


class _CoverFact(NamedTuple):
    """A fact: the id of its context, its `format`, and its text as printed."""

    context: str
    transformation: str
    text: str


def cover_header(text: str) -> Header:
    """Read the `dei:` facts of an inline XBRL document. A field is None if it is absent or the registrants disagree.

    A form stated without `/A` gets it if the filing says that it is an amendment (`AmendmentFlag`).
    """
    document = _Document(text)
    facts = document.cover_facts()
    form_type = document.common_value(facts["DocumentType"], lambda fact: fact.text)
    if form_type:
        form_type = _FORM_WORD.sub("", re.sub(r"\s*-\s*", "-", _HYPHENS.sub("-", form_type)))
        form_type = _FORM_WITHOUT_HYPHEN.sub(r"\1-\2", form_type)
        is_amendment = document.common_value(facts["AmendmentFlag"], _flag)
        form_type += "/A" if is_amendment and not form_type.upper().endswith("/A") else ""
    ciks = (normal_cik(fact.text) for fact in facts["EntityCentralIndexKey"])
    return Header(
        cik=normal_cik(document.common_value(facts["EntityCentralIndexKey"], lambda fact: fact.text)),
        company=document.common_value(facts["EntityRegistrantName"], _company),
        form_type=form_type,
        document_type=form_type,
        period_of_report=document.common_value(
            facts["DocumentPeriodEndDate"], lambda fact: read_date(fact.text, fact.transformation)
        ),
        ciks=tuple(dict.fromkeys(cik for cik in ciks if cik)),
    )


def read_date(text: str, transformation: str) -> date | None:
    """Read a printed date by its `format`, e.g. `ixt:date-monthname-day-year-en`; an empty format means ISO 8601.

    Returns None if the format is unknown or the text is not a date.
    """
    order = _ORDER_OF.get(_plain_name(transformation))
    parts = re.findall(r"\d+|[A-Za-z]+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text))
    if order is None or len(parts) != len(order):
        return None
    of = dict(zip(order, parts, strict=True))
    month = _MONTHS.get(of["m"][:3].lower(), of["m"])
    if not (of["y"].isdecimal() and of["d"].isdecimal() and month.isdecimal()):
        return None
    year = of["y"] if len(of["y"]) == 4 else f"20{of['y']:>02}"
    return calendar_date(year, month, of["d"])


def _flag(fact: _CoverFact) -> bool | None:
    """Read true or false from the transformation or, without one, from the word."""
    name, word = _plain_name(fact.transformation), fact.text.lower()
    if name in _TRUE or name in _FALSE:
        return name in _TRUE
    if name == "boolballotbox":
        return word in {"\u2611", "\u2612", "\u00fe"}
    return word in {"true", "1"} if word in {"true", "1", "false", "0"} else None


def _company(fact: _CoverFact) -> str:
    """Return a company's name without the footnote marks after it."""
    end = len(fact.text)
    while mark := _LAST_MARK.search(fact.text[max(0, end - _MARK_LENGTH) : end]):
        end -= len(mark[0])
        while fact.text[end - 1 : end].isspace():
            end -= 1
    return fact.text[:end]


def _plain_name(transformation: str) -> str:
    return transformation.rpartition(":")[2].replace("-", "").lower()


class _Document:
    """The facts of one document. Continuations and contexts are collected in one pass each, and only if needed."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _continuations(self) -> dict[str, re.Match[str]]:
        """The start tags of continuations by id; the first one counts."""
        found: dict[str, re.Match[str]] = {}
        at = self._text.find("ontinuation")
        while at >= 0:
            start = self._text.rfind("<", max(0, at - 80), at)
            tag = _CONTINUATION_TAG.match(self._text, start, start + _TAG_CHARACTERS) if start >= 0 else None
            if tag and not tag[1]:
                found.setdefault(_attributes(tag[0]).get("id", ""), tag)
            at = self._text.find("ontinuation", at + 1)
        return found

    @cached_property
    def _dimensions(self) -> dict[str, bool]:
        """Whether each context has a dimension, by the context's id."""
        found: dict[str, bool] = {}
        tags = list(_CONTEXT.finditer(self._text))
        ends = [tag.start() for tag in tags[1:]] + [len(self._text)]
        for tag, end in zip(tags, ends, strict=False):
            element = self._text[tag.end() : min(end, tag.end() + _CONTEXT_CHARACTERS)].lower()
            element = element.partition("context>")[0]
            has_dimension = "explicitmember" in element or "typedmember" in element
            found.setdefault(_attributes(tag[1]).get("id", ""), has_dimension)
        return found

    def common_value(self, facts: Sequence[_CoverFact], read: Callable[[_CoverFact], _Value | None]) -> _Value | None:
        """Return the one value of all facts; if they differ, the one value of the parent's facts; else None."""
        present = [(fact.context, value) for fact in facts if (value := read(fact)) not in (None, "")]
        values = {value for _, value in present}
        if len(values) > 1:
            values = {value for context, value in present if not self._dimensions.get(context, True)}
        return values.pop() if len(values) == 1 else None

    def cover_facts(self) -> dict[str, list[_CoverFact]]:
        """Find the facts of each concept, in document order."""
        facts: dict[str, list[_CoverFact]] = {concept: [] for concept in _CONCEPTS}
        declared = _NAMESPACE.search(self._text)
        mark = f"{declared[1] if declared else _PREFIX}:"
        at = self._text.find(mark)
        while at >= 0:
            at += len(mark)
            concept = _CONCEPT.match(self._text, at)
            if concept and len(facts[concept[0]]) < _FACTS_EACH:
                start = self._text.rfind("<", max(0, at - _TAG_CHARACTERS), at)
                tag = _FACT_TAG.match(self._text, start, start + 2 * _TAG_CHARACTERS) if start >= 0 else None
                attributes = _attributes(tag[0]) if tag and not tag[1] else {}
                if tag and attributes.get("name", "").strip() == f"{mark}{concept[0]}":
                    value = "" if tag[2] else self._visible_text(tag.end(), attributes)
                    context, transformation = attributes.get("contextref", ""), attributes.get("format", "")
                    facts[concept[0]].append(_CoverFact(context, transformation, value))
            at = self._text.find(mark, at)
        return facts

    def _visible_text(self, start: int, attributes: dict[str, str]) -> str:
        """Return the visible text of the fact whose start tag ends at `start`, including its continuations."""
        pieces = [self._element(start, _FACT_TAG)]
        following = attributes.get("continuedat")
        for _ in range(_CONTINUATIONS):
            found = self._continuations.get(following) if following is not None else None
            if found is None:
                break
            pieces.append(self._element(found.end(), _CONTINUATION_TAG))
            following = _attributes(found[0]).get("continuedat")
        markup = "".join(pieces)
        markup = without(markup, _HIDDEN)
        markup = _BREAK.sub(" ", _RAISED.sub(_unless_raised, markup))
        return " ".join(_INVISIBLE.sub("", unescape(_TAG.sub("", markup))).split())

    def _element(self, start: int, tags: re.Pattern[str]) -> str:
        """Return the markup from `start` to the end tag of the element that contains it."""
        depth = 1
        for tag in tags.finditer(self._text, start, start + _FACT_CHARACTERS):
            if tag[1]:
                depth -= 1
            elif not tag[2]:
                depth += 1
            if not depth:
                return self._text[start : tag.start()]
        return ""


def _unless_raised(element: re.Match[str]) -> str:
    return "" if element[1].lower() == "sup" or _RAISING.search(element[2]) else element[0]


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): double or single or bare for name, double, single, bare in _ATTRIBUTE.findall(tag)}
