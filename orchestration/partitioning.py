"""On which partition a key belongs: murmur2, as Kafka's own Java client and librdkafka's `murmur2_random` place keys."""

from functools import lru_cache
from struct import Struct

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


@lru_cache(maxsize=64)
def _layout(count: int) -> tuple[Struct, Struct, int, int]:
    """For so many words: how they are read, how they are laid out in lanes of 64 bits, and masks of each lane."""
    ones = sum(1 << 64 * lane for lane in range(count))
    return Struct(f"<{count}I"), Struct(f"<{count}Q"), ones * _MASK, ones * 0xFF


def murmur2(key: bytes) -> int:
    """Kafka's 32-bit murmur2 of `key`, unsigned."""
    length = len(key)
    words, lanes, mask, mask_of_shifted = _layout(length >> 2)
    h = _SEED ^ length
    # What is done to each word alone is done to all of them at once, each in a lane wide enough for a product: Python
    # takes as long for one large multiplication as for one small.
    k = (int.from_bytes(lanes.pack(*words.unpack_from(key)), "little") * _M) & mask
    k = ((k ^ (k >> 24 & mask_of_shifted)) * _M) & mask
    for word in lanes.unpack(k.to_bytes(lanes.size, "little")):
        h = (h * _M & _MASK) ^ word
    tail = length & 3
    if tail:
        h = ((h ^ int.from_bytes(key[length - tail :], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partition_count: int) -> int:
    """The partition of `key` among `partition_count` (> 0), as every Kafka client computes it."""
    return (murmur2(key) & 0x7FFFFFFF) % partition_count
