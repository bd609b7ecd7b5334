"""What the page shows for what a visitor does: each of its events is a method here, and knows nothing of Gradio."""

from pathlib import Path
from typing import TypeAlias

from finner_batch.demo.examples import EXAMPLES
from finner_batch.demo.finder import Finder, Given, Reading
from finner_batch.demo.results import alert, results
from finner_batch.errors import FinnerError
from finner_batch.tagger.model import Model

EMPTY = '<p class="fb-empty">The numbers that are found will stand here, in their sentences and as a table.</p>'
Answer: TypeAlias = tuple[Reading | None, str]
"""The reading to keep for this visitor, and HTML."""


class Answers:
    """Answers for `finder`. `least` is the slider's threshold, which counts unless `is_own` (the model's own)."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder

    def text(self, text: str, model_id: str, least: float, is_own: bool) -> Answer:
        """Read pasted text."""
        if not text.strip():
            return None, alert("There is no text yet: paste some, or try an example.")
        return self._read(Given.of_text(text), model_id, least, is_own)

    def file(self, path: str | None, model_id: str, least: float, is_own: bool) -> tuple[Reading | None, str, None]:
        """Read an upload, and delete it; None empties the place where it was dropped."""
        if path is None:
            return None, EMPTY, None
        return *self._read(_taken(Path(path)), model_id, least, is_own), None

    def example(self, number: int, model_id: str, least: float, is_own: bool) -> Answer:
        """Read a sample filing."""
        path = EXAMPLES[number].path
        return self._read(Given(name=path.name, data=path.read_bytes()), model_id, least, is_own)

    def model(
        self, reading: Reading | None, model_id: str, least: float, is_own: bool
    ) -> tuple[Reading | None, str, float]:
        """Read the same again by another model; the slider follows where the model's own thresholds are chosen."""
        least = self._least(model_id) if is_own else least
        if reading is None:
            return None, EMPTY, least
        return *self._read(reading.given, model_id, least, is_own), least

    def least(self, reading: Reading | None, least: float) -> str:
        """Show the numbers at or above the slider's threshold; the model's own then count no more."""
        return self._show(reading, least)

    def own(self, reading: Reading | None, model_id: str, least: float, is_own: bool) -> tuple[str, float]:
        """Go back to the model's own thresholds, or to the slider's."""
        if not is_own:
            return self._show(reading, least), least
        return self._show(reading, None), self._least(model_id)

    def _read(self, given: Given, model_id: str, least: float, is_own: bool) -> Answer:
        try:
            reading = self.finder.read(given, model_id)
            return reading, self._show(reading, None if is_own else least)
        except FinnerError as error:
            return None, alert(str(error))

    def _show(self, reading: Reading | None, threshold: float | None) -> str:
        return EMPTY if reading is None else results(reading, self.finder.found(reading, threshold), threshold)

    def _least(self, model_id: str) -> float:
        return least_threshold(self.finder.models[model_id])


def least_threshold(model: Model) -> float:
    """The lowest of a model's own thresholds, to two digits."""
    return round(min(model.thresholds[label] for label in model.labels[1:]), 2)


def _taken(path: Path) -> Given:
    try:
        return Given(name=path.name, data=path.read_bytes())
    finally:
        path.unlink()
