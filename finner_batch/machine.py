"""The machine at hand: its processor, and the packages whose versions decide what it can do."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of the packages; those that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


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
