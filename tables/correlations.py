"""The correlations' table, one partition of it: rows in memory and on disk, and what is due when.

A look-up goes through what has changed since the last commit, what is being committed, what was read lately, the disk.
Without the second step a row whose deletion is being committed would come back from the disk.

On disk (keys by their first byte):
    r<corr_id>               the row as in the changelog
    o<corr_id>               there is an open correlation: its due time, and under which workflows that was found
    w<window><offset>        markers that end within this window: their corr_ids
    n<key>                   a note of the lane: a record of the changelog that is no row
    m                        the changelog offset that comes next, and when that was written
"""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from rocksdict import WriteBatch

from orchestration.rows import Collecting, Row
from streams.lane.store import NOTE_PREFIX, ChangelogRecord, Changes
from tables.codec import decode_row, encode_row
from tables.disk import Disk
from tables.windows import WINDOW_MS, Windows

ROW, OPEN, WINDOW, NOTE = b"r", b"o", b"w", b"n"
RECENT_ROWS = 20_000
"""Rows of open correlations kept decoded after they were written; more are read from the disk again."""

_DUE = struct.Struct(">q")
_OPEN = struct.Struct(">q8s")
_ABSENT = object()
_encode = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(list[str]).decode


class PartitionTable:
    """Implements ``streams.lane.store.PartitionStore`` on RocksDB in ``folder``."""

    def __init__(self, folder: Path, partition: int) -> None:
        self._partition = partition
        self._rules = b""
        self._disk = Disk(folder)
        self._forget()

    def _forget(self) -> None:
        self._changed: dict[str, Row | None] = {}
        self._in_flight: dict[str, Row | None] = {}
        self._recent: dict[str, Row] = {}
        self._open = Windows()
        self._markers = Windows()
        self._emptied: list[bytes] = []
        self._next_marker_window: int | None = None
        self._notes = {key[1:]: value for key, value in self._disk.scan(NOTE)}
        self._changed_notes: dict[bytes, bytes | None] = {}

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
        data = self._disk.get(ROW + corr_id.encode())
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

    def open_since(self) -> int | None:
        names = (key[1:].decode() for key, _ in self._disk.scan(OPEN))
        return min(
            (row.first_seen for name in names if (row := self._on_disk(name)) is not None), default=None
        )

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
        for key, value in self._disk.scan(WINDOW, WINDOW + _DUE.pack(self._next_marker_window)):
            window = _DUE.unpack_from(key, 1)[0]
            if window >= time // WINDOW_MS:
                self._next_marker_window = window
                return names
            names.extend(_decode_names(value))
            self._emptied.append(key)
        self._next_marker_window = None
        return names

    # -- notes --------------------------------------------------------------------------------------------------------

    @property
    def notes(self) -> Mapping[bytes, bytes]:
        return self._notes

    def note(self, key: bytes, value: bytes | None) -> None:
        self._changed_notes[key] = value
        self._keep_note(key, value)

    def _keep_note(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._notes.pop(key, None)
        else:
            self._notes[key] = value

    # -- commits ------------------------------------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        rows, self._changed = self._changed, {}
        notes, self._changed_notes = self._changed_notes, {}
        emptied, self._emptied = self._emptied, []
        self._in_flight = rows
        records: list[ChangelogRecord] = [
            (corr_id.encode(), None if row is None else encode_row(row)) for corr_id, row in rows.items()
        ]
        return Changes(rows, records, list(notes.items()), emptied)

    def write(self, changes: Changes, changelog_offset: int | None) -> None:
        batch = WriteBatch(raw_mode=True)
        _add_rows(batch, zip(changes.row_records, changes.rows.values(), strict=True), changelog_offset or 0)
        _add_notes(batch, changes.note_records)
        for key in changes.emptied:
            batch.delete(key)
        self._disk.write(batch, changelog_offset)

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

    def _note_marker_window(self, due: int) -> None:
        window = due // WINDOW_MS
        if self._next_marker_window is None or window < self._next_marker_window:
            self._next_marker_window = window

    # -- restoring ----------------------------------------------------------------------------------------------------

    @property
    def restored_to(self) -> int | None:
        return self._disk.restored_to

    @property
    def age_seconds(self) -> float:
        return self._disk.age_seconds

    def restore(self, records: Iterable[ChangelogRecord], changelog_offset: int) -> None:
        rows: list[tuple[ChangelogRecord, Row | None]] = []
        notes: list[ChangelogRecord] = []
        for key, value in dict(records).items():
            if key.startswith(NOTE_PREFIX):
                notes.append((key, value))
                self._keep_note(key, value)
            else:
                rows.append(((key, value), None if value is None else decode_row(value, self._partition)))
        batch = WriteBatch(raw_mode=True)
        _add_rows(batch, rows, changelog_offset)
        _add_notes(batch, notes)
        self._disk.write(batch, changelog_offset)

    def restored(self, rules: str) -> None:
        self._rules = _digest(rules)
        self._open, self._markers, self._next_marker_window = Windows(), Windows(), None
        for key, value in self._disk.scan(OPEN):
            due, found_under = _OPEN.unpack(value)
            # Under other workflows the deadline may be another one: due at once means that it is looked at again.
            self._open.add(key[1:].decode(), due if found_under == self._rules else 0)
        for key, _ in self._disk.scan(WINDOW):
            self._next_marker_window = _DUE.unpack_from(key, 1)[0]
            break

    def wipe(self) -> None:
        self._disk.wipe()
        self._forget()

    def close(self) -> None:
        self._disk.close()


def _add_rows(
    batch: WriteBatch, changes: Iterable[tuple[ChangelogRecord, Row | None]], changelog_offset: int
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


def _add_notes(batch: WriteBatch, notes: Iterable[ChangelogRecord]) -> None:
    for key, value in notes:
        if value is None:
            batch.delete(NOTE + key)
        else:
            batch.put(NOTE + key, value)


def _digest(rules: str) -> bytes:
    return rules.encode()[:8].ljust(8, b"\x00")
