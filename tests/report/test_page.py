import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from report_helpers import (
    CAPACITY,
    FIRST_RUN,
    REPOSITORY,
    SECOND_RUN,
    SPREAD,
    STATED,
    document,
    entity,
    many_documents,
    write_results,
)

from finner_batch.cli.main import commands
from finner_batch.errors import UsageError
from finner_batch.report import number_table as numbers_module
from finner_batch.report.formatting import short_value
from finner_batch.report.number_table import cut_around, list_tags
from finner_batch.report.page import ReportConfig, write_report
from finner_batch.storage.place import place_of
from finner_batch.terminal import visible


class Parsed(HTMLParser):
    """Elements of a page, the text in it, and what its scripts and styles hold."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self.words = [], [], [], []
        self._inside = None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = tag if tag in {"script", "style"} else None

    def handle_endtag(self, tag):  # noqa: ARG002 - the parser's signature
        self._inside = None

    def handle_data(self, data):
        {"script": self.scripts, "style": self.styles}.get(self._inside, self.words).append(data)


def parsed(path):
    return Parsed(path.read_text(encoding="utf-8"))


def data_of(page):
    return json.loads(zlib.decompress(base64.b64decode(page.scripts[0])))


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_forbids_itself_everything_but_its_own_style_and_script(page_file):
    page = parsed(page_file)
    (policy,) = [of["content"] for tag, of in page.elements if of.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"style-src {digest(page.styles[0])}" in policy
    assert f"script-src {digest(page.scripts[1])}" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy


def test_nothing_in_the_page_is_fetched_or_runs_from_an_attribute(page_file, hostile_file):
    for path in (page_file, hostile_file):
        for tag, attributes in parsed(path).elements:
            assert tag not in {"img", "iframe", "object", "embed", "base", "link", "audio", "video"}
            assert not [name for name in attributes if name.startswith("on") or name in {"src", "style", "srcdoc"}]
            if "href" in attributes:
                assert attributes["href"].startswith(("#", "https://"))


def test_every_number_in_force_is_in_the_page_once(page_file):
    rows = data_of(parsed(page_file))["rows"]
    sentences = [rows["sentence"]["values"][code] for code in rows["sentence"]["codes"]]
    assert len(sentences) == 241
    texts = [rows["text"]["values"][code] for code in rows["text"]["codes"]]
    found = zip(sentences, rows["start"], rows["length"], texts, strict=True)
    assert all(sentence[start : start + length] == text for sentence, start, length, text in found)


def test_the_page_says_the_figures_of_folder_run_and_run_before(page_file):
    text = parsed(page_file).text
    assert "241 numbers from 122 documents" in text
    assert "1 document of 122 could not be read: 1 at decode (DocumentError)." in text
    assert "DocumentError: not a filing: it holds <b>nothing</b>" in text
    assert "Filings that name no company: 80 numbers." in text
    assert f"Figure {SECOND_RUN} {FIRST_RUN} Change" in text
    assert "Numbers found 1 240 −239 (−99.6%)" in text
    assert "Tokens per second, the model 500 400 +100 (+25.0%)" in text
    assert "extract 12.2 10.8%" in text


def test_a_page_of_one_run_holds_what_that_run_wrote(results, tmp_path):
    written = write_report(
        ReportConfig(output=place_of(results), html=place_of(tmp_path / "page.html"), run_id=FIRST_RUN)
    )
    text = parsed(written.path.local_path).text
    assert written.total == 240
    assert "240 numbers from 121 documents" in text
    assert "There is no earlier run in this folder." in text
    with pytest.raises(UsageError, match=f"its last runs are {FIRST_RUN}, {SECOND_RUN}"):
        write_report(
            ReportConfig(output=place_of(results), html=place_of(tmp_path / "x.html"), run_id="20990101T000000Z-0000")
        )


def test_a_folder_without_numbers_or_runs_has_a_page_too(tmp_path):
    results = write_results(tmp_path / "results", [document("a.htm", [])])
    (results / "runs" / f"{FIRST_RUN}.json").unlink()
    text = parsed(write_report(ReportConfig(output=place_of(results))).path.local_path).text
    assert "0 numbers from 1 document" in text
    assert "No run has left a report in this folder." in text


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"status": "done", "started": "last Tuesday", "documents": {"ok": 1}, "stage_seconds": {"tag": 3.5}},
        {"wall_seconds": "long", "documents": 3, "sources": [], "labels": None, "config": "no", "stage_clock": 4},
        {"tokens_padded": 44, "tokens": None, "stage_seconds": {"tag": "3"}, "labels": {"A": True, "B": 2}},
    ],
)
def test_a_figure_that_a_run_s_report_lacks_is_shown_as_missing(tmp_path, report):
    results = write_results(tmp_path / "results", [document("a.htm", [])])
    for run_id in (SECOND_RUN, "20990101T000000Z-0000"):
        (results / "runs" / f"{run_id}.json").write_text(json.dumps(report))
        text = parsed(write_report(ReportConfig(output=place_of(results))).path.local_path).text
        assert f"Figure {run_id}" in text
        assert "Peak memory \u2013 MiB" in text
        assert " None " not in text.partition("The last run")[2]


def test_the_page_is_in_the_results_folder_and_a_later_run_does_not_mind(results):
    outcome = CliRunner().invoke(commands, ["report", "--output", str(results), "--json"], standalone_mode=False)
    assert json.loads(outcome.output)["path"] == str(results / "report.html")
    write_results(results, [], run_id=SECOND_RUN)
    (results / "report.html").unlink()


def test_a_page_that_cannot_be_written_is_a_usage_error(results, tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        write_report(ReportConfig(output=place_of(results), html=place_of(tmp_path / "nowhere" / "page.html")))


def test_too_many_numbers_are_sampled_evenly_and_the_page_says_so(tmp_path, monkeypatch):
    results = write_results(tmp_path / "results", many_documents(3000))
    monkeypatch.setattr(numbers_module, "MAX_NUMBERS", 1000)
    written = write_report(ReportConfig(output=place_of(results)))
    page = parsed(written.path.local_path)
    assert written.total == 3000
    assert 850 < written.shown < 1150
    assert len(data_of(page)["rows"]["tag"]) == written.shown
    assert len(data_of(page)["documents"]["name"]["values"]) == 30
    assert f"the table holds {written.shown:,} of 3,000 numbers, drawn evenly" in page.text
    assert "3,000 numbers from 30 documents" in page.text


def test_sentences_are_cut_until_they_fit_the_budget_and_the_page_says_so(tmp_path, monkeypatch):
    words = "word " * 300
    rows = [
        entity(f"{number} {words} of ${number} here", f"{number}", CAPACITY, 1e6, index=number) for number in range(50)
    ]
    results = write_results(tmp_path / "results", [document("a.htm", rows)])
    whole = write_report(ReportConfig(output=place_of(results)))
    assert "50 sentences are cut to 1,200 characters around the number." in parsed(whole.path.local_path).text
    monkeypatch.setattr(numbers_module, "SENTENCE_BUDGET", 20_000)
    cut = write_report(ReportConfig(output=place_of(results)))
    page = parsed(cut.path.local_path)
    assert "50 sentences are cut to 300 characters around the number." in page.text
    assert max(map(len, data_of(page)["rows"]["sentence"]["values"])) <= 310


def test_a_page_of_twenty_thousand_numbers_takes_a_tenth_of_the_megabytes_of_two_hundred_thousand(tmp_path):
    results = write_results(tmp_path / "results", many_documents(20_000))
    written = write_report(ReportConfig(output=place_of(results)))
    assert written.shown == 20_000
    assert written.bytes < 3_000_000


def test_the_real_job_is_compared_with_the_filers_tags(tmp_path):
    filings, results = REPOSITORY / "data" / "filings", tmp_path / "results"
    for arguments in (
        ["run", "--input", str(filings), "--output", str(results), "--workers", "1"],
        ["report", "--output", str(results), "--against-xbrl", str(filings)],
    ):
        outcome = CliRunner().invoke(commands, arguments, standalone_mode=False)
        assert outcome.exception is None, outcome.exception
    page = parsed(results / "report.html")
    assert "Against the filers’ tags" in page.text
    verdicts = data_of(page)["rows"]["verdict"]
    assert "filer agrees" in {verdicts["values"][code] for code in verdicts["codes"]}
    audited = (
        (results / "report.html")
        .read_text(encoding="utf-8")
        .partition('id="audit-title"')[2]
        .partition("</section>")[0]
    )
    assert audited.count("<mark>") == audited.count('data-name="printed"') > 0
    assert re.search(r"All \d+ \d+ .* [01]\.\d{3} [01]\.\d{3} [01]\.\d{3}", page.text)


@given(
    before=st.text(max_size=80),
    number=st.text(min_size=1, max_size=12),
    after=st.text(max_size=80),
    width=st.integers(4, 90),
)
def test_a_cut_sentence_keeps_its_number_and_no_more_than_the_width(before, number, after, width):
    shown, start, length = cut_around(before + number + after, len(before), len(before + number), width)
    units = shown.encode("utf-16-le")
    assert units[2 * start : 2 * (start + length)].decode("utf-16-le") == visible(number)
    if len(before + after) <= width:
        assert shown == visible(before) + visible(number) + visible(after)
    else:
        assert shown.startswith("…") or shown.endswith("…")
        left, right = units[: 2 * start].decode("utf-16-le"), units[2 * (start + length) :].decode("utf-16-le")
        assert visible(before).endswith(left.removeprefix("…"))
        assert visible(after).startswith(right.removesuffix("…"))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0225, "pure", "2.25%"),
        (0.00125, "pure", "0.125%"),
        (1.5e9, "USD", "$1.5bn"),
        (4e8, "EUR", "€400m"),
        (5e8, "CNY", "CNY 500m"),
        (999_999.99, "USD", "$1m"),
        (1234.0, None, "1,234"),
        (-2e6, "USD", "−$2m"),
        (None, "USD", ""),
        (float("inf"), "USD", ""),
    ],
)
def test_a_value_is_short_and_has_its_unit(value, unit, text):
    assert short_value(value, unit) == text


def test_tags_have_short_names_that_differ():
    tags = list_tags(
        ["DebtInstrumentFaceAmount", "LineOfCreditFacilityMaximumBorrowingCapacity", "DebtInstrumentFaceAmount1", "Odd"]
    )
    assert [tag.name for tag in tags] == [
        "DebtInstrumentFaceAmount",
        "Maximum borrowing capacity",
        "DebtInstrumentFaceAmount1",
        "Odd",
    ]
    assert len({tag.accent for tag in tags}) == 4
    assert list_tags([f"Tag{letter}" for letter in "ABCDEFGHIJ"])[-1].accent == "tx"


def test_a_label_of_the_packaged_model_keeps_its_accent_among_others():
    others = [f"Tag{letter}" for letter in "ABCDEFG"]
    tags = list_tags([*others, SPREAD])
    assert tags[-1].accent == list_tags([SPREAD, STATED])[0].accent
    assert len({tag.accent for tag in tags}) == 8
