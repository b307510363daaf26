"""A small model of the orchestrator that judges the real core: slow, obvious, written from the contracts alone.

It imports nothing from ``orchestration``. It is about one correlation (contracts §4, correlation-semantics.md): each
time a record is read, all records of its corr_id are walked again from the first.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.faults.reference_decision import Cut, decide, order_of
from tests.faults.reference_rules import canonical, holds
from tests.faults.reference_time import milliseconds, time_text
from tests.faults.reference_validation import (
    NORMALIZED,
    DeadLetterError,
    Json,
    RecordLike,
    Signal,
    is_input,
    read_signal,
)

MAXIMUM_ROW_BYTES = 4 * 1024 * 1024
MAXIMUM_LATE_SIGNALS = 100

Event = tuple[Any, ...]
"""One of

- ("outcome", corr_id, decision bytes, order bytes or None, audit record as parsed JSON,
  {topic: bytes of the other fan-out, without decision, order and audit record}, {header: bytes})
- ("late", corr_id, reason, topic, partition, offset), or "late_only_counted" in place of "late" after the first 100
- ("dead_letter", reason, topic, partition, offset)
"""


@dataclass(frozen=True)
class Marker:
    orchestrated_at: int
    expires: int
    completed_by: str
    used: dict[str, str]  # agent, or "" for the normalized signal -> sha256
    failed: set[str]


@dataclass
class Row:
    records: list[Signal] = field(default_factory=list)
    marker: Marker | None = None
    late: int = 0


class ReferenceModel:
    """``digests``: workflow name -> digest. ``read_to``: partition -> input topic -> offset that comes next."""

    def __init__(
        self,
        workflows: list[Json],
        partition_count: int,
        idempotency_ttl_sec: float = 3600,
        *,
        version: str,
        digests: Mapping[str, str],
    ) -> None:
        self.workflows = workflows
        self.partition_count = partition_count
        self.time_to_live = round(idempotency_ttl_sec * 1000)
        self.version = version
        self.digests = digests
        self.agents = {
            a for w in workflows for a in (*w["required_agents"], *(w.get("optional_agents") or ()))
        }
        self.rows: dict[tuple[int, str], Row] = {}
        self.read_to: dict[int, dict[str, int]] = {}

    # -- what the caller tells ------------------------------------------------------------------------------------------

    def feed(self, record: RecordLike) -> list[Event]:
        """``record`` was read."""
        place = (record.topic, record.partition, record.offset)
        if is_input(record.topic, self.agents):
            self.read_to.setdefault(record.partition, {})[record.topic] = record.offset + 1
        try:
            signal = read_signal(record, self.agents, self.partition_count)
            return self._take(signal)
        except DeadLetterError as reason:
            return [("dead_letter", str(reason), *place)]

    def time_passed(self, partition: int, ms: int) -> list[Event]:
        """Time is later than ``ms`` and every input of ``partition`` has been read up to then."""
        events: list[Event] = []
        rows = [(corr_id, row) for (at, corr_id), row in self.rows.items() if at == partition]
        rows.sort(
            key=lambda item: (self.outcome_time(item[1].records)[0] if item[1].records else ms, item[0])
        )
        for corr_id, row in rows:
            if row.records:
                # A marker goes neither with the sweep that made it nor while records that opened anew are waiting.
                events += self._settle(partition, corr_id, row, passed=ms)
            elif row.marker is None or row.marker.expires < ms:
                del self.rows[partition, corr_id]
        return events

    def decision_for(self, records: Iterable[RecordLike], read_to: Mapping[str, int] | None = None) -> bytes:
        """The decision on one correlation's records by definition alone, as if time had passed every deadline.

        ``read_to``: the cut, input topic -> offset that comes next (the audit record's); without it all count.
        """
        cut = [r for r in records if read_to is None or r.offset < read_to.get(r.topic, 0)]
        return canonical(self._decide(self.signals_of(cut))[0])

    def signals_of(self, records: Iterable[RecordLike]) -> list[Signal]:
        """Those that enter a correlation."""
        signals = []
        for record in records:
            with suppress(DeadLetterError):
                signals.append(read_signal(record, self.agents, self.partition_count))
        return accepted(signals)

    def outcome_of(self, signals: Iterable[Signal]) -> tuple[Json, Json | None, dict[str, Json], Json, Json]:
        """The outcome on these records of one correlation, as if time had passed every deadline.

        The decision, the order or None, the other fan-out by topic, the audit record without ``read_to``, the headers.
        """
        decision, order, fan_out, audit, cut = self._decide(accepted(signals))
        return decision, order, fan_out, audit, headers(decision, cut)

    # -- one correlation --------------------------------------------------------------------------------------------------

    def _take(self, signal: Signal) -> list[Event]:
        rejected = [] if signal.error is None else [dead_letter(signal, "validation_error")]
        if signal.normalized and signal.error:
            return rejected
        row = self.rows.get((signal.partition, signal.corr_id), Row())
        if row.marker is not None and signal.timestamp <= row.marker.expires:
            return rejected or [late(signal, row)]
        if sum(s.row_bytes for s in [*row.records, signal]) > MAXIMUM_ROW_BYTES:
            return rejected or [dead_letter(signal, "correlation_too_large")]
        self.rows[signal.partition, signal.corr_id] = row
        row.records.append(signal)
        return rejected + self._settle(signal.partition, signal.corr_id, row, passed=None)

    def _settle(self, partition: int, corr_id: str, row: Row, passed: int | None) -> list[Event]:
        """The outcomes that are due. More than one when a record that waited in the row opens the corr_id anew."""
        events: list[Event] = []
        while row.records:
            at, completed_by = self.outcome_time(row.records)
            if completed_by == "deadline" and (passed is None or at >= passed):
                break
            decision, order, fan_out, audit, cut = self._decide(row.records)
            audit["read_to"] = dict(self.read_to.get(partition, {}))
            events.append(
                (
                    "outcome",
                    corr_id,
                    canonical(decision),
                    None if order is None else canonical(order),
                    audit,
                    {topic: canonical(message) for topic, message in fan_out.items()},
                    headers(decision, cut),
                )
            )
            waiting = sorted((s for s in row.records if s.timestamp > at), key=order_of)
            used = {agent: signal.sha256 for agent, signal in cut.used.items()}
            if cut.normalized is not None:
                used[""] = cut.normalized.sha256
            row.marker = Marker(at, at + self.time_to_live, completed_by, used, set(cut.errors))
            row.late = 0
            row.records = [s for s in waiting if s.timestamp > row.marker.expires]
            # An invalid one went to the dead letters when it was read, and to one place only.
            events += [late(s, row) for s in waiting if s.timestamp <= row.marker.expires and s.error is None]
        return events

    def outcome_time(self, records: list[Signal]) -> tuple[int, str]:
        """The walk of correlation-semantics.md: the outcome time in ms and by what the correlation is completed."""
        deadline: int | None = None
        for tau in sorted({s.timestamp for s in records}):
            if deadline is not None and deadline < tau:
                break
            seen = [s for s in records if s.timestamp <= tau]
            workflow = self._workflow(seen)
            if set(workflow["required_agents"]) <= {s.agent for s in seen if not s.normalized}:
                return tau, "all_required"
            first_seen = min(s.timestamp for s in seen)
            # A record may reveal a workflow whose deadline has passed by then: timed out with that record, not before it.
            deadline = max(first_seen + round(workflow["timeout_sec"] * 1000), tau)
        assert deadline is not None
        return deadline, "deadline"

    def _workflow(self, seen: list[Signal]) -> Json:
        if len(self.workflows) == 1:
            return self.workflows[0]
        source = sort_into_roles(seen).source
        instrument = None if source is None else source["instrument"]
        if instrument is not None:
            for workflow in self.workflows:
                if holds(workflow.get("match") or [], {}, instrument):
                    return workflow
        return self.workflows[-1]

    def _decide(self, records: list[Signal]) -> tuple[Json, Json | None, dict[str, Json], Json, Cut]:
        at, completed_by = self.outcome_time(records)
        counting = [s for s in records if s.timestamp <= at]
        cut = sort_into_roles(counting)
        workflow = self._workflow(counting)
        first_seen = min(s.timestamp for s in counting)
        digest = self.digests[workflow["name"]]
        corr_id = records[0].corr_id
        return (*decide(corr_id, workflow, digest, self.version, cut, first_seen, at, completed_by), cut)


def accepted(signals: Iterable[Signal]) -> list[Signal]:
    return [s for s in signals if not (s.normalized and s.error)]


def sort_into_roles(records: list[Signal]) -> Cut:
    """Per agent the last valid signal in log order, of normalized signals the first."""
    in_log_order = sorted(records, key=lambda s: s.offset)
    used: dict[str, Signal] = {}
    errors: dict[str, Json] = {}
    normalized = [s for s in in_log_order if s.normalized]
    superseded = [(NORMALIZED, repeat(s, normalized[0]), s) for s in normalized[1:]]
    for agent in sorted({s.agent for s in records if not s.normalized}):
        reports = [s for s in in_log_order if s.agent == agent and not s.normalized]
        for signal in reports:
            if signal.error is None:
                used[agent] = signal
                errors.pop(agent, None)
            elif agent not in used or agent == "risk":
                used.pop(agent, None)
                errors[agent] = signal.error
        for place, signal in enumerate(reports):
            if signal.error is None and signal is not used.get(agent):
                voided = agent == "risk" and any(later.error for later in reports[place:])
                superseded.append((agent, "voided" if voided else repeat(signal, used[agent]), signal))
    return Cut(
        used=used,
        errors=errors,
        normalized=normalized[0] if normalized else None,
        source=source_signal(normalized[0] if normalized else None, used),
        superseded=superseded,
        error_count=sum(s.error is not None for s in records),
    )


def repeat(signal: Signal, used: Signal) -> str:
    return "duplicate" if signal.sha256 == used.sha256 else "conflict"


def source_signal(normalized: Signal | None, used: dict[str, Signal]) -> Json | None:
    candidates = [] if normalized is None else [normalized.payload]
    if not candidates:
        names = sorted(used, key=lambda agent: (agent != "momentum", agent))
        candidates = [{**(used[a].payload.get("source_signal") or {}), "strength": None} for a in names]
    for body in candidates:
        at = milliseconds(body.get("timestamp"))
        known: Json = {
            "instrument": body.get("instrument"),
            "price": None if body.get("price") is None else float(body["price"]),
            "side": body.get("side"),
            "strength": None if body.get("strength") is None else float(body["strength"]),
            "timestamp": None if at is None else time_text(at),
        }
        if any(value is not None for value in known.values()):
            return known
    return None


def late(signal: Signal, row: Row) -> Event:
    marker, agent = row.marker, "" if signal.normalized else signal.agent
    assert marker is not None
    if signal.timestamp <= marker.orchestrated_at:
        reason = "read_late"
    elif agent in marker.used:
        reason = "duplicate" if marker.used[agent] == signal.sha256 else "conflict"
    elif agent in marker.failed:
        reason = "conflict"
    elif marker.completed_by == "deadline":
        reason = "after_deadline"
    else:
        reason = "after_outcome"
    row.late += 1
    kind = "late" if row.late <= MAXIMUM_LATE_SIGNALS else "late_only_counted"
    return (kind, signal.corr_id, reason, signal.topic, signal.partition, signal.offset)


def dead_letter(signal: Signal, reason: str) -> Event:
    return ("dead_letter", reason, signal.topic, signal.partition, signal.offset)


def headers(decision: Json, cut: Cut) -> dict[str, bytes]:
    used = [*cut.used.values(), *([cut.normalized] if cut.normalized else [])]
    last = max(used, key=order_of, default=None)
    table = {name: decision[name].encode() for name in ("corr_id", "decision_id", "schema_version")}
    table["source"] = b"orchestrator"
    if last is not None and last.traceparent is not None:
        table["traceparent"] = last.traceparent
    return table
