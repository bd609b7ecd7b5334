"""The shape of a line in a text filing: a table row, a rule, or prose.

EDGAR's marks in such text are `<PAGE>` at a page's end and `<TABLE>`, `<CAPTION>`, `<S>`, `<C>`, `<FN>` in tables.
"""

import re

from finner_batch.text.breaks import is_unfinished
from finner_batch.text.characters import collapse
from finner_batch.text.headings import PART_OR_ITEM, item_heading

ROW_LENGTH = 300
"""Most characters of a row."""
TABLE_MARK = re.compile(r"</?TABLE\b[^<>]{0,80}>", re.IGNORECASE)
MARK = re.compile(r"</?(?:TABLE|CAPTION|S|C|FN|F\d{1,2}|TEXT|PRE|HTML|BODY|B|I|U|CENTER)\b[^<>]{0,80}>", re.IGNORECASE)

_FIGURE = r"[$(]?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+|-{1,2}|N/?[AM])[)%x]{0,2}"
_RULE = re.compile(r"[\s\-=_.*+|]+\Z")
_DRAWN = re.compile(r"[-=_]{3}")
_LEADERS = re.compile(r"\.{4}|(?:\. ){4}")
_GAP = re.compile(r"(?<=\S) {3,}(?=\S)")
_LAST_FIGURE = re.compile(rf"\S {{3,}}{_FIGURE}\s*\Z", re.IGNORECASE)
_TWO_FIGURES = re.compile(rf"(?<!\s)\s{{2,}}{_FIGURE}\s{{2,}}{_FIGURE}\s*\Z", re.IGNORECASE)
_WIDEST_JUSTIFIED_GAP = 5
"""Most spaces between two words of a fully justified line."""
_WORD_REACH = 40
"""Characters before a gap that include the last word."""
_PLACE = re.compile(rf"\s*{PART_OR_ITEM}", re.IGNORECASE)
_PROSE_WORDS = 5
_PROSE_SHARE = 0.4


def is_rule(line: str) -> bool:
    """Whether the line is a drawn rule: `-----  -----`."""
    return _RULE.match(line[:ROW_LENGTH]) is not None and _DRAWN.search(line, 0, ROW_LENGTH) is not None


def is_row(line: str) -> bool:
    """Whether the line has dot leaders, two figures at the end, one after a wide gap, or three columns."""
    if len(line) > ROW_LENGTH:
        return False
    if _LEADERS.search(line):
        return True
    has_columns = (
        _LAST_FIGURE.search(line) is not None or _TWO_FIGURES.search(line) is not None or len(_GAP.findall(line)) >= 2
    )
    return has_columns and not (is_justified(line) or _is_justified_heading(line))


def is_justified(line: str) -> bool:
    """Whether the line is fully justified prose: most of its gaps are within a sentence."""
    gaps = list(_GAP.finditer(line))
    if not gaps or not has_words_of_prose(line):
        return False
    within = sum(
        gap.end() - gap.start() <= _WIDEST_JUSTIFIED_GAP
        and (line[gap.end()].islower() or is_unfinished(line[max(0, gap.start() - _WORD_REACH) : gap.start()]))
        for gap in gaps
    )
    return within > len(gaps) / 2


def _is_justified_heading(line: str) -> bool:
    """Whether the line is a justified heading: `ITEM  12.  CERTAIN   RELATIONSHIPS  AND   RELATED   TRANSACTIONS`."""
    if not _PLACE.match(line) or any(gap.end() - gap.start() > _WIDEST_JUSTIFIED_GAP for gap in _GAP.finditer(line)):
        return False
    heading = item_heading(collapse(line))
    return heading is not None and heading.has_title and not heading.is_listed


def has_words_of_prose(line: str) -> bool:
    """Whether the line has some words, many of which begin with a lower-case letter."""
    words = line.split()
    return len(words) >= _PROSE_WORDS and sum(word[0].islower() for word in words) >= _PROSE_SHARE * len(words)
