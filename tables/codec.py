"""A row as bytes, in the changelog and on disk. Versioned; a golden file of each version loads for ever.

msgpack, positional: the first byte is the version, the second item says whether the correlation is open.
"""

from typing import Any

import msgspec

from orchestration.intake import ENRICHED_PREFIX, NORMALIZED_TOPIC
from orchestration.rows import Collecting, Orchestrated, Reported, Row
from orchestration.signal import NORMALIZED, Signal, SignalError

VERSION = 1
_VERSION = bytes([VERSION])
_OPEN = 0
_DONE = 1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class UnknownRowVersion(ValueError):
    """Written by a newer orchestrator, or not a row at all."""


def encode_row(row: Row) -> bytes:
    if type(row) is Collecting:
        return _VERSION + _encode(
            (
                _OPEN,
                row.corr_id,
                row.first_seen,
                row.last_update,
                row.deadline,
                row.workflow,
                row.rules,
                row.size,
                [_signal_fields(signal) for signal in row.signals],
                None if row.previous is None else _marker_fields(row.previous),
            )
        )
    return _VERSION + _encode(_marker_fields(row))


def _marker_fields(row: Orchestrated) -> tuple[Any, ...]:
    return (
        _DONE,
        row.corr_id,
        row.first_seen,
        row.last_update,
        row.deadline,
        row.workflow,
        row.decision_id,
        row.action,
        row.completed_by,
        row.orchestrated_at,
        row.expires,
        row.agent_count,
        row.late,
        {agent: (known.offset, known.sha256, known.used) for agent, known in row.reported.items()},
    )


def decode_row(data: bytes, partition: int) -> Row:
    """Raises UnknownRowVersion. ``partition``: where the row's records came from; rows do not repeat it."""
    if data[:1] != _VERSION:
        raise UnknownRowVersion(f"row version {data[:1]!r}, this orchestrator reads version {VERSION}")
    fields: list[Any] = _decode(memoryview(data)[1:])
    if fields[0] == _OPEN:
        _, corr_id, first_seen, last_update, deadline, workflow, rules, size, signals, previous = fields
        return Collecting(
            corr_id,
            tuple([_signal(corr_id, partition, signal) for signal in signals]),
            first_seen,
            last_update,
            deadline,
            workflow,
            rules,
            size,
            None if previous is None else _marker(previous),
        )
    return _marker(fields)


def _marker(fields: list[Any]) -> Orchestrated:
    (
        _,
        corr_id,
        first_seen,
        last_update,
        deadline,
        workflow,
        decision_id,
        action,
        completed_by,
        orchestrated_at,
        expires,
        agent_count,
        late,
        reported,
    ) = fields
    return Orchestrated(
        corr_id=corr_id,
        decision_id=decision_id,
        action=action,
        completed_by=completed_by,
        first_seen=first_seen,
        last_update=last_update,
        deadline=deadline,
        orchestrated_at=orchestrated_at,
        expires=expires,
        workflow=workflow,
        agent_count=agent_count,
        reported={
            agent: Reported(offset, sha256, used) for agent, (offset, sha256, used) in reported.items()
        },
        late=late,
    )


def _signal_fields(signal: Signal) -> tuple[Any, ...]:
    error = signal.error
    return (
        signal.agent,
        signal.offset,
        signal.timestamp,
        signal.value,
        signal.sha256,
        None if error is None else (error.type, error.message),
        signal.traceparent,
    )


def _signal(corr_id: str, partition: int, fields: list[Any]) -> Signal:
    agent, offset, timestamp, value, sha256, error, traceparent = fields
    return Signal(
        corr_id,
        agent,
        NORMALIZED_TOPIC if agent == NORMALIZED else ENRICHED_PREFIX + agent,
        partition,
        offset,
        timestamp,
        value,
        sha256,
        None,
        None if error is None else SignalError(*error),
        traceparent,
    )
