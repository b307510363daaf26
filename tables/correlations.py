"""The correlations' table, one partition of it: rows in memory and on disk, and what is due when.

A look-up goes through what has changed since the last commit, what is being committed, what was read lately, the disk.
Without the second step a row whose deletion is being committed would come back from the disk.

On disk (keys by their first byte):
    r<corr_id>               the row as in the changelog
    o<corr_id>               there is an open correlation: its due time, and under which workflows that was found
    w<window><offset>        markers that end within this window: their corr_ids
    m                        the changelog offset that comes next, and when that was written
"""

import logging
import shutil
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from rocksdict import Rdict, ReadOptions, WriteBatch

from orchestration.rows import Collecting, Row
from streams.lane.store import ChangelogRecord, Changes, StoreDamaged
from tables.codec import decode_row, encode_row
from tables.rocks import open_rocks
from tables.windows import WINDOW_MS, Windows

logger = logging.getLogger(__name__)

ROW, OPEN, WINDOW, META = b"r", b"o", b"w", b"m"
RECENT_ROWS = 20_000
"""Rows of open correlations kept decoded after they were written; more are read from the disk again."""

_META = struct.Struct(">qd")
_DUE = struct.Struct(">q")
_OPEN = struct.Struct(">q8s")
_ABSENT = object()
_encode = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(list[str]).decode


class PartitionTable:
    """Implements ``streams.lane.store.PartitionStore`` on RocksDB in ``folder``. ``rules``: digest of the workflows in force."""

    def __init__(self, folder: Path, partition: int, rules: str) -> None:
        self._folder = folder
        self._partition = partition
        self._rules = _digest(rules)
        self._changed: dict[str, Row | None] = {}
        self._in_flight: dict[str, Row | None] = {}
        self._recent: dict[str, Row] = {}
        self._open = Windows()
        self._markers = Windows()
        self._emptied: list[bytes] = []
        self._next_marker_window: int | None = None
        self._restored_to: int | None
        self._written_at: float
        self._closed = False
        self._rocks = self._open_or_wipe()
        self._read_meta()

    # -- rows ---------------------------------------------------------------------------------------------------------

    def get(self, corr_id: str) -> Row | None:
        row = self._changed.get(corr_id, _ABSENT)
        if row is _ABSENT:
            row = self._in_flight.get(corr_id, _ABSENT)
            if row is _ABSENT:
                row = self._recent.get(corr_id)
                if row is None:
                    row = self._on_disk(corr_id)
        return row  # type: ignore[return-value]

    def _on_disk(self, corr_id: str) -> Row | None:
        try:
            data = self._rocks.get(ROW + corr_id.encode())
        except Exception as error:
            raise self._damaged(error) from error
        return None if data is None else decode_row(data, self._partition)

    def put(self, corr_id: str, row: Row | None) -> None:
        self._changed[corr_id] = row
        if isinstance(row, Collecting):
            self._open.add(corr_id, row.due)
            self._markers.discard(corr_id)
            return
        self._open.discard(corr_id)
        if row is None:
            self._markers.discard(corr_id)
        else:
            self._markers.add(corr_id, row.due)

    def open_count(self) -> int:
        return len(self._open)

    def open_rows(self) -> Iterator[Row]:
        """Rows that wait for their outcome; for views."""
        for corr_id in list(self._open._window_of):
            row = self.get(corr_id)
            if row is not None:
                yield row

    # -- what is due --------------------------------------------------------------------------------------------------

    def has_due(self, time: int) -> bool:
        if self._open.has_passed(time) or self._markers.has_passed(time):
            return True
        return self._next_marker_window is not None and self._next_marker_window < time // WINDOW_MS

    def due(self, time: int) -> Iterable[str]:
        names = [
            (row.due, corr_id)
            for corr_id in (
                *self._open.passed(time),
                *self._markers.passed(time),
                *self._markers_on_disk(time),
            )
            if (row := self.get(corr_id)) is not None and (row.due < time or self._other_rules(row))
        ]
        return [corr_id for _, corr_id in sorted(set(names))]

    def _other_rules(self, row: Row) -> bool:
        """Whether its deadline was found under other workflows: by these ones it may be complete, or due earlier."""
        return isinstance(row, Collecting) and _digest(row.rules) != self._rules

    def _markers_on_disk(self, time: int) -> list[str]:
        """Empty the marker windows that have passed whole; they are deleted with the next commit."""
        if self._next_marker_window is None or self._next_marker_window >= time // WINDOW_MS:
            return []
        names: list[str] = []
        for key, value in self._scan(WINDOW, WINDOW + _DUE.pack(self._next_marker_window)):
            window = _DUE.unpack_from(key, 1)[0]
            if window >= time // WINDOW_MS:
                self._next_marker_window = window
                return names
            names.extend(_decode_names(value))
            self._emptied.append(key)
        self._next_marker_window = None
        return names

    # -- commits ------------------------------------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        rows, self._changed = self._changed, {}
        emptied, self._emptied = self._emptied, []
        self._in_flight = rows
        records: list[ChangelogRecord] = [
            (corr_id.encode(), None if row is None else encode_row(row)) for corr_id, row in rows.items()
        ]
        return Changes(rows, records, emptied)

    def write(self, changes: Changes, changelog_offset: int | None) -> None:
        batch = WriteBatch(raw_mode=True)
        self._add(batch, zip(changes.records, changes.rows.values(), strict=True), changelog_offset or 0)
        for key in changes.emptied:
            batch.delete(key)
        if changelog_offset is not None:
            batch.put(META, _META.pack(changelog_offset, time.time()))
            self._restored_to = changelog_offset
        self._write(batch)

    def written(self, changes: Changes) -> None:
        self._in_flight = {}
        for corr_id, row in changes.rows.items():
            if isinstance(row, Collecting):
                self._recent[corr_id] = row
            else:
                self._recent.pop(corr_id, None)
                if row is not None and corr_id not in self._changed:
                    # Its window is on disk now: markers are many, and stay long.
                    self._markers.discard(corr_id)
                    self._note_marker_window(row.due)
        while len(self._recent) > RECENT_ROWS:
            del self._recent[next(iter(self._recent))]

    def _add(
        self, batch: WriteBatch, changes: Iterable[tuple[ChangelogRecord, Row | None]], changelog_offset: int
    ) -> None:
        windows: dict[int, list[str]] = {}
        for (key, value), row in changes:
            if row is None or value is None:
                batch.delete(ROW + key)
                batch.delete(OPEN + key)
                continue
            batch.put(ROW + key, value)
            if isinstance(row, Collecting):
                batch.put(OPEN + key, _OPEN.pack(row.due, _digest(row.rules)))
            else:
                batch.delete(OPEN + key)
                windows.setdefault(row.due // WINDOW_MS, []).append(row.corr_id)
        for window, names in windows.items():
            batch.put(WINDOW + _DUE.pack(window) + _DUE.pack(changelog_offset), _encode(names))

    def _note_marker_window(self, due: int) -> None:
        window = due // WINDOW_MS
        if self._next_marker_window is None or window < self._next_marker_window:
            self._next_marker_window = window

    # -- restoring ----------------------------------------------------------------------------------------------------

    @property
    def restored_to(self) -> int | None:
        return self._restored_to

    @property
    def age_seconds(self) -> float:
        return max(0.0, time.time() - self._written_at)

    def restore(self, records: Iterable[ChangelogRecord], changelog_offset: int) -> None:
        last = dict(records)
        changes: list[tuple[ChangelogRecord, Row | None]] = [
            ((key, value), None if value is None else decode_row(value, self._partition))
            for key, value in last.items()
        ]
        batch = WriteBatch(raw_mode=True)
        self._add(batch, changes, changelog_offset)
        batch.put(META, _META.pack(changelog_offset, time.time()))
        self._write(batch)
        self._restored_to = changelog_offset

    def restored(self) -> None:
        for key, value in self._scan(OPEN, OPEN):
            due, rules = _OPEN.unpack(value)
            # Under other workflows the deadline may be another one: due at once means that it is looked at again.
            self._open.add(key[1:].decode(), due if rules == self._rules else 0)
        for key, _ in self._scan(WINDOW, WINDOW):
            self._next_marker_window = _DUE.unpack_from(key, 1)[0]
            break

    def wipe(self) -> None:
        for rows in (self._changed, self._in_flight, self._recent):
            rows.clear()
        self._open, self._markers = Windows(), Windows()
        self._emptied, self._next_marker_window = [], None
        self._rocks.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._rocks = self._open_or_wipe()
        self._read_meta()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._rocks.close()

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._rocks.write(batch)
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> StoreDamaged:
        # RocksDB opens a store with a damaged block as if nothing were wrong: without this mark the next bring-up would
        # find the same block, for ever.
        self._mark.touch()
        return StoreDamaged(
            f"the local store {self._folder} is damaged, it is rebuilt from the changelog: {error}"
        )

    @property
    def _mark(self) -> Path:
        return self._folder.with_name(f"{self._folder.name}.damaged")

    def _open_or_wipe(self) -> Rdict:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if self._mark.exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._mark.unlink()
        try:
            return open_rocks(self._folder)
        except Exception as error:
            if "lock" in str(error).lower():
                raise
            # A damaged store is nothing to lose: the changelog has everything.
            logger.warning(
                "the local store %s cannot be opened and is rebuilt from the changelog: %s",
                self._folder,
                error,
            )
            shutil.rmtree(self._folder, ignore_errors=True)
            return open_rocks(self._folder)

    def _read_meta(self) -> None:
        try:
            meta = self._rocks.get(META)
        except Exception as error:  # noqa: BLE001 - the library raises nothing more particular
            logger.warning("%s", self._damaged(error))
            self._rocks.close()
            self._rocks = self._open_or_wipe()
            meta = None
        if meta is None:
            self._restored_to, self._written_at = None, time.time()
        else:
            self._restored_to, self._written_at = _META.unpack(meta)

    def _scan(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        try:
            iterator = self._rocks.iter(ReadOptions())
            iterator.seek(start)
            while iterator.valid():
                key = iterator.key()
                if not key.startswith(prefix):
                    return
                yield key, iterator.value()
                iterator.next()
            # An iterator that meets a damaged block just ends.
            iterator.status()
        except Exception as error:
            raise self._damaged(error) from error


def _digest(rules: str) -> bytes:
    return rules.encode()[:8].ljust(8, b"\x00")
