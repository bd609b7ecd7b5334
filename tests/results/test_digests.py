import pytest

from finner_batch.results import digests as module
from finner_batch.results.digests import DigestSet, content_digest, content_digests, row_digest


def test_a_set_of_digests_holds_what_was_added_and_nothing_else(monkeypatch):
    monkeypatch.setattr(module, "MERGE_AT", 10)
    digests = [content_digest(f"{number:064x}"[::-1]) for number in range(300)]
    held = DigestSet()
    for item in digests[:150] + digests[:20]:
        held.add(item)
    assert len(held) == 150
    assert all(item in held for item in digests[:150])
    assert not any(item in held for item in digests[150:])


def test_digests_that_share_their_first_half_are_told_apart(monkeypatch):
    monkeypatch.setattr(module, "MERGE_AT", 2)
    held = DigestSet()
    for last in range(4):
        held.add(bytes(15) + bytes([last]))
    assert bytes(15) + b"\x03" in held
    assert bytes(15) + b"\x04" not in held


def test_arrays_and_single_digests_agree():
    sha256 = "ab" * 32
    high, low = content_digests([sha256, None])
    assert int(high[0]).to_bytes(8) + int(low[0]).to_bytes(8) == content_digest(sha256)
    assert (high[1], low[1]) == (0, 0)


def test_a_row_digest_tells_rows_and_texts_apart():
    texts = ["00" * 32, "11" * 32]
    assert len({row_digest(document_id, text) for document_id in ("a", "b") for text in texts}) == 4


@pytest.mark.parametrize("text", ["", "ab", "z" * 64])
def test_what_is_no_hash_is_refused(text):
    with pytest.raises(ValueError):
        content_digest(text)
