"""Fills a cache, and says how many numbers it has kept after each call: `caching_child.py FILE [BYTES]`.

Writes to files end at BYTES, as on a full disk.
"""

import resource
import sys
from hashlib import blake2b
from itertools import count
from pathlib import Path

from finner_batch.results.logit_cache import LogitCache

AT_ONCE = 50


def digest_of(number):
    return blake2b(b"%d" % number, digest_size=16).digest()


def value_of(number):
    return blake2b(b"value %d" % number, digest_size=20).digest() * (1 + number % 3)


def keep(cache, numbers):
    cache.keep([digest_of(number) for number in numbers], [value_of(number) for number in numbers])


def found(cache, numbers):
    """Which of these numbers the cache holds. Fails where it gives anything but what was kept."""
    values = cache.find([digest_of(number) for number in numbers], [len(value_of(number)) for number in numbers])
    assert all(value in {None, value_of(number)} for number, value in zip(numbers, values, strict=True))
    return {number for number, value in zip(numbers, values, strict=True) if value is not None}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    cache = LogitCache(Path(sys.argv[1]), 64 << 20, lambda event, reason: print(event, reason, flush=True))  # noqa: T201
    for first in count(0, AT_ONCE):
        keep(cache, range(first, first + AT_ONCE))
        if cache.off is not None:
            break
        print(first + AT_ONCE, flush=True)  # noqa: T201
