"""Every command, flag, file and link that a page shows is one that exists, and what can run here runs."""

import re
import shlex
import shutil

import pytest
from documentation import PAGES, REPOSITORY, blocks_of, flags_of_all_commands, parse, run_page, text_of

from finner_batch.cli.main import COMMANDS
from finner_batch.store.schema import columns_markdown

RUN_ELSEWHERE = {"docs/training.md": "tests/training/test_walk.py, with a small base"}
FLAGS_OF_OTHERS = {"--backend-store-uri", "--debug", "--nproc-per-node", "--no-deps"}
MARKED_AS_CODE = re.compile(r"`([^`\n]+)`")


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
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page) and page not in RUN_ELSEWHERE])
def test_the_commands_of_a_page_run_and_print_what_it_shows(page):
    run_page(page)


@pytest.mark.parametrize("page", PAGES)
def test_no_command_stands_outside_a_fence_that_says_whether_it_runs(page):
    fences = re.findall(r"^```(.+)$", text_of(page), re.MULTILINE)
    assert set(fences) <= {"sh", "sh not-run", "console", "console not-run", "sql", "python", "json", "text"}
    assert not re.search(r"^ {4,}(\$ )?(finner-batch|make|pip|python\S*) ", text_of(page), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_flags_within_a_line_exist(page):
    known = flags_of_all_commands() | FLAGS_OF_OTHERS
    for code in MARKED_AS_CODE.findall(text_of(page)):
        assert set(re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", code)) <= known, code
        words = shlex.split(code, posix=False) if code.startswith(("finner-batch ", "make ", "python ")) else []
        if words[:1] == ["finner-batch"] and words[1].isalpha() and words[1].islower():
            assert words[1] in COMMANDS, code
        elif words and words[0] != "finner-batch" and not words[1].isupper():
            parse(" ".join(words[:3]))


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_a_page_are_files(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(page)):
        if "://" not in target:
            assert ((REPOSITORY / page).parent / target).exists(), target


def test_the_readme_leads_to_every_page_of_the_documentation():
    for path in (REPOSITORY / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in text_of("README.md")


def test_the_columns_are_those_of_the_schema():
    assert columns_markdown() in text_of("docs/schema.md")
