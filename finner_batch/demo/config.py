"""The settings of the demo, and a check for its extra."""

import importlib.util
from dataclasses import dataclass

from finner_batch.errors import UsageError
from finner_batch.tagger.device import DeviceChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """Settings of `finner-batch demo`; each is a flag and an environment variable."""

    model: tuple[str, ...] = ()
    """Model folders to offer in addition to the packaged one; the first is selected at the start."""
    host: str = "127.0.0.1"
    """Address to listen on; by default only this machine can connect."""
    port: int = 7860
    """TCP port to listen on."""
    device: DeviceChoice = "auto"
    """Where the model runs."""
    max_characters: int = 200_000
    """Maximum length of pasted text in characters."""
    max_file_mb: int = 100
    """Maximum size of a filing in MiB, both as uploaded and decompressed."""
    timeout_s: float = 60.0
    """Time limit in seconds for reading one document."""


def require_demo_extra() -> None:
    """Raise UsageError if Gradio is missing."""
    if importlib.util.find_spec("gradio") is None:
        raise UsageError("gradio is not installed: the demo needs pip install 'finner-batch[demo]'")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    return host in {"localhost", "::1"} or host.startswith("127.")
