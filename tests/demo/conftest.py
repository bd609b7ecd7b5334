import hashlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from demo_server import Server

from finner_batch.tagging.model import DEFAULT_MODEL


@pytest.fixture(scope="session")
def gradio():
    return pytest.importorskip("gradio", reason="the demo needs the extra: pip install 'finner-batch[demo]'")


@pytest.fixture(scope="session")
def strict_model(tmp_path_factory) -> Path:
    """The packaged model under another name, with thresholds that nothing reaches."""
    folder = tmp_path_factory.mktemp("models") / "strict"
    folder.mkdir()
    for path in DEFAULT_MODEL.iterdir():
        (folder / path.name).symlink_to(path)
    config = json.loads((DEFAULT_MODEL / "config.json").read_text())
    config |= {"name": "strict", "thresholds": dict.fromkeys(config["thresholds"], 0.999)}
    checksums = json.loads((DEFAULT_MODEL / "checksums.json").read_text())
    for name, content in (("config.json", config), ("checksums.json", checksums)):
        (folder / name).unlink()
        (folder / name).write_text(json.dumps(content))
        checksums["config.json"] = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    return folder


@pytest.fixture(scope="module")
def server(request, strict_model, tmp_path_factory):
    request.getfixturevalue("gradio")
    limits = ("--max-characters", "30000", "--max-file-mb", "1")
    models = ("--model", str(DEFAULT_MODEL), "--model", str(strict_model))
    server = Server(tmp_path_factory.mktemp("uploads"), *limits, *models)
    yield server
    server.stop()


@pytest.fixture
def visit(chromium, server):
    """Opens the page in a context of its own; at the end nothing was logged, and no other host was asked for."""
    opened, noise = [], []

    def watched(*, width=1280, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(120_000)
        opened.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: noise.append(f"console: {message.text}") if message.type == "error" else None
        )
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: None if ours(request.url) else noise.append(f"request: {request.url}"))
        page.goto(server.url)
        page.wait_for_selector("#fb-find")
        return page

    def ours(url):
        return url.startswith((server.url, "data:", f"blob:{server.url}"))

    yield watched
    for context in opened:
        context.close()
    assert noise == []
