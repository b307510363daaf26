"""Who counts: the records of a correlation up to its outcome time, sorted into used, errors and superseded."""

from collections.abc import Sequence

from orchestration.inputs import CompletedBy, Inputs, Superseded
from orchestration.progress import RISK, known
from orchestration.signal import NORMALIZED, Signal, SignalError
from orchestration.source import source_signal
from orchestration.workflow import Workflow


def inputs_at(
    corr_id: str,
    signals: Sequence[Signal],
    workflow: Workflow,
    first_seen: int,
    at: int,
    completed_by: CompletedBy,
) -> Inputs:
    """The inputs of the outcome at ``at`` (ms): of ``signals``, those with a timestamp up to then."""
    counted = [signal for signal in signals if signal.timestamp <= at]
    normalized, used = known(counted)
    errors = _errors(counted, used)
    superseded: tuple[Superseded, ...] = ()
    error_count = 0
    # Most correlations have one record per agent: nothing was repeated, nothing failed.
    if len(counted) > len(used) + (normalized is not None):
        superseded = tuple(_superseded(counted, used, normalized))
        error_count = sum(1 for signal in counted if signal.error is not None)
    return Inputs(
        corr_id=corr_id,
        workflow=workflow,
        first_seen=first_seen,
        orchestrated_at=at,
        completed_by=completed_by,
        used=used,
        errors=errors,
        normalized=normalized,
        source=source_signal(normalized, used),
        superseded=superseded,
        error_count=error_count,
    )


def _errors(counted: Sequence[Signal], used: dict[str, Signal]) -> dict[str, SignalError]:
    last: dict[str, Signal] = {}
    for signal in counted:
        if signal.error is not None and signal.agent not in used:
            previous = last.get(signal.agent)
            if previous is None or previous.offset < signal.offset:
                last[signal.agent] = signal
    return {agent: signal.error for agent, signal in last.items() if signal.error is not None}


def _superseded(counted: Sequence[Signal], used: dict[str, Signal], normalized: Signal | None) -> list[Superseded]:
    last_risk_error = max((s.offset for s in counted if s.agent == RISK and s.error is not None), default=-1)
    found = []
    for signal in sorted(counted, key=lambda s: (s.agent, s.offset)):
        counts = normalized if signal.agent == NORMALIZED else used.get(signal.agent)
        if signal.error is not None or signal is counts:
            continue
        if signal.agent == RISK and signal.offset < last_risk_error:
            reason = "voided"
        elif counts is not None and signal.sha256 == counts.sha256:
            reason = "duplicate"
        else:
            reason = "conflict"
        found.append(Superseded(signal, reason))
    return found
