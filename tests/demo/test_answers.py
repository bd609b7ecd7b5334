"""What the page answers, with the packaged model and real reading processes, without Gradio."""

import gzip
import re

import pytest

from finner_batch.config import RunConfig
from finner_batch.demo.answers import EMPTY, EXAMPLES, PARAGRAPH, Answers
from finner_batch.demo.finder import DemoConfig, Finder, Upload
from finner_batch.errors import FinnerError, ModelError
from finner_batch.query.connection import connect
from finner_batch.runner.run import run

HOSTILE = (
    "<script>alert(1)</script> The <img src=x onerror=alert(1)> notes bear interest at 5.25%, \u202e${alert(1)} {{x}}."
    f"\n{'w' * 10_000}\n'; DROP TABLE entities; -- \x1b[31mred\x1b[0m"
)


@pytest.fixture(scope="module")
def finder(strict_model):
    with Finder(DemoConfig(model=(str(strict_model),), max_characters=30_000, max_file_mb=1)) as finder:
        yield finder


@pytest.fixture(scope="module")
def answers(finder):
    return Answers(finder)


@pytest.fixture(scope="module")
def packaged(finder):
    return next(model_id for model_id in finder.models if model_id.startswith("debt4@"))


@pytest.fixture(scope="module")
def strict(finder):
    return next(model_id for model_id in finder.models if model_id.startswith("strict@"))


def marks(shown):
    """The numbers marked in the text, without those of the table."""
    return re.findall("<mark>(.*?)</mark>", shown.partition("<table")[0])


def test_pasted_text_is_shown_whole_with_its_numbers(answers, packaged):
    reading, shown = answers.text(PARAGRAPH, packaged, 0.65, True)
    assert reading is not None
    assert "5 numbers found in the text" in shown
    assert marks(shown) == ["750.0", "1.25", "1.875", "5.375", "5.61"]
    assert "letters of credit of &#36;8.4 million" in shown
    assert shown.count('<tr role="row">') == 6
    assert "750,000,000" in shown


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_shows_the_rows_that_the_job_writes(answers, packaged, number, tmp_path):
    reading, shown = answers.example(number, packaged, 0.65, True)
    run(RunConfig(input=(str(EXAMPLES[number].path),), output=str(tmp_path / "results")))
    columns = "section, sentence, text, value, unit, label, confidence, document_start"
    with connect(tmp_path / "results") as connection:
        rows = connection.sql(f"SELECT {columns} FROM entities ORDER BY document_start").fetchall()
    (found,) = answers.finder.numbers(reading)
    assert [tuple(row[name] for name in columns.split(", ")) for row in found.rows] == rows
    assert f"{len(rows)} numbers found in {EXAMPLES[number].name}" in shown
    assert marks(shown) == [row[2] for row in rows]


def test_an_upload_is_read_compressed_too_and_deleted(answers, packaged, tmp_path):
    upload = tmp_path / "prairie.txt.gz"
    upload.write_bytes(gzip.compress(EXAMPLES[2].path.read_bytes()))
    reading, shown, emptied = answers.file(str(upload), packaged, 0.65, True)
    assert "numbers found in prairie.txt.gz" in shown
    assert emptied is None
    assert not upload.exists()
    assert not list(answers.finder._folder.iterdir())
    assert reading.documents[0].document.kind == "text"


def test_a_lower_threshold_shows_more_and_a_higher_one_fewer(answers, packaged):
    reading, own = answers.example(0, packaged, 0.65, True)
    counts = []
    for least in (0.05, 0.65, 0.965, 0.99):
        shown = answers.slider(reading, least)
        counts.append(len(marks(shown)))
        rows = [row for found in answers.finder.numbers(reading, least) for row in found.rows]
        assert all(row["confidence"] >= least for row in rows)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[1] == len(marks(own)) > counts[2] > counts[3]
    assert "No number was found at confidence 0.99" in shown
    assert answers.own_thresholds(reading, packaged, 0.99, True) == (own, 0.65)


def test_another_model_reads_the_same_again_with_its_own_thresholds(answers, packaged, strict):
    reading, _ = answers.text(PARAGRAPH, packaged, 0.65, True)
    again, shown, least = answers.model(reading, strict, 0.65, True)
    assert again.model.name == "strict"
    assert least == pytest.approx(1.0)
    assert "0 numbers found" in shown
    assert "No number was found at the model\u2019s own thresholds" in shown
    _, shown, least = answers.model(reading, strict, 0.65, False)
    assert (len(marks(shown)), least) == (5, 0.65)
    assert answers.model(None, strict, 0.5, False) == (None, EMPTY, 0.5)


def test_hostile_text_is_inert_and_shown(answers, packaged):
    _, shown = answers.text(HOSTILE, packaged, 0.65, True)
    assert marks(shown) == ["5.25"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert "U+202E" in shown
    assert "w" * 10_000 in shown


def test_a_hostile_filing_and_its_name_are_inert(answers, packaged, tmp_path):
    upload = tmp_path / "<img src=x>.htm"
    upload.write_text("<p>A &lt;script&gt; of 5.25% notes ${x}</p><script>alert(1)</script>")
    _, shown, _ = answers.file(str(upload), packaged, 0.05, False)
    assert marks(shown) == ["5.25"]
    assert "&lt;img src=x&gt;.htm" in shown
    assert "<script" not in shown


def test_too_much_text_or_too_large_a_file_is_refused_with_the_limit(answers, packaged, tmp_path):
    reading, shown = answers.text("x" * 30_001, packaged, 0.65, True)
    assert reading is None
    assert 'role="alert"' in shown
    assert "30,001 characters; the limit is 30,000" in shown
    large, bomb = tmp_path / "large.txt", tmp_path / "bomb.txt.gz"
    large.write_bytes(b"x" * 1_100_000)
    bomb.write_bytes(gzip.compress(b"notes of 5.25%\n" * 100_000))
    assert "The file has 1.0 MB; the limit is 1" in answers.file(str(large), packaged, 0.65, True)[1]
    assert "larger than 1 MiB (decompressed)." in answers.file(str(bomb), packaged, 0.65, True)[1]


@pytest.mark.parametrize(("content", "said"), [(b"", "an empty file"), (b"%PDF-1.7 x", "PDF"), (b"\x1f\x8bxx", "gzip")])
def test_a_file_that_cannot_be_read_says_why(answers, packaged, tmp_path, content, said):
    upload = tmp_path / "upload"
    upload.write_bytes(content)
    _, shown, _ = answers.file(str(upload), packaged, 0.65, True)
    assert 'role="alert"' in shown
    assert said in shown
    assert "--" not in shown


def test_without_text_there_is_a_hint(answers, packaged):
    assert "no text yet" in answers.text(" \n", packaged, 0.65, True)[1]
    assert answers.file(None, packaged, 0.65, True) == (None, EMPTY, None)
    assert answers.slider(None, 0.5) == EMPTY


def test_half_a_surrogate_pair_is_read_as_a_replacement_character(answers, packaged):
    assert marks(answers.text("a\ud800 note bears interest at 5.25%", packaged, 0.3, False)[1]) == ["5.25"]


def test_a_page_shows_so_many_numbers_and_says_so(answers, packaged, monkeypatch):
    monkeypatch.setattr("finner_batch.demo.results_html.MAX_SHOWN", 3)
    for reading, _ in (answers.text(PARAGRAPH, packaged, 0.65, True), answers.example(2, packaged, 0.65, True)):
        shown = answers.slider(reading, 0.65)
        assert "The first 3 of " in shown
        assert len(marks(shown)) == 3
        assert shown.count('<tr role="row">') == 4


def test_more_sentences_than_can_be_waited_for_are_refused(finder, packaged, monkeypatch):
    monkeypatch.setattr("finner_batch.demo.finder.MAX_SENTENCES", 3)
    with pytest.raises(FinnerError, match="More than 3 sentences"):
        finder.read(Upload.of_text(PARAGRAPH), packaged)


def test_a_missing_model_is_refused_before_anything_is_served():
    with pytest.raises(ModelError, match="nowhere"):
        Finder(DemoConfig(model=("nowhere",)))
