"""Compares the values that `read_value` reads with the filers' own inline XBRL tags.

    python data/benchmarks/values.py FOLDER

An `ix:nonFraction` gives value and unit of a number that the prose prints, so it is an oracle for `read_value`. It is
not perfect: filers tag wrong scales and units. The sign of a fact follows its concept (a loss may be a negative gain),
not the wording, so signs are counted separately and agreement means equal magnitude and equal unit.
"""

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose, log10
from pathlib import Path
from typing import Literal

from finner_batch.text.block import Extraction, Fact
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import Sentence, split
from finner_batch.values.document_scale import document_scales
from finner_batch.values.value import Value, read_value

Verdict = Literal["agree", "sign", "value", "unit", "digits", "unclear"]
DEBT4 = frozenset(json.loads(Path(__file__).parents[1].joinpath("labels", "debt4.json").read_text("utf-8")))
AGREEING = ("agree", "sign")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Case:
    """A tagged number of the prose, the value that was read, and how the two compare.

    `verdict`: `agree`; `sign` (equal but for the sign); `value` and `unit` (the first of the two that differs);
    `digits` (the tag covers not exactly one number token); `unclear` (the fact has no value or crosses sentences).
    """

    fact: Fact
    sentence: str
    start: int
    end: int
    """Span of the fact's text in `sentence`."""
    value: Value | None
    verdict: Verdict


def compare_document(extraction: Extraction, sentences: Sequence[Sentence]) -> Iterator[Case]:
    """Read every tagged number of a document that is printed in digits, and compare it with its fact."""
    scales = document_scales(extraction.text, [sentence.start for sentence in sentences])
    remaining = iter(zip(sentences, scales, strict=True))
    sentence, stated = next(remaining, (None, 0))
    for fact in extraction.facts:
        if not number_tokens(fact.text):
            continue
        while sentence and sentence.start + len(sentence.text) <= fact.start:
            sentence, stated = next(remaining, (None, 0))
        if sentence is None or fact.start < sentence.start or fact.end > sentence.start + len(sentence.text):
            yield Case(fact, fact.text, 0, len(fact.text), None, "unclear")
            continue
        start, end = fact.start - sentence.start, fact.end - sentence.start
        inside = [token for token in number_tokens(sentence.text) if token[0] < end and token[1] > start]
        value: Value | None = None
        verdict: Verdict = "digits"
        if len(inside) == 1:
            value = read_value(sentence.text, *inside[0], document_scale=stated)
            verdict = compare(value, fact)
        yield Case(fact, sentence.text, start, end, value, verdict)


def compare(value: Value, fact: Fact) -> Verdict:
    """Compare a value with the fact of the same number."""
    if fact.value is None:
        return "unclear"
    if value.value is None or not isclose(abs(value.value), abs(fact.value), rel_tol=1e-9):
        return "value"
    if not _same_unit(value.unit, fact.unit):
        return "unit"
    return "agree" if value.value * fact.value >= 0 else "sign"


def _same_unit(read: str | None, tagged: str | None) -> bool:
    """Whether the unit read agrees with the tagged one, as far as a sentence can state it.

    A tag's own units (`aircraft`, `Customer`) and `pure` on a count name no unit that the grammar knows: None agrees.
    Money per anything but a share (`USD/MWh`) is that money. `Rate` of the unit registry is `pure`.
    """
    if tagged is None:
        return True
    money, _, per = tagged.partition("/")
    if per:
        return read == (tagged if per == "shares" else money)
    if tagged in ("pure", "Rate"):
        return read in ("pure", None)
    return read == (tagged if tagged == "shares" or _CURRENCY.fullmatch(tagged) else None)


def table(cases: Sequence[Case]) -> str:
    """Lay out agreement over all cases, by unit and for each of the four debt tags, and the classes of disagreement."""
    clear = [case for case in cases if case.verdict != "unclear"]
    lines = [f"{'':<48}{'tagged':>8}{'agree':>8}{'share':>8}", _line("all prose numbers", clear)]
    units = Counter(case.fact.unit or "no unit" for case in clear)
    lines += [
        _line(f"  {unit}", [case for case in clear if (case.fact.unit or "no unit") == unit])
        for unit, _ in units.most_common(8)
    ]
    four = [case for case in clear if case.fact.concept in DEBT4]
    lines.append(_line("four debt tags", four))
    lines += [
        _line(f"  {concept}", [case for case in four if case.fact.concept == concept]) for concept in sorted(DEBT4)
    ]
    lines.append("")
    classes = Counter(_class(case) for case in clear if case.verdict not in AGREEING)
    lines += [f"{count:>6}  {name}" for name, count in classes.most_common(20)]
    verdicts = Counter(case.verdict for case in cases)
    lines.append(
        f"signs that differ: {verdicts['sign']}; facts without a value or sentence of their own: {verdicts['unclear']}"
    )
    return "\n".join(lines)


def agreement(cases: Sequence[Case]) -> float:
    """Share of the clear cases in which magnitude and unit agree, 0..1."""
    clear = [case for case in cases if case.verdict != "unclear"]
    return sum(case.verdict in AGREEING for case in clear) / len(clear) if clear else 0.0


def compare_folder(folder: Path) -> Iterator[Case]:
    """Compare every inline-XBRL document (`*.htm`, `*.html`, also gzipped) of a folder."""
    for path in sorted(folder.glob("*.htm*")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        extraction = extract(content.decode("utf-8", errors="replace"), "html", facts=True)
        yield from compare_document(extraction, split(extraction))


def _line(name: str, cases: Sequence[Case]) -> str:
    agreeing = sum(case.verdict in AGREEING for case in cases)
    return f"{name:<48}{len(cases):>8}{agreeing:>8}{agreement(cases):>8.2%}"


def _class(case: Case) -> str:
    value, fact = case.value, case.fact
    if case.verdict == "unit" and value:
        return f"unit: {value.unit} read, {fact.unit} tagged"
    if case.verdict == "value" and value and value.value and fact.value:
        power = log10(abs(fact.value / value.value))
        return (
            f"value: tagged 10^{round(power)} times"
            if isclose(power, round(power), abs_tol=1e-9)
            else "value: otherwise"
        )
    return case.verdict


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare read values with the filers' own inline XBRL tags.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds *.htm, *.html, also gzipped")
    print(table(list(compare_folder(parser.parse_args().folder))))
