import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finner_batch.readers.document import Document, FailedDocument, Source
from finner_batch.readers.read import ReadOptions, read_documents

sys.path.insert(0, str(Path(__file__).parent))

from shard_files import json_table, parquet


class Stored:
    """Writes a file and reads it back as a source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def source(self, content: bytes | str, name: str = "filing.txt") -> Source:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Source(uri=str(path), name=name)

    def read(self, content: bytes | str, name: str = "filing.txt", **options) -> list[Document | FailedDocument]:
        return list(read_documents(self.source(content, name), ReadOptions(**options)))

    def read_one(self, content: bytes | str, name: str = "filing.txt", **options) -> Document:
        (document,) = self.read(content, name, **options)
        assert isinstance(document, Document), document
        return document


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


@pytest.fixture(params=[json_table, parquet], ids=["jsonl", "parquet"])
def shard(request):
    """Writes a table, columns by name, as a shard."""
    return request.param


@pytest.fixture
def batch_sizes(monkeypatch):
    """Rows that were asked for at a time, as Parquet files are read."""
    sizes: list[int] = []
    iter_batches = pq.ParquetFile.iter_batches

    def record(self, size, **options):
        sizes.append(size)
        return iter_batches(self, size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", record)
    return sizes
