"""Windows into batches under a token budget. Which batch a window is in never changes its logits.

Padding and activation ranges can make a sentence's logits depend on its neighbours. Here a window is padded to a length
that follows from its own alone (a multiple of `length_multiple`; 1 means no padding at all), and only windows of one
such length share a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.tokens import ID_BYTES, Window


@dataclass(frozen=True, slots=True)
class Batch:
    """`members[row]` is the index of the window in `input_ids[row]`; ids and mask are int64 `[batch, length]`.

    `places` are those of the windows' numbers, row after row, among all `batch * length` tokens.
    """

    members: tuple[int, ...]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    places: NDArray[np.int64]


def batches(windows: Sequence[Window], *, budget_tokens: int, length_multiple: int = 1) -> Iterator[Batch]:
    """Group windows by padded length, longest first; each batch has at most `budget_tokens` tokens, or one window.

    Longest first: memory is at its highest at once, and not after an hour.
    """
    groups: dict[int, list[int]] = {}
    for index, window in enumerate(windows):
        length = -(-window.length // length_multiple) * length_multiple
        groups.setdefault(length, []).append(index)
    for length in sorted(groups, reverse=True):
        members = groups[length]
        rows = max(1, budget_tokens // length)
        for start in range(0, len(members), rows):
            yield make_batch(windows, members[start : start + rows], length)


def make_batch(windows: Sequence[Window], members: Sequence[int], length: int) -> Batch:
    """One batch of the windows `members`, padded to `length` tokens."""
    packed = b"".join([windows[index].packed_ids.ljust(length * ID_BYTES, b"\0") for index in members])
    input_ids = np.frombuffer(packed, dtype=np.int32).reshape(len(members), length).astype(np.int64)
    attention_mask = np.ones((len(members), length), dtype=np.int64)
    for row, index in enumerate(members):
        if windows[index].length < length:
            attention_mask[row, windows[index].length :] = 0
    places = [row * length + own for row, index in enumerate(members) for own in windows[index].positions]
    return Batch(tuple(members), input_ids, attention_mask, np.array(places, dtype=np.int64))
