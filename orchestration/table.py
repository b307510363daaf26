"""The table that the core needs: rows by corr_id, and which of them are due. ``tables/`` keeps it on disk."""

import heapq
from collections.abc import Iterable
from typing import Protocol

from orchestration.rows import Row


class CorrelationTable(Protocol):
    """One partition's rows. Reads see what was put before, whether or not it has been written anywhere."""

    def get(self, corr_id: str) -> Row | None: ...

    def put(self, corr_id: str, row: Row | None) -> None:
        """Remember the row, and when it is due; None forgets it."""
        ...

    def due(self, time: int) -> Iterable[str]:
        """The corr_ids whose ``row.due`` is before ``time`` (ms), in order of (due, corr_id).

        May name rows that are not due any more: the fold looks again. The cost depends on how many are due,
        not on how many there are.
        """
        ...


class MemoryTable:
    """A table without a disk: for the test driver, replays of recordings and the simulator."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._due: dict[int, dict[str, None]] = {}
        self._moments: list[int] = []

    def get(self, corr_id: str) -> Row | None:
        return self.rows.get(corr_id)

    def put(self, corr_id: str, row: Row | None) -> None:
        if row is None:
            self.rows.pop(corr_id, None)
            return
        self.rows[corr_id] = row
        due = row.due
        if due not in self._due:
            self._due[due] = {}
            heapq.heappush(self._moments, due)
        self._due[due][corr_id] = None

    def due(self, time: int) -> Iterable[str]:
        while self._moments and self._moments[0] < time:
            moment = heapq.heappop(self._moments)
            for corr_id in sorted(self._due.pop(moment)):
                row = self.rows.get(corr_id)
                if row is not None and row.due == moment:
                    yield corr_id
