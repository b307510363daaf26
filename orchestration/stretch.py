"""What was folded between two commits, in its order: enough to fold it again to the same bytes.

Which of two topics' records is taken first depends on what had arrived, so a second reading may take another order, and
an outcome another cut. Whoever sends outcomes before the offsets are committed writes the order down before he sends.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from orchestration.correlation import TimePassed
from orchestration.record import Record


class Taken(NamedTuple):
    """The next ``records`` (a number) of ``topic`` were taken."""

    topic: str
    records: int


Step = Taken | TimePassed


class Stretch(NamedTuple):
    """``begin``: per input topic the offset that was read next before the first step."""

    begin: Mapping[str, int]
    steps: Sequence[Step]

    def taken_of(self, topic: str) -> int:
        """How many records of a topic it holds."""
        return sum(step.records for step in self.steps if isinstance(step, Taken) and step.topic == topic)


class StretchRecorder:
    """Notes the steps of a stretch while they are made."""

    def __init__(self, positions: Mapping[str, int]) -> None:
        self._begin = dict(positions)
        self._steps: list[Step] = []

    def take(self, records: Iterable[Record]) -> None:
        steps = self._steps
        for topic, group in groupby(record.topic for record in records):
            count = sum(1 for _ in group)
            last = steps[-1] if steps else None
            if isinstance(last, Taken) and last.topic == topic:
                steps[-1] = Taken(topic, last.records + count)
            else:
                steps.append(Taken(topic, count))

    def time_passed(self, time: int) -> None:
        self._steps.append(TimePassed(time))

    def end(self, positions: Mapping[str, int]) -> Stretch:
        """The stretch up to now; the next one begins at ``positions``."""
        stretch = Stretch(self._begin, tuple(self._steps))
        self._begin, self._steps = dict(positions), []
        return stretch
