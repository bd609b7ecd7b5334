import gzip
import os
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from finner_batch.errors import DocumentError
from finner_batch.readers.compression import decompress, decompressed

LIMIT = 1 << 30
PACK = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor(write_checksum=True).compress}


@pytest.fixture(params=sorted(PACK))
def pack(request):
    return PACK[request.param]


def test_uncompressed_data_passes_through():
    assert decompress([b"<html>"], LIMIT) == b"<html>"
    assert b"".join(decompressed([b"<ht", b"ml>"])) == b"<html>"


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=4), st.integers(1, 400), st.sampled_from(sorted(PACK)))
def test_several_members_in_any_pieces_are_one_stream(members, step, method):
    packed = b"".join(map(PACK[method], members))
    pieces = [packed[:4], *(packed[start : start + step] for start in range(4, len(packed), step))]

    assert b"".join(decompressed(pieces)) == b"".join(members)


def test_zero_padding_after_the_last_member_is_no_error():
    assert decompress([gzip.compress(b"text") + bytes(1000)], LIMIT) == b"text"


def test_data_that_ends_early_is_an_error_that_says_so(pack):
    packed = pack(os.urandom(100_000))

    for end in (5, 1000, len(packed) // 2, len(packed) - 1):
        with pytest.raises(DocumentError, match="ends early") as raised:
            decompress([packed[:end]], LIMIT)
        assert raised.value.stage == "read"


def test_damaged_data_is_an_error_that_says_so(pack):
    packed = bytearray(pack(os.urandom(10_000)))
    packed[2000:2600] = bytes(600)

    with pytest.raises(DocumentError, match="damaged"):
        decompress([bytes(packed)], LIMIT)


def test_other_data_after_a_member_is_damage():
    with pytest.raises(DocumentError, match="damaged"):
        decompress([gzip.compress(b"text") + b"<html>"], LIMIT)


def test_a_decompression_bomb_costs_its_bound_and_no_more(pack):
    bomb = _gzip_bomb(1 << 30) if pack is gzip.compress else pack(bytes(1 << 30))
    tracemalloc.start()

    with pytest.raises(DocumentError, match="larger than 8 MiB"):
        decompress([bomb], 8 << 20)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def _gzip_bomb(size: int) -> bytes:
    """What gzip makes of `size` zero bytes, made of one deflated MiB that repeats (RFC 1951 blocks end on a byte)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + block * (size >> 20)
