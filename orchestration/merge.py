"""One order for the records of a partition's topics: (timestamp, topic, offset)."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from orchestration.record import Record

R = TypeVar("R", bound=Record)


class Merge(Generic[R]):
    """Takes each topic's records in log order, gives them back in the order of (timestamp, topic, offset).

    While a topic has a backlog whose next record has not come yet, nothing is given: that record might be the earliest.
    A topic is asked about only through ``at_end``: True while everything that is known to be in it has been added.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._waiting: dict[str, deque[R]] = {topic: deque() for topic in sorted(topics)}
        self.at_end: dict[str, bool] = dict.fromkeys(self._waiting, False)

    def add(self, topic: str, records: Iterable[R], at_end: bool) -> None:
        self._waiting[topic].extend(records)
        self.at_end[topic] = at_end

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def waiting(self, topic: str) -> int:
        """How many records of a topic wait to be taken."""
        return len(self._waiting[topic])

    def head(self, topic: str) -> R | None:
        """The next record of a topic, if it has come."""
        waiting = self._waiting[topic]
        return waiting[0] if waiting else None

    @property
    def drained(self) -> bool:
        return not any(self._waiting.values())

    def blocked_by(self) -> list[str]:
        """The topics whose next record has to come before anything can be given."""
        return [topic for topic, waiting in self._waiting.items() if not waiting and not self.at_end[topic]]

    def take(self, limit: int) -> list[R]:
        """Up to ``limit`` records that are certain to be next."""
        if self.blocked_by():
            return []
        sources = [waiting for waiting in self._waiting.values() if waiting]
        if len(sources) == 1:
            only = sources[0]
            return [only.popleft() for _ in range(min(limit, len(only)))]
        return list(self._merged(limit))

    def _merged(self, limit: int) -> Iterator[R]:
        heads = [
            (waiting[0].timestamp, topic, waiting[0].offset)
            for topic, waiting in self._waiting.items()
            if waiting
        ]
        heapq.heapify(heads)
        while heads and limit:
            _, topic, _ = heads[0]
            waiting = self._waiting[topic]
            yield waiting.popleft()
            limit -= 1
            if waiting:
                heapq.heapreplace(heads, (waiting[0].timestamp, topic, waiting[0].offset))
            elif self.at_end[topic]:
                heapq.heappop(heads)
            else:
                return
