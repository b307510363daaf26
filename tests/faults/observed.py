"""After quiet: everything that stands in the topics, read into the ledger's file, where the invariants ask for it.

Payloads are kept of inputs and decisions alone; of all else the hash, and what the invariants ask about.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import OffsetSpec

from config.workflows.loader import load_workflows
from orchestration.record import LogRecord
from orchestration.workflows import Workflows
from streams.topics import (
    AUDIT_TOPIC,
    DEAD_LETTER_PREFIX,
    LATE_TOPIC,
    changelog_topic,
    input_topics,
    topic_specs,
)
from tests.faults.classified import classify
from tests.faults.ledger import Ledger
from tests.faults.observed_rows import (
    SCHEMA,
    Row,
    audit_rows,
    changelog_row,
    dead_letter_rows,
    input_rows,
    late_rows,
    output_rows,
)
from tests.faults.reading import committed_records
from tests.faults.run_facts import RunFacts
from tests.real.broker import Broker, Place


@dataclass(frozen=True)
class Topics:
    """The topics of one orchestrator, sorted by what they are for."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dead_letters: tuple[str, ...]
    changelog: str

    @classmethod
    def of(cls, workflows: Workflows, app_id: str) -> "Topics":
        names = [spec.name for spec in topic_specs(workflows.agents, workflows.topics, app_id)]
        inputs, changelog = input_topics(workflows.agents), changelog_topic(app_id)
        dead = tuple(name for name in names if name.startswith(DEAD_LETTER_PREFIX))
        own = {*inputs, *dead, changelog, "orchestrator.tick", AUDIT_TOPIC, LATE_TOPIC}
        return cls(inputs, tuple(name for name in names if name not in own), dead, changelog)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.inputs, *self.outputs, AUDIT_TOPIC, LATE_TOPIC, *self.dead_letters, self.changelog)


def use_broker_time(broker: Broker, topics: Topics) -> None:
    """Outputs get the broker's time: how late a decision was must not be told by the worker's clock. Before the run."""
    for topic in (*topics.outputs, AUDIT_TOPIC, LATE_TOPIC):
        broker.configure(topic, "message.timestamp.type", "LogAppendTime")


def observe(broker: Broker, ledger: Ledger, facts: RunFacts) -> None:
    """Read everything. May be called again; it begins anew then."""
    ledger.flush()
    workflows = load_workflows(facts.workflows, timeout_override=facts.timeout_seconds).workflows
    topics = Topics.of(workflows, facts.app_id)
    connection = ledger.connection
    connection.executescript(SCHEMA)
    ends = _ends(broker, connection, topics, facts)
    rows = rows_of(topics)
    begins = broker.offsets(list(ends), OffsetSpec.earliest())
    for batch in committed_records(broker.bootstrap_servers, begins, ends):
        insert(connection, chain.from_iterable(map(rows, batch)))
    classify(ledger, facts)
    find_unknown(connection)


def rows_of(topics: Topics) -> Callable[[LogRecord], Iterable[Row]]:
    """What each record of these topics is for the judge."""
    parsers: dict[str, Callable[[LogRecord], Iterable[Row]]] = {
        **dict.fromkeys(topics.inputs, input_rows),
        **dict.fromkeys(topics.outputs, output_rows),
        AUDIT_TOPIC: audit_rows,
        LATE_TOPIC: late_rows,
        **dict.fromkeys(topics.dead_letters, dead_letter_rows),
        topics.changelog: changelog_row,
    }
    return lambda record: parsers[record.topic](record)


def insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    by_table: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row.values)
    for table, values in by_table.items():
        marks = ",".join("?" * len(values[0]))
        # In the changelog a later value of a key takes the place of the earlier one.
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)
    connection.commit()


def find_unknown(connection: sqlite3.Connection) -> None:
    """What nobody acknowledged and what stands in the log all the same gets its place."""
    connection.executescript(
        """
        UPDATE message SET partition = i.partition, "offset" = i."offset", timestamp = i.timestamp
        FROM input i WHERE i.ledger_id = message.id AND message.result = 'unknown';
        ANALYZE;
        """
    )


def _ends(
    broker: Broker, connection: sqlite3.Connection, topics: Topics, facts: RunFacts
) -> Mapping[Place, int]:
    places = broker.places(topics.all)
    high = broker.offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
    stable = broker.offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
    committed = broker.group_offsets(facts.app_id, broker.places(topics.inputs))
    connection.executemany(
        "INSERT INTO log_end VALUES (?, ?, ?, ?, ?)",
        [(*place, high[place], stable[place], committed.get(place)) for place in places],
    )
    return stable
