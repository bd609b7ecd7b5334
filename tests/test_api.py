"""The Python API: what docs/python.md shows."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import finner_batch
from finner_batch import DocumentError, RunConfig, UsageError, connect, extract, read_results, run

SAMPLES = Path(__file__).parents[1] / "data" / "filings"
TEXT = "The term loan bears interest at a fixed rate of 6.25% per annum. The facility provides for up to $75.0 million."


def test_a_text_gives_its_numbers_with_label_value_and_place():
    rate, size = extract(TEXT)

    assert (rate.label, rate.text, rate.value, rate.unit) == (
        "DebtInstrumentInterestRateStatedPercentage", "6.25", 0.0625, "pure"
    )  # fmt: skip
    assert (size.value, size.unit) == (75_000_000, "USD")
    assert 0.5 < rate.confidence <= 1
    for entity in (rate, size):
        assert entity.sentence[entity.start : entity.end] == entity.text
        assert TEXT[entity.document_start : entity.document_end] == entity.text


def test_files_give_the_rows_that_a_run_writes(tmp_path):
    paths = [*SAMPLES.glob("*.htm"), *SAMPLES.glob("*.txt")]
    run(RunConfig(input=tuple(map(str, paths)), output=str(tmp_path / "results"), workers=1))

    names = ["document_id", "label", "text", "value", "sentence", "start", "section", "document_type", "sec_url"]
    rows = read_results(
        tmp_path / "results", f"SELECT {', '.join(names)} FROM entities ORDER BY source, document_start"
    )

    given = [[getattr(entity, name) for name in names] for path in sorted(paths) for entity in extract(path)]
    assert given == [list(row.values()) for row in rows.to_pylist()]
    assert len(given) > 2
    with connect(tmp_path / "results") as connection:
        assert connection.sql("SELECT count(*) FROM documents").fetchall() == [(len(paths),)]
    large = read_results(tmp_path / "results", "FROM entities WHERE value > $least", least=1)
    assert large.num_rows == sum(entity.value > 1 for path in paths for entity in extract(path))


def test_the_session_is_kept_between_calls(monkeypatch):
    extract(TEXT)
    monkeypatch.setattr("finner_batch.api.load_model", lambda _: pytest.fail("loaded again"))
    assert len(extract(TEXT)) == 2


def test_several_threads_share_the_session():
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: extract(TEXT), range(8)))
    assert found == [extract(TEXT)] * 8


def test_what_cannot_be_read_says_why(tmp_path):
    with pytest.raises(UsageError, match=r"an archive of documents: finner_batch\.run reads it"):
        extract(tmp_path / "feed.tar.gz")
    with pytest.raises(UsageError, match="no such file"):
        extract(tmp_path / "none.htm")
    (tmp_path / "scan.htm").write_bytes(b"%PDF-1.4")
    with pytest.raises(DocumentError):
        extract(tmp_path / "scan.htm")
    with pytest.raises(UsageError, match=r"give pathlib\.Path"):
        extract(str(tmp_path / "scan.htm"))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        finner_batch.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_heavy():
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, finner_batch; print({'pyarrow', 'onnxruntime', 'lxml'} & set(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "set()"


def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch, capsys):
    page = (SAMPLES.parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    (tmp_path / "data").symlink_to(SAMPLES.parent)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, names)  # noqa: S102 - the page is ours

    shown = capsys.readouterr().out
    assert "DebtInstrumentInterestRateStatedPercentage 6.25 0.0625 pure" in shown
    assert "15 documents, 76 entities" in shown
    assert "['company', 'label', 'value']" in shown
    assert set(re.findall(r"^\| `(\w+)", page, re.MULTILINE)) <= set(finner_batch.__all__)
    assert all(f"`{name}" in page for name in finner_batch.__all__)
