"""Tags as the page shows them: a short name, and an accent that is both a colour and a line style."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from finner_batch.query.table import visible

ACCENTS = 8
"""Accents of `page.css`, `t0` to `t7`: eight colours and four underlines. Rarer tags share `tx`."""

_FIXED_ACCENTS = {
    "DebtInstrumentBasisSpreadOnVariableRate1": "t0",
    "DebtInstrumentInterestRateStatedPercentage": "t1",
    "LineOfCreditFacilityMaximumBorrowingCapacity": "t2",
    "DebtInstrumentInterestRateEffectivePercentage": "t3",
}
"""Accents of the packaged model's labels: the same on every page, in the hues of the demo."""
_FAMILIES = ("DebtInstrument", "LineOfCreditFacility", "LineOfCredit")
"""Prefixes that a short name leaves out."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+|[^A-Za-z\d]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A label, its name on the page, and the class of its accent."""

    label: str
    name: str
    accent: str


def list_tags(labels: Iterable[str]) -> list[Tag]:
    """Return the tags of the labels in order; the first ones get unique accents.

    `DebtInstrumentBasisSpreadOnVariableRate1` is named `Basis spread on variable rate` if no other tag has that name.
    """
    labels = list(labels)
    names = [_short(label) for label in labels]
    taken = {_FIXED_ACCENTS[label] for label in labels if label in _FIXED_ACCENTS}
    free = (accent for accent in (f"t{place}" for place in range(ACCENTS)) if accent not in taken)
    return [
        Tag(
            label=label,
            name=visible(name if names.count(name) == 1 else label),
            accent=_FIXED_ACCENTS.get(label) or next(free, "tx"),
        )
        for label, name in zip(labels, names, strict=True)
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
