"""Facts about this machine: its processor, installed packages, and the memory that this process uses."""

import os
import platform
import resource
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
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


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    """Return the name of the processor, `unknown` if the system does not give it."""
    return _cpuinfo("model name") or platform.processor() or "unknown"


def int8_instructions() -> str:
    """Return the fast int8 instructions of the processor, for a person."""
    return ", ".join(fast_int8()) or "none listed: int8 runs, but slowly"


def fast_int8() -> tuple[str, ...]:
    """Return the names of those instructions; none if the system does not list the features of the processor."""
    flags = cpu_flags()
    return tuple(name for name in ("amx_int8", "avx512_vnni", "avx_vnni") if name in flags)


@cache
def cpu_flags() -> frozenset[str]:
    """Return the features of the processor, by Linux' names; none if the system does not list them."""
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
