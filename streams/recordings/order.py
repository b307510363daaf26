"""The order in which records are replayed: (time, topic, partition, offset), one and the same for every way of reading.

A record's time is its timestamp, or that of a record before it in its topic's partition where that is later: with CreateTime a
producer's clock may step back, and a record must still come after those that lie before it in the log.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestration.record import LogRecord


class Placed(NamedTuple):
    """A record with its place in the order. Two of one log never have the same place."""

    time: int
    topic: str
    partition: int
    offset: int
    record: LogRecord


def placed(records: Iterable[LogRecord]) -> Iterator[Placed]:
    """``records``: in log order for each topic's partition."""
    latest: dict[tuple[str, int], int] = {}
    for record in records:
        topic, partition, offset, timestamp, _, _, _ = record
        place = (topic, partition)
        time = latest.get(place, -1)
        if timestamp > time:
            latest[place] = time = timestamp
        yield Placed(time, topic, partition, offset, record)
