"""How late deadlines fired, and which part of that was downtime."""

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.judge import Judged

Interval = tuple[int, int]

_DOWNTIME = "SELECT started, max(coalesce(recovered, 0), coalesce(ended, 0)) FROM fault WHERE ended IS NOT NULL ORDER BY 1"
_FIRED = """
SELECT corr_id, orchestrated_at, min(timestamp) FROM outcome WHERE completed_by = 'deadline'
GROUP BY corr_id, orchestrated_at
"""


def late_deadlines(judged: "Judged") -> Iterator[str]:
    for corr_id, late in lateness(judged.connection):
        if late > judged.facts.deadline_slack_ms:
            yield f"{corr_id}: {late} ms late, downtime not counted"


def lateness(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """By how many ms each deadline's decision was written after the deadline, downtime not counted."""
    downtime = merged(connection.execute(_DOWNTIME).fetchall())
    for corr_id, deadline, fired in connection.execute(_FIRED):
        yield corr_id, fired - deadline - overlap(downtime, deadline, fired)


def merged(intervals: list[Interval]) -> list[Interval]:
    """The same times, without overlap; ``intervals`` in the order of their beginnings."""
    found: list[Interval] = []
    for begin, end in intervals:
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def overlap(intervals: list[Interval], begin: int, end: int) -> int:
    """How much of the time from ``begin`` to ``end`` lies within them."""
    return sum(max(0, min(end, last) - max(begin, first)) for first, last in intervals)
