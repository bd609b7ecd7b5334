"""The settings of a run, a benchmark and a plan, the flags made from them, and those that can change a row."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NamedTuple

from finner_batch.readers.document import recordable
from finner_batch.readers.submission import DocumentChoice
from finner_batch.tagging.device import BackendChoice, DeviceChoice

PIPELINE_VERSION = 4
"""Raised whenever the code would give other rows for the same input, model and settings, so that all are redone."""


class Flag(NamedTuple):
    """How the command line offers a setting: its help, the limits of a number, and the name of its value."""

    help: str
    least: float | None = None
    most: float | None = None
    metavar: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Settings of `finner-batch run`; each is a flag, an environment variable and a key of the job file."""

    input: tuple[str, ...]
    """Files, folders, globs or fsspec URLs."""
    output: Annotated[str, Flag("The results folder; created if it does not exist.")] = "results"
    shard: Annotated[
        str | None, Flag("Read only the I-th of N shares of the sources, as in 2/8; by default all.", metavar="I/N")
    ] = None
    form: Annotated[
        tuple[str, ...],
        Flag("Read only these forms, as in 10-K,10-Q or 10-K*; a later run can read the others.", metavar="FORM,..."),
    ] = ()
    documents: Annotated[
        DocumentChoice,
        Flag(
            "What to read of a full submission: the main document; with `debt` also EX-4, EX-10 and EX-13; "
            "with `all` every text document."
        ),
    ] = "main"
    tables: Annotated[bool, Flag("Read the text of tables too.")] = False
    user_agent: Annotated[
        str | None, Flag("Name and contact for web servers; sec.gov requires them.", metavar="TEXT")
    ] = None
    text_column: Annotated[
        tuple[str, ...],
        Flag("Text column of shards, by default `text`; repeatable. With it .csv and .tsv files are shards too."),
    ] = ()
    id_column: Annotated[str | None, Flag("Column of a shard with the ids of its rows.")] = None
    keep_column: Annotated[
        tuple[str, ...],
        Flag("Column of shards to copy into documents.kept, next to the keys of the path; repeatable."),
    ] = ()
    model: Annotated[str | None, Flag("Model folder; the packaged one by default.")] = None
    every_sentence: Annotated[
        bool, Flag("Also read sentences without the model's cues, such as a word of debt: some five times as many.")
    ] = False
    device: Annotated[DeviceChoice, Flag("Where the model runs.")] = "auto"
    engine: Annotated[Literal["local", "ray"], Flag("This machine's processes, or actors of a Ray cluster.")] = "local"
    address: Annotated[
        str | None, Flag("Ray cluster to join, or `auto`; without it one is started for the run.", metavar="HOST:PORT")
    ] = None
    backend: Annotated[
        BackendChoice, Flag("What runs the model; auto: OpenVINO (extra `openvino`) on a CPU where it is faster.")
    ] = "auto"
    workers: Annotated[
        int, Flag("Reading processes; 0: one per CPU, eight at most; on Ray one per CPU.", least=0, most=256)
    ] = 0
    batch_tokens: Annotated[int, Flag("Tokens in a batch; 0: the best number for the device.", least=0)] = 0
    window_sentences: Annotated[
        int, Flag("Sentences sorted by length and tagged together; 0: the best number for the device.", least=0)
    ] = 0
    cache_mb: Annotated[
        int | None,
        Flag(
            "MiB of the cache of tagged sentences, kept across runs; 0: none.  [default: 256, on a GPU 0]",
            least=0,
        ),
    ] = None
    timeout_s: Annotated[float, Flag("Time limit in seconds for reading or tagging one document.", least=0.1)] = 120.0
    memory_limit_mb: Annotated[int, Flag("Memory limit in MiB of a reading process.", least=256)] = 4096
    max_document_mb: Annotated[int, Flag("Maximum size in MiB of one document, decompressed.", least=1)] = 512
    commit_seconds: Annotated[float, Flag("Seconds between commits of finished documents.", least=0)] = 20.0
    commit_documents: Annotated[int, Flag("Number of finished documents that starts a commit.", least=1)] = 512

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
        """Every setting, for the run report; paths as `recordable` writes them."""
        return {
            name: recordable(value) if isinstance(value, str) else value for name, value in asdict(self).items()
        } | {"input": [recordable(given) for given in self.input]}


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """Settings of `finner-batch benchmark`."""

    input: tuple[str, ...]
    """Files, folders, globs or URLs; each repeat processes them twice. Of identical files only the first is read."""
    model: Annotated[str | None, Flag("Model folder; the packaged one by default.")] = None
    device: Annotated[DeviceChoice, Flag("Where the model runs.")] = "auto"
    backend: Annotated[BackendChoice, Flag("What runs the model; auto: as in a run.")] = "auto"
    repeats: Annotated[int, Flag("Number of times to measure everything.", least=1)] = 5
    compare: Annotated[bool, Flag("Measure the usual stack too (extra `benchmark`).")] = False
    compare_sentences: Annotated[
        int, Flag("Maximum number of sentences that the backends and the usual stack tag.", least=1)
    ] = 512
    """More favour this program, which sorts them by length."""
    times: Annotated[
        int, Flag("Also run over this many copies of the input, to see how time and memory grow.", least=1)
    ] = 1
    price_per_hour: Annotated[float | None, Flag("Price of this machine, to compute the cost.", least=0)] = None
    ceiling_seconds: float = 1.0
    """Seconds of matrix multiplication per repeat and precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConfig:
    """Settings of `finner-batch plan`."""

    run: RunConfig
    """The planned run; what its results folder holds is not read again."""
    machines: Annotated[int, Flag("Number of machines that share the input by --shard.", least=1)] = 1
    benchmark: Annotated[
        str | None,
        Flag("A file of `finner-batch benchmark --json`; by default the newest of data/benchmarks.", metavar="FILE"),
    ] = None
    price_per_hour: Annotated[
        float | None, Flag("Price of a machine; by default the price in the benchmark file.", least=0)
    ] = None
    sample: Annotated[int, Flag("Number of files to read, to count what they hold.", least=1)] = 40
