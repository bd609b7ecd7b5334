"""`finner-batch demo`: thin over `finner_batch.demo.server`."""

import dataclasses
import logging
from typing import Any

import click

from finner_batch.demo.config import DemoConfig, require_demo_extra

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(DemoConfig)}


@click.command(short_help="Open a page to try it on a text or a filing.")
@click.option(
    "--model", multiple=True, help="Model folder to choose beside the packaged one; may be given several times."
)
@click.option("--host", default=_DEFAULTS["host"], help="Address to listen on; the default is this machine only.")
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
    help="Characters that pasted text may have.",
)
@click.option(
    "--max-file-mb",
    type=click.IntRange(1),
    default=_DEFAULTS["max_file_mb"],
    help="Mebibytes that a filing may have, as dropped and decompressed.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0.1),
    default=_DEFAULTS["timeout_s"],
    help="Seconds that reading one document may take.",
)
def demo(**settings: Any) -> None:
    """Open a page to paste text or drop a filing, and see the numbers that are found (extra `demo`).

    It listens on this machine only, sends nothing anywhere, and keeps nothing; Ctrl-C ends it.
    """
    require_demo_extra()
    from finner_batch.demo.server import serve  # noqa: PLC0415 - heavy
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    serve(DemoConfig(**settings), ready=lambda url: click.echo(f"{url} (Ctrl-C ends it)"))
