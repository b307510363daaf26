"""What live decided, on disk while it is compared: decisions with the cut that their audit records name.

Sorted by how far each partition had been read: in this order live took its cuts, whatever restarts lay between.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

_decode_cut = msgspec.json.Decoder(dict[str, int]).decode


class LiveDecision(NamedTuple):
    """``value``: as it stands on the topic; None where only the audit record is there. Times in ms."""

    corr_id: str
    value: bytes | None
    audited: bytes
    read_to: dict[str, int]
    by_deadline: bool
    orchestrated_at: int
    first_seen: int


class Spool:
    """A database of its own in a temporary folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="parity-")
        self._database = sqlite3.connect(Path(self._folder.name) / "live.sqlite", isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add_decision(self, corr_id: str, value: bytes) -> None:
        self._database.execute(
            "INSERT INTO decision (corr_id, hash, value) VALUES (?, ?, ?)", (corr_id, _hash(value), value)
        )

    def add_audit(self, partition: int, live: LiveDecision) -> None:
        reached = sum(live.read_to.values())
        self._database.execute(
            "INSERT INTO audit (part, reached, corr_id, hash, value, read_to, by_deadline, at, first_seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                partition,
                reached,
                live.corr_id,
                _hash(live.audited),
                live.audited,
                msgspec.json.encode(live.read_to),
                live.by_deadline,
                live.orchestrated_at,
                live.first_seen,
            ),
        )

    def complete(self) -> int:
        """Nothing more comes. Repeats, the same bytes for the same corr_id, are left out: how many decisions those were."""
        before = self._count("decision")
        for statement in _ONCE:
            self._database.execute(statement)
        repeated = before - self._count("decision")
        for statement in _PAIRED:
            self._database.execute(statement)
        return repeated

    def partitions(self) -> list[int]:
        return [row[0] for row in self._database.execute("SELECT DISTINCT part FROM live ORDER BY part")]

    def cuts(self, partition: int) -> Iterator[list[LiveDecision]]:
        """Decisions of the same cut together, in the order in which live took the cuts."""
        rows = self._database.execute(
            "SELECT reached, corr_id, decided, audited, read_to, by_deadline, at, first_seen FROM live"
            " WHERE part = ? ORDER BY reached, id",
            (partition,),
        )
        group: list[LiveDecision] = []
        reached = None
        for row in rows:
            if row[0] != reached and group:
                yield group
                group = []
            reached = row[0]
            group.append(LiveDecision(row[1], row[2], row[3], _decode_cut(row[4]), bool(row[5]), *row[6:]))
        if group:
            yield group

    def without_audit(self) -> Iterator[str]:
        """corr_ids of decisions of which no audit record tells."""
        for row in self._database.execute(
            "SELECT decision.corr_id FROM decision LEFT JOIN audit"
            " ON audit.corr_id = decision.corr_id AND audit.n = decision.n WHERE audit.id IS NULL ORDER BY decision.id"
        ):
            yield row[0]

    def _count(self, table: str) -> int:
        (found,) = self._database.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found)


def _hash(value: bytes) -> bytes:
    return sha256(value).digest()


_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE decision (id INTEGER PRIMARY KEY, corr_id TEXT, hash BLOB, value BLOB, n INTEGER);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, part INTEGER, reached INTEGER, corr_id TEXT, hash BLOB, value BLOB, read_to BLOB,
    by_deadline INTEGER, at INTEGER, first_seen INTEGER, n INTEGER);
"""

# At-least-once writes an outcome again after a crash: the first of equal ones counts.
_ONCE = (
    "CREATE INDEX decision_once ON decision (corr_id, hash)",
    "CREATE INDEX audit_once ON audit (corr_id, hash)",
    "DELETE FROM decision WHERE id NOT IN (SELECT min(id) FROM decision GROUP BY corr_id, hash)",
    "DELETE FROM audit WHERE id NOT IN (SELECT min(id) FROM audit GROUP BY corr_id, hash)",
)
# The n-th decision of a corr_id belongs to its n-th audit record. Not by what they say: one that was tampered with, or
# made by other code, has to meet its own audit record too.
_PAIRED = (
    "CREATE TABLE numbered AS SELECT id, row_number() OVER (PARTITION BY corr_id ORDER BY id) AS n FROM decision",
    "CREATE UNIQUE INDEX numbered_id ON numbered (id)",
    "UPDATE decision SET n = (SELECT n FROM numbered WHERE numbered.id = decision.id)",
    "CREATE TABLE audit_numbered AS SELECT id, row_number() OVER (PARTITION BY corr_id ORDER BY id) AS n FROM audit",
    "CREATE UNIQUE INDEX audit_numbered_id ON audit_numbered (id)",
    "UPDATE audit SET n = (SELECT n FROM audit_numbered WHERE audit_numbered.id = audit.id)",
    "CREATE INDEX decision_n ON decision (corr_id, n)",
    "CREATE INDEX audit_n ON audit (corr_id, n)",
    """CREATE TABLE live AS
    SELECT audit.id AS id, part, reached, audit.corr_id AS corr_id, decision.value AS decided, audit.value AS audited,
        read_to, by_deadline, at, first_seen
    FROM audit LEFT JOIN decision ON decision.corr_id = audit.corr_id AND decision.n = audit.n""",
    "CREATE INDEX live_order ON live (part, reached, id)",
)
