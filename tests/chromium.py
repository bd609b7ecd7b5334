"""A headless Chromium with a profile of its own, where this machine has one."""

import os
import shutil
from contextlib import contextmanager

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def why_not():
    """What is missing to drive a browser here; empty where nothing is."""
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return "no Playwright here: make .venv/.test"
    return "" if chromium() else "no Chromium here: apt-get install chromium, or name one in FINNER_CHROMIUM"


def chromium():
    """Path of the browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("FINNER_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def open_chromium():
    """Start the browser with a new profile, and end it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
