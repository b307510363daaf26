"""Which part of a topic: by offsets, by times, or from its beginning to the end that it has now."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from orchestration.timestamps import parse_timestamp

_OFFSETS = re.compile(r"([A-Za-z0-9._-]+)(?::([0-9]+))?:([0-9]*)-([0-9]*)")
OFFSETS_EXPECTED = (
    "TOPIC:FROM-TO or TOPIC:PARTITION:FROM-TO, e.g. signals.normalized:3:100-250; TO is exclusive"
)
TIME_EXPECTED = "RFC 3339 with an offset, e.g. 2026-01-15T10:30:00Z"


class Offsets(NamedTuple):
    """``partition`` None: each of them. ``begin`` None: where the log begins; ``end`` None: where it ends now."""

    topic: str
    partition: int | None
    begin: int | None
    end: int | None


class Wanted(NamedTuple):
    """``since`` and ``until`` in ms, the latter exclusive. ``offsets`` count before them for the topics that they name."""

    since: int | None = None
    until: int | None = None
    offsets: Sequence[Offsets] = ()

    def offsets_of(self, topic: str, partition: int) -> Offsets | None:
        """What was said of this partition; None where only the times count."""
        for one in self.offsets:
            if one.topic == topic and one.partition in (None, partition):
                return one
        return None


class Span(NamedTuple):
    """Offsets from ``begin`` to before ``end``."""

    topic: str
    partition: int
    begin: int
    end: int


def parse_offsets(text: str) -> Offsets:
    """Raises ValueError, with what was expected."""
    match = _OFFSETS.fullmatch(text)
    if match is None:
        raise ValueError(OFFSETS_EXPECTED)
    topic, partition, begin, end = match.groups()
    parsed = Offsets(
        topic,
        None if partition is None else int(partition),
        int(begin) if begin else None,
        int(end) if end else None,
    )
    if parsed.begin is not None and parsed.end is not None and parsed.end < parsed.begin:
        raise ValueError(f"{OFFSETS_EXPECTED}: TO is before FROM")
    return parsed


def parse_time(text: str) -> int:
    """Milliseconds. Raises ValueError, with what was expected."""
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ValueError(TIME_EXPECTED) from None
