"""Serves the page, by default to this machine only, and sends nothing to any other host."""

import logging
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from finner_batch.demo.finder import DemoConfig, Finder, is_loopback, require_demo_extra
from finner_batch.errors import UsageError
from finner_batch.log import fields
from finner_batch.machine import MEBIBYTE
from finner_batch.runner.stop import stop_on_signals

LOG = logging.getLogger(__name__)
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Content security policy: no request to other hosts. Gradio needs inline scripts and `eval`."""
MAX_VISITORS = 16
"""Sessions whose last reading is kept in memory."""
UPLOAD_FACTOR = 2
"""An upload of this many times the limit is cut off; up to there, the page explains the limit."""
STYLE = Path(__file__).with_name("style.css")


def serve(config: DemoConfig, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; call `ready` with the page's address once it answers.

    Raises UsageError if Gradio is missing or the address cannot be listened on, ModelError or DeviceError if a model
    cannot be used.
    """
    require_demo_extra()
    _refuse_unusable(config)
    with stop_on_signals() as stop, tempfile.TemporaryDirectory(prefix="finner-batch-demo-") as uploads:
        _restrict_gradio(uploads)
        from starlette.middleware import Middleware  # noqa: PLC0415 - heavy

        from finner_batch.demo.gradio_page import build, theme  # noqa: PLC0415 - Gradio reads its environment on import

        with Finder(config) as finder:
            finder.warm_up()
            page = build(finder)
            page.queue(default_concurrency_limit=1, max_size=MAX_VISITORS, api_open=False)
            page.launch(
                server_name=config.host,
                server_port=config.port,
                share=False,
                inbrowser=False,
                quiet=True,
                prevent_thread_lock=True,
                show_error=False,
                allowed_paths=[],
                max_file_size=UPLOAD_FACTOR * config.max_file_mb * MEBIBYTE,
                state_session_capacity=MAX_VISITORS,
                enable_monitoring=False,
                ssr_mode=False,
                mcp_server=False,
                pwa=False,
                footer_links=[],
                run_history=False,
                theme=theme(),
                css=STYLE.read_text(encoding="utf-8"),
                app_kwargs={"middleware": [Middleware(_Headers)]},
            )
            try:
                if not is_loopback(config.host):
                    LOG.warning(
                        fields("open", host=config.host, note="anyone who can reach this address can use the page")
                    )
                ready(f"http://{config.host}:{config.port}/")
                waiting = Event()
                while not stop.requested:
                    waiting.wait(0.2)
            finally:
                page.close(verbose=False)


def _restrict_gradio(uploads: str) -> None:
    """Override Gradio's environment: no share link, no telemetry, no other paths; uploads go to `uploads`."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "0", "GRADIO_TEMP_DIR": uploads, "HF_HUB_OFFLINE": "1"}


def _refuse_unusable(config: DemoConfig) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {config.host} port {config.port} ({error.strerror}): give another --host or --port"
        ) from error


class _Headers:
    """Adds headers to every response: the policy, no guessing of content types, no referrer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode("ascii")),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)
