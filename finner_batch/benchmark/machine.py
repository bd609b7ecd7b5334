"""The machine and the versions that a measurement was made with."""

import os
import platform
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from finner_batch import __version__
from finner_batch.machine import PACKAGES, cpu_name, int8_instructions, usable_cpus
from finner_batch.tagger.device import visible_gpus

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
        gpu=", ".join(f"{count} x {name}" for name, count in Counter(visible_gpus()).items()) or None,
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
