"""Filings whose items edgar-crawler extracted (https://github.com/nlpaueb/edgar-crawler), one JSON object per filing.

The object holds fields of the filing and its items: `item_1A`, `item_2.02`, and in a 10-Q `part_1_item_2`. A 10-Q's
`part_1` repeats the items of the whole part.
"""

import re
from typing import Any

from finner_batch.sources.edgar_path import path_header

_ABOUT = frozenset({"cik", "filing_type", "filename"})
_ITEM = re.compile(r"(?:part_\d_)?item_\d[\w.]*|part_\d|SIGNATURE")
_LOCATIONS = ("filename", "complete_text_filing_link", "filing_html_index")
"""Fields that contain the accession number."""


def with_items_as_text(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row of edgar-crawler with its joined items as `text`; return any other row unchanged.

    The row gets the id of the file from which the items were extracted, so that the two count as one document.
    """
    if "text" in values or not values.keys() >= _ABOUT:
        return values
    items = {key: text for key, text in values.items() if _ITEM.fullmatch(key)}
    if not items or not all(isinstance(text, str) for text in items.values()):
        return values
    parts = {key for key, text in items.items() if text.strip() and "_item_" not in f"_{key}"}
    text = "\n\n".join(
        text for key, text in items.items() if text and (key in parts or key.partition("_item_")[0] not in parts)
    )
    about = {key: value for key, value in values.items() if key not in items}
    if accession_number := _accession_number(values):
        about = {"id": f"{accession_number}/{values['filename']}", "accession_number": accession_number} | about
    return about | {"text": text}


def with_accession_number(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row of edgar-crawler with the filing's accession number; return any other row unchanged."""
    if "accession_number" in values or not values.keys() >= _ABOUT:
        return values
    accession_number = _accession_number(values)
    return values | {"accession_number": accession_number} if accession_number else values


def _accession_number(values: dict[str, Any]) -> str | None:
    named = (path_header(f"/{values[field]}").accession_number for field in _LOCATIONS if values.get(field))
    return next((number for number in named if number), None)
