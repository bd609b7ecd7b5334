"""Headings of periodic reports: what a block must look like to be a Part, an Item or a note.

Items and titles are those of Forms 10-K, 10-Q and 10-KSB; Form 8-K numbers its items with a point (`Item 2.03`). The
title keeps a cross reference ("Item 7 of this report describes ...") from being taken for a heading.
"""

import re
from typing import NamedTuple

HEADING_LENGTH = 240
"""A longer block is text, whatever it begins with."""

_SEPARATORS = r"[\s.:,|*\u2022\u2010-\u2015\u2212-]*"
_CONTINUED = re.compile(r"[\W_]*\b(?:continued|cont['\u2019]?d)\b\W*\Z", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"[\s.\u2026_]+\d{1,3}\Z")
_SENTENCE = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|should|will|may|see|refer|incorporated|describes?|contains?|includes?"
    r"|this|our|we|us|such|these|those|above|below|herein|hereof)\b"
)

_PART = re.compile(
    r"part\s+(i{1,3}|iv)\b\W*(?:(?:consolidated |condensed )*financial information|other information|continued)?\W*\Z",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,2}\.\d\d(?!\d)|\d{1,2}(?:[a-c](?:\s?\(t\))?)?(?![\w(])"
_ITEM = re.compile(
    rf"(?:part\s+(?P<part>i{{1,3}}|iv)\b{_SEPARATORS})?items?\s+"
    rf"(?P<numbers>(?:{_NUMBER})(?:(?:\s*[,&]\s*|\s+and\s+|\s*[,&]?\s*and\s+)(?:item\s+)?(?:{_NUMBER}))*)"
    rf"{_SEPARATORS}(?P<title>.*)",
    re.IGNORECASE | re.DOTALL,
)
_NO_TITLE = re.compile(
    r"[\W_]*(?:removed|reserved|removed and reserved|omitted|not applicable|none)?[\W_]*\Z", re.IGNORECASE
)

# (item number, how its title begins, its Part; None where forms differ)
_TITLES: tuple[tuple[str, str, str | None], ...] = (
    ("1", r"(?:description of )?(?:the |our )?business|general", "I"),
    ("1", r"(?:[\w()]+ ){0,4}financial (?:statements|information)", "I"),
    ("1", r"legal proceedings", "II"),
    ("1A", r"risk factors", None),
    ("1B", r"unresolved staff", "I"),
    ("1C", r"cybersecurity", "I"),
    ("2", r"(?:description of )?propert", "I"),
    ("2", r"management", "I"),
    (
        "2",
        r"unregistered|changes in (?:the )?securities|issuer purchases|recent sales|share repurchase|market for",
        "II",
    ),
    ("3", r"legal proceedings|quantitative|controls", "I"),
    ("3", r"defaults?", "II"),
    ("4", r"controls|executive officers", "I"),
    ("4", r"mine safety|submission of matters|results of votes", None),
    ("4A", r"executive officers", "I"),
    ("5", r"market|other information", "II"),
    ("5", r"other events", None),
    ("6", r"selected|exhibits?|management|consolidated financial data", "II"),
    ("7", r"management", "II"),
    ("7", r"(?:consolidated )?financial statements", None),
    ("7A", r"quantitative|disclosures? about market", "II"),
    ("8", r"(?:consolidated )?financial statements|changes in and", "II"),
    ("8A", r"controls", "II"),
    ("8B", r"other information", "II"),
    ("9", r"changes in|disagreements", "II"),
    ("9", r"directors", "III"),
    ("9A", r"controls", "II"),
    ("9B", r"other information", "II"),
    ("9C", r"disclosures? regarding foreign", "II"),
    ("10", r"directors|executive", "III"),
    ("11", r"executive|security", "III"),
    ("12", r"security|certain", "III"),
    ("13", r"certain|exhibits?", "III"),
    ("14", r"principal account|controls", "III"),
    ("14", r"exhibits?|financial statement", "IV"),
    ("15", r"exhibits?|financial statement", "IV"),
    ("16", r"form 10-?k summary|summary|exhibits?", "IV"),
)
_TITLE_OF = {
    number: [(re.compile(title, re.IGNORECASE), part) for other, title, part in _TITLES if other == number]
    for number, _, _ in _TITLES
}

_NOTE = re.compile(
    rf"notes?\s+(?P<number>\d{{1,2}}|[a-z])(?![\w(&])(?P<separator>{_SEPARATORS})(?P<title>.*)",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED = re.compile(
    rf"(?P<open>\(?)(?P<number>\d{{1,2}}|[A-Z])(?P<close>[.)]*)(?![\w%$])(?P<separator>{_SEPARATORS})(?P<title>.*)",
    re.DOTALL,
)
_RUN_IN = re.compile(r"(?P<title>[^.:\u2013\u2014]{3,120})[.:\u2013\u2014]+ \S")
_FIRST_NOTE = re.compile(
    r".*\baccounting (?:policies|principles)|basis of (?:presentation|preparation|consolidation|accounting)"
    r"|(?:nature|description|overview) of (?:the )?(?:business|operations|company)"
    r"|organization|the company\b|business\Z",
    re.IGNORECASE,
)
_NOTES = re.compile(r"(?:[\w&.,'\u2019-]+ ){0,6}?notes to (?:[\w()'\u2019,-]+ ){0,6}statements?\b", re.IGNORECASE)
_AFTER_NOTES = re.compile(
    r"signatures?\W*\Z|exhibits? index|index (?:to|of) exhibits|schedule i{1,3}\b"
    r"|reports? of independent|independent auditors?['\u2019]? report|management['\u2019]?s (?:annual )?report on"
    r"|management['\u2019]?s discussion and analysis|quantitative and qualitative disclosures? about market risk"
    r"|controls and procedures\W*\Z|(?:form )?10-[kq] cross[- ]reference index",
    re.IGNORECASE,
)


class ItemHeading(NamedTuple):
    """`name` as shown in a section (`Item 8`, `Items 1 and 2`); `part` where the heading or its title says it."""

    name: str
    part: str | None


class NoteHeading(NamedTuple):
    """`style` is how the heading is numbered (`note`, `(1)`, `1.`, `A.`); `title` is empty where it stands behind."""

    style: str
    number: int
    label: str
    title: str


def part_heading(text: str) -> str | None:
    """`PART II - OTHER INFORMATION` is `II`."""
    match = _PART.match(text) if len(text) <= HEADING_LENGTH else None
    return match[1].upper() if match else None


def item_heading(text: str) -> ItemHeading | None:
    """`Item 7A. Quantitative and Qualitative Disclosures About Market Risk` is item 7A of Part II; text may follow."""
    match = _ITEM.match(text[:HEADING_LENGTH])
    if match is None:
        return None
    numbers = [number.upper().replace(" ", "") for number in re.findall(_NUMBER, match["numbers"], re.IGNORECASE)]
    stated = match["part"].upper() if match["part"] else None
    title = _CONTINUED.sub("", match["title"])
    several = f"Items {', '.join(numbers[:-1])} and {numbers[-1]}"
    heading = ItemHeading(several if len(numbers) > 1 else f"Item {numbers[0]}", stated)
    if _NO_TITLE.match(title):
        return heading
    if _PAGE_NUMBER.search(title):
        return None
    for pattern, part in _TITLE_OF.get(numbers[0].removesuffix("(T)"), ()):
        if pattern.match(title):
            opening = re.split(r"[.:\u2013\u2014]", title, maxsplit=1)[0]
            return None if _SENTENCE.search(opening) else heading._replace(part=stated or part)
    return heading if "." in numbers[0] or is_title(title) else None


def note_heading(text: str) -> NoteHeading | None:
    """`NOTE 7. DEBT`, `(7) Long-Term Debt` and `G. Debt` are notes 7; whether a number is a note's is for the caller.

    A title may run into the text (`NOTE 7. DEBT. In June 2023 ...`) where it is written in capitals.
    """
    match = _NOTE.match(text[:HEADING_LENGTH])
    style = "note"
    if match is None:
        match = _NUMBERED.match(text[:HEADING_LENGTH])
        if match is None:
            return None
        style = match["open"] + ("1" if match["number"].isdigit() else "A") + match["close"]
    title = _CONTINUED.sub("", match["title"]).strip(" .:-\u2013\u2014")
    if title and (len(text) > HEADING_LENGTH or not is_title(title)):
        run_in = _RUN_IN.match(title)
        if run_in is None or not run_in["title"].isupper():
            return None
        title = run_in["title"]
    if style == "note" and title and not match["separator"].strip() and not is_title_case(title):
        return None
    label = match["number"].upper()
    return NoteHeading(style, int(label) if label.isdigit() else ord(label) - ord("A") + 1, label, title)


def is_first_note(title: str) -> bool:
    """What first notes are called: `Summary of Significant Accounting Policies`, `Basis of Presentation`."""
    return _FIRST_NOTE.match(title) is not None


def is_title_case(text: str) -> bool:
    """No long word begins with a small letter."""
    return text.isupper() or not re.search(r"\b[a-z]{5,}\b", text)


def is_title(text: str) -> bool:
    """Short, begins like a title, and is no sentence."""
    stripped = text.lstrip("\"'\u201c\u2018([")
    if not stripped or len(text) > 160 or not stripped[0].isalpha() or stripped[0].islower():
        return False
    return text.isupper() or (not _SENTENCE.search(text) and not text.endswith((".", ";", ",")))


def opens_notes(text: str) -> bool:
    """`Notes to Consolidated Financial Statements`."""
    return len(text) <= 120 and _NOTES.match(text) is not None


def closes_notes(text: str) -> bool:
    """Headings of what follows the notes."""
    return len(text) <= 120 and _AFTER_NOTES.match(text) is not None
