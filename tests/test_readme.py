from pathlib import Path

from finner_batch.results.schema import columns_markdown

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_the_columns_as_the_schema_has_them():
    assert columns_markdown() in README


def test_the_files_that_the_readme_names_are_there():
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "NOTICE", "data/README.md", "finner_batch/models/debt4/README.md"):
        assert name in README
        assert (Path(__file__).parents[1] / name).is_file()
