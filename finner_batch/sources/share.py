"""Division of the sources among several machines, without communication between them.

The share of a source follows from a hash of its name: its path relative to the input, which is equal on every machine
with the same inputs, wherever they are mounted. A new file does not change the share of another file.
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
    """Share `number` of `of`, counting from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, written: str) -> "Share":
        """Parse `2/8`. Raises UsageError unless these are two whole numbers, the first from 1 to the second."""
        found = _WRITTEN.fullmatch(written.strip())
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of:
            raise UsageError(f"--shard {written}: write i/n, i from 1 to n, as in 2/8 for the second of eight")
        return cls(number=number, of=of)

    def of_these(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Return the sources of this share, in the given order."""
        return (source for source in sources if share_of(share_key(source), self.of) == self.number)


def share_key(source: Source) -> str:
    """Return the name from which the share of a source follows.

    A file that is itself an input gets its accession number as a prefix, since downloaders name all filings alike.
    """
    accession_number = None if "/" in source.name else path_header(source.uri).accession_number
    if accession_number is None or accession_number in source.name:
        return source.name
    return f"{accession_number}/{source.name}"


def share_of(name: str, of: int) -> int:
    """Return the share, from 1 to `of`, of a source with this name."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % of + 1
