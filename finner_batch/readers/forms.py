"""Selection of filings by form, before they are read if their source states the form."""

import re
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Source
from finner_batch.readers.edgar_path import path_header
from finner_batch.readers.encoding import as_utf8
from finner_batch.readers.format import SNIFF_BYTES
from finner_batch.readers.headers import submission_header
from finner_batch.readers.read import decompressed_head, file_format_of
from finner_batch.readers.stored import open_stored

_DOCUMENT = re.compile(rb"<DOCUMENT>", re.IGNORECASE)


class Forms:
    """The requested forms: `10-K`, several separated by commas, or a pattern such as `10-K*`, in any letter case.

    Without any requested form, all forms are included.
    """

    def __init__(self, requested: Iterable[str] = ()) -> None:
        self._patterns = tuple(
            pattern for forms in requested for part in forms.split(",") if (pattern := part.strip().upper())
        )

    def __bool__(self) -> bool:
        """Whether any form is requested."""
        return bool(self._patterns)

    def include(self, form: str | None) -> bool:
        """Return whether a filing of this form is included; an unknown form is included only if all forms are."""
        return not self._patterns or (
            form is not None and any(fnmatchcase(form.upper(), pattern) for pattern in self._patterns)
        )

    def leave_out(self, source: Source) -> bool:
        """Return whether a file states a form that is not requested, in a submission's header or in its path.

        Raises DocumentError if the file cannot be read.
        """
        if not self._patterns:
            return False
        with open_stored(source) as stream:
            head = stream.read(SNIFF_BYTES)
        form = path_header(source.uri).form_type
        with suppress(DocumentError):  # reading it raises the same error, for a row with its digest
            if file_format_of(head, source) == "submission":
                begin = as_utf8(decompressed_head(head))
                filing = _DOCUMENT.search(begin)
                form = submission_header(begin[: filing.start()] if filing else begin).form_type or form
        return form is not None and not self.include(form)


EVERY_FORM = Forms()
