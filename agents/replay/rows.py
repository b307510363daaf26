"""Rows of a replay: in memory as long as there is room, the oldest ones on disk after that.

A row is in one of the two places. Markers are many and stay for an hour of event time: of ten million signals in an hour none
could be forgotten, and memory must not grow with them.
"""

import heapq
import struct
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from rocksdict import Rdict, ReadOptions, WriteBatch

from orchestration.rows import Collecting, Row
from tables.codec import decode_row, encode_row
from tables.rocks import open_rocks

WINDOW_MS = 1000
MEMORY_BYTES = 256 * 1024 * 1024
"""What the rows of one process may take, by estimate, before the oldest half of them goes to disk."""

_MARKER_BYTES = 1600
_SIGNAL_TIMES = 6
"""A decoded payload takes some six times its bytes."""

_ROW, _WINDOW = b"r", b"w"
_WINDOW_KEY = struct.Struct(">Iqq")
_decode_names = msgspec.msgpack.Decoder(list[str]).decode


class Rows:
    """Those of all partitions of one process. ``peak_bytes``: the largest estimate of what was in memory."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self.due: list[tuple[int, int]] = []
        """A heap of (window, partition): windows of one second in which some row is, or was, due."""
        self.bytes = 0
        self.peak_bytes = 0
        self.spilled = 0
        self.open = 0
        """Correlations that wait for their outcome."""
        self._memory_bytes = memory_bytes
        self._tables: dict[int, PartitionRows] = {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.disk: Rdict | None = None

    def partition(self, number: int) -> "PartitionRows":
        """The table of one partition."""
        table = self._tables.get(number)
        if table is None:
            table = self._tables[number] = PartitionRows(self, number)
        return table

    def forget_windows(self, time: int) -> None:
        """For a caller that sweeps its partitions by itself: ``due`` would only grow."""
        while self.due and self.due[0][0] < time // WINDOW_MS:
            heapq.heappop(self.due)

    def grew(self, size: int) -> None:
        self.bytes += size
        self.peak_bytes = max(self.peak_bytes, self.bytes)

    def make_room(self) -> None:
        """To be called between two records: nobody then holds a row that is about to be put."""
        if self.bytes <= self._memory_bytes:
            return
        if self.disk is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="replay-")
            self.disk = open_rocks(Path(self._temporary.name) / "rows")
        share = self._memory_bytes // 2 // max(1, len(self._tables))
        for table in self._tables.values():
            self.spilled += table.spill(self.disk, share)

    def close(self) -> None:
        if self.disk is not None and self._temporary is not None:
            self.disk.close()
            self._temporary.cleanup()


class PartitionRows:
    """One partition of ``Rows``; what the core calls a ``CorrelationTable``."""

    def __init__(self, rows: Rows, partition: int) -> None:
        self._rows = rows
        self.partition = partition
        self.memory: dict[str, Row] = {}
        self._bytes = 0
        self._windows: dict[int, set[str]] = {}
        self._on_disk: set[int] = set()
        self._starts: list[int] = []
        self._batches = 0

    def get(self, corr_id: str) -> Row | None:
        row = self.memory.get(corr_id)
        if row is None and self._batches:
            return self._fetch(corr_id)
        return row

    def put(self, corr_id: str, row: Row | None) -> None:
        # Out and in again: what was put last stands last, and goes to disk last.
        before = self.memory.pop(corr_id, None)
        size = 0 if before is None else -_size(before)
        if row is not None:
            self.memory[corr_id] = row
            size += _size(row)
            window = row.due // WINDOW_MS
            if before is None or before.due // WINDOW_MS != window:
                self._window(window).add(corr_id)
        self._bytes += size
        self._rows.grew(size)
        self._rows.open += isinstance(row, Collecting) - isinstance(before, Collecting)

    def due(self, time: int) -> Iterable[str]:
        now = time // WINDOW_MS
        found: set[tuple[int, str]] = set()
        while self._starts and self._starts[0] < now:
            found.update(self._due_in(heapq.heappop(self._starts), time, passed=True))
        if self._starts and self._starts[0] == now:
            found.update(self._due_in(now, time, passed=False))
        return [corr_id for _, corr_id in sorted(found)]

    def _due_in(self, window: int, time: int, *, passed: bool) -> Iterator[tuple[int, str]]:
        """``passed``: it has passed whole, so nothing in it has to be looked at again."""
        names = self._windows.pop(window, ()) if passed else self._windows.get(window, ())
        on_disk: Iterable[str] = ()
        if window in self._on_disk:
            # Fetched, they are in memory, and in the window there.
            self._on_disk.discard(window)
            on_disk = self._names_on_disk(window)
        for corr_id in [*names, *on_disk]:
            row = self.get(corr_id)
            if row is not None and row.due < time:
                yield row.due, corr_id

    def spill(self, disk: Rdict, keep_bytes: int) -> int:
        """Write the oldest rows to disk until ``keep_bytes`` are left; how many those were."""
        batch = WriteBatch(raw_mode=True)
        windows: dict[int, list[str]] = {}
        count = 0
        while self._bytes > keep_bytes and self.memory:
            corr_id, row = next(iter(self.memory.items()))
            del self.memory[corr_id]
            size = _size(row)
            self._bytes -= size
            self._rows.grew(-size)
            batch.put(self._key(corr_id), encode_row(row))
            windows.setdefault(row.due // WINDOW_MS, []).append(corr_id)
            count += 1
        for window, names in windows.items():
            key = _WINDOW + _WINDOW_KEY.pack(self.partition, window, self._batches)
            batch.put(key, msgspec.msgpack.encode(names))
            self._on_disk.add(window)
            kept = self._windows.get(window)
            if kept is not None:
                kept.difference_update(names)
        self._batches += 1
        disk.write(batch)
        return count

    def _window(self, window: int) -> set[str]:
        names = self._windows.get(window)
        if names is None:
            names = self._windows[window] = set()
            heapq.heappush(self._starts, window)
            heapq.heappush(self._rows.due, (window, self.partition))
        return names

    def _fetch(self, corr_id: str) -> Row | None:
        """From the disk into memory, and off the disk: a row that stood in both could come back after its end."""
        disk = self._rows.disk
        assert disk is not None
        key = self._key(corr_id)
        value = disk.get(key)
        if value is None:
            return None
        disk.delete(key)
        row = decode_row(value, self.partition)
        self.put(corr_id, row)
        self._rows.open -= isinstance(row, Collecting)
        return row

    def _names_on_disk(self, window: int) -> Iterator[str]:
        disk = self._rows.disk
        assert disk is not None
        prefix = _WINDOW + self.partition.to_bytes(4, "big") + window.to_bytes(8, "big", signed=True)
        for value in list(_scan(disk, prefix)):
            yield from _decode_names(value)
        disk.delete_range(prefix, prefix + b"\xff" * 9)

    def _key(self, corr_id: str) -> bytes:
        return _ROW + self.partition.to_bytes(4, "big") + corr_id.encode()


def _size(row: Row) -> int:
    if isinstance(row, Collecting):
        return row.size * _SIGNAL_TIMES + (_MARKER_BYTES if row.previous is not None else 0)
    return _MARKER_BYTES


def _scan(disk: Rdict, prefix: bytes) -> Iterator[bytes]:
    iterator = disk.iter(ReadOptions())
    iterator.seek(prefix)
    while iterator.valid() and iterator.key().startswith(prefix):
        yield iterator.value()
        iterator.next()
    iterator.status()
