"""Records of the topics as rows of the judge's tables."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from orchestration.record import LogRecord
from orchestration.rows import Collecting
from streams.topics import DECISION_TOPIC
from tables.codec import decode_row
from tests.faults.planned import ID_HEADER
from tests.faults.reference_time import milliseconds

SCHEMA = """
DROP TABLE IF EXISTS input; DROP TABLE IF EXISTS output; DROP TABLE IF EXISTS outcome; DROP TABLE IF EXISTS audit;
DROP TABLE IF EXISTS contributing; DROP TABLE IF EXISTS disposition; DROP TABLE IF EXISTS state; DROP TABLE IF EXISTS log_end;

CREATE TABLE input(
    topic TEXT, partition INTEGER, "offset" INTEGER, timestamp INTEGER, ledger_id INTEGER, corr_id TEXT, agent TEXT,
    reading TEXT, sha256 TEXT, key BLOB, value BLOB, headers TEXT, PRIMARY KEY(topic, partition, "offset"));
CREATE INDEX input_by_corr_id ON input(corr_id);
CREATE INDEX input_by_ledger_id ON input(ledger_id);

CREATE TABLE output(
    topic TEXT, partition INTEGER, "offset" INTEGER, timestamp INTEGER, corr_id TEXT, decision_id TEXT,
    header_decision_id TEXT, sha256 TEXT, PRIMARY KEY(topic, partition, "offset"));
CREATE INDEX output_by_corr_id ON output(corr_id, topic);

CREATE TABLE outcome(
    partition INTEGER, "offset" INTEGER, timestamp INTEGER, corr_id TEXT, decision_id TEXT, orchestrated_at INTEGER,
    completed_by TEXT, execution_topic TEXT, sha256 TEXT, value BLOB, PRIMARY KEY(partition, "offset"));
CREATE INDEX outcome_by_corr_id ON outcome(corr_id);

CREATE TABLE audit(
    partition INTEGER, "offset" INTEGER, timestamp INTEGER, corr_id TEXT, decision_id TEXT, decision_sha256 TEXT,
    sha256 TEXT, read_to TEXT, unlisted INTEGER, value BLOB, PRIMARY KEY(partition, "offset"));
CREATE INDEX audit_by_corr_id ON audit(corr_id);

CREATE TABLE contributing(partition INTEGER, "offset" INTEGER, corr_id TEXT, agent TEXT);

CREATE TABLE disposition(
    kind TEXT, topic TEXT, partition INTEGER, "offset" INTEGER, corr_id TEXT, reason TEXT, sha256 TEXT,
    decision_id TEXT);
CREATE INDEX disposition_by_place ON disposition(topic, partition, "offset");
CREATE INDEX disposition_by_corr_id ON disposition(corr_id, kind);

CREATE TABLE state(
    partition INTEGER, corr_id TEXT, status TEXT, decision_id TEXT, PRIMARY KEY(partition, corr_id));
CREATE TABLE log_end(topic TEXT, partition INTEGER, high INTEGER, stable INTEGER, committed INTEGER);
"""


class Row(NamedTuple):
    table: str
    values: tuple[Any, ...]


class _Audit(msgspec.Struct):
    corr_id: str
    decision_id: str
    decision: msgspec.Raw
    input_signals: dict[str, dict[str, Any]]
    source_signal: dict[str, Any] | None
    superseded: dict[str, dict[str, dict[str, Any]]]
    read_to: dict[str, int]


_decode_audit = msgspec.json.Decoder(_Audit).decode
_decode = msgspec.json.decode
_is_corr_id = re.compile(r"[A-Za-z0-9_.-]{1,128}").fullmatch


def input_rows(record: LogRecord) -> Iterator[Row]:
    """What the contracts say of it is filled in by ``classified.py``."""
    headers = dict(record.headers)
    ledger_id = headers.pop(ID_HEADER, None)
    yield Row(
        "input",
        (
            *_place(record),
            record.timestamp,
            None if ledger_id is None else int(ledger_id),
            _key(record),
            record.topic.rpartition(".")[2],
            None,
            _sha256(record.value),
            record.key,
            record.value,
            json.dumps([(name, (value or b"").decode("latin-1")) for name, value in headers.items()]),
        ),
    )


def output_rows(record: LogRecord) -> Iterator[Row]:
    body, header = _body(record), _header(record, "decision_id")
    corr_id = _key(record)
    yield Row(
        "output",
        (
            *_place(record),
            record.timestamp,
            corr_id if body.get("corr_id") == corr_id else f"{corr_id} and {body.get('corr_id')}",
            body.get("decision_id"),
            header,
            _sha256(record.value),
        ),
    )
    if record.topic == DECISION_TOPIC:
        place = (record.partition, record.offset)
        yield Row(
            "outcome",
            (
                *place,
                record.timestamp,
                corr_id,
                body.get("decision_id"),
                milliseconds(body.get("orchestrated_at")),
                body.get("completed_by"),
                body.get("execution_topic"),
                _sha256(record.value),
                record.value,
            ),
        )
        for one in body.get("contributing_signals", ()):
            yield Row("contributing", (*place, corr_id, one["agent_name"]))


def audit_rows(record: LogRecord) -> Iterator[Row]:
    try:
        audit = _decode_audit(record.value or b"")
    except msgspec.MsgspecError:
        place = (record.partition, record.offset, record.timestamp, _key(record))
        yield Row("audit", (*place, None, None, _sha256(record.value), "{}", 0, record.value))
        return
    listed = counted = 0
    for agent, reasons in audit.superseded.items():
        for reason, entry in reasons.items():
            counted += entry["count"]
            for place in entry["coordinates"]:
                listed += 1
                where = (place["topic"], place["partition"], place["offset"])
                yield Row(
                    "disposition",
                    ("superseded", *where, audit.corr_id, f"{agent} {reason}", None, audit.decision_id),
                )
    used = dict(audit.input_signals)
    if audit.source_signal is not None:
        used["normalized"] = audit.source_signal
    for agent, signal in used.items():
        where = (signal["topic"], signal["partition"], signal["offset"])
        yield Row(
            "disposition",
            ("contributed", *where, audit.corr_id, agent, signal["sha256"], audit.decision_id),
        )
    yield Row(
        "audit",
        (
            record.partition,
            record.offset,
            record.timestamp,
            audit.corr_id,
            audit.decision_id,
            _sha256(bytes(audit.decision)),
            _sha256(record.value),
            json.dumps(audit.read_to),
            counted - listed,
            record.value,
        ),
    )


def late_rows(record: LogRecord) -> Iterator[Row]:
    where = (
        _header(record, "late_topic"),
        _number(record, "late_partition"),
        _number(record, "late_offset"),
    )
    values = (
        "late",
        *where,
        _key(record),
        _header(record, "late_reason"),
        _sha256(record.value),
        _header(record, "decision_id"),
    )
    yield Row("disposition", values)


def dead_letter_rows(record: LogRecord) -> Iterator[Row]:
    where = (
        _header(record, "__connect.errors.topic"),
        _number(record, "__connect.errors.partition"),
        _number(record, "__connect.errors.offset"),
    )
    values = (
        "dead_letter",
        *where,
        _key(record),
        _header(record, "dlq_reason"),
        _sha256(record.value),
        None,
    )
    yield Row("disposition", values)


def changelog_row(record: LogRecord) -> Iterator[Row]:
    """The rows that the lane keeps for itself beside the correlations' are left out."""
    if not _is_corr_id(_key(record)):
        return
    status, decision_id = "deleted", None
    if record.value is not None:
        row = decode_row(record.value, record.partition)
        status = row.status
        decision_id = None if isinstance(row, Collecting) else row.decision_id
    yield Row("state", (record.partition, _key(record), status, decision_id))


def _body(record: LogRecord) -> dict[str, Any]:
    """What cannot be read has no ids, and every invariant about ids says so."""
    try:
        body = _decode(record.value or b"")
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _place(record: LogRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _key(record: LogRecord) -> str:
    return (record.key or b"").decode("utf-8", "replace")


def _sha256(value: bytes | None) -> str:
    return hashlib.sha256(value or b"").hexdigest()


def _header(record: LogRecord, name: str) -> str | None:
    values = [value for header, value in record.headers if header == name]
    return values[-1].decode("utf-8", "replace") if values else None


def _number(record: LogRecord, name: str) -> int | None:
    text = _header(record, name)
    return None if text is None else int(text)
