"""Answers the events of the page with HTML, one method per event, without any knowledge of Gradio; and its examples."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from finner_batch.demo.finder import Finder, Reading, Upload
from finner_batch.demo.results_html import alert, results
from finner_batch.errors import FinnerError, UsageError
from finner_batch.tagging.model import Model

PARAGRAPH = (
    "On March 14, 2023, the Company entered into a $750.0 million senior unsecured revolving credit facility that "
    "matures in March 2028. Borrowings bear interest at Term SOFR plus a margin of 1.25% to 1.875%, depending on the "
    "leverage ratio, and an undrawn fee of 0.20% is paid.\n\n"
    "The 5.375% Senior Notes due 2030 were issued at a discount and have an effective interest rate of 5.61%. At "
    "December 31, 2023, $112.5 million was drawn and letters of credit of $8.4 million were outstanding."
)
"""The example of a pasted text."""
EMPTY = '<p class="fb-empty">The numbers found will appear here, in their sentences and as a table.</p>'
Answer: TypeAlias = tuple[Reading | None, str]
"""The reading to keep for this visitor, and the HTML to show."""


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


class Answers:
    """Answers for `finder`. `threshold` is the slider's, which applies unless `use_own`: the model's own thresholds."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder

    def text(self, text: str, model_id: str, threshold: float, use_own: bool) -> Answer:
        """Read pasted text."""
        if not text.strip():
            return None, alert("There is no text yet: paste some, or try an example.")
        return self._read(Upload.of_text(text), model_id, threshold, use_own)

    def file(
        self, path: str | None, model_id: str, threshold: float, use_own: bool
    ) -> tuple[Reading | None, str, None]:
        """Read an upload, and delete it; the last value, None, clears the upload field."""
        if path is None:
            return None, EMPTY, None
        return *self._read(_read_and_delete(Path(path)), model_id, threshold, use_own), None

    def example(self, number: int, model_id: str, threshold: float, use_own: bool) -> Answer:
        """Read a sample filing."""
        path = EXAMPLES[number].path
        return self._read(Upload(name=path.name, data=path.read_bytes()), model_id, threshold, use_own)

    def model(
        self, reading: Reading | None, model_id: str, threshold: float, use_own: bool
    ) -> tuple[Reading | None, str, float]:
        """Read the same input with another model; its own thresholds, if chosen, move the slider."""
        threshold = self._lowest_threshold(model_id) if use_own else threshold
        if reading is None:
            return None, EMPTY, threshold
        return *self._read(reading.upload, model_id, threshold, use_own), threshold

    def slider(self, reading: Reading | None, threshold: float) -> str:
        """Show the numbers at or above the slider's threshold, in place of the model's own."""
        return self._show(reading, threshold)

    def own_thresholds(
        self, reading: Reading | None, model_id: str, threshold: float, use_own: bool
    ) -> tuple[str, float]:
        """Switch between the model's own thresholds and the slider's."""
        if not use_own:
            return self._show(reading, threshold), threshold
        return self._show(reading, None), self._lowest_threshold(model_id)

    def _read(self, upload: Upload, model_id: str, threshold: float, use_own: bool) -> Answer:
        try:
            reading = self.finder.read(upload, model_id)
            return reading, self._show(reading, None if use_own else threshold)
        except FinnerError as error:
            return None, alert(str(error))

    def _show(self, reading: Reading | None, threshold: float | None) -> str:
        return EMPTY if reading is None else results(reading, self.finder.numbers(reading, threshold), threshold)

    def _lowest_threshold(self, model_id: str) -> float:
        return lowest_threshold(self.finder.models[model_id])


def lowest_threshold(model: Model) -> float:
    """Return the lowest of a model's own thresholds, to two decimals."""
    return round(min(model.thresholds[label] for label in model.labels[1:]), 2)


def _read_and_delete(path: Path) -> Upload:
    try:
        return Upload(name=path.name, data=path.read_bytes())
    finally:
        path.unlink()
