"""finner-batch: EDGAR filings in, tagged financial numbers out, as Parquet."""

import os
import sys
from typing import TYPE_CHECKING

from finner_batch.version import __version__ as __version__

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


os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""Since 1.29, onnxruntime sends telemetry to Microsoft unless this is set before its import (see its Privacy.md)."""

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
"""Importing openvino reports to Google Analytics unless this module fails to import; openvino runs without it."""


def __getattr__(name: str) -> object:
    """Import the Python API (`finner_batch.api`) on first use, so that the command line starts fast."""
    from importlib import import_module  # noqa: PLC0415 - on first use only

    if name in __all__:
        return getattr(import_module("finner_batch.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
