"""Carries the readings over to a version of the program that reads other sentences from the same filings.

A reading is joined to its sentence by the digest of the text, so a sentence whose text changes loses it. First in a
checkout of the earlier version, then in one of the new version:

    python data/annotations/carry_over.py remember READ.jsonl FOLDER…
    python data/annotations/carry_over.py carry READ.jsonl FOLDER…

`remember` writes the sentences that were read, with their text. `carry` finds each in the same file again, rewrites
the files of readings, and prints what a reader must look at: sentences with a number that was not read before,
sentences whose numbers have changed, and sentences that are gone.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from finner_batch.errors import DocumentError
from finner_batch.readers.discover import discover
from finner_batch.readers.document import Document
from finner_batch.readers.read import ReadOptions, read_documents
from finner_batch.text.extract import extract
from finner_batch.text.numbers import number_tokens
from finner_batch.text.sentences import Sentence, split
from finner_batch.training.data.annotations import sentence_digest

FOLDER = Path(__file__).parent
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", "0123456789()")
LEAST_SHARED = 0.6
"""Share of a sentence's words that it must still have, where its text changed, to be taken for the same."""
_UNSHOWN = re.compile("[\\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


class Place(NamedTuple):
    """Where a sentence is now, and which of its characters each character of the sentence before is."""

    document_id: str
    start: int
    text: str
    positions: dict[int, int]


def reading_files() -> list[Path]:
    """The files of readings."""
    return sorted([*FOLDER.glob("*.jsonl"), *FOLDER.glob("second/*.jsonl")])


def shown(text: str) -> list[int]:
    """Positions of the characters that a change of white space leaves."""
    return [position for position, character in enumerate(text) if not _UNSHOWN.match(character)]


def documents(folders: list[str]) -> Iterator[tuple[str, Document]]:
    """Every document of the folders, main documents only, with the name of its file."""
    for source in discover(folders):
        try:
            for document in read_documents(source, ReadOptions()):
                if isinstance(document, Document):
                    yield source.name, document
        except DocumentError as error:
            print(f"{source.name}: {error}", file=sys.stderr)


def remember(target: Path, folders: list[str]) -> None:
    """Write every sentence that has a reading, wherever it occurs: file, document, place, text and digest."""
    lines = (line for file in reading_files() for line in file.read_text(encoding="utf-8").splitlines())
    read = {json.loads(line)["sha256"] for line in lines}
    with target.open("w", encoding="utf-8") as out:
        for name, document in documents(folders):
            sentences = split(extract(document.content, document.markup))
            offset = 0
            for sentence in sentences:
                length = len(shown(sentence.text))
                digest = sentence_digest(sentence.text)
                if digest in read:
                    found = {"file": name, "document_id": document.document_id, "start": sentence.start}
                    found |= {"sha256": digest, "text": sentence.text, "shown": offset}
                    out.write(json.dumps(found) + "\n")
                offset += length


def carry(source: Path, folders: list[str]) -> None:
    """Rewrite the readings for the sentences as they are now."""
    remembered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in source.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        remembered[found["file"]].append(found)
    now: dict[str, list[Place]] = defaultdict(list)
    gone: list[dict[str, Any]] = []
    for name, document in documents(folders):
        if name not in remembered:
            continue
        sentences = split(extract(document.content, document.markup))
        by_text = defaultdict(list)
        for sentence in sentences:
            by_text[sentence.text].append(sentence)
        flat, owners = _flat(sentences)
        for found in remembered[name]:
            if same := by_text.get(found["text"]):
                nearest = min(same, key=lambda one: abs(one.start - found["start"]))
                identity = {at: at for at in range(len(found["text"]))}
                now[found["sha256"]].append(Place(document.document_id, nearest.start, nearest.text, identity))
                continue
            places = _places(found, flat, owners, sentences)
            if not places:
                gone.append(found)
            for sentence, positions in places:
                now[found["sha256"]].append(Place(document.document_id, sentence.start, sentence.text, positions))
    _write(now, gone)


def _flat(sentences: list[Sentence]) -> tuple[str, list[tuple[int, int]]]:
    """All shown characters of the sentences, and for each its sentence and place in it."""
    characters: list[str] = []
    owners: list[tuple[int, int]] = []
    for index, sentence in enumerate(sentences):
        text = sentence.text.translate(_SUPERSCRIPTS)
        for position in shown(sentence.text):
            characters.append(text[position])
            owners.append((index, position))
    return "".join(characters), owners


def _places(
    found: dict[str, Any], flat: str, owners: list[tuple[int, int]], sentences: list[Sentence]
) -> list[tuple[Sentence, dict[int, int]]]:
    """The sentences that hold the text now, each with the map from places in the old text to places in it."""
    old = shown(found["text"])
    text = found["text"].translate(_SUPERSCRIPTS)
    wanted = "".join(text[position] for position in old)
    starts = [match.start() for match in re.finditer(re.escape(wanted), flat)]
    if not starts:
        return _most_alike(found["text"], sentences)
    at = min(starts, key=lambda start: abs(start - found["shown"]))
    maps: dict[int, dict[int, int]] = defaultdict(dict)
    for place, position in enumerate(old):
        index, there = owners[at + place]
        maps[index][position] = there
    return [(sentences[index], positions) for index, positions in maps.items()]


def _most_alike(old: str, sentences: list[Sentence]) -> list[tuple[Sentence, dict[int, int]]]:
    """The sentence that shares most of the words, where that is most of them; only what did not change is mapped."""
    words = set(old.split())

    def shared(sentence: Sentence) -> float:
        own = set(sentence.text.split())
        return len(words & own) / max(len(words), 1)

    nearest = max(sentences, key=shared)
    if shared(nearest) < LEAST_SHARED:
        return []
    blocks = SequenceMatcher(None, old, nearest.text, autojunk=False).get_matching_blocks()
    positions = {block.a + at: block.b + at for block in blocks for at in range(block.size) if block.size > 1}
    return [(nearest, positions)]


def _write(now: dict[str, list[Place]], gone: list[dict[str, Any]]) -> None:
    """Rewrite every file of readings, and print what a reader must look at."""
    to_read: dict[str, str] = {}
    for file in reading_files():
        carried: dict[str, Carried] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            places = now.get(row["sha256"], [])
            accession = row["document_id"].partition("/")[0]
            for place in [place for place in places if place.document_id.startswith(accession)] or places:
                digest = sentence_digest(place.text)
                carried.setdefault(digest, Carried(place)).add(row, place)
                if digest == row["sha256"]:
                    break
        for digest, sentence in carried.items():
            if reason := sentence.to_read():
                to_read[digest] = f"{file.name}: {reason}: {sentence.place.text}"
        file.write_text(
            "".join(f"{json.dumps(one.row(digest))}\n" for digest, one in carried.items()), encoding="utf-8"
        )
    print(f"{len(gone)} sentences are gone, {len(to_read)} are to be read")
    for found in gone:
        print(f"gone: {found['file']}: {found['sha256']}: {found['text']}")
    for digest, reason in to_read.items():
        print(f"read: {digest}: {reason}")


class Carried:
    """A sentence as it is now, with what earlier readings say of its numbers."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._labels: dict[tuple[int, int], list[str]] = {}
        self._was_read: set[int] = set()
        self._otherwise: list[str] = []

    def add(self, row: dict[str, Any], place: Place) -> None:
        """Add what a reading says of the part of this sentence that it read."""
        self._was_read |= set(place.positions.values())
        for begin, end, *label in row["numbers"]:
            there = [place.positions[at] for at in range(begin, end) if at in place.positions]
            token = next(
                (token for token in number_tokens(place.text) if there and token[0] <= there[0] < token[1]), None
            )
            if token is None or token != (there[0], there[-1] + 1):
                self._otherwise.append(f"{label[0]} was at {begin} to {end} of the earlier sentence")
            if token is not None:
                self._labels[token] = label

    def to_read(self) -> str:
        """What a reader must look at; empty if there is nothing."""
        tokens = [token for token in number_tokens(self.place.text) if token[0] not in self._was_read]
        unread = (
            [f"not read before: {', '.join(self.place.text[begin:end] for begin, end in tokens)}"] if tokens else []
        )
        return "; ".join(self._otherwise + unread)

    def row(self, digest: str) -> dict[str, Any]:
        """The reading as its file holds it."""
        numbers = [[*token, *label] for token, label in sorted(self._labels.items())]
        return {
            "document_id": self.place.document_id,
            "start": self.place.start,
            "sha256": digest,
            "numbers": numbers,
        }


if __name__ == "__main__":
    command, file, *folders = sys.argv[1:]
    {"remember": remember, "carry": carry}[command](Path(file), folders)
