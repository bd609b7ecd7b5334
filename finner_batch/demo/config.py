"""What the demo is told, and what it needs."""

import importlib.util
from dataclasses import dataclass

from finner_batch.errors import UsageError
from finner_batch.tagger.device import DeviceChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """Settings of `finner-batch demo`; each is a flag and an environment variable."""

    model: tuple[str, ...] = ()
    """Model folders to choose from, beside the packaged one; the first is chosen at the start."""
    host: str = "127.0.0.1"
    """Address to listen on: this machine only, unless told otherwise."""
    port: int = 7860
    """TCP port to listen on."""
    device: DeviceChoice = "auto"
    """Where the model runs."""
    max_characters: int = 200_000
    """Characters of pasted text."""
    max_file_mb: int = 100
    """Mebibytes of a filing, as it is dropped and once decompressed."""
    timeout_s: float = 60.0
    """Seconds that reading one document may take."""


def require_demo_extra() -> None:
    """Raise UsageError where Gradio is missing."""
    if importlib.util.find_spec("gradio") is None:
        raise UsageError("gradio is not installed: the demo needs pip install 'finner-batch[demo]'")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    return host in {"localhost", "::1"} or host.startswith("127.")
