"""The page in a real Chromium: what a visitor does, and what is seen."""

import re

import pytest

from finner_batch.demo.answers import EXAMPLES, PARAGRAPH

HOSTILE = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> {{#each x}} ${window.hacked=1} \u202e"


def marks(page):
    return page.locator(".fb-text mark").all_inner_texts()


def waits_for(page, said):
    page.locator(".fb-count", has_text=said).wait_for()


def paste(page, text):
    page.get_by_label("Paste text").fill(text)
    page.get_by_role("button", name="Find numbers").click()


def press(page, name):
    page.get_by_role("button", name=name).click()


def test_pasted_text_shows_its_numbers_marked_and_as_a_table(visit):
    page = visit()
    paste(page, PARAGRAPH)
    waits_for(page, "5 numbers found in the text")
    assert marks(page) == ["750.0", "1.25", "1.875", "5.375", "5.61"]
    tag = page.locator(".fb-number", has_text="750.0").locator(".fb-tag")
    assert re.sub(r"\s+", " ", tag.inner_text()).strip("() ").startswith("facility size 750,000,000 USD 0.9")
    first = page.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
    assert first[:4] == ["facility size", "750.0", "750,000,000", "USD"]
    assert first[6].startswith("On March 14, 2023")
    colours = page.locator(".fb-text mark").evaluate_all("marks => marks.map(m => getComputedStyle(m).backgroundColor)")
    assert len(set(colours)) == 4


@pytest.mark.slow
def test_the_threshold_can_be_moved_and_put_back(visit):
    page = visit()
    press(page, "a paragraph")
    waits_for(page, "5 numbers")
    page.get_by_label("number input for Confidence").fill("0.99")
    page.get_by_label("number input for Confidence").press("Enter")
    waits_for(page, "0 numbers")
    own = page.get_by_label("The model\u2019s own thresholds")
    assert not own.is_checked()
    slider = page.locator("#fb-least input[type=range]")
    slider.focus()
    for _ in range(3):
        slider.press("PageDown")
    waits_for(page, "5 numbers")
    own.check()
    page.wait_for_function("document.querySelector('#fb-least input[type=range]').value == '0.65'")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_shows_its_company_and_numbers(visit, example):
    page = visit()
    press(page, example.caption)
    waits_for(page, f"numbers found in {example.name}")
    assert len(marks(page)) >= 10
    assert page.get_by_role("row").count() == len(marks(page)) + 1


def test_another_model_reads_the_same_again(visit):
    page = visit()
    press(page, "a paragraph")
    waits_for(page, "5 numbers")
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=re.compile("strict@")).click()
    waits_for(page, "0 numbers")
    page.get_by_text("No number was found at the model\u2019s own thresholds").wait_for()


def test_a_dropped_filing_is_read_and_deleted(visit, server):
    page = visit()
    page.locator("#fb-file input[type=file]").set_input_files(EXAMPLES[0].path)
    waits_for(page, f"numbers found in {EXAMPLES[0].name}")
    page.get_by_text("Alder Ridge Packaging, Inc. \u00b7 10-K").wait_for()
    assert server.left() == []
    page.locator("#fb-file input[type=file]").wait_for(state="attached")


def test_what_is_too_large_is_said_in_the_page(visit, server, tmp_path):
    page = visit()
    paste(page, "x" * 30_001)
    page.get_by_role("alert").filter(has_text="30,001 characters; the limit is 30,000").wait_for()
    large = tmp_path / "large.htm"
    large.write_text("<p>" + "x" * 1_100_000)
    page.locator("#fb-file input[type=file]").set_input_files(large)
    page.get_by_role("alert").filter(has_text="The file has 1.0 MB; the limit is 1").wait_for()
    assert server.left() == []


def test_hostile_text_does_nothing_and_breaks_nothing(visit):
    page = visit(width=390, height=844)
    paste(page, f"{HOSTILE} The notes bear interest at 5.25%.\n{'w' * 10_000}")
    waits_for(page, "1 number found")
    assert marks(page) == ["5.25"]
    shown = page.locator(".fb-text").inner_text()
    assert HOSTILE[:-1] in shown
    assert "U+202E" in shown
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious_in_what_is_ours(visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core here: make .venv/.test")
    page = visit(color_scheme=scheme)
    for example in (None, EXAMPLES[0]):
        if example:
            press(page, example.caption)
            waits_for(page, "numbers found")
            pale = "document.querySelector('.fb-results .html-container')"
            page.wait_for_function(f"getComputedStyle({pale}).opacity == 1")
        violations = axe.Axe().run(page).response["violations"]
        serious = [
            (violation["id"], node["html"][:200])
            for violation in violations
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]
        assert serious == []


@pytest.mark.slow
def test_a_phone_shows_all_of_it_without_scrolling_sideways(visit):
    page = visit(width=390, height=844)
    press(page, EXAMPLES[0].caption)
    waits_for(page, "numbers found")
    page.wait_for_function("scrollY > 300")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cell = page.get_by_role("row").nth(1).get_by_role("cell").nth(6).bounding_box()
    assert 0 <= cell["x"] < cell["x"] + cell["width"] <= 390
