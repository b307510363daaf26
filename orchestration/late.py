"""What comes after the outcome: late signals, and what the marker remembers so that it can say why they are late."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from orchestration.inputs import Inputs
from orchestration.rows import Orchestrated, Reported
from orchestration.signal import Signal

LATE_SIGNALS_WRITTEN = 100
"""Per corr_id; what comes after is only counted, so that one sender in a loop cannot fill the topic."""

LateReason = Literal["read_late", "duplicate", "conflict", "after_deadline", "after_outcome"]


class LateSignal(NamedTuple):
    """``written`` is False for what goes past the limit of messages per corr_id: it is only counted.

    ``decision_id``: of the outcome that it came too late for.
    """

    signal: Signal
    reason: LateReason
    written: bool
    decision_id: str


def add_late(marker: Orchestrated, signal: Signal) -> tuple[Orchestrated, tuple[LateSignal, ...]]:
    """Note a signal that came up to the marker's end. An invalid one is no late signal: it has its dead letter."""
    known = marker.reported.get(signal.agent)
    reported = {**marker.reported, signal.agent: _read_to(known, signal.offset)}
    last_update = max(marker.last_update, signal.timestamp)
    if not signal.valid:
        return replace(marker, reported=reported, last_update=last_update), ()
    written = marker.late < LATE_SIGNALS_WRITTEN
    late = LateSignal(signal, _reason(marker, signal, known), written, marker.decision_id)
    return replace(marker, reported=reported, last_update=last_update, late=marker.late + 1), (late,)


def reported_at(
    inputs: Inputs, signals: Sequence[Signal], previous: Orchestrated | None
) -> Mapping[str, Reported]:
    """Per agent the last offset read, of ``signals`` and before, and what the outcome used of it."""
    reported: dict[str, Reported] = {}
    if previous is not None:
        reported = {agent: Reported(known.offset) for agent, known in previous.reported.items()}
    for agent in inputs.errors:
        reported[agent] = Reported(-1, None, True)
    for signal in (*inputs.used.values(), inputs.normalized):
        if signal is not None:
            reported[signal.agent] = Reported(signal.offset, signal.sha256, True)
    if previous is None and not inputs.errors and len(signals) == len(reported):
        # As nearly always: each signal is one of those that were used.
        return reported
    # Held records and repeats too: their offsets may lie before those that were used, or after them.
    for signal in signals:
        known = reported.get(signal.agent)
        if known is None or known.offset < signal.offset:
            reported[signal.agent] = _read_to(known, signal.offset)
    if previous is not None:
        # What came too late for the outcome before may stand behind all of these in the log.
        for agent, known in previous.reported.items():
            reported[agent] = _read_to(reported[agent], known.offset)
    return reported


def _read_to(known: Reported | None, offset: int) -> Reported:
    if known is None:
        return Reported(offset)
    return Reported(max(known.offset, offset), known.sha256, known.used)


def _reason(marker: Orchestrated, signal: Signal, known: Reported | None) -> LateReason:
    if signal.timestamp <= marker.orchestrated_at:
        return "read_late"
    if known is not None and known.used:
        return "duplicate" if known.sha256 == signal.sha256 else "conflict"
    return "after_deadline" if marker.completed_by == "deadline" else "after_outcome"
