"""Renders the page from `page.html`, with figures, charts, rows, style and script in one file.

The page's content security policy allows only its own style and script, by their hashes: no network, no other script.
Control and bidirectional characters of a filing are shown as escapes, and Jinja escapes every string.
"""

import hashlib
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from finner_batch.query.connection import connect, in_one_state
from finner_batch.report import formatting as figures
from finner_batch.report.charts import bar
from finner_batch.report.counts import Folder, count_folder
from finner_batch.report.number_table import Numbers, list_tags, parts_around, read_numbers
from finner_batch.report.run_comparison import choose_run
from finner_batch.results.results_folder import require_results
from finner_batch.storage.file_system import storage_errors
from finner_batch.storage.place import Place
from finner_batch.storage.whole_file import whole_file
from finner_batch.terminal import visible
from finner_batch.version import __version__

HERE = Path(__file__).parent
FIRST_ROWS = 50
"""Rows of the table in the HTML itself, for a reader without JavaScript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConfig:
    """Settings of `finner-batch report`."""

    output: Place
    """The results folder."""
    html: Place | None = None
    """The file to write; None is `report.html` in the results folder."""
    run_id: str | None = None
    """Include only what this run wrote; None includes the whole folder, with the figures of its last run."""
    against_xbrl: tuple[str, ...] = ()
    """Filings with whose tags the numbers are compared."""
    model: str | None = None
    """The folder of the model that made the numbers, for the comparison; None is the packaged one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A written page: its path and size in bytes, and the numbers shown in its table, out of `total`."""

    path: Place
    bytes: int
    shown: int
    total: int


def write_report(config: ReportConfig) -> Written:
    """Write the page about a results folder, completely or not at all.

    Raises UsageError for a folder without results, an unknown run, or a path that cannot be a file; FinnerError if
    writing fails.
    """
    require_results(config.output)
    runs = choose_run(config.output, config.run_id)
    audit = None
    if config.against_xbrl:
        from finner_batch.report.xbrl_comparison import audit as compare  # noqa: PLC0415 - heavy, and seldom needed

        audit = compare(config.output, config.against_xbrl, model=config.model)

    def read(_: object) -> tuple[Folder, Numbers]:
        with closing(connect(config.output)) as connection:
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
    content = _render(
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


def _render(*, folder: Folder, numbers: Numbers, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_displayed,
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
    style, script = (Markup((HERE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))  # noqa: S704 - own files
    tags = {each.tag.label: each.tag for each in folder.tags}
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
            packed=Markup(numbers.packed),  # noqa: S704 - base64
            folder=folder,
            numbers=numbers,
            **values,
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


def _displayed(value: Any) -> Any:
    """Escape invisible characters in every string that the template prints, and print None as a dash."""
    if value is None:
        return "\N{EN DASH}"
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
