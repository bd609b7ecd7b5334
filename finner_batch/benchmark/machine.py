"""The machine and the versions that a measurement was made with."""

import ctypes
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from finner_batch import __version__
from finner_batch.config import usable_cpus
from finner_batch.machine import PACKAGES, cpu_name, int8_instructions

_MORE_PACKAGES = ("beautifulsoup4", "numpy", "pysbd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the figures belong to. `load` is the average number of running processes in the minute before."""

    cpu: str
    cpus: int
    int8_instructions: str
    gpu: str | None
    system: str
    load: float
    versions: dict[str, str]


def describe_machine() -> Machine:
    """Look at this machine, before anything is measured."""
    return Machine(
        cpu=cpu_name(),
        cpus=usable_cpus(),
        int8_instructions=int8_instructions(),
        gpu=_gpu_name(),
        system=platform.platform(),
        load=os.getloadavg()[0],
        versions={
            "finner-batch": __version__,
            "python": platform.python_version(),
            **{name: found for name in (*PACKAGES, *_MORE_PACKAGES) if (found := _installed(name)) is not None},
        },
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpu_name() -> str | None:
    """Name of the first GPU, as its driver tells it; None without a driver or a GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(128)
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, 128, device):
        return None
    return name.value.decode("utf-8", "replace")
