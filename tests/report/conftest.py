import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report_helpers import CAPACITY, FIRST_RUN, SECOND_RUN, SPREAD, STATED, document, entity, write_results

from finner_batch.report.page import ReportConfig, write_report
from finner_batch.storage.place import place_of

HOSTILE = (
    "<script>window.hacked = 1; alert(1)</script></script><!--<img src=x onerror=alert(2)>--><svg onload=alert(3)>"
    "\"'><b>{{ 7 * 7 }}</b>'; DROP TABLE entities; -- &lt;\x1b[31m\x1b]0;t\x07\x00\u202edet\u2066rever\u200b"
    + "w"
    * 10_000
)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Two runs: 120 documents of three companies and a failed one, then two documents again."""
    folder = tmp_path_factory.mktemp("report") / "results"
    documents = []
    for number in range(120):
        company = ["Acme Corp", "Birch Holdings", None][number % 3]
        rate, size = f"{1 + number % 7}.{number:03d}", f"{100 + number}"
        said = f"Notes of series {number} bear interest at {rate}% per annum."
        lent = f"The revolving facility {number} provides for borrowings of up to ${size} million."
        rows = [
            entity(said, rate, STATED, float(rate) / 100, confidence=0.5 + number / 250, index=1),
            entity(lent, size, CAPACITY, float(size) * 1e6, index=2, section="Part II, Item 7"),
        ]
        name = f"{number:010d}-24-000001/a.htm"
        filed = {"company": company, "year": 2015 + number % 10, "form": "10-K" if number % 2 else "10-Q"}
        documents.append(document(name, rows, accession=name.partition("/")[0], **filed))
    documents.append(document("broken.htm", [], error="not a filing: it holds <b>nothing</b>"))
    write_results(folder, documents)
    again = "Borrowings now bear interest at SOFR plus 2.25%."
    later = [document("new.htm", [entity(again, "2.25", SPREAD, 0.0225, confidence=0.61)])]
    return write_results(folder, later, run_id=SECOND_RUN, report={"tokens_per_second_of_the_model": 500.0})


@pytest.fixture(scope="session")
def page_file(results, tmp_path_factory):
    """The page of `results`."""
    return write_report(
        ReportConfig(output=place_of(results), html=place_of(tmp_path_factory.mktemp("page") / "page.html"))
    ).path.local_path


@pytest.fixture(scope="session")
def hostile_file(tmp_path_factory):
    """The page of a folder whose every string is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    sentence = f"{HOSTILE} a facility of $750 million {HOSTILE}"
    rows = [
        entity(sentence, "750", f"{CAPACITY}{HOSTILE[:200]}", 7.5e8, section=HOSTILE, index=index) for index in (1, 2)
    ]
    arabic = entity("شركة القروض 6.5% سنويا", "6.5", STATED, 0.065, index=3)
    documents = [
        document(HOSTILE, [*rows, arabic], company=HOSTILE, form=HOSTILE, source=f"https://x/{HOSTILE}"),
        document(f"{HOSTILE}2", [], source=f"/b/{HOSTILE}", error=HOSTILE),
    ]
    results = write_results(folder / "results", documents, run_id=FIRST_RUN, report={"device_reason": HOSTILE})
    return write_report(ReportConfig(output=place_of(results), html=place_of(folder / "page.html"))).path.local_path


@pytest.fixture
def visit(chromium):
    """Opens a page in a context of its own; at the end nothing was logged, asked for, or requested beyond the page."""
    opened, noise = [], []

    def watched(path, *, width=1360, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: noise.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri(), timeout=120_000)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", timeout=120_000)
        return page

    yield watched
    for context in opened:
        context.close()
    assert noise == []
