"""finner-batch: EDGAR filings in, tagged financial numbers out, as Parquet."""

import os

__version__ = "0.1.0"

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""From 1.29 on, onnxruntime reports to Microsoft unless this is set before it is imported (see its Privacy.md)."""
