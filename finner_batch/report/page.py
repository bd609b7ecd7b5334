"""Puts the page together: figures, charts and rows into `page.html`, with its style and script inside.

The page forbids itself everything but its own style and script, by their hashes: no network, no other script. Jinja
escapes every string; before that each is made visible, so that a filing's control and bidirectional characters show as
escapes and act on nothing.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from markupsafe import Markup

from finner_batch import __version__
from finner_batch.query.table import visible
from finner_batch.report import figures
from finner_batch.report.charts import bar
from finner_batch.report.columns import parts_around
from finner_batch.report.folder import Folder, count_folder, in_one_state
from finner_batch.report.numbers import Numbers, read_numbers
from finner_batch.report.runs import choose_run
from finner_batch.report.tags import list_tags
from finner_batch.results.results_folder import require_results
from finner_batch.storage.place import Place
from finner_batch.storage.refusals import storage_errors
from finner_batch.storage.whole_file import whole_file

HERE = Path(__file__).parent
FIRST_ROWS = 50
"""Numbers that stand in the page before, or without, its script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConfig:
    """What a page is made of. `html`: None is `report.html` in the results folder.

    `run_id`: only what this run wrote; None is the whole folder, and its last run's figures. `against_xbrl`: filings
    whose tags the numbers are judged by, `model` the folder of the model that made them (None: the packaged one).
    """

    output: Place
    html: Place | None = None
    run_id: str | None = None
    against_xbrl: tuple[str, ...] = ()
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A page that was written: where, its bytes, and the numbers in its table, of how many."""

    path: Place
    bytes: int
    shown: int
    total: int


def write_report(config: ReportConfig) -> Written:
    """Write the page of a results folder, complete or not at all.

    Raises UsageError for a folder without results, an unknown run, or a file that can be none; FinnerError where the
    disk refuses.
    """
    require_results(config.output)
    runs = choose_run(config.output, config.run_id)
    audit = None
    if config.against_xbrl:
        from finner_batch.report.audit import audit as judge  # noqa: PLC0415 - reads filings, only where asked

        audit = judge(config.output, config.against_xbrl, model=config.model)

    def read(connection: duckdb.DuckDBPyConnection) -> tuple[Folder, Numbers]:
        folder = count_folder(connection, config.run_id)
        numbers = read_numbers(
            connection,
            run_id=config.run_id,
            total=folder.totals["numbers"],
            tags=[each.tag for each in folder.tags],
            verdicts=audit.verdicts if audit else {},
            first=FIRST_ROWS,
        )
        return folder, numbers

    folder, numbers = in_one_state(config.output, read)
    content = render(
        folder=folder,
        numbers=numbers,
        runs=runs,
        audit=audit,
        results=str(config.output.absolute()),
        only=config.run_id,
    ).encode()
    path = config.html or config.output / "report.html"
    if path.local_path:
        with whole_file(path.local_path) as temporary:
            temporary.write_bytes(content)
    else:
        with storage_errors(path):
            path.write(content)
    return Written(path=path, bytes=len(content), shown=numbers.shown, total=numbers.total)


def render(**found: Any) -> str:
    """Fill the template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "bar": bar,
        "counted": figures.counted,
        "duration": figures.duration,
        "moment": figures.moment,
        "parts_around": parts_around,
        "percent": figures.percent,
        "size": figures.size,
        "value": figures.short_value,
    }
    environment.filters["thousands"] = lambda number: None if number is None else f"{number:,}"
    style, script = (Markup((HERE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))  # noqa: S704 - ours
    tags = {each.tag.label: each.tag for each in found["folder"].tags}
    return (
        environment.get_template("page.html")
        .render(
            style=style,
            script=script,
            policy=_policy(style, script),
            made=datetime.now(UTC),
            version=__version__,
            tag_of=lambda label: tags.get(label) or list_tags([label])[0],
            name_of=lambda name: tags[name].name if name in tags else name,
            packed=Markup(found["numbers"].packed),  # noqa: S704 - base64
            **found,
        )
        .lstrip()
    )


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(value: Any) -> Any:
    """Make visible whatever string the template puts out, and what is missing a dash. Markup is the project's own."""
    if value is None:
        return "\N{EN DASH}"
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
