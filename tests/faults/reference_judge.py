"""Every outcome beside the reference model's: from the same records, with the cut that its audit record tells."""

import json
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from config.workflows.document import parse_document
from config.workflows.loader import load_workflows
from orchestration.record import LogRecord
from tests.faults.ledger import Ledger
from tests.faults.reference_model import ReferenceModel
from tests.faults.reference_rules import canonical
from tests.faults.reference_validation import Json, Signal
from tests.faults.run_facts import RunFacts
from tests.faults.shards import Shard, over_shards


class Differences(NamedTuple):
    """``content``: outcomes with other bytes than the reference model's. ``time``: with another time or completion."""

    content: list[str]
    time: list[str]


def differences(ledger: Ledger, facts: RunFacts) -> Differences:
    ledger.connection.commit()
    (size,) = ledger.connection.execute("SELECT count(*) FROM outcome").fetchone()
    found = over_shards(differences_of, ledger.path, facts, size)
    return Differences(
        [text for is_time, text in found if not is_time], [text for is_time, text in found if is_time]
    )


def differences_of(shard: Shard) -> list[tuple[bool, str]]:
    """Each with whether it is one of time."""
    model = reference_model(shard.facts)
    connection = sqlite3.connect(shard.path)
    try:
        found: list[tuple[bool, str]] = []
        for corr_id in _of_shard(connection, shard):
            signals = model.signals_of(_records(connection, corr_id))
            for outcome in connection.execute(_OUTCOMES, (corr_id,)):
                found += _compare(connection, model, corr_id, signals, outcome)
        return found
    finally:
        connection.close()


def reference_model(facts: RunFacts) -> ReferenceModel:
    """Under the workflows of the run; digests are names to it, so they come from the product."""
    loaded = load_workflows(facts.workflows, timeout_override=facts.timeout_seconds).workflows
    plain = parse_document(facts.workflows.read_text("utf-8")).data
    return ReferenceModel(
        [{**workflow, "timeout_sec": facts.timeout_seconds} for workflow in plain],
        facts.partitions,
        version=facts.version,
        digests={workflow.name: loaded.digest(workflow) for workflow in loaded},
    )


def _compare(
    connection: sqlite3.Connection,
    model: ReferenceModel,
    corr_id: str,
    signals: list[Signal],
    outcome: tuple[str, int, str, bytes],
) -> Iterator[tuple[bool, str]]:
    decision_sha256, orchestrated_at, completed_by, audit_value = outcome
    audit: Json = json.loads(audit_value)
    read_to = audit.pop("read_to")
    cut = [signal for signal in signals if signal.offset < read_to.get(signal.topic, 0)]
    if not cut:
        yield False, f"{corr_id}: decided on no record at all"
        return
    decision, order, fan_out, expected_audit, _ = model.outcome_of(cut)
    if order is not None:
        fan_out[decision["execution_topic"]] = order
    hashes = {topic: _sha256(message) for topic, message in fan_out.items()}
    if _sha256(decision) != decision_sha256:
        yield False, f"{corr_id}: orchestrated.decision"
    elif audit != expected_audit:
        names = [name for name in expected_audit if expected_audit[name] != audit.get(name)]
        yield False, f"{corr_id}: audit record, {', '.join(names)}"
    elif (sent := dict(connection.execute(_FAN_OUT, (corr_id,)))) != hashes:
        differ = sorted(topic for topic, _ in sent.items() ^ hashes.items())
        yield False, f"{corr_id}: {', '.join(dict.fromkeys(differ))}"
    # The cut is the worker's own word; the time of the outcome must follow from the whole log as well. What came after
    # the time that the worker says cannot change whether it is right.
    in_time = [signal for signal in signals if signal.timestamp <= orchestrated_at]
    at, by = model.outcome_time(in_time) if in_time else (None, "no record in time")
    if (at, by) != (orchestrated_at, completed_by):
        yield True, f"{corr_id}: {completed_by} at {orchestrated_at}, by the whole log {by} at {at}"


# What finds no room in its row is as if it had not come (docs/decisions/correlation-semantics.md).
_RECORDS = """
SELECT topic, partition, "offset", timestamp, key, value, headers FROM input
WHERE corr_id = ? AND reading IN ('valid', 'invalid') AND NOT EXISTS (
    SELECT 1 FROM disposition d WHERE d.topic = input.topic AND d.partition = input.partition
    AND d."offset" = input."offset" AND d.reason = 'correlation_too_large')
"""

# A decision without its audit record, and the other way round, are another invariant's business.
_OUTCOMES = """
SELECT DISTINCT o.sha256, o.orchestrated_at, o.completed_by, a.value FROM outcome o
JOIN audit a ON a.corr_id = o.corr_id AND a.decision_sha256 = o.sha256 WHERE o.corr_id = ?
"""

_FAN_OUT = """
SELECT topic, group_concat(DISTINCT sha256) FROM output WHERE corr_id = ? AND topic <> 'orchestrated.decision'
GROUP BY topic
"""


def _of_shard(connection: sqlite3.Connection, shard: Shard) -> list[str]:
    names = connection.execute("SELECT DISTINCT corr_id FROM outcome ORDER BY corr_id")
    return [corr_id for (corr_id,) in names][shard.number :: shard.shards]


def _records(connection: sqlite3.Connection, corr_id: str) -> list[LogRecord]:
    return [LogRecord._make((*row[:6], _headers(row[6]))) for row in connection.execute(_RECORDS, (corr_id,))]


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))


def _sha256(message: Json) -> str:
    return sha256(canonical(message)).hexdigest()
