"""The ledger: what was sent and what became of it, which faults were made; one SQLite file that is judged afterwards.

All times in it are milliseconds since the epoch. ``observed.py`` adds what stands in the topics to the same file.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

Result = Literal["ok", "failed", "unknown", "aborted"]
"""``unknown``: nobody answered, it may stand in the log or not. ``aborted``: sent in a transaction that was aborted."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS run(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS message(
    id INTEGER PRIMARY KEY, corr_id TEXT, agent TEXT, kind TEXT, topic TEXT, sha256 TEXT, result TEXT,
    partition INTEGER, "offset" INTEGER, timestamp INTEGER);
CREATE TABLE IF NOT EXISTS fault(
    id INTEGER PRIMARY KEY, name TEXT, started INTEGER, ended INTEGER, recovered INTEGER, landed INTEGER, note TEXT);
CREATE TABLE IF NOT EXISTS memory(process TEXT, phase TEXT, time INTEGER, bytes INTEGER);
"""

_ROWS_IN_A_BATCH = 2000
_SECONDS_IN_A_BATCH = 0.5


class LedgerRow(NamedTuple):
    """One message. Place and time are None unless the broker acknowledged it."""

    id: int
    corr_id: str
    agent: str
    kind: str
    topic: str
    sha256: str
    result: Result
    partition: int | None = None
    offset: int | None = None
    timestamp: int | None = None


def now_ms() -> int:
    """The clock of this machine, which is the broker's too."""
    return time.time_ns() // 1_000_000


class Ledger:
    """Any thread may call. Messages are written in batches, so that the sender does not wait for the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._rows: list[LedgerRow] = []
        self._written = time.monotonic()
        self.connection = connect(path)

    # -- the run ------------------------------------------------------------------------------------------------------

    def note(self, facts: Mapping[str, Any]) -> None:
        """Facts of the whole run: seed, guarantee, versions, limits. ``invariants`` and ``report`` name those they read."""
        with self._lock:
            self.connection.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)",
                [(name, str(value)) for name, value in facts.items()],
            )
            self.connection.commit()

    def messages(self, rows: Iterable[LedgerRow]) -> None:
        """What became of messages. They are in the file after ``flush`` at the latest."""
        with self._lock:
            self._rows.extend(rows)
            late = time.monotonic() - self._written > _SECONDS_IN_A_BATCH
            if len(self._rows) >= _ROWS_IN_A_BATCH or (late and self._rows):
                self._write()

    def flush(self) -> None:
        with self._lock:
            self._write()

    # -- faults -------------------------------------------------------------------------------------------------------

    def fault_began(self, name: str, note: str = "") -> int:
        """A fault is about to be made; the id for the other calls. It counts as missed until ``fault_ended`` says more."""
        with self._lock:
            made = self.connection.execute(
                "INSERT INTO fault(name, started, landed, note) VALUES (?, ?, 0, ?)", (name, now_ms(), note)
            )
            self.connection.commit()
            assert made.lastrowid is not None
            return made.lastrowid

    def fault_ended(self, fault: int, *, landed: bool, note: str | None = None) -> None:
        """``landed``: it really hit, in the state that it was meant for."""
        with self._lock:
            self.connection.execute(
                "UPDATE fault SET ended = ?, landed = ?, note = coalesce(?, note) WHERE id = ?",
                (now_ms(), landed, note, fault),
            )
            self.connection.commit()

    def recovered(self, fault: int) -> None:
        """What it hit decides again: until now it counts as downtime, in which deadlines may be late."""
        with self._lock:
            self.connection.execute("UPDATE fault SET recovered = ? WHERE id = ?", (now_ms(), fault))
            self.connection.commit()

    def memory(self, process: str, phase: Literal["before", "during", "after"], resident_bytes: int) -> None:
        """A sample. ``before`` the first fault and ``after`` quiet are compared, per process name."""
        with self._lock:
            self.connection.execute(
                "INSERT INTO memory VALUES (?, ?, ?, ?)", (process, phase, now_ms(), resident_bytes)
            )
            self.connection.commit()

    # -- its end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        self.flush()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        rows, self._rows = self._rows, []
        self._written = time.monotonic()
        self.connection.executemany("INSERT OR REPLACE INTO message VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
        self.connection.commit()


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file with its tables made; ``:memory:`` works too."""
    connection = sqlite3.connect(path, check_same_thread=False)
    # What the ledger must survive is the processes that it judges, never a power cut.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + SCHEMA)
    return connection
