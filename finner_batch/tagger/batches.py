"""Windows into batches under a token budget. Which batch a window is in never changes its logits.

Padding and activation ranges can make a sentence's logits depend on its neighbours. Here a window is padded to a length
that follows from its own alone (a multiple of `length_multiple`; 1 means no padding at all), and only windows of one
such length share a batch.

On a GPU lengths are multiples of 8 and numbers of rows are rounded up, so that a job has a few hundred shapes and its
memory stops growing. On 215 filings (windows of 34 tokens on average, 65,536 of them at a time, batches of 32,768
tokens) the model then reads 10 % more tokens than there are: 9 % from the lengths, 2 % from the rows; with multiples of
16 it is 20 %, of 32 40 %. So packing sentences without padding would save less than a tenth, and needs attention
kernels that the model's plain ONNX operators do not have: it is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.tokens import ID_BYTES, Window

ATTENDED = 128
"""Tokens that each token of a batch attends to, at most, where the batch has all the tokens that it may have."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`members[row]` is the index of the window in `input_ids[row]`; ids and mask are int64 `[batch, length]`.

    Rows after the last member are empty: their ids and mask are 0.
    `places` are those of the windows' numbers, row after row, among all `batch * length` tokens.
    """

    members: tuple[int, ...]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    places: NDArray[np.int64]


def batches(
    windows: Sequence[Window],
    *,
    budget_tokens: int,
    length_multiple: int = 1,
    longest: int | None = None,
    few_shapes: bool = False,
) -> Iterator[Batch]:
    """Group windows by padded length, longest first; each batch has at most `budget_tokens` tokens, or one window.

    The memory of attention grows with the square of the length: of windows longer than `ATTENDED` a batch has fewer,
    so that it needs no more than one of windows of that length.
    Longest first: memory is at its highest at once, and not after an hour. `longest` is a length that no padding goes
    beyond. `few_shapes`: numbers of rows are rounded up with empty rows.
    """
    groups: dict[int, list[int]] = {}
    for index, window in enumerate(windows):
        length = -(-window.length // length_multiple) * length_multiple
        if longest is not None:
            length = max(window.length, min(length, longest))
        groups.setdefault(length, []).append(index)
    for length in sorted(groups, reverse=True):
        members = groups[length]
        rows = max(1, budget_tokens * min(length, ATTENDED) // length**2)
        for start in range(0, len(members), rows):
            own = members[start : start + rows]
            empty = min(rows, rounded_rows(len(own))) - len(own) if few_shapes else 0
            yield make_batch(windows, own, length, empty=empty)


def rounded_rows(rows: int) -> int:
    """The next of 1 to 8, 10, 12, 14, 16, 20, 24, 28, 32, …: four a doubling, at most a quarter more."""
    step = 1 << max(0, rows.bit_length() - 3)
    return -(-rows // step) * step


def make_batch(windows: Sequence[Window], members: Sequence[int], length: int, *, empty: int = 0) -> Batch:
    """One batch of the windows `members`, padded to `length` tokens, and `empty` rows without any."""
    packed = b"".join([windows[index].packed_ids.ljust(length * ID_BYTES, b"\0") for index in members])
    input_ids = np.frombuffer(packed, dtype=np.int32).reshape(len(members), length).astype(np.int64)
    attention_mask = np.ones((len(members), length), dtype=np.int64)
    for row, index in enumerate(members):
        if windows[index].length < length:
            attention_mask[row, windows[index].length :] = 0
    if empty:
        input_ids, attention_mask = (np.pad(array, ((0, empty), (0, 0))) for array in (input_ids, attention_mask))
    places = [row * length + own for row, index in enumerate(members) for own in windows[index].positions]
    return Batch(tuple(members), input_ids, attention_mask, np.array(places, dtype=np.int64))
