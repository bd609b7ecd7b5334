"""Tokenisation of sentences into windows of token ids. Each number of a sentence is read in exactly one window."""

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from finner_batch.errors import ModelError
from finner_batch.tagging.model import EVERY_SENTENCE, Cues, read_json_object, vocabulary_of

NumberSpan: TypeAlias = tuple[int, int]
"""Start and end of a number token in its sentence, in code points."""

_Pieces: TypeAlias = tuple[list[int], list[int]]
"""The ids of a chunk of text between spaces, and the offset in the chunk at which each ends."""

ID_BYTES = 4
_MEMO_ENTRIES = 20_000
_MEMO_CHUNK_LENGTH = 32
_WORD = re.compile(r"[A-Za-z0-9]+|.")


class Window(NamedTuple):
    """A part of a sentence that the model reads as one sequence.

    `packed_ids`: the token ids, including special ones, as packed int32 (bytes are sent between processes and compared
    faster than arrays). `numbers[i]` is the span of the number whose first word piece is token `positions[i]`.
    """

    packed_ids: bytes
    positions: tuple[int, ...]
    numbers: tuple[NumberSpan, ...]

    @property
    def length(self) -> int:
        """Number of tokens, at most the model's `max_length`."""
        return len(self.packed_ids) // ID_BYTES

    @property
    def ids(self) -> NDArray[np.int32]:
        """The token ids, int32 `[length]`."""
        return np.frombuffer(self.packed_ids, dtype=np.int32)


class SentenceTokenizer:
    """WordPiece tokenisation of BERT and DistilBERT, with each number's first word piece.

    White space always separates words in these tokenizers, so each chunk between two spaces is tokenised once and
    cached. The ids equal those of `tokenizers` on the whole sentence (tested), and are computed about six times as
    fast. A special token in the text (`[SEP]`) is read as text.
    """

    def __init__(self, tokenizer_json: Path, max_length: int, cues: Cues = EVERY_SENTENCE) -> None:
        """Sentences that lack one of the `cues` get no window.

        Raises ModelError if the tokenizer is damaged, or is not a WordPiece tokenizer that splits at white space.
        """
        definition = read_json_object(tokenizer_json)
        parts = ((definition.get(name) or {}) for name in ("model", "pre_tokenizer"))
        if [part.get("type") for part in parts if isinstance(part, dict)] != ["WordPiece", "BertPreTokenizer"]:
            raise ModelError(f"{tokenizer_json}: only the WordPiece tokenizers of BERT and DistilBERT are read")
        self._vocabulary: dict[str, int] = vocabulary_of(definition)
        try:
            self._tokenizer = Tokenizer.from_str(
                json.dumps(definition | {"truncation": None, "padding": None, "added_tokens": []})
            )
            special = self._tokenizer.encode("").ids
            self._tokenizer.encode("\uffff")  # a word that no vocabulary contains
        except Exception as error:  # the library raises no narrower class
            raise ModelError(f"{tokenizer_json} is not a usable tokenizer ({error}); export the model again") from error
        if len(special) != 2:
            raise ModelError(f"{tokenizer_json}: expected one token before and one after a sentence, got {special}")
        self._first, self._last = special
        self._room = max_length - 2
        self._cues = cues
        self._memo: dict[str, _Pieces] = {}
        lowercase = bool((definition.get("normalizer") or {}).get("lowercase"))
        self._normal = str.lower if lowercase else str

    def windows(self, sentence: str, numbers: Sequence[NumberSpan]) -> list[Window]:
        """Tokenise a sentence. A sentence longer than the model's window becomes several windows.

        Windows overlap by half. A number is read in the window whose middle is nearest to it. Windows without a number
        are left out; a sentence without numbers or cues has no windows.
        """
        if not numbers or not self._cues.found_in(sentence):
            return []
        ids, positions = self._encode(sentence, numbers)
        if len(ids) <= self._room:
            return [self._window(ids, 0, len(ids), range(len(numbers)), positions, numbers)]
        starts = [*range(0, len(ids) - self._room, max(1, self._room // 2)), len(ids) - self._room]
        members: dict[int, list[int]] = {}
        for index, position in enumerate(positions):
            first = max(0, (position - self._room) // max(1, self._room // 2))
            near = (start for start in starts[first : first + 4] if start <= position < start + self._room)
            members.setdefault(min(near, key=lambda start: abs(start + self._room / 2 - position)), []).append(index)
        return [
            self._window(ids, start, start + self._room, indexes, positions, numbers)
            for start, indexes in sorted(members.items())
        ]

    def _window(
        self,
        ids: list[int],
        start: int,
        end: int,
        indexes: Sequence[int],
        positions: list[int],
        numbers: Sequence[NumberSpan],
    ) -> Window:
        return Window(
            array("i", [self._first, *ids[start:end], self._last]).tobytes(),
            tuple(positions[index] - start + 1 for index in indexes),
            tuple(numbers[index] for index in indexes),
        )

    def _encode(self, sentence: str, numbers: Sequence[NumberSpan]) -> tuple[list[int], list[int]]:
        """Return the ids of a sentence without special tokens, and the index of each number's first word piece."""
        spaced = sentence.replace("\t", " ").replace("\n", " ").replace("\r", " ")
        chunks = spaced.split(" ")
        known = self._memo
        pieces = [known.get(chunk) or self._encode_chunk(chunk) for chunk in chunks]
        tokens = [ids for ids, _ in pieces]
        positions: list[int] = []
        index = place = searched = begin = 0
        for start, end in numbers:
            if not 0 <= start < end <= len(sentence):
                raise ValueError(f"the number at {start}:{end} lies outside its sentence of {len(sentence)} characters")
            passed = spaced.count(" ", searched, start)
            if passed:
                begin = spaced.rfind(" ", searched, start) + 1
            place += sum(map(len, tokens[index : index + passed]))
            index, searched = index + passed, start
            ends = pieces[index][1]
            piece = bisect_right(ends, start - begin)
            if piece == len(ends):
                raise ValueError(f"no word piece covers {sentence[start:end]!r}")
            positions.append(place + piece)
        return list(chain.from_iterable(tokens)), positions

    def _encode_chunk(self, chunk: str) -> _Pieces:
        """Tokenise the text between two spaces. In ASCII, each punctuation mark and each run between them is a word."""
        words = _WORD.findall(chunk) if chunk.isascii() and chunk.isprintable() else [chunk]
        if len(words) > 1:
            pieces: _Pieces = ([], [])
            offset = 0
            for word in words:
                ids, ends = self._memo.get(word) or self._encode_chunk(word)
                pieces[0].extend(ids)
                pieces[1].extend([offset + end for end in ends])
                offset += len(word)
        elif words and (token := self._vocabulary.get(self._normal(chunk))) is not None and chunk.isascii():
            pieces = ([token], [len(chunk)])
        else:
            encoding = self._tokenizer.encode(chunk, add_special_tokens=False)
            pieces = (encoding.ids, [end for _, end in encoding.offsets])
        if len(chunk) <= _MEMO_CHUNK_LENGTH:
            if len(self._memo) >= _MEMO_ENTRIES:
                self._memo.clear()
            self._memo[chunk] = pieces
        return pieces
