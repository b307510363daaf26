"""What the contracts say of each record of the inputs, by the reference model: valid, invalid, or why it is refused."""

import sqlite3

from config.workflows.loader import load_workflows
from orchestration.record import LogRecord
from tests.faults.ledger import Ledger
from tests.faults.reference_validation import DeadLetterError, read_signal
from tests.faults.run_facts import RunFacts
from tests.faults.shards import Shard, over_shards

Classified = tuple[str, str, int]
"""Reading, corr_id, rowid."""

_RECORDS = """
SELECT rowid, corr_id, topic, partition, "offset", timestamp, key, value FROM input WHERE rowid % ? = ?
"""


def classify(ledger: Ledger, facts: RunFacts) -> None:
    """Fill in ``input.reading``, and ``input.corr_id`` where the payload has a usable one."""
    connection = ledger.connection
    connection.commit()
    (size,) = connection.execute("SELECT count(*) FROM input").fetchone()
    found = over_shards(readings, ledger.path, facts, size)
    connection.executemany("UPDATE input SET reading = ?, corr_id = ? WHERE rowid = ?", found)
    connection.commit()


def readings(shard: Shard) -> list[Classified]:
    agents = set(load_workflows(shard.facts.workflows).workflows.agents)
    connection = sqlite3.connect(shard.path)
    try:
        found = []
        for rowid, corr_id, *record in connection.execute(_RECORDS, (shard.shards, shard.number)):
            try:
                signal = read_signal(LogRecord._make((*record, ())), agents, shard.facts.partitions)
            except DeadLetterError as reason:
                found.append((str(reason), corr_id, rowid))
            else:
                found.append(("valid" if signal.error is None else "invalid", signal.corr_id, rowid))
        return found
    finally:
        connection.close()
