"""Several streams of records, each in the order of ``order.py``, as one."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from streams.recordings.order import Placed

_place = itemgetter(0, 1, 2, 3)


class Merged:
    """Iterate once. ``repeated`` counts records that were left out, since their topic's partition had come past them.

    Recordings may overlap: what stands in two of them is one record.
    """

    def __init__(self, streams: Sequence[Iterable[Placed]]) -> None:
        self._streams = streams
        self.repeated = 0

    def __iter__(self) -> Iterator[Placed]:
        # A merge of one costs more than reading the line.
        merged = self._streams[0] if len(self._streams) == 1 else heapq.merge(*self._streams, key=_place)
        reached: dict[tuple[str, int], int] = {}
        for one in merged:
            place = one[1:3]
            offset = one[3]
            if offset <= reached.get(place, -1):
                self.repeated += 1
                continue
            reached[place] = offset
            yield one
