"""Putting a recording into the order of replay, on disk, so that memory stays bounded whatever its length."""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from orchestration.record import LogRecord
from streams.recordings.line import read_line, write_line
from streams.recordings.order import Placed, placed

RECORDS_AT_ONCE = 50_000

_in_log = itemgetter(1, 2, 3)
_in_time = itemgetter(0, 1, 2, 3)


def in_order(records: Iterable[LogRecord], at_once: int = RECORDS_AT_ONCE) -> Iterator[Placed]:
    """All of ``records``, which may stand in any order. ``at_once``: how many are in memory."""
    unplaced = (Placed(0, record.topic, record.partition, record.offset, record) for record in records)
    # First each log by its offsets: which record stood before which decides what time a record has.
    logs = _sorted(unplaced, _in_log, at_once)
    return _sorted(placed(one.record for one in logs), _in_time, at_once)


def _sorted(items: Iterable[Placed], key: Callable[[Placed], Any], at_once: int) -> Iterator[Placed]:
    rest = iter(items)
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        runs: list[Path] = []
        while chunk := sorted(islice(rest, at_once), key=key):
            if not runs and len(chunk) < at_once:
                yield from chunk
                return
            runs.append(Path(folder) / str(len(runs)))
            with runs[-1].open("wb") as file:
                file.writelines(b"%d %b" % (one.time, write_line(one.record)) for one in chunk)
        yield from heapq.merge(*(_run(path) for path in runs), key=key)


def _run(path: Path) -> Iterator[Placed]:
    with path.open("rb") as file:
        for line in file:
            time, _, rest = line.partition(b" ")
            record = read_line(rest)
            yield Placed(int(time), record.topic, record.partition, record.offset, record)
