"""Writes the shards that tests read."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq


def parquet(table: dict | pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, sink, **options)
    return sink.getvalue()


def json_lines(*rows: object) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def json_table(table: dict) -> bytes:
    return json_lines(*(dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)))
