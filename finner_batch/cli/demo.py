"""`finner-batch demo`: wraps `finner_batch.demo.server`."""

import logging
from typing import Any

import click

from finner_batch.cli.options import setting_options
from finner_batch.demo.finder import DemoConfig, require_demo_extra


@click.command
@setting_options(DemoConfig)
def demo(**settings: Any) -> None:
    """Open a web page to paste text or drop a filing and see the numbers found (extra `demo`).

    By default it listens on this machine only. It sends nothing to other hosts and keeps nothing. Ctrl-C stops it.
    """
    require_demo_extra()
    from finner_batch.demo.server import serve  # noqa: PLC0415 - heavy
    from finner_batch.log import set_up_log  # noqa: PLC0415 - heavy

    set_up_log(logging.INFO)
    serve(DemoConfig(**settings), ready=lambda url: click.echo(f"{url} (press Ctrl-C to stop)"))
