"""The heart: ``fold(row, event, context) -> (row, happenings)``.

No clock, no lookup, no sending: time comes in as a value, what has to be sent goes out as a value. A live worker,
a replay, a simulator and a test are callers of the same function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from orchestration.decision import decide
from orchestration.inputs import CompletedBy
from orchestration.late import LateSignal, add_late, reported_at
from orchestration.outcome import Outcome
from orchestration.progress import Progress, progress, progress_with
from orchestration.roles import inputs_at
from orchestration.rows import Collecting, Orchestrated, Row
from orchestration.signal import Signal
from orchestration.timestamps import milliseconds
from orchestration.workflows import Workflows

ROW_LIMIT_BYTES = 4 * 1024 * 1024
RECORD_OVERHEAD_BYTES = 256


@dataclass(frozen=True, slots=True)
class Context:
    """What a fold knows beside the row and the event. ``idempotency_ttl_sec``: how long the marker stays."""

    workflows: Workflows
    idempotency_ttl_sec: float
    version: str


class Together(NamedTuple):
    """Records of one corr_id that are all read before anything is decided, per topic in log order.

    For a replay: an outcome was decided on everything up to its ``read_to``, whatever the order of reading was.
    """

    signals: Sequence[Signal]


class TimePassed(NamedTuple):
    """Time is later than ``time`` (ms), and every input of the partition has been read up to there."""

    time: int


class TooLarge(NamedTuple):
    """The row would have grown past its limit: the signal is to be dead-lettered, the row is as before."""

    signal: Signal


Event = Signal | Together | TimePassed
Happening = Outcome | LateSignal | TooLarge
Folded = tuple[Row | None, Sequence[Happening]]


def fold(row: Row | None, event: Event, context: Context) -> Folded:
    """Take one event into a row. Never raises for anything that a record can carry."""
    if type(event) is Signal:
        if row is None:
            return _collect(None, (event,), None, context)
        return _fold_signals(row, (event,), context)
    if isinstance(event, Together):
        return _fold_signals(row, event.signals, context)
    return _fold_time(row, event.time, context)


def _fold_signals(row: Row | None, signals: Sequence[Signal], context: Context) -> Folded:
    marker = row if type(row) is Orchestrated else row.previous if row is not None else None
    before = marker
    happenings: list[Happening] = []
    joining: list[Signal] = []
    for signal in signals:
        if row is not None and _read_before(row, signal):
            continue
        if marker is not None and signal.timestamp <= marker.expires:
            marker, late = add_late(marker, signal)
            happenings.extend(late)
        else:
            joining.append(signal)
    collecting = row if type(row) is Collecting else None
    if not joining:
        if marker is before:
            return row, ()
        return (marker if collecting is None else replace(collecting, previous=marker)), happenings
    folded, more = _collect(collecting, joining, marker, context)
    return folded, [*happenings, *more] if happenings else more


def _read_before(row: Row, signal: Signal) -> bool:
    """At-least-once reads records again after a crash that the restored row already knows: they count once."""
    marker: Orchestrated | None
    if type(row) is Collecting:
        marker = row.previous
        for held in reversed(row.signals):
            if held.agent == signal.agent:
                if signal.offset <= held.offset:
                    return True
                break
    else:
        marker = row
    known = marker.reported.get(signal.agent) if marker is not None else None
    return known is not None and signal.offset <= known.offset


def _fold_time(row: Row | None, time: int, context: Context) -> Folded:
    if type(row) is Orchestrated:
        return (None if row.expires < time else row), ()
    happenings: list[Happening] = []
    # More than once where records that waited open the correlation anew. The marker of the last outcome stays, though
    # its own end may have passed: were it deleted together with the outcome, records that are read again after a crash
    # would decide a second time.
    while type(row) is Collecting:
        now = progress(row.signals, context.workflows)
        if now.complete_at is None and now.deadline >= time:
            rules = context.workflows.digest_of_all
            return replace(row, deadline=now.deadline, workflow=now.plan.name, rules=rules), happenings
        row, more = _outcome(row, now, context)
        happenings.extend(more)
    return row, happenings


def _collect(
    row: Collecting | None, joining: Sequence[Signal], marker: Orchestrated | None, context: Context
) -> Folded:
    """Take signals into a row, or open one with them after ``marker``; decide if they complete it."""
    refused: list[TooLarge] = []
    taken: list[Signal] = []
    size = 0 if row is None else row.size
    for signal in joining:
        larger = size + RECORD_OVERHEAD_BYTES + (0 if signal.value is None else len(signal.value))
        if larger <= ROW_LIMIT_BYTES:
            size = larger
            taken.append(signal)
        elif signal.valid:
            refused.append(TooLarge(signal))
        # An invalid one has its dead letter already.
    if not taken:
        return row, refused
    now = progress_with(row, taken, context.workflows)
    before: tuple[Signal, ...] = ()
    first_seen = last_update = taken[0].timestamp
    if row is not None:
        before, first_seen, last_update = row.signals, row.first_seen, row.last_update
    for signal in taken:
        first_seen = min(first_seen, signal.timestamp)
        last_update = max(last_update, signal.timestamp)
    collecting = Collecting(
        taken[0].corr_id,
        (*before, *taken),
        first_seen,
        last_update,
        now.deadline,
        now.plan.name,
        context.workflows.digest_of_all,
        size,
        marker,
    )
    if now.complete_at is None:
        return collecting, refused
    folded, happenings = _outcome(collecting, now, context)
    return folded, [*refused, *happenings] if refused else happenings


def _outcome(row: Collecting, now: Progress, context: Context) -> Folded:
    completed_by: CompletedBy = "all_required" if now.complete_at is not None else "deadline"
    at = now.complete_at if now.complete_at is not None else now.deadline
    held: Sequence[Signal] = ()
    counted: Sequence[Signal] = row.signals
    if row.last_update > at:
        held = [signal for signal in row.signals if signal.timestamp > at]
        counted = [signal for signal in row.signals if signal.timestamp <= at]
    inputs = inputs_at(row.corr_id, counted, now.plan, row.first_seen, at, completed_by)
    outcome = decide(inputs, context.version)
    marker = Orchestrated(
        row.corr_id,
        outcome.decision_id,
        outcome.action,
        completed_by,
        row.first_seen,
        max(signal.timestamp for signal in counted) if held else row.last_update,
        now.deadline,
        at,
        at + milliseconds(context.idempotency_ttl_sec),
        now.plan.name,
        len(inputs.used) + len(inputs.errors),
        reported_at(inputs, row.signals, row.previous),
    )
    if not held:
        return marker, (outcome,)
    return _after(marker, outcome, held, context)


def _after(marker: Orchestrated, outcome: Outcome, held: Sequence[Signal], context: Context) -> Folded:
    """Records that waited in the row with a timestamp past the outcome: late, or the start of the next correlation."""
    happenings: list[Happening] = [outcome]
    for signal in sorted(held, key=lambda signal: signal.order):
        if signal.timestamp <= marker.expires:
            marker, late = add_late(marker, signal)
            happenings.extend(late)
    reopening = [signal for signal in held if signal.timestamp > marker.expires]
    if not reopening:
        return marker, happenings
    # Together, before the walk: of two that came at the same time neither is read before the other.
    folded, more = _collect(None, reopening, marker, context)
    return folded, [*happenings, *more]
