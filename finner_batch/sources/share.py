"""Shares: which of several machines reads a source, known to each without asking the others.

A share is chosen by a hash of the source's name: its path relative to the input, which is the same on every machine
that is given the same inputs, wherever it mounts them. A new file changes no other file's share.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from finner_batch.errors import UsageError
from finner_batch.sources.document import Source
from finner_batch.sources.edgar_path import path_header

_WRITTEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share `number` of `of`, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, written: str) -> "Share":
        """Read `2/8`. Raises UsageError for anything but two whole numbers, the first from 1 to the second."""
        found = _WRITTEN.fullmatch(written.strip())
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of:
            raise UsageError(f"--shard {written}: write i/n, i from 1 to n, as in 2/8 for the second of eight")
        return cls(number=number, of=of)

    def of_these(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Yield the sources of this share, in the order given."""
        return (source for source in sources if share_of(shared_name(source), self.of) == self.number)


def shared_name(source: Source) -> str:
    """Return what the share of a source is chosen by.

    Its name; of a file that is named itself its accession number too, for downloaders give all filings one name.
    """
    accession_number = None if "/" in source.name else path_header(source.uri).accession_number
    known = accession_number is None or accession_number in source.name
    return source.name if known else f"{accession_number}/{source.name}"


def share_of(name: str, of: int) -> int:
    """Number of the share, from 1 to `of`, that a source of this name falls into."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % of + 1
