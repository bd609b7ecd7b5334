"""Groups windows into batches under a token budget. A window's logits do not depend on its batch.

Padding and activation ranges can make a sentence's logits depend on its neighbours. Therefore a window's padded length
follows from its own length alone (a multiple of `length_multiple`; 1 means no padding), and only windows of one padded
length share a batch.

On a GPU, lengths are multiples of 8 and numbers of rows are rounded up, so that a job has a few hundred shapes and its
memory stops growing. On 215 filings (windows of 34 tokens on average, 65,536 of them at a time, batches of 32,768
tokens), the model then reads 10 % more tokens: 9 % from the lengths, 2 % from the rows. With multiples of 16 it is
20 %, with multiples of 32 it is 40 %. Packing sentences without padding would thus save less than a tenth, and would
need attention kernels that the model's plain ONNX operators do not have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.tokens import ID_BYTES, Window

FULL_BATCH_LENGTH = 128
"""Longest window, in tokens, of which a batch may use the whole token budget."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`members[row]` is the index of the window in `input_ids[row]`; ids and mask are int64 `[batch, length]`.

    Rows after the last member are empty: their ids and mask are 0. `number_places` are the indexes of the windows'
    numbers, row by row, among all `batch * length` tokens.
    """

    members: tuple[int, ...]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    number_places: NDArray[np.int64]


def batches(
    windows: Sequence[Window],
    *,
    budget_tokens: int,
    length_multiple: int = 1,
    longest: int | None = None,
    few_shapes: bool = False,
) -> Iterator[Batch]:
    """Group windows by padded length; each batch has at most `budget_tokens` tokens, or one window.

    The memory of attention grows with the square of the length, so a batch of windows longer than `FULL_BATCH_LENGTH`
    has fewer of them and needs no more memory than a batch of that length. The longest windows come first, so that
    memory use peaks at the start. `longest` limits the padded length. `few_shapes`: the number of rows is rounded up
    with empty rows.
    """
    groups: dict[int, list[int]] = {}
    for index, window in enumerate(windows):
        length = -(-window.length // length_multiple) * length_multiple
        if longest is not None:
            length = max(window.length, min(length, longest))
        groups.setdefault(length, []).append(index)
    for length in sorted(groups, reverse=True):
        members = groups[length]
        rows = max(1, budget_tokens * min(length, FULL_BATCH_LENGTH) // length**2)
        for start in range(0, len(members), rows):
            chosen = members[start : start + rows]
            empty = min(rows, rounded_rows(len(chosen))) - len(chosen) if few_shapes else 0
            yield _batch(windows, chosen, length, empty)


def rounded_rows(rows: int) -> int:
    """Round up to one of 1 to 8, 10, 12, 14, 16, 20, 24, 28, 32, …: four per doubling, at most a quarter more."""
    step = 1 << max(0, rows.bit_length() - 3)
    return -(-rows // step) * step


def _batch(windows: Sequence[Window], members: Sequence[int], length: int, empty: int) -> Batch:
    """Make a batch of the windows `members`, padded to `length` tokens, with `empty` empty rows at its end."""
    packed = b"".join([windows[index].packed_ids.ljust(length * ID_BYTES, b"\0") for index in members])
    input_ids = np.frombuffer(packed, dtype=np.int32).reshape(len(members), length).astype(np.int64)
    attention_mask = np.ones((len(members), length), dtype=np.int64)
    for row, index in enumerate(members):
        if windows[index].length < length:
            attention_mask[row, windows[index].length :] = 0
    if empty:
        input_ids, attention_mask = (np.pad(array, ((0, empty), (0, 0))) for array in (input_ids, attention_mask))
    places = [row * length + position for row, index in enumerate(members) for position in windows[index].positions]
    return Batch(tuple(members), input_ids, attention_mask, np.array(places, dtype=np.int64))
