"""The machine that the program runs on: its processor, its clocks, and the memory that this process uses."""

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MEBIBYTE = 1 << 20

PACKAGES = (
    "onnxruntime-gpu",
    "onnxruntime",
    "openvino",
    "tokenizers",
    "lxml",
    "nupunkt",
    "pyarrow",
    "duckdb",
    "torch",
    "transformers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clocks of a run; a simulation hands in its own."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds from an arbitrary moment; never runs backwards."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def own_peak_bytes() -> int:
    """Return the peak resident memory of this process. Other systems than Linux may include the parent process."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def cpu_name() -> str:
    """The processor's own name, where the system tells it."""
    return _cpuinfo("model name") or platform.processor() or "unknown"


def int8_instructions() -> str:
    """Which fast int8 instructions the processor lists."""
    return ", ".join(fast_int8()) or "none listed: int8 runs, but slowly"


def fast_int8() -> tuple[str, ...]:
    """The names of those instructions; none on a processor whose instructions the system does not list."""
    flags = cpu_flags()
    return tuple(name for name in ("amx_int8", "avx512_vnni", "avx_vnni") if name in flags)


def cpu_flags() -> frozenset[str]:
    """What the processor can do, by Linux' names; none where the system does not list it."""
    return frozenset(_cpuinfo("flags").split())


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
