"""How the time of reading a document grows with its size: `python tests/torture/growth.py [PART OF A PIECE'S NAME]`.

Prints each piece with which twice the size takes more than `WORST_RATIO` times as long, or a megabyte longer than
`SLOW_SECONDS`; exits with 1 where there is one. The time is CPU time, from the file to the values of its numbers.
"""

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import process_time

from hostile import HOSTILE, Hostile

from finner_batch.errors import DocumentError
from finner_batch.readers.document import Document, Source
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.runner.parse_document import Stopwatch, parse
from finner_batch.tagging.model import load_model
from finner_batch.tagging.tokens import SentenceTokenizer
from finner_batch.text.numbers import number_tokens
from finner_batch.values.value import read_value

SIZES = (60_000, 120_000, 240_000, 480_000)
WORST_RATIO = 2.8
"""Twice the size takes twice the time, and machines are noisy."""
NOTICEABLE_SECONDS = 0.4
SLOW_SECONDS = 20
"""For a megabyte: a sixth of the time that a document has by default."""
LIMIT_SECONDS = 30


class TooLongError(Exception):
    """A document took `LIMIT_SECONDS`."""


def read(path: Path, tokenizer: SentenceTokenizer) -> dict[str, float]:
    """Read all documents of a file and the value of every number in a sentence with a number; CPU seconds by stage."""
    watch = Stopwatch()
    with suppress(DocumentError):
        for document in read_documents(Source(uri=str(path), name=path.name), ReadOptions(documents="all")):
            if not isinstance(document, Document):
                continue
            with suppress(DocumentError):
                parsed = parse(document, tokenizer, tables=False, watch=watch)
                with watch.measure("value"):
                    for sentence, stated in zip(parsed.numbered, parsed.document_scales, strict=True):
                        for start, end in number_tokens(sentence.text):
                            read_value(sentence.text, start, end, document_scale=stated)
    return watch.seconds


def measure(hostile: Hostile, folder: Path, tokenizer: SentenceTokenizer) -> tuple[list[float], dict[str, float]]:
    """CPU seconds for each of `SIZES`, as far as none took too long; and the last one's by stage."""
    times: list[float] = []
    stages: dict[str, float] = {}
    for size in SIZES:
        path = folder / f"hostile.{hostile.suffix}"
        path.write_bytes(hostile.content(size))
        started = process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
        try:
            stages = read(path, tokenizer)
        except TooLongError:
            return [*times, float("inf")], stages
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            times.append(process_time() - started)
    return times, stages


def is_too_slow(times: list[float]) -> bool:
    """Whether the last doubling took more than `WORST_RATIO` times as long, or a megabyte takes `SLOW_SECONDS`."""
    is_superlinear = times[-1] > NOTICEABLE_SECONDS and times[-1] > WORST_RATIO * times[-2]
    return is_superlinear or times[-1] * 1e6 / SIZES[-1] > SLOW_SECONDS


def main(chosen: str) -> int:
    """Measure the pieces whose name holds `chosen`."""

    def stop(*_: object) -> None:
        raise TooLongError

    signal.signal(signal.SIGVTALRM, stop)
    model = load_model()
    tokenizer = SentenceTokenizer(model.folder / "tokenizer.json", model.max_length, model.cues)
    names = [name for name in HOSTILE if chosen in name]
    found = 0
    slowest = ("", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            times, stages = measure(HOSTILE[name], Path(folder), tokenizer)
            if is_too_slow(times):  # or the machine was busy
                again, stages = measure(HOSTILE[name], Path(folder), tokenizer)
                times = [min(pair) for pair in zip(times, again, strict=False)]
            slowest = max(slowest, (name, times[-1]), key=lambda item: item[1])
            if is_too_slow(times):
                found += 1
                told = ", ".join(f"{seconds:.2f}" for seconds in times)
                worst = max(stages, key=stages.__getitem__, default="reading")
                print(f"{name}: {told} s, most of it in {worst}", flush=True)
    print(
        f"{len(names)} pieces, {found} superlinear or slow; slowest: {slowest[0]}, {slowest[1]:.2f} s for {SIZES[-1]:,}"
    )
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
