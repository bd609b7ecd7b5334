from collections.abc import Callable, Iterable

import pytest

from finner_batch.tagging.model import Model, load_model
from finner_batch.tagging.tokens import SentenceTokenizer, Window
from finner_batch.text.numbers import number_tokens


@pytest.fixture(scope="session")
def model() -> Model:
    """The packaged model."""
    return load_model()


@pytest.fixture(scope="session")
def windows_of(model) -> Callable[[Iterable[str]], list[Window]]:
    """Makes the windows of sentences, whether they have cues or not."""
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length)

    def windows(sentences: Iterable[str]) -> list[Window]:
        return [window for text in sentences for window in tokenizer.windows(text, number_tokens(text))]

    return windows
