"""`finner-batch text`: shows the text that a run reads."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from finner_batch.cli.options import setting_options
from finner_batch.config import RunConfig
from finner_batch.errors import DocumentError

if TYPE_CHECKING:
    from finner_batch.readers.submission import DocumentChoice
    from finner_batch.text.block import Extraction


@click.command
@click.argument("file")
@click.option("--tables", is_flag=True, help="Include tables, one row per line.")
@click.option("--sections", is_flag=True, help="Show the Part, Item and note as a heading above their text.")
@click.option("--sentences", is_flag=True, help="Show one sentence per line, with its index, instead of one block.")
@setting_options(RunConfig, "documents", "text_column", "id_column", "user_agent")
def text(
    file: str,
    *,
    tables: bool,
    sections: bool,
    sentences: bool,
    documents: "DocumentChoice",
    text_column: tuple[str, ...],
    id_column: str | None,
    user_agent: str | None,
) -> int:
    """Show the text that a run reads from FILE (a path, folder, glob or URL), one block per line.

    The text goes to stdout, the name of each document to stderr. Exit code 3 if a document cannot be read. On a
    terminal, control characters and invisible characters are shown as escapes.
    """
    from finner_batch.readers.copies import Copies, check_web_inputs  # noqa: PLC0415 - heavy
    from finner_batch.readers.discover import discover  # noqa: PLC0415 - heavy
    from finner_batch.readers.document import FailedDocument  # noqa: PLC0415 - heavy
    from finner_batch.readers.read import ReadOptions, read_documents  # noqa: PLC0415 - heavy
    from finner_batch.terminal import visible  # noqa: PLC0415 - heavy
    from finner_batch.text.extract import extract  # noqa: PLC0415 - heavy

    clean = visible if sys.stdout.isatty() else str
    failures: list[str] = []
    options = ReadOptions(documents=documents, text_columns=text_column or None, id_column=id_column)
    check_web_inputs([file], user_agent)
    with Copies(user_agent) as copies:
        for source in copies.local(discover([file], with_csv=bool(text_column)), with_csv=bool(text_column)):
            try:
                for document in read_documents(source, options):
                    if isinstance(document, FailedDocument):
                        failures.append(f"{document.document_id}: {document.stage}: {document.error}")
                        continue
                    click.echo(visible(f"{document.document_id} ({document.kind})"), err=True)
                    extraction = extract(document.content, document.markup, tables=tables)
                    for line in _lines(extraction, sections=sections, sentences=sentences):
                        click.echo(clean(line))
            except DocumentError as error:
                failures.append(f"{source.name}: {error.stage}: {error}")
    for failure in failures:
        click.echo(visible(failure), err=True)
    return 3 if failures else 0


def _lines(extraction: "Extraction", *, sections: bool, sentences: bool) -> Iterator[str]:
    from finner_batch.text.sentences import Sentence, split  # noqa: PLC0415 - heavy

    section = None
    for part in split(extraction) if sentences else extraction.blocks:
        if sections and part.section != section:
            section = part.section
            yield f"[{section or 'no section'}]"
        shown = " ".join(part.text.split())
        yield f"{part.index:>6}  {shown}" if isinstance(part, Sentence) else shown
