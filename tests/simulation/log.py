"""The log: partitions of topics with broker timestamps, offsets, transactions and the gaps that their markers leave."""

from typing import Literal

from orchestration.record import Headers, LogRecord

Place = tuple[str, int]
"""Topic and partition."""


class Transaction:
    """What one producer writes together. ``places``: where its markers are still missing after its end."""

    __slots__ = ("offsets", "places", "state", "transactional_id")

    def __init__(self, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self.state: Literal["open", "committed", "aborted"] = "open"
        self.places: set[Place] = set()
        self.offsets: dict[Place, tuple[int, int]] = {}


class PartitionLog:
    """One partition. A record's offset is its index; a marker takes one too."""

    __slots__ = ("_compacted", "_open", "partition", "records", "topic", "transactions")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.records: list[LogRecord | None] = []
        self.transactions: list[Transaction | None] = []
        self._open: dict[Transaction, int] = {}
        self._compacted: set[int] = set()

    @property
    def end(self) -> int:
        """The high watermark: open transactions count too."""
        return len(self.records)

    @property
    def stable_end(self) -> int:
        """Where a reader at read_committed has to wait."""
        return min(self._open.values()) if self._open else len(self.records)

    def append(
        self,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        transaction: Transaction | None = None,
    ) -> int:
        offset = len(self.records)
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = offset
            transaction.places.add((self.topic, self.partition))
        self.records.append(LogRecord(self.topic, self.partition, offset, timestamp, key, value, headers))
        self.transactions.append(transaction)
        return offset

    def mark(self, transaction: Transaction) -> None:
        """The end of a transaction arrives here."""
        del self._open[transaction]
        transaction.places.discard((self.topic, self.partition))
        self.records.append(None)
        self.transactions.append(None)

    def read(self, begin: int, limit: int) -> tuple[list[LogRecord], int]:
        """Up to ``limit`` records at read_committed, and the offset that comes next."""
        found: list[LogRecord] = []
        end = self.stable_end
        position = begin
        while position < end and len(found) < limit:
            record = self.records[position]
            if record is not None and position not in self._compacted and self._visible(position):
                found.append(record)
            position += 1
        return found, position

    def first_since(self, time: int) -> int:
        """The offset of the first record with this timestamp or a later one, as a reader at read_committed is told; or the end."""
        end = self.stable_end
        for offset, record in enumerate(self.records[:end]):
            if record is not None and record.timestamp >= time:
                return offset
        return end

    def history(self, end: int | None = None) -> list[LogRecord]:
        """Everything that was ever committed before ``end``, what compaction removed included."""
        return [
            record
            for offset, record in enumerate(self.records[:end])
            if record is not None and self._visible(offset)
        ]

    def overtaken(self, end: int) -> set[bytes]:
        """Keys whose last committed record before ``end`` was compacted away: a later one stands at ``end`` or behind it."""
        last = {
            record.key: offset
            for offset, record in enumerate(self.records[:end])
            if record is not None and self._visible(offset)
        }
        return {key or b"" for key, offset in last.items() if offset in self._compacted}

    def compact(self) -> None:
        """Of each key the last record stays, of what no open transaction can still change."""
        seen: set[bytes | None] = set()
        for offset in range(self.stable_end - 1, -1, -1):
            record = self.records[offset]
            if record is None:
                continue
            if not self._visible(offset) or record.key in seen:
                self._compacted.add(offset)
            else:
                seen.add(record.key)

    def _visible(self, offset: int) -> bool:
        transaction = self.transactions[offset]
        return transaction is None or transaction.state == "committed"


class Log:
    """All topics. They are there once they are named."""

    def __init__(self) -> None:
        self._partitions: dict[Place, PartitionLog] = {}

    def __getitem__(self, place: Place) -> PartitionLog:
        found = self._partitions.get(place)
        if found is None:
            found = self._partitions[place] = PartitionLog(*place)
        return found

    def all(self) -> list[PartitionLog]:
        return list(self._partitions.values())
