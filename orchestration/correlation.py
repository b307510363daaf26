"""The heart: ``fold(row, event, context) -> (row, happenings)``.

No clock, no lookup, no sending: time comes in as a value, what has to be sent goes out as a value. A live worker,
a replay, a simulator and a test are callers of the same function.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from orchestration.decision import decide
from orchestration.inputs import CompletedBy
from orchestration.outcome import Outcome
from orchestration.progress import Progress, milliseconds, progress
from orchestration.roles import inputs_at
from orchestration.rows import Collecting, Orchestrated, Reported, Row
from orchestration.signal import Signal
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows

ROW_LIMIT_BYTES = 4 * 1024 * 1024
RECORD_OVERHEAD_BYTES = 256
LATE_SIGNALS_WRITTEN = 100
"""Per corr_id; what comes after is only counted, so that one sender in a loop cannot fill the topic."""

LateReason = Literal["read_late", "duplicate", "conflict", "after_deadline", "after_outcome"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a fold knows beside the row and the event. ``idempotency_ttl_sec``: how long the marker stays."""

    workflows: Workflows
    idempotency_ttl_sec: float
    version: str


class TimePassed(NamedTuple):
    """Time is later than ``time`` (ms), and every input of the partition has been read up to there."""

    time: int


class LateSignal(NamedTuple):
    """``written`` is False for what goes past the limit of messages per corr_id: it is only counted."""

    signal: Signal
    reason: LateReason
    written: bool


class TooLarge(NamedTuple):
    """The row would have grown past its limit: the signal is to be dead-lettered, the row is as before."""

    signal: Signal


Happening = Outcome | LateSignal | TooLarge
Folded = tuple[Row | None, Sequence[Happening]]


def fold(row: Row | None, event: Signal | TimePassed, context: Context) -> Folded:
    """Take one event into a row. Never raises for anything that a record can carry."""
    if isinstance(event, TimePassed):
        return _fold_time(row, event.time, context)
    if isinstance(row, Orchestrated):
        if event.timestamp <= row.expires:
            return _late(row, event)
        return _collect(None, event, context, previous=row)
    if row is not None and row.previous is not None and event.timestamp <= row.previous.expires:
        previous, happenings = _late(row.previous, event)
        return replace(row, previous=previous), happenings
    return _collect(row, event, context, previous=row.previous if row is not None else None)


def _fold_time(row: Row | None, time: int, context: Context) -> Folded:
    if isinstance(row, Collecting):
        now = progress(row.signals, context.workflows)
        if now.complete_at is not None or now.deadline < time:
            return _outcome(row.corr_id, row.signals, row.first_seen, row.last_update, now, context)
        return replace(
            row, deadline=now.deadline, workflow=now.workflow.name, rules=context.workflows.digest_of_all
        ), ()
    if isinstance(row, Orchestrated) and row.expires < time:
        return None, ()
    return row, ()


def _collect(
    row: Collecting | None, signal: Signal, context: Context, previous: Orchestrated | None
) -> Folded:
    size = _size(signal)
    if row is None:
        signals: tuple[Signal, ...] = (signal,)
        first_seen = last_update = signal.timestamp
    else:
        if _read_before(row, signal):
            return row, ()
        size += row.size
        if size > ROW_LIMIT_BYTES:
            # An invalid one has its dead letter already.
            return row, (TooLarge(signal),) if signal.valid else ()
        signals = (*row.signals, signal)
        first_seen = min(row.first_seen, signal.timestamp)
        last_update = max(row.last_update, signal.timestamp)
    now = _progress_with(row, signal, signals, context)
    if now.complete_at is not None:
        return _outcome(signal.corr_id, signals, first_seen, last_update, now, context)
    return Collecting(
        signal.corr_id,
        signals,
        first_seen,
        last_update,
        now.deadline,
        now.workflow.name,
        context.workflows.digest_of_all,
        size,
        previous,
    ), ()


def _read_before(row: Collecting, signal: Signal) -> bool:
    """At-least-once reads records again after a crash that the restored row already holds: they count once."""
    for held in reversed(row.signals):
        if held.agent == signal.agent:
            return signal.offset <= held.offset
    return False


def _progress_with(
    row: Collecting | None, signal: Signal, signals: tuple[Signal, ...], context: Context
) -> Progress:
    """``progress(signals)``, without the walk where the new record comes last in time and cannot complete the row."""
    workflows = context.workflows
    if row is None or len(workflows) > 1 or row.rules != workflows.digest_of_all:
        return progress(signals, workflows)
    if signal.timestamp < row.last_update:
        return progress(signals, workflows)
    workflow = workflows.choose(None)
    if signal.timestamp > row.deadline or not _all_reported(signals, workflow):
        return Progress(workflow, row.deadline, None)
    return Progress(workflow, row.deadline, signal.timestamp)


def _all_reported(signals: Sequence[Signal], workflow: Workflow) -> bool:
    required = workflow.required_agents
    if len(signals) < len(required):
        return False
    return {signal.agent for signal in signals}.issuperset(required)


def _outcome(
    corr_id: str,
    signals: Sequence[Signal],
    first_seen: int,
    last_update: int,
    now: Progress,
    context: Context,
) -> Folded:
    completed_by: CompletedBy = "all_required" if now.complete_at is not None else "deadline"
    at = now.complete_at if now.complete_at is not None else now.deadline
    inputs = inputs_at(corr_id, signals, now.workflow, first_seen, at, completed_by)
    outcome = decide(inputs, context.workflows, context.version)
    used = {signal.agent: signal for signal in inputs.used.values()}
    if inputs.normalized is not None:
        used[inputs.normalized.agent] = inputs.normalized
    marker = Orchestrated(
        corr_id=corr_id,
        decision_id=outcome.decision_id,
        action=outcome.action,
        completed_by=completed_by,
        first_seen=first_seen,
        last_update=last_update,
        deadline=now.deadline,
        orchestrated_at=at,
        expires=at + milliseconds(context.idempotency_ttl_sec),
        workflow=now.workflow.name,
        agent_count=len({signal.agent for signal in signals if signal.agent}),
        reported=_reported(signals, used, at),
    )
    held = [signal for signal in signals if signal.timestamp > at]
    if not held:
        return marker, (outcome,)
    return _after(marker, outcome, sorted(held, key=lambda signal: signal.order), context)


def _reported(signals: Sequence[Signal], used: dict[str, Signal], at: int) -> dict[str, Reported]:
    reported: dict[str, Reported] = {}
    for signal in signals:
        if signal.timestamp <= at:
            counts = used.get(signal.agent)
            reported[signal.agent] = Reported(
                signal.offset, counts.sha256 if counts is not None else None, counts is not None or not signal.valid
            )
    return reported


def _after(marker: Orchestrated, outcome: Outcome, held: Sequence[Signal], context: Context) -> Folded:
    """Records that waited in the row with a timestamp past the outcome: late, or the start of the next correlation."""
    happenings: list[Happening] = [outcome]
    reopening: list[Signal] = []
    for signal in held:
        if signal.timestamp > marker.expires:
            reopening.append(signal)
        elif signal.valid:
            marker, late = _late(marker, signal)
            happenings.extend(late)
    if not reopening:
        return marker, happenings
    # Together, before the walk: of two that came at the same time neither is read before the other.
    now = progress(reopening, context.workflows)
    first_seen, last_update = reopening[0].timestamp, reopening[-1].timestamp
    if now.complete_at is not None:
        row, more = _outcome(marker.corr_id, reopening, first_seen, last_update, now, context)
        return row, [*happenings, *more]
    return Collecting(
        marker.corr_id,
        tuple(reopening),
        first_seen,
        last_update,
        now.deadline,
        now.workflow.name,
        context.workflows.digest_of_all,
        sum(map(_size, reopening)),
        marker,
    ), happenings


def _size(signal: Signal) -> int:
    return RECORD_OVERHEAD_BYTES + (len(signal.value) if signal.value is not None else 0)


def _late(row: Orchestrated, signal: Signal) -> tuple[Orchestrated, Sequence[LateSignal]]:
    known = row.reported.get(signal.agent)
    if known is not None and signal.offset <= known.offset:
        return row, ()
    reported = {**row.reported, signal.agent: _seen(known, signal)}
    last_update = max(row.last_update, signal.timestamp)
    if not signal.valid:
        # Dead-lettered when it was read: each record ends in exactly one place.
        return replace(row, reported=reported, last_update=last_update), ()
    late = LateSignal(signal, _late_reason(row, signal, known), row.late < LATE_SIGNALS_WRITTEN)
    return replace(row, reported=reported, last_update=last_update, late=row.late + 1), (late,)


def _seen(known: Reported | None, signal: Signal) -> Reported:
    if known is None:
        return Reported(signal.offset)
    return Reported(signal.offset, known.sha256, known.used)


def _late_reason(row: Orchestrated, signal: Signal, known: Reported | None) -> LateReason:
    if signal.timestamp <= row.orchestrated_at:
        return "read_late"
    if known is not None and known.used:
        return "duplicate" if known.sha256 == signal.sha256 else "conflict"
    return "after_deadline" if row.completed_by == "deadline" else "after_outcome"
