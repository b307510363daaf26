"""Every message of one corr_id on its way, and what the orchestrator knew of it at a time."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from agents.replay.runner import Rules
from orchestration.body import at, number_in
from orchestration.intake import ENRICHED_PREFIX, NORMALIZED_TOPIC
from orchestration.plan import plan_of
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord
from orchestration.rows import Collecting, Orchestrated
from orchestration.signal import NORMALIZED, JsonObject
from orchestration.table import MemoryTable
from orchestration.timestamps import format_timestamp
from streams.recordings.order import Placed

DEAD_LETTER_PREFIX = "dlq."
_decode = msgspec.json.Decoder().decode

_TOLD = {
    "orchestrated.decision": ("action", "reason", "completed_by"),
    "audit.orchestration.decision": ("decision_id",),
    "risk.monitor.decision": ("action", "risk_level"),
    "audit.decision": ("action", "reason"),
    "portfolio.decision": ("action", "position_size"),
    "executions.fill": ("fill_status", "fill_quantity", "fill_price", "reject_reason"),
    "executions.reconcile": ("position_delta", "realized_pnl"),
    NORMALIZED_TOPIC: ("instrument", "side", "price"),
}
_TOLD_HEADERS = ("late_reason", "dlq_reason", "__connect.errors.exception.message")


class Step(NamedTuple):
    """``gap``: milliseconds since the step before. ``what``: its content in a few words."""

    time: int
    gap: int
    topic: str
    partition: int
    offset: int
    what: str

    def as_json(self) -> JsonObject:
        return {**self._asdict(), "time": _time(self.time)}

    def __str__(self) -> str:
        place = f"{self.topic}[{self.partition}]@{self.offset}"
        return f"{_time(self.time)}  {f'+{self.gap / 1000:.3f} s':>13}  {place:<44} {self.what}".rstrip()


def of_corr_id(records: Iterable[Placed], corr_id: str) -> Iterator[LogRecord]:
    """Those that belong to it, by key, header or content."""
    wanted = corr_id.encode()
    for one in records:
        record = one.record
        if record.key == wanted or ("corr_id", wanted) in record.headers:
            yield record
        elif record.value is not None and wanted in record.value and _named(record.value) == corr_id:
            # A record with a wrong key is dead-lettered under it.
            yield record


def steps(records: Iterable[LogRecord]) -> Iterator[Step]:
    """In the order (timestamp, topic, partition, offset)."""
    before: int | None = None
    for record in sorted(records, key=lambda record: (record.timestamp, *record[:3])):
        gap = 0 if before is None else record.timestamp - before
        before = record.timestamp
        yield Step(record.timestamp, gap, record.topic, record.partition, record.offset, _what(record))


def state_at(records: Iterable[LogRecord], rules: Rules, corr_id: str, time: int) -> JsonObject | None:
    """What was known at ``time`` (ms), by record times; None where nothing was. ``records``: of this corr_id."""
    intake = rules.intake()
    table = MemoryTable()
    processor = PartitionProcessor(intake, rules.context, table, sends=False)
    effects = Effects()
    ours = [record for record in records if record.topic in intake.topics and record.timestamp <= time]
    for record in sorted(ours, key=lambda record: (record.timestamp, *record[:3])):
        processor.time_passed(record.timestamp, effects)
        processor.take((record,), effects)
    processor.time_passed(time, effects)
    row = table.get(corr_id)
    if row is None:
        return None
    if isinstance(row, Orchestrated):
        return {
            "status": row.status,
            "workflow": row.workflow,
            "orchestrated_at": _time(row.orchestrated_at),
            "action": row.action,
            "completed_by": row.completed_by,
            "decision_id": row.decision_id,
            "marker_until": _time(row.expires),
            "late_signals": row.late,
        }
    return _collecting(row, rules)


def _collecting(row: Collecting, rules: Rules) -> JsonObject:
    required = plan_of(rules.context.workflows.named(row.workflow)).required
    reported = {signal.agent for signal in row.signals}
    return {
        "status": row.status,
        "workflow": row.workflow,
        "first_seen": _time(row.first_seen),
        "last_update": _time(row.last_update),
        "deadline": _time(row.deadline),
        "normalized_signal": NORMALIZED in reported,
        "valid_agents": sorted({s.agent for s in row.signals if s.valid and s.agent != NORMALIZED}),
        "invalid_agents": sorted({s.agent for s in row.signals if not s.valid}),
        "missing_agents": sorted(required - reported),
    }


def _what(record: LogRecord) -> str:
    parts = [
        value.decode(errors="replace")
        for name in _TOLD_HEADERS
        for header, value in record.headers
        if header == name and value is not None
    ]
    body = _body(record.value)
    if record.topic.startswith(ENRICHED_PREFIX) and body is not None:
        confidence = number_in(at(body, "analysis"), "confidence")
        parts += [] if confidence is None else [f"confidence {confidence:g}"]
    elif record.topic.startswith("execution."):
        names = ("side", "quantity", "instrument", "order_id")
        parts += _values(body, names)
    else:
        parts += _values(body, _TOLD.get(record.topic, ()))
    return ", ".join(parts)


def _values(body: JsonObject | None, names: Iterable[str]) -> list[str]:
    if body is None:
        return []
    return [str(body[name]) for name in names if body.get(name) is not None]


def _named(value: bytes) -> str | None:
    corr_id = at(_body(value), "corr_id")
    return corr_id if isinstance(corr_id, str) else None


def _body(value: bytes | None) -> Any:
    try:
        body = _decode(value or b"")
    except (ValueError, RecursionError):
        return None
    return body if type(body) is dict else None


def _time(milliseconds: int) -> str:
    try:
        return format_timestamp(milliseconds)
    except ValueError:
        return str(milliseconds)
