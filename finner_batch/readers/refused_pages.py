"""Pages that a server sends instead of a filing: refusals, errors, logins, lists of files, empty viewers.

A page is recognised by its title, by its structure or, if it is short, by how it begins. A filing that only mentions
the same words is not affected.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from finner_batch.errors import NotTheFilingError
from finner_batch.readers.edgar_path import document_name, path_header
from finner_batch.readers.wrappers import unescape

_SHORT_CHARACTERS = 3000
"""Longest visible text of an error page."""
_BARE_CHARACTERS = 600
"""Longest visible text of an error page without a title, and of an empty viewer."""
_PAGE_CHARACTERS = 1 << 18
"""Longest markup of a page that is not recognised by its title."""
_HEAD_CHARACTERS = 1 << 14
_R_PAGE = re.compile(r"R\d{1,4}\.html?")
_COMPANIONS = (
    (_R_PAGE, "the SEC's rendering of the XBRL of a filing"),
    (re.compile(r"\d{10}-\d\d-\d{6}-index(?:-headers)?\.html?"), "the list of the files of a filing"),
    (re.compile(r"MetaLinks\.json|Financial_Report\.xlsx?|\d{10}-\d\d-\d{6}-xbrl\.zip"), "data of a filing"),
)
_DOCUMENT = re.compile(r"\.(?:txt|html?)(?:\.gz|\.zst)?$", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^<>]{0,200}>([^<]{0,300})", re.IGNORECASE)
_SITE = re.compile(r"^sec\.gov\s?\|\s?|\s?\|\s?sec\.gov$", re.IGNORECASE)
_SEC_TRAFFIC = re.compile(
    r"undeclared automated tool|request rate threshold exceeded|part of a network of automated tools", re.IGNORECASE
)
_INDEX_FILE = re.compile(
    r"\s{0,20}Description:\s{1,40}(?:Master|Daily|Form|Company|XBRL)[\w ]{0,40} of EDGAR\b", re.IGNORECASE
)
"""EDGAR's full and daily indexes of filings."""
_LIST_BEGINS = re.compile(r"(?:index of|directory list(?:ing)?(?: for| of)?:?) /archives/edgar\b", re.IGNORECASE)
_STATUS = (
    r"(?:bad request|unauthori[sz]ed|forbidden|(?:file |page |object |resource )?not found|method not allowed"
    r"|proxy authentication required|request time-?out|too many requests|internal server error|bad gateway"
    r"|service (?:temporarily )?unavailable|gateway time-?out|moved (?:permanently|temporarily)|temporary redirect)"
)
"""Reason phrases of RFC 9110, section 15, and their variants."""
_ERROR_BEGINS = re.compile(
    "|".join(
        (
            rf"(?:(?:http|error|status|code)\W{{0,3}}){{0,3}}[345]\d\d\W{{0,5}}{_STATUS}",
            rf"{_STATUS}\W{{0,3}}$",
            r"(?:error|http (?:status|error)(?: code)?)\W{0,3}[45]\d\d\b",
            r"[45]\d\d (?:client|server)? ?error\b",
            r"(?:error\W{0,3})?the request could not be satisfied\b",
            r"(?:missing authentication token|(?:rate )?limit exceeded|endpoint request timed out)\b",
            r"(?:access|request|permission) (?:is |was )?(?:denied|blocked|rejected)\b",
            r"access to this (?:page|site) (?:is|has been|was) (?:denied|blocked)",
            r"(?:file|page|site|service|server) (?:is )?(?:temporarily )?unavailable\b",
            r"(?:error\W{0,3})?the requested url (?:could not be retrieved|was (?:rejected|not found|blocked))",
            r"(?:proxy|network|server|runtime) error\b",
            r"web ?(?:page|site) (?:is )?blocked\b",
            r"web filter violation",
            r"attention required! \| cloudflare",
            r"just a moment\.\.\.",
            r"(?:are you a )?(?:robot|human)(?: or human)?\?",
            r"(?:human verification|security check|captcha)\b",
            r"(?:rate limit(?:ed| exceeded)|too many requests)\b",
            r"(?:authentication required|object moved|(?:down for|under|scheduled) maintenance)\b",
            (
                r"(?:the |this )?(?:sec\.gov|edgar|site|website|service|system|server|page)\b.{0,30} (?:is|are)"
                r" (?:currently |temporarily ){1,2}(?:undergoing|down for|under|unavailable|offline)\b"
            ),
        )
    ),
    re.IGNORECASE,
)
_XML_ERROR = re.compile(r"\s*(?:<\?xml[^<>]*>\s*)?<Error>\s*<Code>")
"""An error of the object store behind the SEC's site."""
_PASSWORD = re.compile(r"<input\b[^<>]{0,500}\btype\s{0,10}=\s{0,10}[\"']?password", re.IGNORECASE)
_LOGIN_TITLE = re.compile(
    r"(?:.{0,60}\s[|:\u2013\u2014-]\s)?(?:please )?(?:log ?in|log ?on|sign ?in|single sign-on)"
    r"(?:\s?[|:\u2013\u2014-].{0,60}| (?:to|required)\b.{0,60})?",
    re.IGNORECASE,
)
_NEEDS_SCRIPT = re.compile(
    r"(?:enable|requires?|turn on|activate) java ?script"
    r"|java ?script (?:is|must be|has been|to be) (?:required|enabled|disabled|turned)",
    re.IGNORECASE,
)
_VIEWER_MARK = re.compile(r"/ix\?doc=|ixviewer", re.IGNORECASE)
_TITLE_OF_SITE = re.compile(
    r"(?:(?:www\.)?sec\.gov|(?:the )?(?:u\.?s\.? )?securities and exchange commission|error|access denied)?",
    re.IGNORECASE,
)
_ERROR_KEYS = ("message", "error", "errors", "detail", "title", "fault", "reason", "errorMessage", "description")
_OTHER_KEYS = (
    "code", "errorCode", "status", "statusCode", "status_code", "timestamp", "path", "instance", "type", "success",
    "requestId", "request_id", "requestID",
)  # fmt: skip
"""Keys of the error messages of web services and gateways."""
_RENDERING = re.compile(r"(?:href|src)=[\"'][^\"'<>]{0,80}(?:report\.css|Show\.js)[\"']", re.IGNORECASE)
_REPORT_TABLE = re.compile(r"<table\b[^<>]{0,200}\bclass=[\"']?report\b", re.IGNORECASE)
_OPENING = re.compile(r"<(?:!--|(?:script|style|head)\b)?", re.IGNORECASE)
_CLOSING = {
    "<": re.compile(r">"),
    "<!--": re.compile(r"-->"),
    "<script": re.compile(r"</script\s*>", re.IGNORECASE),
    "<style": re.compile(r"</style\s*>", re.IGNORECASE),
    "<head": re.compile(r"</head\s*>", re.IGNORECASE),
}


class _Page(NamedTuple):
    what: str
    advice: str


_TRAFFIC = _Page(
    "the SEC's page that refuses automated requests",
    "fetch it again with a User-Agent that names you and an e-mail address, ten requests a second at most",
)
_LIST = _Page(
    "EDGAR's list of files or filings", "fetch the filing itself, the .txt or the main .htm file that the list names"
)
_VIEWER = _Page(
    "an empty page that a browser fills by script",
    "fetch the document itself: its path follows `ix?doc=`",
)
_RENDERED = _Page(
    "the SEC's rendering of a filing's XBRL (an R page)", "its numbers are in the filing's main document: use that"
)
_ERROR = _Page("a server's error page", "fetch the filing again")
_LOGIN = _Page("a login page", "fetch the filing again from where it needs no login")

_TITLES = tuple(
    (page, re.compile(title, re.IGNORECASE))
    for page, title in (
        (_LIST, r"edgar filing documents\b.{0,80}"),
        (_LIST, r"(?:index of|(?:edgar )?directory list(?:ing)?(?: for| of)?:?) /.{0,200}"),
        (_LIST, r"edgar (?:search results|company search|entity landing|full[ -]text search)\b.{0,80}"),
        (_VIEWER, r"(?:(?:inline |i)?xbrl|ix) viewer\b.{0,80}"),
        (_ERROR, r"(?:page|file) (?:not found|unavailable)\b.{0,80}"),
    )
)
"""Complete titles that no filing has, for pages of any length."""


def companions_of_filing(folder: str, names: Sequence[str]) -> dict[str, str]:
    """Return which files of a folder are EDGAR's files about a filing, and what each is, judging by their names.

    A file counts only if the folder contains the filing too.
    """
    found = {name: what for name in names for what in [_companion(name)] if what}
    if not found:
        return {}
    documents = [name for name in names if name not in found and _DOCUMENT.search(name)]
    accession_number_of_folder = path_header(f"{folder}/").accession_number
    return {
        name: f"{what} in the same folder"
        for name, what in found.items()
        if documents
        and (
            (listed := path_header(name).accession_number) in (None, accession_number_of_folder)
            or any(document.startswith(f"{listed}.") for document in documents)
        )
    }


def refuse_page(markup: str, name: str = "") -> None:
    """Raise NotTheFilingError if a document is a page that a server sends instead of a filing.

    `name` is the file's name if it is in the folder of a filing, else empty.
    """
    page = _RENDERED if _R_PAGE.fullmatch(name) else _page_by_title(markup)
    if page is None and len(markup) <= _PAGE_CHARACTERS:
        page = _page_by_content(markup)
    if page is not None:
        raise NotTheFilingError(page.what, page.advice)


def refuse_json(data: bytes) -> None:
    """Raise NotTheFilingError if a JSON file is an object with a known message about a failed request.

    An object with another message may be a row of a shard.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    inner = [message for outer in _messages(body) for message in _messages(outer)]
    texts = [" ".join(message.split()) for message in inner if isinstance(message, str)]
    for page, pattern in ((_TRAFFIC, _SEC_TRAFFIC.match), (_ERROR, _ERROR_BEGINS.match)):
        if any(pattern(text) for text in texts):
            raise NotTheFilingError(page.what, page.advice)


def _messages(body: object) -> list[Any]:
    """Return the messages of an error body, or the bodies nested in it (`{"error": {"message": "Forbidden"}}`).

    Returns nothing if it has keys that no error body has.
    """
    if not isinstance(body, dict):
        return body if isinstance(body, list) else [body]
    return [body.get(key) for key in _ERROR_KEYS] if body.keys() <= {*_ERROR_KEYS, *_OTHER_KEYS} else []


def _companion(name: str) -> str | None:
    name = document_name(name)
    return next((what for pattern, what in _COMPANIONS if pattern.fullmatch(name)), None)


def _page_by_title(markup: str) -> _Page | None:
    if _XML_ERROR.match(markup):
        return _ERROR
    if _INDEX_FILE.match(markup):
        return _LIST
    title = _title(markup)
    if _SEC_TRAFFIC.search(title):
        return _TRAFFIC
    return next((page for page, pattern in _TITLES if pattern.fullmatch(title)), None)


def _page_by_content(markup: str) -> _Page | None:
    if _RENDERING.search(markup, 0, _HEAD_CHARACTERS) and _REPORT_TABLE.search(markup, 0, _HEAD_CHARACTERS):
        return _RENDERED
    title, text = _title(markup), _visible_text(markup)
    if _LIST_BEGINS.match(text):
        return _LIST
    if len(text) > _SHORT_CHARACTERS:
        return None
    is_bare = len(text) <= _BARE_CHARACTERS
    if _TITLE_OF_SITE.fullmatch(title):
        title = ""
    tests = (
        (_TRAFFIC, not title and _SEC_TRAFFIC.search(text, 0, _BARE_CHARACTERS)),
        (_ERROR, _ERROR_BEGINS.match(title or text) and (title or is_bare)),
        (_LOGIN, _PASSWORD.search(markup) or _LOGIN_TITLE.fullmatch(title)),
        (_VIEWER, is_bare and (_NEEDS_SCRIPT.search(text) or _VIEWER_MARK.search(markup))),
    )
    return next((page for page, matches in tests if matches), None)


def _visible_text(markup: str) -> str:
    """Return approximately the visible text of a page, on one line, truncated beyond `_SHORT_CHARACTERS`."""
    pieces: list[str] = []
    characters = position = 0
    while position < len(markup) and characters <= _SHORT_CHARACTERS:
        opening = _OPENING.search(markup, position)
        piece = markup[position : opening.start() if opening else None]
        if piece and not piece.isspace():
            pieces.append(piece)
            characters += len(piece)
        if opening is None:
            break
        closing = _CLOSING[opening[0].lower()].search(markup, opening.end())
        position = closing.end() if closing else len(markup)
    return " ".join(unescape(" ".join(pieces)).split())


def _title(markup: str) -> str:
    """Return the title without the name of the SEC's site."""
    found = _TITLE.search(markup, 0, _HEAD_CHARACTERS)
    return _SITE.sub("", " ".join(unescape(found[1]).split())) if found else ""
