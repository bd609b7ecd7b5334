"""finner-batch: EDGAR filings in, tagged financial numbers out, as Parquet."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finner_batch.api import (
        DocumentError,
        Entity,
        FinnerError,
        RunConfig,
        RunReport,
        UsageError,
        connect,
        extract,
        read_results,
        run,
    )

__all__ = [
    "DocumentError",
    "Entity",
    "FinnerError",
    "RunConfig",
    "RunReport",
    "UsageError",
    "connect",
    "extract",
    "read_results",
    "run",
]
__version__ = "0.1.0"

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""From 1.29 on, onnxruntime reports to Microsoft unless this is set before it is imported (see its Privacy.md)."""

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
"""Importing openvino reports to Google Analytics unless this module of its cannot be imported; it does without."""


def __getattr__(name: str) -> object:
    """Offer the Python API (`finner_batch.api`), which is imported when it is first used: the command line is light."""
    from importlib import import_module  # noqa: PLC0415 - see above

    if name in __all__:
        return getattr(import_module("finner_batch.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
