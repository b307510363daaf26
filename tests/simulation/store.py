"""The table of one partition above a simulated disk: ``streams.lane.store.PartitionStore`` without RocksDB."""

from collections.abc import Iterable, Iterator, Mapping

from orchestration.rows import Collecting, Orchestrated, Row
from streams.lane.store import NOTE_PREFIX, ChangelogRecord, Changes
from tables.codec import encode_row
from tables.windows import Windows
from tests.simulation.bugs import Bug
from tests.simulation.disk import Disk
from tests.simulation.rows import known_row

_ABSENT = object()


class SimulatedStore:
    """Look-ups go through what changed, what is being committed, the disk."""

    def __init__(self, disk: Disk, partition: int, rules: str, bug: Bug | None) -> None:
        self.disk = disk
        self._partition = partition
        self._rules = rules
        self._bug = bug
        self._changed: dict[str, Row | None] = {}
        self._in_flight: dict[str, Row | None] = {}
        self._notes = self._notes_on_disk()
        self._changed_notes: dict[bytes, bytes | None] = {}
        self._open = Windows()
        self._markers = Windows()

    def get(self, corr_id: str) -> Row | None:
        row = self._changed.get(corr_id, _ABSENT)
        if row is _ABSENT and self._bug is not Bug.ROWS_IN_FLIGHT_NOT_SEEN:
            row = self._in_flight.get(corr_id, _ABSENT)
        if row is _ABSENT:
            data = self.disk.rows.get(corr_id.encode())
            row = None if data is None else known_row(data, self._partition)
        return row  # type: ignore[return-value]

    def put(self, corr_id: str, row: Row | None) -> None:
        if self._bug is Bug.MARKER_DROPPED and isinstance(row, Orchestrated):
            row = None
        self._changed[corr_id] = row
        self._note(corr_id, row)

    def due(self, time: int) -> Iterable[str]:
        names = [
            (row.due, corr_id)
            for corr_id in (*self._open.passed(time), *self._markers.passed(time))
            if (row := self.get(corr_id)) is not None and (row.due < time or self._other_rules(row))
        ]
        return [corr_id for _, corr_id in sorted(set(names))]

    def has_due(self, time: int) -> bool:
        return self._open.has_passed(time) or self._markers.has_passed(time)

    def open_since(self) -> int | None:
        return min((row.first_seen for _, row in self._rows() if isinstance(row, Collecting)), default=None)

    def restored(self, rules: str) -> None:
        self._rules = rules
        if self._bug is not Bug.DUE_TIMES_FORGOTTEN:
            for corr_id, row in self._rows():
                self._note(corr_id, row)

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

    def _notes_on_disk(self) -> dict[bytes, bytes]:
        if self._bug is Bug.JOURNAL_NOT_KEPT_ON_DISK:
            return {}
        return {key: value for key, value in self.disk.rows.items() if key.startswith(NOTE_PREFIX)}

    # -- commits ------------------------------------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        rows, self._changed = self._changed, {}
        notes, self._changed_notes = self._changed_notes, {}
        self._in_flight = rows
        records: list[ChangelogRecord] = [
            (corr_id.encode(), None if row is None else encode_row(row)) for corr_id, row in rows.items()
        ]
        return Changes(rows, records, list(notes.items()), [])

    def write(self, changes: Changes, changelog_offset: int | None) -> None:
        forgetful = self._bug is Bug.OWNER_NOT_KEPT_ON_DISK
        self.disk.write(changes.row_records if forgetful else changes.records, changelog_offset)
        self._in_flight = {}

    # -- restoring ----------------------------------------------------------------------------------------------------

    def restore(self, records: list[ChangelogRecord], changelog_offset: int) -> None:
        self.disk.write(records, changelog_offset)
        for key, value in records:
            if key.startswith(NOTE_PREFIX):
                self._keep_note(key, value)

    def _rows(self) -> Iterator[tuple[str, Row]]:
        for key, data in self.disk.rows.items():
            if not key.startswith(NOTE_PREFIX):
                yield key.decode(), known_row(data, self._partition)

    def _note(self, corr_id: str, row: Row | None) -> None:
        self._open.discard(corr_id)
        self._markers.discard(corr_id)
        if isinstance(row, Collecting):
            self._open.add(corr_id, 0 if self._other_rules(row) else row.due)
        elif row is not None:
            self._markers.add(corr_id, row.due)

    def _other_rules(self, row: Row) -> bool:
        return isinstance(row, Collecting) and row.rules != self._rules
