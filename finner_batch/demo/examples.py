"""The examples of the page: a paragraph, and sample filings written for this project."""

from dataclasses import dataclass
from pathlib import Path

from finner_batch.errors import UsageError

PARAGRAPH = (
    "On March 14, 2023, the Company entered into a $750.0 million senior unsecured revolving credit facility that "
    "matures in March 2028. Borrowings bear interest at Term SOFR plus a margin of 1.25% to 1.875%, depending on the "
    "leverage ratio, and an undrawn fee of 0.20% is paid.\n\n"
    "The 5.375% Senior Notes due 2030 were issued at a discount and have an effective interest rate of 5.61%. At "
    "December 31, 2023, $112.5 million was drawn and letters of credit of $8.4 million were outstanding."
)
"""The example of a pasted text."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sample filing, and the caption of its button."""

    name: str
    caption: str

    @property
    def path(self) -> Path:
        """Path of the file. Raises UsageError if the samples are missing."""
        path = samples_folder() / self.name
        if not path.is_file():
            raise UsageError(f"no sample filing at {path}: install finner-batch again")
        return path


EXAMPLES = (
    Example("alder-ridge-packaging-10-k-2023.htm", "10-K, inline XBRL"),
    Example("0009990202-17-000031.txt", "10-Q, submission"),
    Example("prairie-fork-grain-10-k-1996.txt", "10-K, 1996 text"),
)


def samples_folder() -> Path:
    """Return the folder of the sample filings: inside an installed package, in `data` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "samples"
    return installed if installed.is_dir() else package.parent / "data" / "filings"
