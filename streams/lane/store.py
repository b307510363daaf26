"""What the lane needs of the place where rows are kept. ``tables/`` provides it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from orchestration.rows import Row
from orchestration.table import CorrelationTable


class StoreDamaged(Exception):
    """The disk does not give back what was written. The partition is to be brought up again from the changelog."""


ChangelogRecord = tuple[bytes, bytes | None]
"""Key (corr_id) and value (an encoded row; None: the row is gone) as they stand in the changelog."""


NOTE_PREFIX = b"\x00"
"""How the keys of notes begin: records of the changelog that are no rows. No corr_id does."""


@dataclass(slots=True)
class Changes:
    """What was put and noted since the last commit, each once: the records as they are to be written.

    ``row_records`` in the order of ``rows``. ``emptied``: what the store deletes beside them.
    """

    rows: dict[str, Row | None]
    row_records: list[ChangelogRecord]
    note_records: list[ChangelogRecord]
    emptied: list[bytes]

    @property
    def records(self) -> list[ChangelogRecord]:
        return [*self.row_records, *self.note_records] if self.note_records else self.row_records


class PartitionStore(CorrelationTable, Protocol):
    """One partition's rows, in memory and on disk. The disk never holds what the changelog does not.

    All methods belong to the event loop's thread but for ``write`` and ``restore``, which may block and run elsewhere.
    """

    @property
    def restored_to(self) -> int | None:
        """The changelog offset that comes after everything the disk holds; None: the disk holds nothing."""
        ...

    @property
    def age_seconds(self) -> float:
        """Since the disk was last written."""
        ...

    @property
    def notes(self) -> Mapping[bytes, bytes]:
        """Every note, by its whole key."""
        ...

    def note(self, key: bytes, value: bytes | None) -> None:
        """Keep a note, which goes into the changelog with the next changes; None: it is gone."""
        ...

    def has_due(self, time: int) -> bool:
        """Whether ``due(time)`` would name anything."""
        ...

    def open_count(self) -> int:
        """How many correlations wait for their outcome."""
        ...

    def open_since(self) -> int | None:
        """The smallest ``first_seen`` (ms) of the correlations that wait on disk, None where none does. Reads each of them."""
        ...

    def take_changes(self) -> Changes:
        """Everything put since the last call. Reads go on seeing it until ``written``."""
        ...

    def write(self, changes: Changes, changelog_offset: int | None) -> None:
        """After the changelog has them: to disk, together with the changelog offset that comes next."""
        ...

    def written(self, changes: Changes) -> None:
        """After ``write``: reads may go to the disk for these from now on."""
        ...

    def restore(self, records: Iterable[ChangelogRecord], changelog_offset: int) -> None:
        """Take records of the changelog, in its order, up to before ``changelog_offset``."""
        ...

    def restored(self, rules: str) -> None:
        """The changelog has been read to its end: find out what is due when. ``rules``: digest of the workflows in force."""
        ...

    def wipe(self) -> None:
        """Forget what the disk holds."""
        ...

    def close(self) -> None: ...
