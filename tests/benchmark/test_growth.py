import gzip
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from finner_batch.benchmark.benchmark_summary import summary
from finner_batch.benchmark.measure import measure
from finner_batch.benchmark.whole_run import measure_growth, write_copies
from finner_batch.config import BenchmarkConfig
from finner_batch.errors import UsageError
from finner_batch.readers.discover import discover
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.text.extract import extract

TEXT = "<html><body><p>The notes bear interest at 5.25% per annum.</p></body></html>\n"


def text_of(path):
    (source,) = discover([str(path)])
    (document,) = read_documents(source, ReadOptions())
    return extract(document.content, document.markup).text


def test_copies_have_bytes_of_their_own_and_all_the_same_text(tmp_path):
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "a.htm").write_text(TEXT)
    (inputs / "b.htm.gz").write_bytes(gzip.compress(TEXT.encode()))
    (inputs / "c.htm.zst").write_bytes(zstandard.compress(TEXT.encode()))
    (inputs / "d.txt").write_text("THE NOTES\n\nThe notes bear interest at 5.25% per annum.")
    write_copies(discover([str(inputs)]), 3, tmp_path / "copies")
    for name in ("a.htm", "b.htm.gz", "c.htm.zst", "d.txt"):
        made = sorted((tmp_path / "copies").glob(f"*/*/{name}"))
        assert len(made) == len({path.read_bytes() for path in made}) == 3
        assert made[0].read_bytes() == (inputs / name).read_bytes()
        assert {text_of(path) for path in made} == {text_of(inputs / name)}


def test_a_shard_cannot_be_made_distinct(tmp_path):
    pq.write_table(pa.table({"text": ["The rate is 4.5%."]}), tmp_path / "shard.parquet")
    with pytest.raises(UsageError, match="--times takes filings"):
        write_copies(discover([str(tmp_path)]), 2, tmp_path / "copies")


@pytest.mark.slow
def test_as_many_copies_have_as_many_times_the_rows(filings):
    growth = measure_growth(discover([str(filings)]), 3, ("--device", "cpu"))
    first, last = growth.once
    assert first.documents == last.documents == 2
    assert (growth.copies.documents, growth.copies.failed) == (6, 0)
    assert growth.copies.entities == 3 * first.entities > 0
    each = (first.seconds + last.seconds) / 4
    assert growth.time_ratio == pytest.approx(growth.copies.seconds / 6 / each)
    assert growth.peak_ratio == growth.copies.peak_bytes / max(first.peak_bytes, last.peak_bytes)


@pytest.mark.slow
def test_the_command_prints_growth_and_what_the_companys_earlier_filings_held(tmp_path):
    quarter = tmp_path / "quarter"
    quarter.mkdir()
    for number, period in enumerate(("2023-12-31", "2024-03-31")):
        head = (
            "<SEC-DOCUMENT>\n<SEC-HEADER>\nACCESSION NUMBER: 0000000001-24-00000{n}\n"
            "CONFORMED SUBMISSION TYPE: 10-Q\nCONFORMED PERIOD OF REPORT: {period}\nCENTRAL INDEX KEY: 0000000001\n"
            "</SEC-HEADER>\n<DOCUMENT>\n<TYPE>10-Q\n<SEQUENCE>1\n<FILENAME>q.htm\n<TEXT>\n"
        ).format(n=number, period=period.replace("-", ""))
        (quarter / f"{number}.txt").write_text(f"{head}{TEXT}</TEXT>\n</DOCUMENT>\n</SEC-DOCUMENT>\n")
    config = BenchmarkConfig(input=(str(quarter),), device="cpu", repeats=1, times=2, ceiling_seconds=0.0)
    figures = measure(config)
    text = summary(figures)
    (known,) = figures.known_before.values()
    assert (known.filings, known.known_tokens) == (1, known.tokens)
    assert "10-Q, a quarter after the company's last (1 filings)" in text
    assert "100.0% of them tagged in the company's earlier filings" in text
    assert "2 times the input, made distinct, no cache: 4 documents (0 failed)" in text
    assert "2 times the input" not in summary(replace(figures, growth=None))
