"""The machine at hand: its processor, and the packages whose versions decide what it can do."""

import platform
from pathlib import Path

PACKAGES = (
    "onnxruntime-gpu",
    "onnxruntime",
    "tokenizers",
    "lxml",
    "nupunkt",
    "pyarrow",
    "duckdb",
    "torch",
    "transformers",
)


def cpu_name() -> str:
    """The processor's own name, where the system tells it."""
    return _cpuinfo("model name") or platform.processor() or "unknown"


def int8_instructions() -> str:
    """Which fast int8 instructions the processor lists."""
    flags = set(_cpuinfo("flags").split())
    found = [name for name in ("amx_int8", "avx512_vnni", "avx_vnni") if name in flags]
    return ", ".join(found) or "none listed: int8 runs, but slowly"


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
