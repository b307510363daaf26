"""Every outcome beside the reference model's: from the same records, with the cut that its audit record tells."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from config.workflows.document import parse_document
from config.workflows.loader import load_workflows
from orchestration.record import LogRecord
from tests.faults.reference_model import ReferenceModel
from tests.faults.run_facts import RunFacts


class Differences(NamedTuple):
    """``content``: outcomes with other bytes than the reference model's. ``time``: with another time or completion."""

    content: list[str]
    time: list[str]


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


def compare_with_reference(connection: sqlite3.Connection, facts: RunFacts) -> Differences:
    model = reference_model(facts)
    sent = _sent_hashes(connection)
    found = Differences([], [])
    for corr_id, records, outcomes in _correlations(connection):
        for decision_sha, orchestrated_at, completed_by, audit_value in outcomes:
            audit: dict[str, Any] = json.loads(audit_value)
            cut = [record for record in records if record.offset < audit["read_to"].get(record.topic, 0)]
            if not model.signals_of(cut, None):
                found.content.append(f"{corr_id}: decided on no record at all")
                continue
            expected, expected_audit = model.outcome_for(cut, audit.pop("read_to"))
            actual = sent[corr_id]
            if sha256(expected["orchestrated.decision"]).hexdigest() != decision_sha:
                found.content.append(f"{corr_id}: orchestrated.decision")
            elif audit != expected_audit:
                names = [name for name in expected_audit if expected_audit[name] != audit.get(name)]
                found.content.append(f"{corr_id}: audit record, {', '.join(names)}")
            else:
                wrong = {t for t, value in expected.items() if {sha256(value).hexdigest()} != actual.get(t)}
                found.content.extend(
                    f"{corr_id}: {topic}" for topic in sorted(wrong | actual.keys() - expected)
                )
            # The cut is the worker's own word; the time of the outcome must follow from the whole log as well.
            at, by = model.outcome_time(model.signals_of(records, None))
            if (at, by) != (orchestrated_at, completed_by):
                found.time.append(
                    f"{corr_id}: {completed_by} at {orchestrated_at}, by the whole log {by} at {at}"
                )
    return found


def _sent_hashes(connection: sqlite3.Connection) -> dict[str, dict[str, set[str]]]:
    sent: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for corr_id, topic, value_hash in connection.execute("SELECT corr_id, topic, sha256 FROM output"):
        sent[corr_id][topic].add(value_hash)
    return sent


# What finds no room in its row is as if it had not come (docs/decisions/correlation-semantics.md).
_RECORDS = """
SELECT topic, partition, "offset", timestamp, key, value, headers FROM input
WHERE corr_id = ? AND reading IN ('valid', 'invalid') AND NOT EXISTS (
    SELECT 1 FROM disposition d WHERE d.topic = input.topic AND d.partition = input.partition
    AND d."offset" = input."offset" AND d.reason = 'correlation_too_large')
"""

# A decision without its audit record, and the other way round, are another invariant's business.
_OUTCOMES = """
SELECT DISTINCT o.corr_id, o.sha256, o.orchestrated_at, o.completed_by, a.value FROM outcome o
JOIN audit a ON a.corr_id = o.corr_id AND a.decision_sha256 = o.sha256 ORDER BY o.corr_id
"""


def _correlations(
    connection: sqlite3.Connection,
) -> Iterator[tuple[str, list[LogRecord], list[tuple[str, int, str, bytes]]]]:
    by_corr_id: dict[str, list[Any]] = defaultdict(list)
    for corr_id, *outcome in connection.execute(_OUTCOMES):
        by_corr_id[corr_id].append(tuple(outcome))
    for corr_id, outcomes in by_corr_id.items():
        records = [
            LogRecord._make((*row[:6], _headers(row[6]))) for row in connection.execute(_RECORDS, (corr_id,))
        ]
        yield corr_id, records, outcomes


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))
