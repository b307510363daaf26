"""``OrchestratorTestDriver``: try your own workflow file without a broker, in virtual time.

>>> from orchestration.driver import OrchestratorTestDriver
>>> driver = OrchestratorTestDriver(workflows)  # doctest: +SKIP
>>> driver.pipe("signals.enriched.risk", {"agent_name": "risk", ...})  # doctest: +SKIP
>>> driver.advance(seconds=300)  # doctest: +SKIP
>>> driver.decisions()[0]["action"]  # doctest: +SKIP
'insufficient_data'
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from orchestration.canonical import canonical_json
from orchestration.correlation import Context
from orchestration.intake import Intake
from orchestration.message import Message
from orchestration.outcome import Outcome
from orchestration.partitioning import partition_of
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import Headers, LogRecord
from orchestration.rows import Row
from orchestration.table import MemoryTable
from orchestration.workflows import Workflows

START = 1_767_225_600_000
"""Where virtual time begins: 2026-01-01T00:00:00Z, in ms."""

_FROM_KEY: Any = object()


class OrchestratorTestDriver:
    """The whole decision path in one process: records in, time on, decisions, messages and state out.

    Time only moves by ``advance``, ``advance_to`` or a record with a later timestamp; records get the current time
    unless they say otherwise. Everything piped in is read at once, in the order in which it is piped.
    """

    def __init__(
        self,
        workflows: Workflows,
        *,
        partition_count: int = 8,
        idempotency_ttl_sec: float = 3600,
        version: str = "test",
        start: int = START,
    ) -> None:
        self.now = start
        self.effects = Effects()
        self._partition_count = partition_count
        intake = Intake(workflows.agents, partition_count)
        context = Context(workflows, idempotency_ttl_sec, version)
        self._tables = [MemoryTable() for _ in range(partition_count)]
        self._processors = [PartitionProcessor(intake, context, table) for table in self._tables]
        self._ends: dict[tuple[str, int], int] = {}

    def pipe(
        self,
        topic: str,
        value: Mapping[str, Any] | bytes | None,
        *,
        key: bytes | None = _FROM_KEY,
        timestamp: int | None = None,
        partition: int | None = None,
        headers: Headers = (),
    ) -> list[Message]:
        """Add one record to a topic and take it; returns what it made the orchestrator send.

        Key and partition follow from the value's corr_id unless given. ``timestamp`` in ms.
        """
        raw = value if isinstance(value, bytes) or value is None else canonical_json(value)
        if key is _FROM_KEY:
            key = (
                str(value["corr_id"]).encode() if isinstance(value, Mapping) and "corr_id" in value else None
            )
        if partition is None:
            partition = partition_of(key, self._partition_count) if key is not None else 0
        offset = self._ends.get((topic, partition), 0)
        self._ends[topic, partition] = offset + 1
        at = self.now if timestamp is None else timestamp
        return self.take(LogRecord(topic, partition, offset, at, key, raw, headers))

    def take(self, record: LogRecord) -> list[Message]:
        """Take a record as it is; for records that come from a recording or a generator.

        ValueError for a partition that there is not.
        """
        if not 0 <= record.partition < self._partition_count:
            raise ValueError(f"partition: 0 to {self._partition_count - 1}")
        self.now = max(self.now, record.timestamp)
        sent = len(self.effects.messages)
        self._processors[record.partition].take((record,), self.effects)
        return self.effects.messages[sent:]

    def advance(self, seconds: float) -> list[Message]:
        """Let time pass on a quiet stream; returns what became due."""
        return self.advance_to(self.now + round(seconds * 1000))

    def advance_to(self, time: int) -> list[Message]:
        """Let time pass until ``time`` (ms). A deadline fires when time is past it, not at it."""
        self.now = max(self.now, time)
        sent = len(self.effects.messages)
        for processor in self._processors:
            processor.time_passed(self.now, self.effects)
        return self.effects.messages[sent:]

    def messages(self, topic: str | None = None) -> list[Message]:
        """Everything sent so far, or what was sent to one topic."""
        return [message for message in self.effects.messages if topic is None or message.topic == topic]

    def values(self, topic: str) -> list[Any]:
        """The decoded JSON values sent to a topic."""
        return [
            msgspec.json.decode(message.value)
            for message in self.messages(topic)
            if message.value is not None
        ]

    def decisions(self) -> list[Any]:
        """The decisions so far, decoded, in the order in which they were made."""
        return self.values("orchestrated.decision")

    def outcomes(self) -> list[Outcome]:
        """The decisions so far with all that led to them: contributions, stages, each rule tried."""
        return self.effects.outcomes

    def state(self, corr_id: str) -> Row | None:
        """The row of a corr_id as it is now."""
        return self._tables[partition_of(corr_id.encode(), self._partition_count)].get(corr_id)

    def open(self) -> list[str]:
        """The corr_ids that wait for their outcome, sorted."""
        return sorted(
            corr_id
            for table in self._tables
            for corr_id, row in table.rows.items()
            if row.status == "collecting"
        )
