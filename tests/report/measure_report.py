"""How heavy a page is: `python tests/report/measure_report.py [NUMBERS]` prints it as JSON.

Makes a results folder of that many numbers (200,000) through the store's writer, runs `finner-batch report` on it, and
opens the page in headless Chromium three times (needs the group `dev`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import open_chromium
from report_helpers import many_documents, write_results


def measure(numbers, folder, *, loads=3):
    """Seconds and bytes of a page; milliseconds of its loads to the first paint, to a ready table, and of a search."""
    results = write_results(folder / "results", many_documents(numbers))
    page = folder / "page.html"
    begin, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "finner_batch", "report", "--output", str(results), "--html", str(page)]
    subprocess.run(command, check=True, capture_output=True)
    seconds, after = time.perf_counter() - begin, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    found = {"numbers": numbers, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
    return found | {"megabytes": round(page.stat().st_size / 1e6, 1), "loads": [_load(page) for _ in range(loads)]}


def _load(path):
    with open_chromium() as browser:
        page = browser.new_page()
        page.goto(path.as_uri(), timeout=120_000)
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        ready = page.evaluate("performance.now()")
        begin = time.perf_counter()
        whole = page.inner_text("#count")
        page.fill("#search", "revolving margin")
        page.locator("#count").filter(has_not_text=whole).wait_for(timeout=120_000)
        search = 1000 * (time.perf_counter() - begin)
        return {"first_paint_ms": round(paint), "ready_ms": round(ready), "search_ms": round(search)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, Path(temporary)), indent=2))  # noqa: T201
