"""`finner-batch demo`: wraps `finner_batch.demo.server`."""

import dataclasses
import logging
from typing import Any

import click

from finner_batch.demo.finder import DemoConfig, require_demo_extra

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(DemoConfig)}


@click.command
@click.option(
    "--model", multiple=True, help="Model folder to offer in addition to the packaged one; may be given several times."
)
@click.option(
    "--host", default=_DEFAULTS["host"], help="Address to listen on; by default only this machine can connect."
)
@click.option("--port", type=click.IntRange(1, 65535), default=_DEFAULTS["port"], help="Port to listen on.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default=_DEFAULTS["device"],
    help="Where the model runs.",
)
@click.option(
    "--max-characters",
    type=click.IntRange(1),
    default=_DEFAULTS["max_characters"],
    help="Maximum length of pasted text in characters.",
)
@click.option(
    "--max-file-mb",
    type=click.IntRange(1),
    default=_DEFAULTS["max_file_mb"],
    help="Maximum size of a filing in MiB, both as uploaded and decompressed.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0.1),
    default=_DEFAULTS["timeout_s"],
    help="Time limit in seconds for reading one document.",
)
def demo(**settings: Any) -> None:
    """Open a web page to paste text or drop a filing and see the numbers found (extra `demo`).

    By default it listens on this machine only. It sends nothing to other hosts and keeps nothing. Ctrl-C stops it.
    """
    require_demo_extra()
    from finner_batch.demo.server import serve  # noqa: PLC0415 - heavy
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    serve(DemoConfig(**settings), ready=lambda url: click.echo(f"{url} (press Ctrl-C to stop)"))
