import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finner_batch.tagging.batching import FULL_BATCH_LENGTH, batches, rounded_rows
from finner_batch.tagging.tokens import Window


@settings(deadline=None)
@given(st.lists(st.integers(2, 60), max_size=60), st.integers(1, 300), st.sampled_from([1, 8, 16]))
def test_every_window_is_in_one_batch_whose_length_follows_from_its_own(lengths, budget, multiple):
    windows = [
        Window(np.arange(1, length + 1, dtype=np.int32).tobytes(), tuple(range(0, length, 1 + length % 5)), ())
        for length in lengths
    ]
    made = list(batches(windows, budget_tokens=budget, length_multiple=multiple))
    assert sorted(member for batch in made for member in batch.members) == list(range(len(windows)))
    for batch in made:
        rows, length = batch.input_ids.shape
        assert rows == 1 or rows * length <= budget
        for row, member in enumerate(batch.members):
            own = lengths[member]
            assert length == -(-own // multiple) * multiple
            assert batch.attention_mask[row].tolist() == [1] * own + [0] * (length - own)
            assert batch.input_ids[row, :own].tolist() == windows[member].ids.tolist()
            assert not batch.input_ids[row, own:].any()
        wanted = [(row, position) for row, member in enumerate(batch.members) for position in windows[member].positions]
        assert [divmod(place, length) for place in batch.number_places.tolist()] == wanted


@settings(deadline=None)
@given(st.lists(st.integers(2, 60), min_size=1, max_size=60), st.integers(1, 300), st.integers(30, 60))
def test_few_shapes_change_no_window_and_pad_none_beyond_the_longest(lengths, budget, longest):
    windows = [Window(np.arange(1, min(n, longest) + 1, dtype=np.int32).tobytes(), (0,), ()) for n in lengths]
    plain = list(batches(windows, budget_tokens=budget, length_multiple=8, longest=longest))
    few = list(batches(windows, budget_tokens=budget, length_multiple=8, longest=longest, few_shapes=True))
    for one, other in zip(plain, few, strict=True):
        own = len(one.members)
        rows, length = other.input_ids.shape
        assert one.members == other.members
        assert np.array_equal(other.input_ids[:own], one.input_ids)
        assert np.array_equal(other.attention_mask[:own], one.attention_mask)
        assert not other.input_ids[own:].any()
        assert not other.attention_mask[own:].any()
        assert np.array_equal(other.number_places, one.number_places)
        assert length <= longest
        assert own <= rows <= max(1, budget // length)


@settings(deadline=None)
@given(st.lists(st.integers(2, 512), min_size=1, max_size=60), st.integers(FULL_BATCH_LENGTH, 4096), st.booleans())
def test_a_batch_of_long_windows_needs_no_more_attention_than_one_of_shorter_ones(lengths, budget, few_shapes):
    windows = [Window(np.ones(length, dtype=np.int32).tobytes(), (0,), ()) for length in lengths]
    for batch in batches(windows, budget_tokens=budget, length_multiple=8, few_shapes=few_shapes):
        rows, length = batch.input_ids.shape
        assert rows == 1 or rows * length**2 <= budget * FULL_BATCH_LENGTH


def test_numbers_of_rows_are_few_and_at_most_a_quarter_above():
    counts = {rounded_rows(rows) for rows in range(1, 4097)}
    assert len(counts) == 44
    assert all(rows <= rounded_rows(rows) <= rows * 1.25 for rows in range(1, 4097))
