"""No repeated piece of text makes reading a document take long. `growth.py` measures it at more sizes."""

import signal
import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from growth import read
from hostile import HOSTILE, Hostile

from finner_batch.tagging.model import load_model
from finner_batch.tagging.tokens import SentenceTokenizer

SIZE = 96_000
CPU_SECONDS = 8
"""What is linear takes less than one."""
NOTICEABLE_SECONDS = 0.5
WORST_RATIO = 7.0
"""Four times the size takes four times as long where the time is linear, sixteen times where it is quadratic."""
SMALL_FILE_SECONDS = 12
LONGEST = {"html", "numbered", "open", "row", "sentence", "stripped", "text", "two parts"}


def read_pieces(place: str, folder: Path) -> None:
    """Read the documents of a place one after another, the name of each printed first.

    A document that takes more than `CPU_SECONDS` ends the process: SIGVTALRM's default action. So does one whose time
    grows faster than its size, three times measured.
    """
    model = load_model()
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)

    def seconds(hostile: Hostile, size: int) -> float:
        path = folder / f"hostile.{hostile.suffix}"
        path.write_bytes(hostile.content(size))
        started = process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
        read(path, tokenizer)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return process_time() - started

    def grows_too_fast(hostile: Hostile) -> bool:
        long = seconds(hostile, SIZE)
        return long > NOTICEABLE_SECONDS and long > WORST_RATIO * seconds(hostile, SIZE // 4)

    for name, hostile in HOSTILE.items():
        if name.startswith(f"{place}:"):
            print(name, flush=True)
            if all(grows_too_fast(hostile) for _ in range(3)):
                sys.exit("grows faster than its size")


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(place, marks=[pytest.mark.slow] if place in LONGEST else [])
        for place in sorted({name.partition(":")[0] for name in HOSTILE})
    ],
)
def test_no_repeated_piece_takes_long_to_read_or_ends_the_process(place, tmp_path):
    command = [sys.executable, "-X", "faulthandler", __file__, place, str(tmp_path)]
    reading = subprocess.run(command, capture_output=True, text=True, check=False)
    last_piece = reading.stdout.splitlines()[-1]
    assert reading.returncode == 0, f"{last_piece}: {reading.returncode}\n{reading.stderr[-2000:]}"
    assert last_piece == [name for name in HOSTILE if name.startswith(f"{place}:")][-1]


@pytest.fixture(scope="module")
def small_files(corpus, tmp_path_factory):
    """Files of up to a megabyte that once took minutes."""
    folder = tmp_path_factory.mktemp("small")
    script = corpus / "faults" / "small-files-that-take-minutes" / "make.py"
    subprocess.run([sys.executable, script, folder], check=True)
    return folder


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["rules.txt", "pre.htm"])
def test_small_files_take_seconds(small_files, name):
    model = load_model()
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)
    started = process_time()
    read(small_files / name, tokenizer)
    assert process_time() - started < SMALL_FILE_SECONDS


if __name__ == "__main__":
    read_pieces(sys.argv[1], Path(sys.argv[2]))
