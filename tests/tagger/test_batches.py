import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.tagger.batches import batches
from finner_batch.tagger.tokens import Window


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
        assert [divmod(place, length) for place in batch.places.tolist()] == wanted
