"""On which partition a key belongs: murmur2, as Kafka's own Java client and librdkafka's `murmur2_random` place keys."""

from functools import lru_cache
from struct import Struct

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


@lru_cache(maxsize=64)
def _words(count: int) -> Struct:
    return Struct(f"<{count}I")


def murmur2(key: bytes) -> int:
    """Kafka's 32-bit murmur2 of `key`, unsigned."""
    length = len(key)
    count = length >> 2
    h = _SEED ^ length
    for word in _words(count).unpack_from(key):
        k = (word * _M) & _MASK
        h = (h * _M ^ (k ^ (k >> 24)) * _M) & _MASK
    tail = length & 3
    if tail:
        h = ((h ^ int.from_bytes(key[length - tail :], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partition_count: int) -> int:
    """The partition of `key` among `partition_count` (> 0), as every Kafka client computes it."""
    return (murmur2(key) & 0x7FFFFFFF) % partition_count
