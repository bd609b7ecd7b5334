"""finner-batch: EDGAR filings in, tagged financial numbers out, as Parquet."""

import os
import sys

__version__ = "0.1.0"

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""From 1.29 on, onnxruntime reports to Microsoft unless this is set before it is imported (see its Privacy.md)."""

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
"""Importing openvino reports to Google Analytics unless this module of its cannot be imported; it does without."""
