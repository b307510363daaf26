"""A run without a broker: the core in virtual time on a small workload, written down as a real one would be.

Everything in it is right, so the judge must find nothing; then a test breaks it.
"""

from collections import defaultdict
from itertools import chain
from pathlib import Path

from config.workflows.loader import load_workflows
from orchestration.driver import START, OrchestratorTestDriver
from orchestration.message import Message
from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from tables.codec import encode_row
from tests.faults.classified import classify
from tests.faults.ledger import Ledger, LedgerRow
from tests.faults.observed import Topics, insert, rows_of
from tests.faults.observed_rows import SCHEMA, Row
from tests.faults.run_facts import RunFacts
from tests.faults.workload import Workload

PARTITIONS = 4
FACTS = RunFacts("virtual", PARTITIONS, "test", seed=3, timeout_seconds=2.0)
_TICK_MS = 250


class VirtualRun:
    """``records``: all topics but the inputs'. A later call of ``write`` gives the same file."""

    def __init__(self, correlations: int = 60, hot_messages: int = 300) -> None:
        self._workflows = load_workflows(FACTS.workflows, timeout_override=FACTS.timeout_seconds).workflows
        self._topics = Topics.of(self._workflows, FACTS.app_id)
        self._driver = OrchestratorTestDriver(
            self._workflows, partition_count=PARTITIONS, version=FACTS.version
        )
        self._next_tick = START
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._records: list[LogRecord] = []
        self._ledger: list[LedgerRow] = []
        workload = Workload(
            FACTS.seed,
            correlations,
            per_second=20.0,
            timeout_seconds=FACTS.timeout_seconds,
            hot_messages=hot_messages,
        )
        for planned in workload:
            self._time_passes(START + round(planned.due * 1000))
            record = self._append(
                planned.topic,
                planned.partition(PARTITIONS),
                planned.key,
                planned.value,
                tuple(
                    (name, str(value).encode() if isinstance(value, str) else value or b"")
                    for name, value in planned.headers
                ),
            )
            self._ledger.append(
                LedgerRow(
                    planned.id,
                    planned.corr_id,
                    planned.agent,
                    planned.kind,
                    planned.topic,
                    planned.sha256,
                    "ok",
                    record.partition,
                    record.offset,
                    record.timestamp,
                )
            )
            self._sent(self._driver.take(record))
        self._time_passes(self._driver.now + 5000)
        self._remember()

    def write(self, path: Path) -> Ledger:
        ledger = Ledger(path)
        ledger.messages(self._ledger)
        FACTS.note_in(ledger)
        ledger.note({"lag_zero_ms": 1200, "quiet": 1})
        fault = ledger.fault_began("kill -9")
        ledger.fault_ended(fault, landed=True)
        ledger.recovered(fault)
        ledger.memory("worker", "before", 100_000_000)
        ledger.memory("worker", "after", 110_000_000)
        ledger.flush()
        ledger.connection.executescript(SCHEMA)
        rows = rows_of(self._topics)
        insert(ledger.connection, chain.from_iterable(map(rows, self._records)))
        ends = [(*place, end, end, end) for place, end in self._ends.items()]
        insert(ledger.connection, [Row("log_end", end) for end in ends])
        classify(ledger, FACTS)
        return ledger

    def _time_passes(self, until: int) -> None:
        while self._next_tick < until:
            self._sent(self._driver.advance_to(self._next_tick))
            self._next_tick += _TICK_MS
        self._driver.now = max(self._driver.now, until)

    def _sent(self, messages: list[Message]) -> None:
        for message in messages:
            partition = partition_of(message.key or b"", PARTITIONS)
            self._append(message.topic, partition, message.key, message.value, message.headers)

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...],
    ) -> LogRecord:
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        record = LogRecord(topic, partition, offset, self._driver.now, key, value, headers)
        self._records.append(record)
        return record

    def _remember(self) -> None:
        """The changelog at the end."""
        for corr_id in {row.corr_id for row in self._ledger}:
            state = self._driver.state(corr_id)
            assert state is not None
            partition = partition_of(corr_id.encode(), PARTITIONS)
            self._append(self._topics.changelog, partition, corr_id.encode(), encode_row(state), ())
