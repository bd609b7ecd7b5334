"""Headings of reports: recognises the heading of a Part, an Item or a note.

Numbers are read in every spelling that filers use (`ITEM NO. 7.`, `Item7(A)`, `ITEM VII`, `Items 1. and 2.`) and shown
in one. The title distinguishes a heading from a cross reference ("Item 7 of this report describes ...").
"""

import re
from functools import lru_cache
from typing import NamedTuple

from finner_batch.text.items import CURRENT_REPORT, has_title, is_item_number, part_of_title

HEADING_LENGTH = 240
"""A longer block is text, even if it begins like a heading."""

_SEPARATORS = r"[\s.:,|)*\u2022\u2010-\u2015\u2212-]*"
_CONTINUED = re.compile(r"\b(?:continued|cont['\u2019]?d)\b\W*\Z", re.IGNORECASE)
_CONTINUED_LENGTH = 32
_PAGE_NUMBER = re.compile(r"[\s.\u2026_](?:[A-Z]{1,2}-?)?\d{1,3}\Z")
_LONG_LOWER_WORD = re.compile(r"\b[a-z]{5,}\b")
_SENTENCE = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|should|will|may|see|refer|incorporated|describes?|contains?|includes?"
    r"|this|our|we|us|such|these|those|above|below|herein|hereof)\b"
)

_PART_WORD, _ITEM_WORD = r"p\s?a\s?r\s?t", r"i\s?t\s?e\s?m"
"""Letters may be spaced, or separated by markup."""
_OPENING = r"(?:[\[(*_\u2010-\u2015-]\s?){0,3}"
"""What may precede the word: `[Item 6. Reserved]`, `- PART II -`. Bullets and quotation marks begin references."""
PART_OR_ITEM = rf"{_OPENING}(?:{_PART_WORD}|{_ITEM_WORD})"
"""How the heading of a Part or an item begins, in any case."""
_PART_NUMBER = r"i(?:\s?i){0,2}|i\s?v|[1-4]|one|two|three|four"
_PART = re.compile(
    rf"{_OPENING}{_PART_WORD}\s*[\u2010-\u2015-]?\s*({_PART_NUMBER})\b\W*"
    r"(?:(?:(?:consolidated |condensed )*financial information|other information"
    r"|information (?:not )?required in (?:the )?prospectus)\b\W*)?(?:cont(?:inued|['\u2019]?d)?\b\W*)?\Z",
    re.IGNORECASE,
)
_ROMAN = {
    "I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6", "VII": "7", "VIII": "8", "IX": "9", "X": "10",
    "XI": "11", "XII": "12", "XIII": "13", "XIV": "14", "XV": "15", "XVI": "16", "XVII": "17", "XVIII": "18",
    "XIX": "19",
}  # fmt: skip
_WORDS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen",
)  # fmt: skip
_NUMBER_OF = {word: str(number) for number, word in enumerate(_WORDS, start=1)}
_WITHOUT_POINT = frozenset(("12", "16"))
"""Items of Form 20-F whose letters are shown as in Form 10-K (16F, 12D); others are shown as 5.B."""
_ROMAN_OF = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_NUMBER = (
    r"\d\.\d\d(?!\d)"  # 2.03
    r"|\d{1,2}(?:"
    r"[a-k](?:\s?\(t\)|t(?!\w))?"  # 7A, 9A(T), 9AT
    r"|\.[a-k]|\s?\([a-k]\)(?:\s?\(t\))?"  # 5.B, 7(A)
    r"|(?:\s|-\s?)[a-k](?:\s?\(t\))?(?=[\s.:\u2010-\u2015-])"  # 7 A., 7-A
    r")?(?![\w(])"
    r"|(?-i:[IVX]{1,5}(?:-?[AB])?)(?![\w(])"  # VII
    rf"|(?:{'|'.join(_WORDS)})(?!\w)"
)
_AND = r"[\s.:]*(?:,\s*and\b|[,&/+]|and\b)\s*"
_THROUGH = r"[\s.:]*(?:through|thru|to)\s+"
_ITEM = re.compile(
    rf"{_OPENING}"
    rf"(?:{_PART_WORD}\s*(?P<part>{_PART_NUMBER})\b{_SEPARATORS}(?:(?:financial|other) information{_SEPARATORS})?)?"
    rf"{_ITEM_WORD}(?P<plural>s)?(?:\s*(?:nos?|numbers?)\b\.?|\s*[#.:(\u2010-\u2015-])?(?:\s*(?=\d)|\s+)"
    rf"(?P<numbers>(?:{_NUMBER})"
    rf"(?:(?:{_AND}|{_THROUGH}|(?(plural)[.\s]?[\u2010-\u2015-]\s?|(?!)))(?:items?\s*)?(?:{_NUMBER}))*)"
    rf"(?P<separator>{_SEPARATORS})(?P<title>.*)",
    re.IGNORECASE | re.DOTALL,
)
_EACH_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_IS_RANGE = re.compile(r"\bt(?:o|hru|hrough)\b|[\u2010-\u2015-]", re.IGNORECASE)
_NEXT_ITEM = re.compile(r"(?:[,;]|\band|&)\s+(?=items?\s*\d)", re.IGNORECASE)
_LETTERED = re.compile(
    r"(?:(?P<number>\d{1,2})|(?P<roman>[IVX]{1,5})(?=-?[AB]))(?P<mark>[\s.(-]*)(?P<letter>[A-K])\)?(?P<temporary>\s?\(T\)|T)?\Z"
)
_BARE = re.compile(r"(?P<number>\d{1,2}\.?[A-K])\b[\s.:]+(?P<title>\S.*)", re.DOTALL)
_LABEL = re.compile(rf"{_ITEM_WORD}s?(?:\s+nos?\.?)?\W*\Z", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"[\W_]*(?:(?:removed|reserved|removed and reserved|omitted|not applicable|none)[\W_]*)?\Z", re.IGNORECASE
)
_WHOLE_TITLE = re.compile(r"\W?(?:business|propert|exhibits|cyber|removed|reserved|omitted|none|page)", re.IGNORECASE)
_TITLE_END = re.compile(r"[.:\u2013\u2014]|\([a-e]\)")

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
    """`part` is I to IV or `CURRENT_REPORT` if the heading or its title states it."""

    numbers: tuple[str, ...]
    """`7A`, `5.B`, `2.03`, `10 through 14`."""
    part: str | None
    has_title: bool = True
    is_roman: bool = False
    is_listed: bool = False
    """A page number follows it: it is an entry of a table of contents."""

    @property
    def name(self) -> str:
        """The form shown in `section`: `Item 8`, `Items 1 and 2`, `Items 10 through 14`."""
        *before, last = self.numbers
        plural = "s" if before or " " in last else ""
        return f"Item{plural} {', '.join(before)}{' and ' if before else ''}{last}"

    @property
    def order(self) -> int:
        """The first number, without its letter."""
        return int(re.split(r"\D", self.numbers[0], maxsplit=1)[0])


class NoteHeading(NamedTuple):
    """`style` is how the heading is numbered (`note`, `(1)`, `1.`, `A.`); `title` may be in the next block."""

    style: str
    number: int
    label: str
    title: str


def part_heading(text: str) -> str | None:
    """Return `II` for `PART II - OTHER INFORMATION` and for `PART 2`; None if `text` is no heading of a Part."""
    match = _PART.match(text) if len(text) <= HEADING_LENGTH else None
    return _part(match[1]) if match else None


def item_heading(text: str) -> ItemHeading | None:
    """Read `Item 7A. Quantitative and Qualitative Disclosures About Market Risk` as 7A of Part II; text may follow."""
    return _item_heading(text[: HEADING_LENGTH + 1])


@lru_cache(maxsize=512)  # running heads repeat on every page
def _item_heading(text: str) -> ItemHeading | None:
    match = _ITEM.match(text[:HEADING_LENGTH])
    if match is None:
        return _lettered_heading(text)
    title = _without_continued(match["title"])
    numbers = _numbers(match, title)
    if numbers is None:
        return None
    part = _part(match["part"]) or (CURRENT_REPORT if _is_of_current_report(numbers[0]) else None)
    heading = ItemHeading(numbers, part, is_roman=not re.search(r"\d", match["numbers"]))
    if _NO_TITLE.match(title):
        return heading._replace(has_title=False)
    if len(text) <= HEADING_LENGTH and _PAGE_NUMBER.search(title):
        return heading._replace(is_listed=True)
    part_of_item = _part_of_item(title, heading, match["separator"])
    following = _NEXT_ITEM.search(title)
    second = item_heading(title[following.end() :]) if following else None
    if part_of_item is None or (following and second is None):
        return None
    return heading._replace(numbers=numbers + (second.numbers if second else ()), part=part or part_of_item or None)


def _part_of_item(title: str, heading: ItemHeading, separator: str) -> str | None:
    """Return the Part that a title implies, empty if it implies none; None if it is a sentence and no title."""
    number = heading.numbers[0].removesuffix("(T)")
    opening = _TITLE_END.split(title, maxsplit=1)[0].rstrip()
    if has_title(number, title):
        return None if _SENTENCE.search(opening) else part_of_title(number, title) or ""
    if heading.is_roman:
        return None
    if is_title(title):
        return ""
    if _is_of_current_report(number) and not title[0].islower():  # the text may follow without a title
        is_heading = separator.strip() != "" or not _SENTENCE.search(opening.partition(",")[0])
    else:
        ends_here = len(opening) + 1 == len(title)
        is_heading = is_title(opening) and is_title_case(opening) and (ends_here or len(opening.split()) > 1)
    return "" if is_heading else None


def is_item_label(text: str) -> bool:
    """Whether a title may follow: `Item 7A.`, `Part II, Item 8`, `Item`, `Item 3. Legal` before `Proceedings`."""
    if is_item_word(text):
        return True
    match = _ITEM.match(text) if len(text) <= HEADING_LENGTH else None
    if match is None or _numbers(match, "") is None:
        return False
    words = match["title"].split()
    return not words or (len(words) == 1 and not _WHOLE_TITLE.match(words[0]))


def is_item_word(text: str) -> bool:
    """Whether `text` is only `Item` or `ITEM NO.`, and the number is in the next block."""
    return len(text) <= HEADING_LENGTH and _LABEL.match(text) is not None


def _is_of_current_report(number: str) -> bool:
    return number[1:2] == "." and number[2:].isdigit()


def _without_continued(title: str) -> str:
    continued = _CONTINUED.search(title, max(0, len(title) - _CONTINUED_LENGTH))
    if continued is None:
        return title
    end = continued.start()
    while end and not title[end - 1].isalnum():
        end -= 1
    return title[:end]


def _part(number: str | None) -> str | None:
    if not number:
        return None
    number = _NUMBER_OF.get(number.lower(), number)
    return _ROMAN_OF.get(number, "".join(number.upper().split()))


def _numbers(match: re.Match[str], title: str) -> tuple[str, ...] | None:
    """Return the numbers of a heading in their plain spelling; None if one of them is no item number."""
    result: list[str] = []
    end = match.end("numbers")
    position = match.start("numbers")
    for item in _EACH_NUMBER.finditer(match.string, position):
        if item.start() >= end:
            break
        number = _plain(item[0], title)
        if number is None:
            return None
        if result and _IS_RANGE.search(match.string, position, item.start()):
            result[-1] = f"{result[-1]} through {number}"
        else:
            result.append(number)
        position = item.end()
    return tuple(result)


def _plain(number: str, title: str) -> str | None:
    """Read `VII` as 7, `7(A)` and `7 A` as 7A, and, if the title agrees, `9.A` as 9A and `5B` as 5.B."""
    spelled = _ROMAN.get(number) or _NUMBER_OF.get(number.lower()) or number.upper()
    match = _LETTERED.match(spelled)
    if match is None:
        return re.sub(r"\A0(?=\d)", "", spelled) if spelled[0].isdigit() else None
    digits = match["number"] or _ROMAN.get(match["roman"])
    if digits is None:
        return None
    joined, pointed = digits + match["letter"], f"{digits}.{match['letter']}"
    mark = match["mark"]
    if mark == ".":
        return joined if digits in _WITHOUT_POINT or has_title(joined, title) else pointed
    if mark and not (has_title(joined, title) if title else is_item_number(joined)):
        if has_title(pointed, title):
            return pointed
        return None if mark.startswith("(") and not has_title(digits, title) else digits
    is_pointed = not is_item_number(joined) and has_title(pointed, title)
    return pointed if is_pointed else joined + ("(T)" if match["temporary"] else "")


def _lettered_heading(text: str) -> ItemHeading | None:
    """Read `5.B Liquidity and Capital Resources`: lettered items of Form 20-F may lack the word `Item`."""
    match = _BARE.match(text) if len(text) <= HEADING_LENGTH else None
    number = _plain(match["number"], match["title"]) if match else None
    if match is None or number is None or not has_title(number, match["title"]):
        return None
    title = _without_continued(match["title"])
    if _PAGE_NUMBER.search(title):
        return ItemHeading((number,), None, is_listed=True)
    return ItemHeading((number,), None) if is_title(title.rstrip(".")) else None


def note_heading(text: str) -> NoteHeading | None:
    """Read `NOTE 7. DEBT`, `(7) Long-Term Debt` and `G. Debt` as note 7; the caller decides if it is a note's number.

    A title in capitals may be followed by text in the same block (`NOTE 7. DEBT. In June 2023 ...`).
    """
    match = _NOTE.match(text[:HEADING_LENGTH])
    style = "note"
    if match is None:
        match = _NUMBERED.match(text[:HEADING_LENGTH])
        if match is None:
            return None
        style = match["open"] + ("1" if match["number"].isdigit() else "A") + match["close"]
    title = _without_continued(match["title"]).strip(" .:-\u2013\u2014")
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
    """Whether it is a first note's title: `Summary of Significant Accounting Policies`, `Basis of Presentation`."""
    return _FIRST_NOTE.match(title) is not None


def is_title_case(text: str) -> bool:
    """Whether no long word begins with a lower-case letter."""
    return _LONG_LOWER_WORD.search(text) is None or text.isupper()


def is_title(text: str) -> bool:
    """Whether `text` is short, begins with a capital and is no sentence."""
    first = text.lstrip("\"'\u201c\u2018([")[:1]
    if len(text) > 160 or not first.isalpha() or first.islower():
        return False
    return text.isupper() or (not _SENTENCE.search(text) and not text.endswith((".", ";", ",")))


def opens_notes(text: str) -> bool:
    """Whether `text` is a heading such as `Notes to Consolidated Financial Statements`."""
    return len(text) <= 120 and _NOTES.match(text) is not None


def closes_notes(text: str) -> bool:
    """Whether `text` is a heading of what follows the notes."""
    return len(text) <= 120 and _AFTER_NOTES.match(text) is not None
