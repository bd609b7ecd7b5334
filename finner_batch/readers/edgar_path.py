"""Header fields and document names in paths that follow a convention, and a document's address at EDGAR.

Conventions read:
- EDGAR's archive, `…/edgar/data/<cik>/<18 digits>/<document>` and `…/edgar/data/<cik>/<accession>.txt`
  (https://www.sec.gov/search-filings/edgar-search-assistance/accessing-edgar-data);
- a folder named by the 18 digits of an accession number;
- a dashed accession number in the name of the file or of its folder;
- sec-edgar-downloader, `sec-edgar-filings/<ticker or cik>/<form>/<accession>/<document>`, the form also as `10-K/A`;
- edgar-crawler, `<cik>_<form>_<year>_<accession>.<suffix>`, where the form has lost its dashes and slashes;
- datamule, a folder or archive named by the filing's accession number, `<18 digits>.tar!/<document>`.

A name with two different accession numbers, or with digits that only resemble one, states none.
"""

import re
from urllib.parse import parse_qs, quote, urlsplit

from finner_batch.readers.document import MEMBER_MARK, Header, Source, is_web_url

_DASHED = re.compile(r"(?<![\d-])\d{10}-\d\d-\d{6}(?!-?\d)")
_EIGHTEEN_DIGITS = re.compile(r"(\d{10})(\d\d)(\d{6})")
_FIRST_YEAR = 93
"""EDGAR's first filings are of 1993."""
_CIK_FOLDER = re.compile(r"edgar/data/(\d{1,10})/")
_ARCHIVED = re.compile(r"edgar/data/\d{1,10}/\d{18}/[^/]+$")
_VIEWERS = ("/ix", "/ixviewer/ix.html")
_ARCHIVES = "https://www.sec.gov/Archives/edgar/data"
_DOWNLOADER = re.compile(r"sec-edgar-filings/([^/]+)/([^/]+(?:/A)?)/\d{10}-\d\d-\d{6}/[^/]+$")
_PRIMARY = ("primary-document.", "primary_doc.", "filing-details.")
_CRAWLER = re.compile(r"/(\d{1,10})_([0-9A-Z]{1,10})_\d{4}_\d{10}-\d\d-\d{6}\.[^/]+$")
_WITHOUT_DASHES = {
    "10K": "10-K",
    "10K405": "10-K405",
    "10KT": "10-KT",
    "10Q": "10-Q",
    "10QT": "10-QT",
    "8K": "8-K",
    "6K": "6-K",
    "20F": "20-F",
    "40F": "40-F",
}
"""Forms whose name follows from edgar-crawler's spelling. `10KSB` is missing: it may be `10-KSB` or `10KSB`."""
_ARCHIVE_FOLDER = re.compile(r"\.(?:tar(?:\.gz|\.zst)?|tgz|tzst|zip)!$", re.IGNORECASE)
_COMPRESSED = (".gz", ".zst")


def path_header(uri: str) -> Header:
    """Read the accession number, CIK and form from a path, and the document type of a filing's main document."""
    path = _path(uri)
    cik_folder = _CIK_FOLDER.search(path)
    cik = cik_folder[1] if cik_folder else None
    form_type = document_type = None
    if downloader := _DOWNLOADER.search(path):
        form_type = downloader[2]
        document_type = form_type if document_name(path).startswith(_PRIMARY) else None
        if cik is None and downloader[1].isdecimal():
            cik = downloader[1]
    elif crawler := _CRAWLER.search(f"/{path}"):
        cik = cik or crawler[1]
        form_type = document_type = _crawled_form(crawler[2])
    return Header(
        accession_number=_accession_number(path),
        cik=normal_cik(cik),
        form_type=form_type,
        document_type=document_type,
    )


def document_name(uri: str) -> str:
    """Return the file name without its folders and without `.gz` or `.zst`."""
    name = _path(uri).rstrip("/").rpartition("/")[2]
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def path_file_name(uri: str) -> str | None:
    """Return a file's name at EDGAR, if its path is one of EDGAR's; elsewhere it may have been renamed."""
    return document_name(uri) if _ARCHIVED.search(_path(uri)) else None


def edgar_url(header: Header, file_name: str | None) -> str | None:
    """Return the address of a document at EDGAR, or of its filing's index if `file_name` is None.

    `file_name` is the name in the filing's folder. The full submission, `<accession>.txt`, is next to that folder.
    Returns None if the accession number or the filer is unknown. Source:
    https://www.sec.gov/search-filings/edgar-search-assistance/accessing-edgar-data.
    """
    if header.accession_number is None or header.cik is None:
        return None
    filer_folder = f"{_ARCHIVES}/{int(header.cik)}"
    if file_name == f"{header.accession_number}.txt":
        return f"{filer_folder}/{file_name}"
    name = quote(file_name) if file_name else f"{header.accession_number}-index.htm"
    return f"{filer_folder}/{header.accession_number.replace('-', '')}/{name}"


def document_address(url: str) -> str:
    """Return the address of the document itself: not of EDGAR's viewer (`/ix?doc=…`), and without a fragment."""
    parts = urlsplit(url)._replace(fragment="")
    shown = parse_qs(parts.query).get("doc", [""])[0]
    if parts.path in _VIEWERS and shown.startswith("/"):
        parts = parts._replace(path=quote(shown), query="")
    return parts.geturl()


def path_document_id(source: Source) -> str:
    """Return the document id of a file of which only the path is known."""
    accession_number = _accession_number(_path(source.uri))
    return f"{accession_number}/{document_name(source.uri)}" if accession_number else source.name


def _path(uri: str) -> str:
    if is_web_url(uri) and MEMBER_MARK not in uri:
        uri = urlsplit(uri).path
    return uri.replace("\\", "/")


def normal_accession_number(value: str) -> str | None:
    """Return an accession number (dashed or 18 digits) in its dashed form; None for anything else."""
    digits = value.replace("-", "")
    found = _EIGHTEEN_DIGITS.fullmatch(digits)
    if found is None or value not in (digits, "-".join(found.groups())):
        return None
    return "-".join(found.groups())


def normal_cik(value: str | None) -> str | None:
    """Return a CIK as ten digits; None if the value is not a CIK."""
    if value is None or not re.fullmatch(r"\d{1,10}", value, re.ASCII) or not int(value):
        return None
    return value.zfill(10)


def _crawled_form(written: str) -> str | None:
    form = _WITHOUT_DASHES.get(written)
    if form is None and (original := _WITHOUT_DASHES.get(written.removesuffix("A"))):
        return f"{original}/A"
    return form


def _accession_number(path: str) -> str | None:
    *_, folder, name = ("", *path.split("/"))
    for part in (name, folder):
        found = set(_DASHED.findall(part))
        if found:
            return found.pop() if len(found) == 1 else None
    digits = _EIGHTEEN_DIGITS.fullmatch(_ARCHIVE_FOLDER.sub("", folder))
    if digits and (int(digits[2]) >= _FIRST_YEAR or int(digits[2]) < _FIRST_YEAR - 30):
        return "-".join(digits.groups())
    return None
