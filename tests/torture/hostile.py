"""Pieces of text that make a careless parser look back: each is repeated until the document has the size asked for."""

import json
import re
from dataclasses import dataclass

DEBT = "The credit facility of $5.0 million bears interest at 5.25%. "
PAGE = f"<html><body><p>{DEBT}"
FILING = f"ANNUAL REPORT\n\n{DEBT}\n\n"
SUBMISSION = (
    "<SEC-DOCUMENT>\n<SEC-HEADER>\nACCESSION NUMBER: 0000000001-23-000001\n</SEC-HEADER>\n"
    f"<DOCUMENT>\n<TYPE>10-K\n<SEQUENCE>1\n<TEXT>\n{DEBT}\n</TEXT>\n</DOCUMENT>\n"
)
STRIPPED = "ACCESSION NUMBER: 0000000001-23-000001\n"
INLINE_XBRL = '<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body>'
COVER_FACT = '<ix:nonNumeric contextRef="c" name="dei:EntityRegistrantName"'
LAST_WORDS = "; under the revolving credit facility the maximum borrowing capacity is 500 million."
LONG_LINE = "<p>The Company entered into a credit agreement that provides for term loans of</p>"
HEADER = "<SEC-DOCUMENT>\n<SEC-HEADER>\n"
EXHIBIT = "<DOCUMENT>\n<TYPE>10-K\n<SEQUENCE>@\n<TEXT>\n5% notes\n</TEXT>\n</DOCUMENT>\n"
COLUMNS = f"{FILING}a   5   6\nb   5   6\n"
FACTS_THAT_DISAGREE = "".join(f"{COVER_FACT}>A{number}</ix:nonNumeric>" for number in range(64))


@dataclass(frozen=True, slots=True)
class Hostile:
    """A document: `head`, then `piece` again and again, then `tail`. `suffix` is that of its file name.

    With `then`, the second half is that again and again, `between` before it. `@` in a piece is a number that counts
    up. `json` is a shard as it is, `jsonl` a shard of one row whose text this is.
    """

    head: str
    piece: str
    suffix: str
    tail: str = ""
    between: str = ""
    then: str = ""

    def content(self, size: int) -> bytes:
        """The document with some `size` characters."""
        text = _repeated(self.piece, size // 2 if self.then else size)
        if self.then:
            text += self.between + _repeated(self.then, size // 2)
        text = self.head + text + self.tail
        if self.suffix == "jsonl":
            return json.dumps({"text": text}).encode()
        return text.encode("utf-8", "surrogatepass")


def _repeated(piece: str, size: int) -> str:
    text = piece * max(1, size // len(piece))
    numbers = iter(range(len(text)))
    return re.sub("@", lambda _: str(next(numbers)), text) if "@" in piece else text


_IN_HTML = [
    *("<", "&", "&#", "&amp;", "&nbsp", "&aaaaaaaa", "&#xd800;", "(", "7", ",", " ", '"', "'", "-", "_", "=", "w"),
    *("word ", DEBT, "$", "$1 ", "5% ", ".5", "1/", "1/2 ", "1, ", "1,000,", "1,00,", "1.000.", "1.1.1.", "1'000"),
    *("(1)", "(1) ", "(in millions) ", "of one-half ", "1 and 1/2 ", "1 - 1/2 ", "6-7/8", "Ps.", "Rs. ", "(pound)"),
    *(". ", "a. ", "U.S. ", "! ", "No. ", "\u2026 ", "\u200b", "\u00ad", "\u00a0", "\u202e", "a\u0301\u0301"),
    *("\u0661", "\u00b9", "\u207d\u00b9\u207e", "\u2153", "\u2044", "\u2011", "\0", "\U0001f600", "\u201c"),
    *("Item 1. ", "Item 1.\n", "Note 1. ", "Items 1 and ", "Item 16A ", "part i ", "10 through ", "<li>", "<p>"),
    *("<b>", "<div>", "<font>", "<ul>", "<span>a", "<table>", "<td>", "<tr>", "<th colspan=99999999>", "<tr><td>1"),
    *("<table><tr><td>", "</table>", "</p>", "</div>", "</td>", "</tr>", "<table><tr><td>5</td></tr></table>"),
    *("<table><tr><td>5</td></tr><p>x</p>", "<table><tr><td><table><tr><td>x</td></tr></table></td></tr></table>"),
    *("<br>", "<br>a", "<br>5", "<hr>", "<hr>12", "<pre>", "<pre ", "</pre ", "<pre><table>", "<xmp>", "<textarea>"),
    *("<plaintext>", "<!--", "<!-- a -- >", "<![CDATA[", "<?", "<!DOCTYPE ", "<script>", "<style>", "<style>a{"),
    *("<style>.a{text-decoration:line-through}", "<title>", "<select>", "<svg>", "<form>", "<frameset>", "<math>"),
    *("<head>", "<body>", "<html>", "<a href=", "<a b", '<a b="', '<p style="', "<p style='text-decoration:"),
    *("<b><i></b></i>", "<a><p></a>", "<s>", "<strike>5", "<del><p>", "<sup>1</sup>", "<sup>1</sup>/", "<sup>"),
    *("5<sup>1</sup>/<sub>4</sub>", "<div>12</div>", "<div>Table of Contents</div>", "<p>Notes (continued)</p>"),
    *("<p>a line of text that goes on</p>", '<div style="display:none">', '<ix:nonFraction name="a">', "<ix:header>"),
    *("<ix:exclude>", "<ix:continuation>"),
]
_IN_TEXT = [
    *("-" * 299 + "x\n", "-" * 80 + "x\n", "=" * 150 + "|" * 140 + "x\n", "- = " * 70 + "x\n", ". . . . ", "....\n"),
    *("<TABLE>\n", "<TABLE>\n<CAPTION>\n<S> <C>\nfoo   5   6\n", "<PAGE>\n", "5\n<PAGE>\n", "\f", "a\n\f\n", "\n"),
    *("   \n", "a    b    c\n", "a" + " " * 250 + "5\n", "a   ", "\t", "a\tb\n", "\r", "a\r\r\n", "12\n", " - 1 -\n"),
    *("!" * 290 + "x\n", "*" * 299 + "\n\f", "i" * 299 + "\n\f", " " * 299 + "x\n", "page" + " " * 290 + "x\n\f"),
    *("<S>" * 80 + "\n", "<C", "ITEM 7. MANAGEMENT'S DISCUSSION\n"),
    "ITEM 7. MANAGEMENT'S DISCUSSION (Continued)\n\n2\n<PAGE>\n",
    *("(1) SUMMARY OF SIGNIFICANT ACCOUNTING POLICIES\n\n", "NOTES TO STATEMENTS (continued)\n\f\n"),
    *("begin 644 x\nM" + "A" * 60 + "\n", "long-\nterm ", "6-\n7/8% ", "$1,\n500 ", "A " + "." * 290 + "\n"),
    *("x   " + "1" * 290 + "\n", "x   " + "1," * 145 + "y\n", "aaa bbb ccc\n", "aaa bbb ccc\n\n"),
    *("of   the   loan   at\n", "The loan bears interest at 5.25% per annum under the\n"),
]
_IN_SUBMISSION = [
    *("<DOCUMENT>\n<TYPE>EX-1\n<SEQUENCE>2\n<TEXT>\nx\n</TEXT>\n</DOCUMENT>\n", "<DOCUMENT>\n", "<Document>\n<TYPE>"),
    *("<TYPE>10-K\n", "<TEXT>", "</TEXT>", "COMPANY CONFORMED NAME: x\n", "FILER:\n", "CENTRAL INDEX KEY: 1\n"),
]
_IN_STRIPPED = [
    *("10-K\n1\na.htm\n", "\n \n", "10-K\n\n", "A:\n"),
]
_IN_COVER = [
    *("<!--", f"{COVER_FACT}>A<!--", f"{COVER_FACT} ", "a", " a", " a=", 'id="c" '),
    *('name="dei:EntityRegistrantName" ', '<ix:continuation id="a" continuedAt="a">x</ix:continuation>'),
    *('<xbrli:context id="c">', "<meta charset="),
]
_IN_ROWS = [
    *(DEBT, "a\n", "x", "1", " ", "\r", "\r\n\r\n", "Item 1.\n", "a\nb", "a\u2028", "1,00,", "1/2", "\u2153", "a. "),
    *("1'000", "\u0338", "\u200b", "\u00ad", "The loan bears interest at a rate of 5.25% per annum, a\n", "$1 and "),
]

_IN_SENTENCE = [
    *("1, ", "1 ", "1 and ", "1,000, ", "1 million, ", "$1, ", "$1 to ", "$1 and ", "1/2, ", "5%, ", "5% to ", "5 to "),
    *(
        "(1) ",
        "1 of ",
        "one-half of ",
        "minus ",
        "per share ",
        "common stock ",
        "shares of ",
        "a total of ",
        "in cash ",
    ),
    *(
        "- ",
        "$ ",
        "(",
        "\u20ac",
        "basis points ",
        "hundred ",
        "US ",
        "in millions ",
        "(in millions) ",
        "Notes ",
        "1.1, ",
    ),
]

HOSTILE = {
    f"{place}: {piece[:40]!r}": Hostile(head, piece, suffix)
    for place, head, suffix, pieces in (
        ("html", PAGE, "htm", _IN_HTML),
        ("text", FILING, "txt", _IN_TEXT),
        ("submission", SUBMISSION, "txt", _IN_SUBMISSION),
        ("header", HEADER, "txt", _IN_SUBMISSION),
        ("stripped", STRIPPED, "txt", _IN_STRIPPED),
        ("cover", INLINE_XBRL + FACTS_THAT_DISAGREE, "htm", _IN_COVER),
        ("open cover fact", f"{INLINE_XBRL}{COVER_FACT} ", "htm", _IN_COVER),
        ("row", DEBT, "jsonl", _IN_ROWS),
    )
    for piece in pieces
}
HOSTILE |= {f"sentence: {piece!r}": Hostile("Shares were ", piece, "txt", LAST_WORDS) for piece in _IN_SENTENCE}
HOSTILE |= {
    f"two parts: {name}": hostile
    for name, hostile in (
        *(
            (f"{opening} then {ending}", Hostile(PAGE, opening, "htm", "", "5%", ending))
            for opening in ("<b>", "<x>", "<font>", "<div>", "<p>", "<td>", "<table>", "<ul>", "<s>", "<sup>")
            for ending in ("</i>", "</y>", "</div>", "</td>", "</table>", "</body>")
        ),
        *(
            (f"<b> then {opening}", Hostile(PAGE, "<b>", "htm", "", "5%", opening))
            for opening in ("<p>5", "<a>5", "<li>")
        ),
        *(
            (f"style rules {rule} then {element}", Hostile(f"{PAGE}<style>", rule, "htm", "", "</style>", element))
            for rule, element in (
                (".a.b@{display:none}", "<p class=a>5%"),
                (".a{top:1px} .x{display:none}", "<p class=a>5%"),
                ("p{top:1px} .x{display:none}", "<p>5%"),
                (".a@{display:none}", "<p class=a@>5%"),
                (".a@,", "<p class='a b c'>5%"),
                ("@media screen{", "<p>5%"),
            )
        ),
        (
            "breaks off then rows",
            Hostile(PAGE, LONG_LINE, "htm", "</table>", "<table>", "<tr><td>5</td><td>6</td></tr>"),
        ),
        ("scaled then notes", Hostile(FILING, "$5mm ", "txt", "", "\n\n(in millions)\n\n(1)", "Is $8. ")),
        ("ciks then documents", Hostile(HEADER, "CENTRAL INDEX KEY: @\n", "txt", "", "</SEC-HEADER>\n", EXHIBIT)),
    )
}
HOSTILE |= {
    f"open: {name}": hostile
    for name, hostile in (
        *(
            (f"<ix:header> {piece}", Hostile(f"{PAGE}<ix:header>", piece, "htm", "</ix:header>"))
            for piece in ("<a", "<a ")
        ),
        *(
            (f"tag {piece}", Hostile(f"{PAGE}<b><i></b></i><p ", piece, "htm", ">5%"))
            for piece in (" a@", " a@=1", " a='", "style='top:1px' ")
        ),
        *(
            (f"attribute {piece}", Hostile(f"{PAGE}<p title='", piece, "htm", "'>5%</p>"))
            for piece in ("< ", "> ", "x")
        ),
        *(
            (f"style {piece}", Hostile(f"{PAGE}<p style='", piece, "htm", "'>5%</p>"))
            for piece in ("top:1px;", "vertical-align ", "0", ";")
        ),
        *(
            (f"line of columns {piece}", Hostile(COLUMNS, piece, "txt", "\n"))
            for piece in ("of   the   ", "the of   a   ")
        ),
        *((f"cell {piece}", Hostile(f"{PAGE}<table><tr><td>", piece, "htm")) for piece in ("<p>Item 1</p>", "a<br>")),
        *(
            (f"row {piece}", Hostile(f"{PAGE}<table><tr>", piece, "htm"))
            for piece in ("<td>Item 1.</td>", "<td>5</td>")
        ),
        *((f"struck {piece}", Hostile(f"{PAGE}<s>", piece, "htm")) for piece in ("<p>5%", "<sup>1</sup>5", "a<br>")),
        *((f"shard {piece}", Hostile('{"text": "5% notes", ', piece, "json", '"b": 1}\n')) for piece in ('"a@": 1, ',)),
        *(
            (f"rows {piece}", Hostile("", piece, "json"))
            for piece in ('{"text": "5% notes"}\n', '{"id": "a#@", "text": ""}\n')
        ),
        *((f"header line {piece!r}", Hostile(f"{STRIPPED}A:", piece, "txt", "x")) for piece in (" ", "\t", " \r")),
        *((f"header {piece!r}", Hostile(STRIPPED, piece, "txt", "x")) for piece in (" ", "\t", "\r")),
    )
}
HOSTILE |= {
    f"numbered: {piece}": Hostile(PAGE, piece, "htm")
    for piece in (
        *("<p id=a@>5%", "<p class=a@>5%", "<p style='top:@px'>5%", "<x@>5%", "<p a@>5%", "<p>Note @ - Debt</p>"),
        *("<p>Item @. Business</p>", "<p>@ The Example Company</p>", "<style>.a@{display:none}</style><p class=a@>5%"),
        *(f"{LONG_LINE}<p>@</p><p>Table of Contents</p>", "<s>@</s>5% ", "<s>@</s>5", "<s>@<br></s>5", "5<sup>@</sup>"),
        *(f"<s>{'1 ' * 100}</s> @% ", "<p>(@) Includes $8 of notes.</p>", "<p>(in millions) $@</p>", "&#@;"),
    )
}
HOSTILE |= {
    f"name of a company: {mark!r}": Hostile(
        INLINE_XBRL, f"{COVER_FACT}>A{mark * (18_000 // len(mark))}</ix:nonNumeric>", "htm"
    )
    for mark in ("*", "(1)", " (1)", "<sup>1</sup>", "<span ", "</", "&#" + "9" * 5000 + ";")
}
"""By name: where the piece stands, and the piece."""
