"""Tags as the page shows them: a short name, and an accent told by colour and by line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from finner_batch.query.table import visible

ACCENTS = 8
"""Accents of `page.css`, `t0` to `t7`: eight colours, and four lines to underscore with. Rarer tags share `tx`."""

_FAMILIES = ("DebtInstrument", "LineOfCreditFacility", "LineOfCredit")
"""Beginnings that say little once the rest is read."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+|[^A-Za-z\d]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A label, the name it goes by on the page, and the class of its accent."""

    label: str
    name: str
    accent: str


def list_tags(labels: Iterable[str]) -> list[Tag]:
    """Tags of labels in their order, the first ones with an accent of their own.

    `DebtInstrumentBasisSpreadOnVariableRate1` goes by `Basis spread on variable rate`, where no other tag would.
    """
    labels = list(labels)
    names = [_short(label) for label in labels]
    return [
        Tag(
            label=label,
            name=visible(name if names.count(name) == 1 else label),
            accent=f"t{place}" if place < ACCENTS else "tx",
        )
        for place, (label, name) in enumerate(zip(labels, names, strict=True))
    ]


def _short(label: str) -> str:
    rest = label
    for family in _FAMILIES:
        if label.startswith(family) and label != family:
            rest = label.removeprefix(family)
            break
    words = [word.strip(" _-") for word in _WORD.findall(rest)]
    if len(words) > 1 and words[-1].isdigit():
        words.pop()
    lower = [word if word.isupper() and len(word) > 1 else word.lower() for word in words if word]
    name = " ".join(lower)
    return name[:1].upper() + name[1:] or label
