import re

import pytest
from report_helpers import SECOND_RUN

from finner_batch.report.page import ReportConfig, write_report


def shown(page):
    """Numbers as marked in the rows of the table, in their order."""
    return page.locator("#rows mark").all_inner_texts()


def counted(page):
    """What the page says it shows."""
    return page.inner_text("#count")


def waits_for(page, count):
    """Wait until the page says that it shows so many."""
    page.locator("#count", has_text=re.compile(f"^{count}")).wait_for()


def searched(page, words, count):
    page.fill("#search", words)
    waits_for(page, count)


def test_the_table_opens_with_all_numbers_by_company_the_newest_filing_first(visit, page_file):
    page = visit(page_file)
    assert counted(page) == "241 of 241 numbers, rows 1 to 50"
    companies = page.locator("#rows .by > bdi").all_inner_texts()
    assert companies[0] == "Acme Corp"
    days = page.locator("#rows .by [data-of=period]").all_inner_texts()
    assert days == sorted(days, reverse=True)


def test_the_script_draws_the_first_rows_as_they_stood_in_the_page(visit, page_file):
    without, page = visit(page_file, java_script_enabled=False), visit(page_file)
    assert page.inner_text("#rows") == without.inner_text("#rows")
    assert page.locator("#rows details a").first.get_attribute("href") == without.locator(
        "#rows details a"
    ).first.get_attribute("href")


def test_a_search_finds_words_of_the_sentence_the_company_the_section_and_the_file(visit, page_file):
    page = visit(page_file)
    searched(page, '"facility 117 provides"', "1 of 241")
    assert shown(page) == ["217"]
    assert page.evaluate("CSS.highlights.get('search').size") == 1
    searched(page, '"series 11 bear"', "1 of")
    searched(page, "birch item", "80 of")
    searched(page, "new.htm", "1 of")
    assert shown(page) == ["2.25"]
    searched(page, "nothing holds this", "0 of")
    assert "No number fits" in page.inner_text("#rows")
    page.click("button[type=reset]")
    waits_for(page, "241 of")
    assert page.evaluate("document.activeElement.id") == "search"


def test_filters_narrow_together_and_say_how_many_each_choice_has(visit, page_file):
    page = visit(page_file)
    options = page.locator("#by-tag-filter option").all_inner_texts()
    assert options[0] == "All"
    assert "Basis spread on variable rate (1)" in options
    page.select_option("#by-tag-filter", label="Maximum borrowing capacity (120)")
    assert counted(page).startswith("120 of 241")
    page.select_option("#by-company-filter", label="not stated (80)")
    assert counted(page).startswith("40 of 241")
    page.select_option("#by-form-filter", label="10-Q (120)")
    assert counted(page).startswith("20 of 241")
    page.select_option("#by-year-filter", label="2015 (24)")
    assert counted(page).startswith("4 of 241")
    assert set(page.locator("#rows .by .where").all_inner_texts()) == {"10-Q 2015-12-31"}
    page.click("button[type=reset]")
    waits_for(page, "241 of")
    page.select_option("#by-confidence-filter", label="below 0.7")
    doubted = [float(text) for text in page.locator("#rows [data-of=confidence]").all_inner_texts()]
    assert doubted
    assert max(doubted) < 0.7
    page.select_option("#by-section-filter", label="Part II, Item 7 (120)")
    assert counted(page).startswith("0 of 241")


def test_headers_sort_both_ways_and_tell_a_screen_reader(visit, page_file):
    page = visit(page_file)
    header = page.locator("th", has=page.locator("[data-sort=value]"))
    page.click("[data-sort=value]")
    assert header.get_attribute("aria-sort") == "descending"
    assert page.locator("#rows .value").first.inner_text() == "$219m"
    page.click("[data-sort=value]")
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("#rows .value").first.inner_text() == "1%"
    page.click("[data-sort=value]")
    assert header.get_attribute("aria-sort") is None
    page.click("[data-sort=confidence]")
    assert page.locator("th[aria-sort]").count() == 1
    sure = [float(text) for text in page.locator("#rows [data-of=confidence]").all_inner_texts()]
    assert sure == sorted(sure)
    page.click("[data-sort=company]")
    assert page.locator("#rows .by > bdi").first.inner_text() == "Acme Corp"
    page.click("[data-sort=company]")
    assert page.locator("#rows .by > bdi").first.inner_text() == "Birch Holdings"


def test_pages_turn_by_buttons_number_and_size_and_hold_every_row_once(visit, page_file):
    page = visit(page_file)
    seen = []
    for _ in range(4):
        seen += page.locator("#rows .sentence").all_inner_texts()
        page.click("[data-go=next]")
    seen += page.locator("#rows .sentence").all_inner_texts()
    assert len(seen) == len(set(seen)) == 241
    assert counted(page).endswith("rows 201 to 241")
    assert page.locator("[data-go=next]").get_attribute("aria-disabled") == "true"
    page.click("[data-go=first]")
    page.fill("#page", "3")
    page.press("#page", "Enter")
    assert counted(page).endswith("rows 101 to 150")
    page.fill("#page", "99")
    page.press("#page", "Enter")
    assert page.input_value("#page") == "5"
    page.select_option("#size", "250")
    assert counted(page).endswith("rows 1 to 241")


def test_a_number_is_marked_in_the_colour_and_line_of_its_tag(visit, page_file):
    page = visit(page_file)
    styles = {}
    for row in page.locator("#rows .number").all():
        mark = row.locator("mark")
        css = mark.evaluate("e => { const s = getComputedStyle(e); return [s.borderBottomColor, s.borderBottomStyle] }")
        styles.setdefault(row.locator(".tag").inner_text(), set()).add(tuple(css))
        assert mark.inner_text() in row.locator(".sentence").inner_text()
    assert {len(found) for found in styles.values()} == {1}
    colours, lines = zip(*(next(iter(found)) for found in styles.values()), strict=True)
    assert len(set(colours)) == len(set(lines)) == len(styles)


def test_everything_is_reached_by_keyboard(visit, page_file):
    page = visit(page_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#numbers"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type('"facility 117 provides"')
    waits_for(page, "1 of")
    page.locator("[data-sort=value]").focus()
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort]").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.sort") == "tag"
    page.locator("#rows summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#rows details[open]").count() == 1
    assert "217,000,000 USD" in page.inner_text("#rows")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_without_javascript_the_figures_and_the_first_rows_are_there(visit, page_file):
    page = visit(page_file, java_script_enabled=False)
    assert page.locator("#rows .number").count() == 50
    assert "Without JavaScript" in page.inner_text("noscript")
    assert not page.locator("#controls").is_visible()
    assert not page.locator("#pages").is_visible()
    assert page.locator("[data-sort]:enabled").count() == 0
    assert "Acme Corp" in page.inner_text("main")


@pytest.mark.parametrize("width", [1360, 390, 320])
def test_a_hostile_filing_acts_on_nothing_and_breaks_nothing(visit, hostile_file, width):
    page = visit(hostile_file, width=width)
    page.click("#rows summary >> nth=0")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.scripts.length") == 1
    assert page.locator("img, b b, svg[onload]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = page.locator("#rows td").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().right)")
    assert max(boxes) <= width
    sentence = page.locator("#rows .sentence").last.inner_text()
    assert "<script>" in page.inner_text("#rows")
    assert r"\u202e" in page.inner_text("#rows")
    assert not re.search(r"[\x00-\x08\x1b\u202a-\u202e\u2066-\u2069\u200b]", page.inner_text("body"))
    assert "750" in sentence
    searched(page, "<script> drop", "3 of 3")


def test_a_filing_that_reads_from_right_to_left_keeps_to_its_own_cell(visit, hostile_file):
    page = visit(hostile_file)
    row = page.locator("#rows .number", has=page.locator("mark", has_text="6.5"))
    assert row.locator(".sentence").evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert row.evaluate("e => getComputedStyle(e).direction") == "ltr"
    assert row.locator("mark").inner_text() == "6.5"


def test_a_phone_shows_every_column_without_scrolling_sideways(visit, page_file):
    page = visit(page_file, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    row = page.locator("#rows .number").first
    for part in (".value", ".tag", ".sentence", ".by", ".sure"):
        box = row.locator(part).bounding_box()
        assert box["width"] > 0
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    page.select_option("#sort", "confidence")
    assert page.locator("th[aria-sort=ascending]").count() == 1


def test_a_phone_shows_failed_documents_whole(visit, page_file):
    page = visit(page_file, width=390, height=844)
    cells = page.locator("#failed tbody tr").first.locator("th, td")
    assert "not a filing" in cells.last.inner_text()
    for cell in cells.all():
        box = cell.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    assert page.locator("#failed tbody tr").first.bounding_box()["height"] < 300


def test_a_tag_has_the_same_colour_on_every_page(visit, page_file, results, tmp_path):
    other = write_report(ReportConfig(output=results, html=tmp_path / "page.html", run_id=SECOND_RUN)).path
    script = "e => getComputedStyle(e).getPropertyValue('--accent')"
    colours = []
    for path in (page_file, other):
        page = visit(path)
        spread = page.locator("#rows .number", has_text="Basis spread on variable rate")
        while not spread.count():
            page.click("[data-go=next]")
        colours.append(spread.first.evaluate(script))
    assert colours[0] == colours[1]


def test_print_leaves_the_controls_out_and_keeps_the_light_colours(visit, page_file):
    page = visit(page_file, color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    assert not page.locator("#controls").is_visible()
    assert not page.locator("#pages").is_visible()
    assert page.locator("#rows .number").first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("width", [1360, pytest.param(390, marks=pytest.mark.slow)])
def test_axe_finds_nothing_to_complain_of(visit, page_file, hostile_file, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe-core here: make .venv/.test"
    ).Axe()
    for path in (page_file, hostile_file):
        page = visit(path, width=width, color_scheme=scheme)
        page.click("#rows summary >> nth=0")
        page.fill("#search", "million")
        page.wait_for_timeout(100)
        found = axe.run(page).response["violations"]
        assert [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
