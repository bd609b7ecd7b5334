"""Every command, flag, file and link that a page shows is one that exists, and what can run here runs."""

import re
import shutil

import click
import pytest
from documentation import OTHER_PROGRAMS, PAGES, REPOSITORY, blocks_of, flags_of_all_commands, parse, run_page, text_of

from finner_batch.cli.main import COMMANDS
from finner_batch.results.schema import columns_markdown

RUN_ELSEWHERE = {"docs/training.md": "tests/training/test_walk.py, with a small base"}
FENCES = {"sh", "sh not-run", "console", "console not-run", "sql", "json", "text"}
QUICK = {"README.md"}
"""Pages that the quick tests run."""
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
MARKED_AS_CODE = re.compile(r"`([^`]+)`")


@pytest.fixture
def folder(page, request, tmp_path, monkeypatch):
    """What the pages assume: a checkout, filings of one's own, and the results of `make run`."""
    for name in ("data", "jobs", "sql"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    shutil.copytree(REPOSITORY / "data" / "filings", tmp_path / "filings")
    if page != "README.md":  # which begins with `make run`
        shutil.copytree(request.getfixturevalue("sample_results"), tmp_path / "results")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page in QUICK else [pytest.mark.slow])
        for page in PAGES
        if blocks_of(page) and page not in RUN_ELSEWHERE
    ],
)
def test_the_commands_of_a_page_run_and_print_what_it_shows(page):
    run_page(page)


@pytest.mark.parametrize("page", PAGES)
def test_no_command_stands_outside_a_fence_that_says_whether_it_runs(page):
    fences = re.findall(r"^```(.+)$", text_of(page), re.MULTILINE)
    assert set(fences) <= FENCES | ({"python"} if page == "docs/python.md" else set()), "tests/test_api.py runs Python"
    assert not re.search(r"^ {4,}(\$ )?(finner-batch|make|pip|python\S*) ", text_of(page), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_flags_within_a_line_exist(page):
    flags = flags_of_all_commands()
    for code in MARKED_AS_CODE.findall(FENCED.sub("", text_of(page))):
        program, *rest = code.split()
        if program in {"make", "python"} and rest:
            parse(f"{program} {' '.join(rest[:2])}")
        elif program not in OTHER_PROGRAMS | {"pip"}:
            assert set(re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", code)) <= flags, code
        if program == "finner-batch" and rest and re.fullmatch("[a-z]+", rest[0]):
            assert rest[0] in COMMANDS, code


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_a_page_lead_to_files_and_headings(page):
    for target, heading in re.findall(r"\]\(([^)#\s]*)#?([^)]*)\)", text_of(page)):
        if "://" in target:
            continue
        file = (REPOSITORY / page).parent / target if target else REPOSITORY / page
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
        assert not heading or heading in {anchor(line) for line in headings}, (target, heading)


def anchor(heading):
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "command",
    [
        "finner-batch rnu --input filings/",
        "finner-batch run --input filings/ --wrokers 2",
        "finner-batch run --input filings/ --device tpu",
        "ls filings | finner-batch run --input - --wrokers 2",
        "pip install 'finner-batch[nothing]'",
        "make nothing",
        "python data/nothing.py",
        "python -m finner_nothing",
        "finer-batch run",
    ],
)
def test_a_command_that_does_not_exist_is_found(command):
    with pytest.raises((AssertionError, click.UsageError)):
        parse(command)


def test_the_readme_leads_to_every_page_of_the_documentation():
    for path in (REPOSITORY / "docs").iterdir():
        assert f"(docs/{path.name})" in text_of("README.md")


def test_the_columns_are_those_of_the_schema():
    assert columns_markdown() in text_of("docs/schema.md")
