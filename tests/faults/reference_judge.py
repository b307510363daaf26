"""Every outcome beside the reference model's: from the same records, with the cut that its audit record tells."""

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from hashlib import sha256
from itertools import repeat
from multiprocessing import get_context
from typing import Any, NamedTuple

from config.workflows.document import parse_document
from config.workflows.loader import load_workflows
from orchestration.record import LogRecord
from tests.faults.reference_model import ReferenceModel
from tests.faults.run_facts import RunFacts

_OUTCOMES_OF_A_PROCESS = 1000


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
    """In several processes where there is a file and enough in it: a second has some hundred outcomes otherwise."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    (outcomes,) = connection.execute("SELECT count(*) FROM outcome").fetchone()
    shares = min(os.cpu_count() or 1, outcomes // _OUTCOMES_OF_A_PROCESS) if path else 0
    if shares < 2:
        return _compare(connection, facts, 0, 1)
    # Forked, a process would have librdkafka's locks without its threads.
    with ProcessPoolExecutor(shares, get_context("spawn")) as pool:
        parts = list(
            pool.map(_compare_in_file, repeat(path), repeat(facts), range(shares), repeat(shares, shares))
        )
    return Differences(
        [text for part in parts for text in part.content], [text for part in parts for text in part.time]
    )


def _compare_in_file(path: str, facts: RunFacts, share: int, shares: int) -> Differences:
    with closing(sqlite3.connect(path)) as connection:
        return _compare(connection, facts, share, shares)


def _compare(connection: sqlite3.Connection, facts: RunFacts, share: int, shares: int) -> Differences:
    model = reference_model(facts)
    found = Differences([], [])
    for corr_id, records, outcomes in _correlations(connection, share, shares):
        actual = _sent_hashes(connection, corr_id)
        for decision_sha, orchestrated_at, completed_by, audit_value in outcomes:
            audit: dict[str, Any] = json.loads(audit_value)
            cut = [record for record in records if record.offset < audit["read_to"].get(record.topic, 0)]
            if not model.signals_of(cut, None):
                found.content.append(f"{corr_id}: decided on no record at all")
                continue
            expected, expected_audit = model.outcome_for(cut, audit.pop("read_to"))
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


def _sent_hashes(connection: sqlite3.Connection, corr_id: str) -> dict[str, set[str]]:
    sent: dict[str, set[str]] = defaultdict(set)
    for topic, value_hash in connection.execute(
        "SELECT topic, sha256 FROM output WHERE corr_id = ?", (corr_id,)
    ):
        sent[topic].add(value_hash)
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
JOIN audit a ON a.corr_id = o.corr_id AND a.decision_sha256 = o.sha256 WHERE o.rowid % ? = ? ORDER BY o.corr_id
"""


def _correlations(
    connection: sqlite3.Connection, share: int, shares: int
) -> Iterator[tuple[str, list[LogRecord], list[tuple[str, int, str, bytes]]]]:
    by_corr_id: dict[str, list[Any]] = defaultdict(list)
    for corr_id, *outcome in connection.execute(_OUTCOMES, (shares, share)):
        by_corr_id[corr_id].append(tuple(outcome))
    for corr_id, outcomes in by_corr_id.items():
        records = [
            LogRecord._make((*row[:6], _headers(row[6]))) for row in connection.execute(_RECORDS, (corr_id,))
        ]
        yield corr_id, records, outcomes


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))
