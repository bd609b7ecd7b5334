"""What a run is told, and which of it can change a row."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

from finner_batch.sources.names import recordable
from finner_batch.sources.submission import Chosen
from finner_batch.tagger.device import BackendChoice, DeviceChoice

PIPELINE_VERSION = 4
"""Raised whenever the code would give other rows for the same input, model and settings: all is then done again."""

MEBIBYTE = 1 << 20


def usable_cpus() -> int:
    """CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Settings of `finner-batch run`; each is a flag, an environment variable and a key of the job file."""

    input: tuple[str, ...]
    """Files, folders, globs or fsspec URLs."""
    output: str = "results"
    """The results folder; made where there is none."""
    shard: str | None = None
    """`i/n`: read only the i-th of n shares of the sources; None reads all."""
    form: tuple[str, ...] = ()
    """Forms to read, such as `10-K` or `10-K*`; none reads all. What is left out is not done."""
    documents: Chosen = "main"
    """Of a full submission: the main document, the exhibits on debt too (EX-4, EX-10, EX-13), or all that are text."""
    tables: bool = False
    """Read the text of tables too."""
    user_agent: str | None = None
    """How web servers are asked: a name and a contact, which the SEC requires."""
    text_column: tuple[str, ...] = ()
    """Text columns of Parquet, JSONL and CSV shards; none is `text`, and leaves out the CSV files of folders."""
    id_column: str | None = None
    """Column of a shard that names its rows."""
    keep_column: tuple[str, ...] = ()
    """Columns of a shard whose values go into `documents`, beside the keys of its path."""
    model: str | None = None
    """Model folder; None is the packaged one."""
    every_sentence: bool = False
    """Read the sentences with a number that lack the model's cues too."""
    device: DeviceChoice = "auto"
    """Where the model runs."""
    engine: Literal["local", "ray"] = "local"
    """Where the stages run: in processes of this machine, or as actors of a Ray cluster."""
    address: str | None = None
    """The Ray cluster to join, `host:port` or `auto`; None starts one on this machine for the run."""
    backend: BackendChoice = "auto"
    """What runs it; `auto` is OpenVINO on a CPU where it is installed, faster, and gives the same bits in every batch,
    else onnxruntime."""
    workers: int = 0
    """Processes that read and tokenise; 0 is one per CPU, eight at most. On Ray: actors; 0 is one per CPU."""
    batch_tokens: int = 0
    """Tokens in a batch; 0 is the device's own best."""
    window_sentences: int = 0
    """Sentences with a number that are gathered before they are sorted by length and tagged; 0 is the device's best."""
    cache_mb: int | None = None
    """Mebibytes that the cache of tagged sentences may take in the results folder; 0 switches it off, None is the
    device's own best."""
    timeout_s: float = 120.0
    """Seconds that one document may take to read, to tag, and to find the values of, each."""
    memory_limit_mb: int = 4096
    """Mebibytes that a reading process may use."""
    max_document_mb: int = 512
    """Mebibytes that one document may have once decompressed."""
    commit_seconds: float = 20.0
    """Seconds between commits of finished documents."""
    commit_documents: int = 512
    """Documents that wait before they are committed."""

    @property
    def config_id(self) -> str:
        """Digest of the pipeline's version and the settings that can change a row, e.g. `7d1e0c55ab12`."""
        rows = {"pipeline_version": PIPELINE_VERSION, **self.of_rows}
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def of_rows(self) -> dict[str, Any]:
        """The settings that can change a row."""
        kept = {"keep_column": self.keep_column} if self.keep_column else {}
        return {
            "documents": self.documents,
            "tables": self.tables,
            "text_column": self.text_column or ("text",),
            "id_column": self.id_column,
            "every_sentence": self.every_sentence,
            **kept,
        }

    def as_json(self) -> dict[str, Any]:
        """Every setting, for the run report; paths as `sources.names.recordable` writes them."""
        return {
            name: recordable(value) if isinstance(value, str) else value for name, value in asdict(self).items()
        } | {"input": [recordable(given) for given in self.input]}
