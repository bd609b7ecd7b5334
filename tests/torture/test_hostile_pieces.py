"""No repeated piece of text makes reading a document take long. How the time grows is what `growth.py` measures."""

import signal

import pytest
from growth import TooLongError, read
from hostile import HOSTILE

from finner_batch.tagger.model import load_model
from finner_batch.tagger.tokens import SentenceTokenizer

SIZE = 240_000
CPU_SECONDS = 15
"""What is linear takes less than one; what is quadratic and was mended took more than this."""


@pytest.fixture(scope="module")
def tokenizer():
    model = load_model()
    return SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)


@pytest.fixture
def cpu_limit():
    """Raises TooLongError in the test after `CPU_SECONDS` of its own."""

    def stop(*_):
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("place", sorted({name.partition(":")[0] for name in HOSTILE}))
def test_no_repeated_piece_takes_long_to_read(place, tokenizer, cpu_limit, tmp_path):
    slow = []
    for name, hostile in HOSTILE.items():
        if name.startswith(f"{place}:"):
            path = tmp_path / f"hostile.{hostile.suffix}"
            path.write_bytes(hostile.content(SIZE))
            cpu_limit()
            try:
                read(path, tokenizer)
            except TooLongError:
                slow.append(name)
    assert not slow
