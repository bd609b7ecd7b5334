"""The same input many times over: whether the time of a run grows as its input does, and its memory not at all.

Each copy of a file has line feeds of its own number at the end, so that no two have the same bytes and all the same
text. The cache is off: copies are no new text.
"""

import gzip
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from finner_batch.benchmark.whole_run import TimedRun, run_timed
from finner_batch.errors import DocumentError, UsageError
from finner_batch.log import fields
from finner_batch.sources.compression import compression_of
from finner_batch.sources.document import Source
from finner_batch.sources.storage import open_stored

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """`once`: runs over the input before and after the one over `times` copies of it.

    `time_ratio`: seconds a document of the copies over those of the input; `peak_ratio`: peak memory over the higher
    of the two.
    """

    times: int
    once: tuple[TimedRun, TimedRun]
    copies: TimedRun
    time_ratio: float
    peak_ratio: float


def measure_growth(sources: Iterable[Source], times: int, settings: tuple[str, ...]) -> Growth:
    """Run over the input, over `times` copies of it, and over the input again; `settings` are flags of the run.

    Raises UsageError for a Parquet shard, which cannot be made distinct, and FinnerError where a run does not end.
    """
    settings = (*settings, "--cache-mb", "0")
    with tempfile.TemporaryDirectory(prefix="finner-batch-growth-") as folder:
        copies = Path(folder)
        write_copies(sources, times, copies)
        first = run_timed([str(copies / "0")], settings)
        LOG.info(fields("growth", times=times, once_seconds=round(first.seconds, 1)))
        many = run_timed([str(copies)], settings)
        last = run_timed([str(copies / "0")], settings)
    each = (first.seconds + last.seconds) / (first.documents + last.documents)
    return Growth(
        times=times,
        once=(first, last),
        copies=many,
        time_ratio=many.seconds / many.documents / each,
        peak_ratio=many.peak_bytes / max(first.peak_bytes, last.peak_bytes),
    )


def write_copies(sources: Iterable[Source], times: int, folder: Path) -> None:
    """Write the files into `folder/0`, `folder/1`, …; those that cannot be read are left out.

    Raises UsageError for a Parquet shard.
    """
    for place, source in enumerate(sources):
        try:
            with open_stored(source) as stream:
                stored = stream.read()
        except DocumentError as error:
            LOG.warning(fields("left-out", path=source.uri, reason=error))
            continue
        if stored.startswith(b"PAR1"):
            raise UsageError(f"{source.uri}: a Parquet shard cannot be made distinct; --times takes filings")
        for number in range(times):
            path = folder / str(number) / str(place) / Path(source.name).name
            path.parent.mkdir(parents=True)
            path.write_bytes(stored + _ending(stored, number))


def _ending(stored: bytes, number: int) -> bytes:
    """Line feeds, compressed as the file is."""
    line_feeds = b"\n" * number
    if not number:
        return b""
    match compression_of(stored):
        case "gzip":
            return gzip.compress(line_feeds, mtime=0)
        case "zstd":
            return zstandard.compress(line_feeds)
        case None:
            return line_feeds
