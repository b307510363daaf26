"""The table of one partition above a simulated disk: ``streams.lane.store.PartitionStore`` without RocksDB."""

from collections.abc import Iterable, Iterator

from orchestration.rows import Collecting, Orchestrated, Row
from streams.lane.store import ChangelogRecord, Changes
from tables.codec import decode_row, encode_row
from tables.windows import Windows
from tests.simulation.bugs import Bug
from tests.simulation.disk import Disk

OWN = b"\x00"
"""Keys of the changelog that are no corr_ids begin with it."""

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
        self._open = Windows()
        self._markers = Windows()

    def get(self, corr_id: str) -> Row | None:
        row = self._changed.get(corr_id, _ABSENT)
        if row is _ABSENT and self._bug is not Bug.ROWS_IN_FLIGHT_NOT_SEEN:
            row = self._in_flight.get(corr_id, _ABSENT)
        if row is _ABSENT:
            data = self.disk.rows.get(corr_id.encode())
            row = None if data is None else decode_row(data, self._partition)
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

    def under(self, rules: str) -> None:
        """From now on these workflows are in force: rows found under others are looked at again."""
        self._rules = rules
        if self._bug is not Bug.DUE_TIMES_FORGOTTEN:
            for corr_id, row in self._rows():
                self._note(corr_id, row)

    # -- commits ------------------------------------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        rows, self._changed = self._changed, {}
        self._in_flight = rows
        records: list[ChangelogRecord] = [
            (corr_id.encode(), None if row is None else encode_row(row)) for corr_id, row in rows.items()
        ]
        return Changes(rows, records, [], [])

    def write(self, changes: Changes, changelog_offset: int | None) -> None:
        self.disk.write(changes.records, changelog_offset)
        self._in_flight = {}

    # -- restoring ----------------------------------------------------------------------------------------------------

    def restore(self, records: list[ChangelogRecord], changelog_offset: int | None) -> None:
        self.disk.write(records, changelog_offset)

    def own(self, prefix: bytes) -> dict[bytes, bytes]:
        """The records under keys of our own that begin so."""
        return {key: value for key, value in self.disk.rows.items() if key.startswith(prefix)}

    def _rows(self) -> Iterator[tuple[str, Row]]:
        for key, data in self.disk.rows.items():
            if not key.startswith(OWN):
                yield key.decode(), decode_row(data, self._partition)

    def _note(self, corr_id: str, row: Row | None) -> None:
        self._open.discard(corr_id)
        self._markers.discard(corr_id)
        if isinstance(row, Collecting):
            self._open.add(corr_id, 0 if self._other_rules(row) else row.due)
        elif row is not None:
            self._markers.add(corr_id, row.due)

    def _other_rules(self, row: Row) -> bool:
        return isinstance(row, Collecting) and row.rules != self._rules
