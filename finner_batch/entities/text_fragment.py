"""The address of a number at EDGAR: its document's address with a text fragment for the browser.

Source: URL Fragment Text Directives (https://wicg.github.io/scroll-to-text-fragment/): `#:~:text=` and percent-encoded
words of the page; `-`, `,` and `&` are encoded too, as they separate the parts of a directive.
"""

import re
from urllib.parse import quote

_INDEX = "-index.htm"
_WORDS_EACH_SIDE = 5
_WORDS_ON_ONE_LINE = 1
"""The same in plain text, where a browser finds only text on one line, and lines have some ten words."""
_PLAIN_TEXT = ".txt"
_MOST_CHARACTERS = 160
_LIST_MARK = re.compile(r"(?:[^\w\s$\N{EURO SIGN}\N{POUND SIGN}]{1,3}|\(?\w{1,4}[.)])\s+")
"""The label of a list item, which a page may display separately."""
_WORD = re.compile(r"\S+")


def sec_url_of(sec_url: str | None, sentence: str, start: int, end: int) -> str | None:
    """Return a document's address with a fragment of the words around `sentence[start:end]`.

    The words are from the same sentence, a few on each side, so that most fragments are unique in a page. The index of
    a filing, which does not have the sentence, gets no fragment.
    """
    if sec_url is None or sec_url.endswith(_INDEX):
        return sec_url
    begin = _LIST_MARK.match(sentence, 0, start)
    first = max(begin.end() if begin else 0, start - _MOST_CHARACTERS)
    last = min(len(sentence), end + _MOST_CHARACTERS)
    words = [(word.start() + first, word.end() + first) for word in _WORD.finditer(sentence[first:last])]
    before = [word for word in words if word[1] <= start]
    if before and first and not sentence[first - 1].isspace():
        del before[0]  # the word was cut at its start
    after = [word for word in words if word[0] >= end]
    if after and last < len(sentence) and not sentence[last].isspace():
        del after[-1]  # the word was cut at its end
    number = [word for word in words if word[1] > start and word[0] < end]
    most = _WORDS_ON_ONE_LINE if sec_url.endswith(_PLAIN_TEXT) else _WORDS_EACH_SIDE
    chosen = [*before[-most:], *number, *after[:most]]
    shown = " ".join(sentence[chosen[0][0] : chosen[-1][1]].split())
    return f"{sec_url}#:~:text={quote(shown, safe='').replace('-', '%2D')}"
