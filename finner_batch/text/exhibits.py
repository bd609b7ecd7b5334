"""Exhibits: which one a document is, and which exhibits have its financial statements or the terms of its debt.

An annual report may incorporate Items 7 and 8 by reference to the annual report to security holders, which is then
Exhibit 13 (Form 10-K, General Instruction G(2); Regulation S-K, Item 601(b)(13)). A current report describes a credit
agreement in a few sentences and attaches it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from finner_batch.readers.document import Header, Siblings
from finner_batch.text.sentences import Sentence

_NUMBER = r"\d{1,3}(?:\.\d{1,3}){0,3}(?!\d)"
_FIRST_WORDS = re.compile(rf"\A(?:\d{{1,3}}\s+)?EXHIBIT\s{{0,3}}(?:NO\.?\s{{0,3}})?\(?({_NUMBER})", re.IGNORECASE)
_SHOWN_TAGS = re.compile(r"\A([A-Z0-9][\w./()-]{1,15})\s+\d{1,4}\s+\S{1,80}\.(?:htm|html|txt)\b")
"""`EX-4.1 2 d942479dex41.htm EX-4.1`: type, sequence, file name and description, which some servers serve as text."""
HEAD_BLOCKS = 3
"""Blocks at the start of a document in which it states its type."""
_HEAD_CHARACTERS = 200

_EXHIBITS = re.compile(
    rf"\bexhibits?\s+(?:no\.?\s*|number\s+)?\(?({_NUMBER}(?:(?:,?\s*(?:and|through|to)\s+|,\s*){_NUMBER})*)",
    re.IGNORECASE,
)
_EACH = re.compile(_NUMBER)
_WORDS_OF_EXHIBITS = ("xhibit", "XHIBIT", "ual report to", "ual Report to", "UAL REPORT TO", "ual Reports to")
_OF_ANOTHER_FILING = re.compile(
    r"\b(?:form\s+\w{1,2}-\w|(?:annual|quarterly|current)\s+report|registration\s+statement)", re.IGNORECASE
)
_OF_THIS_ONE = re.compile(r"\b(?:this|hereto|herewith|hereof)\b", re.IGNORECASE)
_LOOK_AHEAD = 250
"""Characters after an exhibit's number that may name another filing."""
_BY_REFERENCE = re.compile(r"\bincorporated\b|\bby\s+reference\b", re.IGNORECASE)
_ATTACHED = re.compile(r"\b(?:attached|filed|included|furnished|annexed|contained|set\s+forth)\b", re.IGNORECASE)
_REPORT_TO_HOLDERS = re.compile(
    r"\bannual\s+reports?\s+to\s+(?:(?:its|our|the|all)\s+)?(?:share|stock|security|unit)[\s-]?(?:holders|owners)\b",
    re.IGNORECASE,
)
_STATEMENTS = re.compile(r"\bfinancial\s+(?:statements|section|review)\b|\bmanagement.s\s+discussion\b", re.IGNORECASE)
_PART_TWO = re.compile(r"\bparts?\s+(?:i,?\s+(?:and\s+)?)?ii\b|\bitems?\s+(?:5|6|7a?|8)\b", re.IGNORECASE)
_SECTION_OF_STATEMENTS = re.compile(r"\bItem (?:7A?|8)\Z")
_LIST_OF_EXHIBITS = re.compile(r"\bItem (?:6|14|15|19)\Z")
"""Mostly names exhibits of earlier filings."""
_DEBT = re.compile(
    r"\b(?:credit|loan|notes?|purchase|financing|bridge|facility|security|reimbursement)\s+agreements?\b"
    r"|\bindentures?\b|\bpromissory\s+notes?\b|\bterm\s+loans?\b|\bcredit\s+facilit"
    r"|\b(?:senior|convertible|subordinated|secured)\s+notes?\b",
    re.IGNORECASE,
)
_HOLDS_STATEMENTS = re.compile(r"(?:13|99)(?:\.|\Z)")
_HOLDS_DEBT = re.compile(r"(?:4|10|99)(?:\.|\Z)")
_ANNUAL_FORMS = ("10-K", "10-KT", "20-F", "40-F")
_MOST = 20
"""Most exhibits in a document's row."""


def type_in_text(blocks: Sequence[str]) -> str | None:
    """Return the document type stated by a text's first blocks (`EX-10.1` for `Exhibit 10.1`), or None."""
    for block in blocks:
        head = block[:_HEAD_CHARACTERS].strip()
        if match := _FIRST_WORDS.match(head):
            return f"EX-{match[1]}"
        if match := _SHOWN_TAGS.match(head):
            return match[1].upper()
    return None


def unread_exhibits(sentences: Sequence[Sentence], header: Header, siblings: Siblings | None) -> tuple[str, ...]:
    """Return the exhibits that hold a main document's statements or debt, according to it, and are not read with it.

    An unread annual report to security holders (EX-13) in the folder of an annual report is included too. Exhibits of
    other filings are not, and for an exhibit the result is empty.
    """
    if (header.document_type or "").startswith("EX-"):
        return ()
    form = header.form_type or ""
    read, unread = (siblings.read, siblings.unread) if siblings else ((), ())
    named = dict.fromkeys(
        exhibit
        for sentence in sentences
        if any(words in sentence.text for words in _WORDS_OF_EXHIBITS)  # few have them
        for exhibit in _named(sentence, form)
    )
    if form.startswith(_ANNUAL_FORMS) and any(_is_of("EX-13", other) for other in unread):
        named["EX-13"] = None
    missing: dict[str, None] = {}
    for exhibit in islice(named, _MOST):
        if not any(_is_of(exhibit, other) for other in read):
            missing |= dict.fromkeys([other for other in unread if _is_of(exhibit, other)] or [exhibit])
    return tuple(missing)


def _named(sentence: Sentence, form: str) -> Iterator[str]:
    """Yield the exhibits that a sentence names; without a form, none on debt, since agreements have their own."""
    text = sentence.text
    section = sentence.section or ""
    if _LIST_OF_EXHIBITS.search(section) and not _OF_THIS_ONE.search(text):
        return
    by_reference = bool(_BY_REFERENCE.search(text))
    attached = by_reference or bool(_ATTACHED.search(text))
    in_statements = bool(_SECTION_OF_STATEMENTS.search(section))
    to_holders = bool(_REPORT_TO_HOLDERS.search(text))
    on_statements = to_holders or in_statements or bool(_STATEMENTS.search(text))
    on_debt = bool(form and _DEBT.search(text))
    numbers = list(_numbers(text)) if attached and (on_statements or on_debt) else []
    for number in numbers:
        if (on_debt and _HOLDS_DEBT.match(number)) or (
            on_statements and not form.startswith("8-K") and _HOLDS_STATEMENTS.match(number)
        ):
            yield f"EX-{number}"
    if (
        not numbers
        and to_holders
        and by_reference
        and (in_statements or _PART_TWO.search(text) or _STATEMENTS.search(text))
    ):
        yield "EX-13"


def _numbers(text: str) -> Iterator[str]:
    """Yield the numbers of this filing's exhibits that a sentence names."""
    for match in _EXHIBITS.finditer(text):
        following = text[match.end() : match.end() + _LOOK_AHEAD]
        another = _OF_ANOTHER_FILING.search(following)
        if another is None or _OF_THIS_ONE.search(following, 0, another.start()):
            yield from _EACH.findall(match[1])


def _is_of(exhibit: str, other: str) -> bool:
    """Whether type `other` is that exhibit or a part of it: `EX-13.1` of `EX-13`."""
    return other == exhibit or other.startswith((f"{exhibit}.", f"{exhibit}("))
