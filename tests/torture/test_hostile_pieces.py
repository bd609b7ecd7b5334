"""No repeated piece of text makes reading a document take long. How the time grows is what `growth.py` measures."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from growth import read
from hostile import HOSTILE

from finner_batch.tagger.model import load_model
from finner_batch.tagger.tokens import SentenceTokenizer

SIZE = 240_000
CPU_SECONDS = 15
"""What is linear takes less than one; what is quadratic and was mended took more than this."""


def read_pieces(place: str, folder: Path) -> None:
    """Read the documents of a place one after another, the name of each printed first.

    A document that takes more than `CPU_SECONDS` ends the process: SIGVTALRM's default action.
    """
    model = load_model()
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)
    for name, hostile in HOSTILE.items():
        if name.startswith(f"{place}:"):
            print(name, flush=True)
            path = folder / f"hostile.{hostile.suffix}"
            path.write_bytes(hostile.content(SIZE))
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
            read(path, tokenizer)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@pytest.mark.parametrize("place", sorted({name.partition(":")[0] for name in HOSTILE}))
def test_no_repeated_piece_takes_long_to_read_or_ends_the_process(place, tmp_path):
    command = [sys.executable, "-X", "faulthandler", __file__, place, str(tmp_path)]
    reading = subprocess.run(command, capture_output=True, text=True, check=False)
    last_piece = reading.stdout.splitlines()[-1]
    assert reading.returncode == 0, f"{last_piece}: {reading.returncode}\n{reading.stderr[-2000:]}"
    assert last_piece == [name for name in HOSTILE if name.startswith(f"{place}:")][-1]


if __name__ == "__main__":
    read_pieces(sys.argv[1], Path(sys.argv[2]))
