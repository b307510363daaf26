"""Reading what live decided: decisions and their audit records, from topics or from a recording."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.replay.differences import Difference
from agents.replay.spool import LiveDecision, Spool
from orchestration.effects import AUDIT_RECORD_TOPIC, DECISION_TOPIC
from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from orchestration.timestamps import parse_timestamp


class _Metadata(msgspec.Struct):
    processing_time_ms: int
    timeout_occurred: bool


class _Audit(msgspec.Struct):
    corr_id: str
    timestamp: str
    decision: msgspec.Raw
    read_to: dict[str, int]
    metadata: _Metadata


_decode_audit = msgspec.json.Decoder(_Audit).decode
_decode_decision: Any = msgspec.json.Decoder(dict[str, Any]).decode


def audit_topic_of(decision_topic: str) -> str | None:
    """The audit topic beside a topic of decisions; None where the name is none of such a topic."""
    if not decision_topic.endswith(DECISION_TOPIC):
        return None
    return decision_topic.removesuffix(DECISION_TOPIC) + AUDIT_RECORD_TOPIC


def fill(
    spool: Spool, records: Iterable[LogRecord], decision_topic: str, partitions: int
) -> Iterable[Difference]:
    """Put them into the spool; yields what is no decision and no audit record. ``partitions``: of the inputs."""
    audit_topic = audit_topic_of(decision_topic)
    for record in records:
        try:
            if record.topic == decision_topic:
                value = record.value or b""
                spool.add_decision(str(_decode_decision(value)["corr_id"]), value)
            elif record.topic == audit_topic:
                live = _live(_decode_audit(record.value or b""))
                spool.add_audit(partition_of(live.corr_id.encode(), partitions), live)
        except (ValueError, KeyError):
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            yield Difference(
                (record.key or b"").decode(errors="replace"), f"{place} is not what its topic holds"
            )


def _live(audit: _Audit) -> LiveDecision:
    at = parse_timestamp(audit.timestamp)
    return LiveDecision(
        audit.corr_id,
        None,
        bytes(audit.decision),
        audit.read_to,
        audit.metadata.timeout_occurred,
        at,
        at - audit.metadata.processing_time_ms,
    )
