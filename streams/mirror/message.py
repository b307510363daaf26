"""A message as the mirror sees it: headers with all their values, and where it stands in its stream."""

from typing import NamedTuple

HeaderPairs = tuple[tuple[str, bytes], ...]

_PREFIX = "$JS.ACK."
_WITH_DOMAIN = 11
"""Tokens of an acknowledgement's subject where it names a domain and an account (a random one may follow)."""


class StreamMessage(NamedTuple):
    """``time``: when the stream took it, in ns since the epoch. ``delivery``: the how-manieth of its consumer, to anybody.

    ``reply``: where it is acknowledged; "" for one that was read from the stream itself.
    """

    subject: str
    data: bytes
    headers: HeaderPairs
    sequence: int
    time: int
    delivery: int
    reply: str


def delivered(subject: str, data: bytes, headers: HeaderPairs, reply: str) -> StreamMessage | None:
    """A message that a consumer delivered; None for one whose ``reply`` is not a JetStream acknowledgement."""
    if not reply.startswith(_PREFIX):
        return None
    # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<sequence>.<delivery>.<time>.<pending>[.<random>]
    tokens = reply.split(".")
    shift = 2 if len(tokens) >= _WITH_DOMAIN else 0
    try:
        sequence, delivery, time = (int(token) for token in tokens[5 + shift : 8 + shift])
    except ValueError:
        return None
    return StreamMessage(subject, data, headers, sequence, time, delivery, reply)


def header_pairs(block: bytes) -> HeaderPairs:
    """The lines of a NATS header block, in order, repeated names too; values as their bytes. Lines without a name are left out."""
    pairs = []
    for line in block.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon and name and name.isascii() and not name.startswith(b"NATS/"):
            pairs.append((name.strip().decode("ascii"), value.strip()))
    return tuple(pairs)


def last_header(headers: HeaderPairs, name: str) -> bytes | None:
    return next((value for key, value in reversed(headers) if key == name), None)
