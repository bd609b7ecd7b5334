"""The columns of a results folder: type, unit and meaning of each.

`ENTITIES` and `DOCUMENTS` are pyarrow schemas. Every field has its `unit` and `meaning` as metadata, which the Parquet
files keep and from which docs/schema.md is made (`columns_markdown`).
"""

import pyarrow as pa

SCHEMA_VERSION = 3
"""Increased when a column is added or changes its meaning; in every entity row and in the metadata of every file.

Columns that files of an earlier version lack are read as null (`with_all_columns`)."""

OK = "ok"
FAILED = "failed"
REMOVED = "removed"
"""Status of a tombstone: the source no longer holds this document. No view shows it."""
FINISHED = "finished"
"""Status of the row that closes a shard: every row of the file with this `sha256` is done. No view shows it.

A file in an object store has such a row too, with its version (`Source.version`) as document_id."""

READ_AGAIN = frozenset({"NotTheFilingError"})
"""Error types of failed documents that every run reads again: fetching them again may have corrected them."""

REFUSED = READ_AGAIN | {"DocumentError"}
"""Error types that are due to the content of a file: any other file with the same bytes fails too."""

SHARD_KINDS = frozenset({"parquet", "jsonl", "csv"})
"""Kinds of files whose rows are documents: `sha256` is that of the row's text, and each row is committed by itself."""
_REPETITIVE_IN_BOTH = (
    *("source", "cik", "company", "form_type", "document_type", "period_of_report", "filing_date"),
    *("model_id", "run_id"),
)
REPETITIVE = {
    "entities": (
        *_REPETITIVE_IN_BOTH,
        *("document_id", "accession_number", "section", "sentence", "label", "unit", "scale"),
        "schema_version",
    ),
    "documents": (*_REPETITIVE_IN_BOTH, "kind", "status", "stage", "error_type", "config_id"),
}
"""Columns stored with a dictionary: they have few distinct values, or the same value in neighbouring rows."""


def _column(name: str, type_: pa.DataType, meaning: str, *, unit: str = "", null: bool = False) -> pa.Field:
    return pa.field(name, type_, nullable=null, metadata={"unit": unit, "meaning": meaning})


_HEADER = [
    _column("accession_number", pa.string(), "EDGAR accession number with dashes: `0000320193-23-000106`", null=True),
    _column("cik", pa.string(), "SEC's number of the filer, ten digits", null=True),
    _column("company", pa.string(), "name of the filer", null=True),
    _column("form_type", pa.string(), "form: `10-K`, `10-Q`, `8-K`, …", null=True),
    _column(
        "document_type",
        pa.string(),
        "type of the document: the form, or `EX-10.1`, `EX-13`, …",
        null=True,
    ),
    _column("period_of_report", pa.date32(), "end of the period that the filing reports", null=True),
    _column("filing_date", pa.date32(), "day of filing", null=True),
]

ENTITIES = pa.schema(
    [
        _column(
            "document_id", pa.string(), "accession number and document name; a shard row's own id, else `name#row`"
        ),
        _column("source", pa.string(), "absolute path or URL of the file that was read"),
        *_HEADER,
        _column("section", pa.string(), "Part, Item and note heading above the sentence", null=True),
        _column("sentence_index", pa.int32(), "position among the document's sentences, from 0", unit="sentences"),
        _column("sentence", pa.string(), "the sentence that states the number"),
        _column("start", pa.int32(), "start in `sentence`: `sentence[start:end] == text`", unit="code points"),
        _column("end", pa.int32(), "end in `sentence`, exclusive", unit="code points"),
        _column("document_start", pa.int64(), "start in the document's extracted text", unit="code points"),
        _column("document_end", pa.int64(), "end in the document's extracted text, exclusive", unit="code points"),
        _column("label", pa.string(), "concept name, without `B-`"),
        _column("text", pa.string(), "the number as printed: `2.25`"),
        _column("value", pa.float64(), "the number times its scale: 0.0225; 1500000000.0", unit="`unit`", null=True),
        _column("unit", pa.string(), "`pure` for rates, an ISO 4217 code for money; null where not stated", null=True),
        _column("scale", pa.int32(), "power of ten from the printed number to `value`: -2 percent, 6 million"),
        _column("confidence", pa.float64(), "calibrated probability of `label`", unit="0..1"),
        _column("before_text", pa.string(), "struck-out number that this one replaces, as printed", null=True),
        _column("before_value", pa.float64(), "value of `before_text`", unit="`unit`", null=True),
        _column(
            "sec_url",
            pa.string(),
            "address at EDGAR: if the document's name there is known, with a text fragment that leads to the number, "
            "else the filing's index",
            null=True,
        ),
        _column("model_id", pa.string(), "model that found it"),
        _column("run_id", pa.string(), "run that wrote it"),
        _column("schema_version", pa.int32(), "version of these columns"),
    ],
    metadata={"finner_batch.table": "entities", "finner_batch.schema_version": str(SCHEMA_VERSION)},
)

DOCUMENTS = pa.schema(
    [
        ENTITIES.field("document_id"),
        ENTITIES.field("source"),
        _column(
            "sha256",
            pa.string(),
            "SHA-256 of the file as stored, or of a shard row's text and kept columns; null if unread",
            null=True,
        ),
        _column("bytes", pa.int64(), "size of the content that `sha256` identifies", unit="bytes", null=True),
        _column(
            "content_id",
            pa.string(),
            "digest of the letters and digits of the text, the same in every copy of the document; null if unread",
            null=True,
        ),
        _column(
            "kind",
            pa.string(),
            "`ixbrl`, `html`, `text`, `sgml-…`, `parquet`, `jsonl`, `csv`; null if unread",
            null=True,
        ),
        *_HEADER,
        _column(
            "ciks",
            pa.list_(pa.string()),
            "all filers of the filing, as `cik`; that one is first",
            null=True,
        ),
        _column("sec_url", pa.string(), "address at EDGAR: the document's, or its filing's index", null=True),
        _column("status", pa.string(), "`ok`, `failed`; in the files also `removed`, `finished`, which no view shows"),
        _column("stage", pa.string(), "stage that failed: `read`, `decode`, `extract`, …", null=True),
        _column("error_type", pa.string(), "class of the error", null=True),
        _column("error", pa.string(), "cause of the failure, and what to do about it", null=True),
        _column("sentences", pa.int32(), "sentences of the document", unit="sentences", null=True),
        _column(
            "tagged_sentences",
            pa.int32(),
            "sentences given to the model: those with a number and one of the model's cues",
            unit="sentences",
            null=True,
        ),
        _column(
            "unread_exhibits",
            pa.list_(pa.string()),
            "exhibits that, as it says, hold its financial statements or debt, and that were not read with it",
            null=True,
        ),
        _column("entities", pa.int32(), "rows of this document in `entities`", unit="rows"),
        _column("seconds", pa.float64(), "CPU time of its stages and the model's wall clock", unit="s", null=True),
        _column("model_id", pa.string(), "model that read it"),
        _column("config_id", pa.string(), "settings with which it was read"),
        _column("run_id", pa.string(), "run that wrote it"),
        _column(
            "kept",
            pa.map_(pa.string(), pa.string()),
            "keys of the path (`year=2023/`), and for a shard's row the columns named by `--keep-column`, as text: "
            "`kept['year']`",
            null=True,
        ),
    ],
    metadata={"finner_batch.table": "documents", "finner_batch.schema_version": str(SCHEMA_VERSION)},
)

FROM_DOCUMENT = ("document_id", "source", *(field.name for field in _HEADER), "model_id", "run_id", "schema_version")
"""Columns of `ENTITIES` that are the same for all entities of a document; the writer fills them in."""

ENTITY_OWN = pa.schema([field for field in ENTITIES if field.name not in FROM_DOCUMENT])
"""The other columns of `ENTITIES`, `section` to `sec_url`."""


def with_all_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of an earlier version with all columns of `schema`, in its order; missing columns are null."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def columns_markdown() -> str:
    """Return both tables of columns as Markdown, for the documentation."""
    return "\n\n".join(_table(name, schema) for name, schema in (("entities", ENTITIES), ("documents", DOCUMENTS)))


def _table(name: str, schema: pa.Schema) -> str:
    lines = [f"| `{name}` | type | unit | meaning |", "|---|---|---|---|"]
    for field in schema:
        type_ = f"{field.type}" + (", null" if field.nullable else "")
        type_ = type_.replace("double", "float64").replace("date32[day]", "date32").replace("<item: ", "<")
        lines.append(
            f"| `{field.name}` | {type_} | {field.metadata[b'unit'].decode()} | {field.metadata[b'meaning'].decode()} |"
        )
    return "\n".join(lines)
