"""Which form a filing is, told before it is read where its source says so."""

import re
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase

from finner_batch.errors import DocumentError
from finner_batch.sources.document import Source
from finner_batch.sources.edgar_path import path_header
from finner_batch.sources.encoding import as_utf8
from finner_batch.sources.headers import submission_header
from finner_batch.sources.kind import SNIFF_BYTES
from finner_batch.sources.read import container_of, decompressed_head
from finner_batch.sources.storage import open_stored

_DOCUMENT = re.compile(rb"<DOCUMENT>", re.IGNORECASE)


class Forms:
    """The forms that are asked for: `10-K`, several with commas between them, or a pattern such as `10-K*`.

    Letter case does not count. Where none is asked for, all are.
    """

    def __init__(self, asked: Iterable[str] = ()) -> None:
        self._patterns = tuple(
            pattern for given in asked for part in given.split(",") if (pattern := part.strip().upper())
        )

    def __bool__(self) -> bool:
        """Whether any form is asked for by name."""
        return bool(self._patterns)

    def include(self, form: str | None) -> bool:
        """Whether a filing of this form is asked for; one whose form is not known is so only where all are."""
        return not self._patterns or (
            form is not None and any(fnmatchcase(form.upper(), pattern) for pattern in self._patterns)
        )

    def leave_out(self, source: Source) -> bool:
        """Whether a file states another form before its text: in a submission's header, or in its path.

        Raises DocumentError where it cannot be read.
        """
        if not self._patterns:
            return False
        with open_stored(source) as stream:
            head = stream.read(SNIFF_BYTES)
        form = path_header(source.uri).form_type
        with suppress(DocumentError):  # reading it says so again, in a row with its hash
            if container_of(head, source) == "submission":
                begin = as_utf8(decompressed_head(head))
                filing = _DOCUMENT.search(begin)
                form = submission_header(begin[: filing.start()] if filing else begin).form_type or form
        return form is not None and not self.include(form)


EVERY_FORM = Forms()
