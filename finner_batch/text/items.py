"""The items of periodic and current reports: their titles and their Parts.

Sources: SEC Forms 10-K, 10-KSB, 10-Q, 20-F and 8-K (also the 8-K from before August 2004, with whole numbers). Proxy
statements, registration statements and Forms 6-K and 40-F have no items that a title identifies.
"""

import re
from functools import cache

CURRENT_REPORT = "8-K"
"""Used in place of a Part for the items of Form 8-K, which have none."""

# (item number, how its title begins, its Part: None if forms differ)
_TITLES: tuple[tuple[str, str, str | None], ...] = (
    # Forms 10-K, 10-KSB and 10-Q
    ("1", r"(?:description of )?(?:the |our )?business|general", "I"),
    ("1", r"(?:[\w()]+ ){0,4}financial (?:statements|information)", "I"),
    ("1", r"legal proceedings", "II"),
    ("1A", r"risk factors", None),
    ("1B", r"unresolved staff", "I"),
    ("1C", r"cybersecurity", "I"),
    ("2", r"(?:description of )?propert", "I"),
    ("2", r"management", "I"),
    (
        "2",
        r"unregistered|changes in (?:the )?securities|issuer purchases|recent sales|share repurchase|market for",
        "II",
    ),
    ("3", r"legal proceedings|quantitative|controls", "I"),
    ("3", r"defaults?", "II"),
    ("4", r"controls|executive officers", "I"),
    ("4", r"mine safety|submission of matters|results of votes", None),
    ("4A", r"executive officers", "I"),
    ("5", r"market|other information", "II"),
    ("6", r"selected|exhibits?|management|consolidated financial data", "II"),
    ("7", r"management", "II"),
    ("7", r"financial statements(?:,| and) (?:pro forma|exhibits)", CURRENT_REPORT),
    ("7", r"(?:consolidated )?financial statements", None),
    ("7A", r"quantitative|disclosures? about market", "II"),
    ("8", r"(?:consolidated )?financial statements|changes in and", "II"),
    ("8A", r"controls", "II"),
    ("8B", r"other information", "II"),
    ("9", r"changes in|disagreements", "II"),
    ("9", r"directors", "III"),
    ("9A", r"controls", "II"),
    ("9B", r"other information", "II"),
    ("9C", r"disclosures? regarding foreign", "II"),
    ("10", r"directors|executive", "III"),
    ("11", r"executive|security", "III"),
    ("12", r"security|certain", "III"),
    ("13", r"certain|exhibits?", "III"),
    ("14", r"principal account|controls", "III"),
    ("14", r"exhibits?|financial statement", "IV"),
    ("15", r"exhibits?|financial statement", "IV"),
    ("16", r"form 10-?k summary|summary", "IV"),
    ("16", r"exhibits?", None),
    # Form 20-F: items, then their lettered subitems
    ("1", r"identity of directors", None),
    ("2", r"offer statistics", None),
    ("3", r"key information", None),
    ("4", r"information on the company", None),
    ("4A", r"unresolved staff", None),
    ("5", r"operating and financial review", None),
    ("6", r"directors", None),
    ("7", r"major shareholders", None),
    ("8", r"financial information", None),
    ("9", r"the offer|offer and listing", None),
    ("10", r"additional information", None),
    ("11", r"quantitative|qualitative", None),
    ("12", r"descriptions? of securities", None),
    ("13", r"defaults?", None),
    ("14", r"material modifications", None),
    ("15", r"controls", None),
    ("16", r"\[?reserved", None),
    ("17", r"(?:consolidated )?financial statements", None),
    ("18", r"(?:consolidated )?financial statements", None),
    ("19", r"exhibits?", None),
    ("1.A", r"directors", None),
    ("1.B", r"advis[eo]rs", None),
    ("1.C", r"auditors?", None),
    ("2.A", r"offer statistics", None),
    ("2.B", r"method and expected", None),
    ("3.A", r"selected|\[?reserved", None),
    ("3.B", r"capitali[sz]ation", None),
    ("3.C", r"reasons? for", None),
    ("3.D", r"risk factors", None),
    ("4.A", r"history and development", None),
    ("4.B", r"business overview", None),
    ("4.C", r"organi[sz]ational structure", None),
    ("4.D", r"propert", None),
    ("5.A", r"operating results", None),
    ("5.B", r"liquidity", None),
    ("5.C", r"research and development", None),
    ("5.D", r"trend", None),
    ("5.E", r"critical accounting|off-balance", None),
    ("5.F", r"tabular|contractual", None),
    ("5.G", r"safe harbou?r", None),
    ("6.A", r"directors", None),
    ("6.B", r"compensation", None),
    ("6.C", r"board practices", None),
    ("6.D", r"employees", None),
    ("6.E", r"share ownership", None),
    ("6.F", r"disclosure of", None),
    ("7.A", r"major shareholders", None),
    ("7.B", r"related party", None),
    ("7.C", r"interests? of experts", None),
    ("8.A", r"(?:consolidated|financial) statements", None),
    ("8.B", r"significant changes", None),
    ("9.A", r"(?:the )?offer", None),
    ("9.B", r"plan of distribution", None),
    ("9.C", r"markets", None),
    ("9.D", r"selling (?:share|security ?)holders?", None),
    ("9.E", r"dilution", None),
    ("9.F", r"expenses", None),
    ("10.A", r"share capital", None),
    ("10.B", r"memorandum", None),
    ("10.C", r"material contracts", None),
    ("10.D", r"exchange controls", None),
    ("10.E", r"taxation", None),
    ("10.F", r"dividends", None),
    ("10.G", r"statements? by experts", None),
    ("10.H", r"documents on display", None),
    ("10.I", r"subsidiary information", None),
    ("10.J", r"annual report", None),
    ("12A", r"debt securities", None),
    ("12B", r"warrants", None),
    ("12C", r"other securities", None),
    ("12D", r"american depositary", None),
    ("16A", r"audit committee", None),
    ("16B", r"code of ethics", None),
    ("16C", r"principal account", None),
    ("16D", r"exemptions?", None),
    ("16E", r"purchases of equity", None),
    ("16F", r"changes? in", None),
    ("16G", r"corporate governance", None),
    ("16H", r"mine safety", None),
    ("16I", r"disclosures? regarding foreign", None),
    ("16J", r"insider trading", None),
    ("16K", r"cyber ?security", None),
    # Form 8-K
    *(
        (number, title, CURRENT_REPORT)
        for number, title in (
            ("1", r"changes? in control"),
            ("2", r"acquisition or disposition"),
            ("3", r"bankruptcy"),
            ("4", r"changes? in (?:the )?(?:registrant|company)"),
            ("5", r"other events"),
            ("6", r"resignations?"),
            ("8", r"changes? in fiscal"),
            ("9", r"regulation fd|sales? of equity"),
            ("10", r"amendments? to"),
            ("11", r"temporary suspension"),
            ("12", r"results of operations"),
            ("1.01", r"entry into"),
            ("1.02", r"termination"),
            ("1.03", r"bankruptcy"),
            ("1.04", r"mine safety"),
            ("1.05", r"material cybersecurity"),
            ("2.01", r"completion of"),
            ("2.02", r"results of operations"),
            ("2.03", r"creation of"),
            ("2.04", r"triggering events?"),
            ("2.05", r"costs associated"),
            ("2.06", r"material impairments?"),
            ("3.01", r"notice of"),
            ("3.02", r"unregistered sales?"),
            ("3.03", r"material modifications?"),
            ("4.01", r"changes? in"),
            ("4.02", r"non-?reliance"),
            ("5.01", r"changes? in control"),
            ("5.02", r"(?:departure|election|appointment|resignation|compensatory)"),
            ("5.03", r"amendments? to"),
            ("5.04", r"temporary suspension"),
            ("5.05", r"amendments? to|waiver"),
            ("5.06", r"change in shell"),
            ("5.07", r"submission of matters"),
            ("5.08", r"(?:shareholder|stockholder|director) "),
            ("6.01", r"(?:abs )?informational and computational"),
            ("6.02", r"change of (?:servicer|trustee)"),
            ("6.03", r"change in credit"),
            ("6.04", r"failure to make"),
            ("6.05", r"securities act updating"),
            ("6.06", r"static pool"),
            ("6.10", r"alternative filings"),
            ("7.01", r"regulation fd"),
            ("8.01", r"other (?:events|matters)"),
            ("9.01", r"(?:consolidated )?financial statements|exhibits?"),
        )
    ),
)


def has_title(number: str, title: str) -> bool:
    """Whether `title` begins like a form's title of item `number` (`7A`, `5.B`, `2.03`)."""
    return any(pattern.match(title) for pattern, _ in _titles_of(number))


def part_of_title(number: str, title: str) -> str | None:
    """Return the Part of the item (I to IV, or `CURRENT_REPORT`); None if forms differ or the title is not known."""
    return next((part for pattern, part in _titles_of(number) if pattern.match(title)), None)


def is_item_number(number: str) -> bool:
    """Whether a form has an item of this number and letter: `7A` and `16F`, not `14A`."""
    return bool(_titles_of(number))


@cache
def _titles_of(number: str) -> list[tuple[re.Pattern[str], str | None]]:
    return [(re.compile(title, re.IGNORECASE), part) for other, title, part in _TITLES if other == number]
