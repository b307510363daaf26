"""When a correlation's outcome is: one walk over its records in the order of their timestamps.

docs/decisions/correlation-semantics.md defines it; this is that definition.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from orchestration.signal import NORMALIZED, Signal
from orchestration.source import source_signal
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows

_timestamp = attrgetter("timestamp")

RISK = "risk"


class Progress(NamedTuple):
    """``complete_at``: the outcome time, where every required agent reported by the deadline; else None."""

    workflow: Workflow
    deadline: int
    complete_at: int | None


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def progress(signals: Sequence[Signal], workflows: Workflows) -> Progress:
    """Walk the records by time; ``signals`` must not be empty and keeps each topic's log order."""
    first_seen = min(map(_timestamp, signals))
    seen: list[Signal] = []
    reported: set[str] = set()
    workflow: Workflow | None = None
    deadline = first_seen
    # The sort is stable, so within a timestamp each topic's log order stays.
    for time, group in groupby(sorted(signals, key=_timestamp), key=_timestamp):
        if workflow is not None and deadline < time:
            return Progress(workflow, deadline, None)
        for signal in group:
            seen.append(signal)
            reported.add(signal.agent)
        workflow = workflows.choose(instrument(seen)) if len(workflows) > 1 else workflows.choose(None)
        # A record can reveal another workflow, with a deadline that has passed: it is timed out now, not before the
        # record that says so, or the records used would not tell the same workflow again.
        deadline = max(first_seen + milliseconds(workflow.timeout_sec), time)
        if reported.issuperset(workflow.required_agents):
            return Progress(workflow, deadline, time)
    if workflow is None:
        raise ValueError("a correlation has at least one record")
    return Progress(workflow, deadline, None)


def instrument(signals: Sequence[Signal]) -> str | None:
    """The instrument known from these records, in log order per topic."""
    normalized, used = known(signals)
    source = source_signal(normalized, used)
    return source.instrument if source is not None else None


def known(signals: Sequence[Signal]) -> tuple[Signal | None, dict[str, Signal]]:
    """The first normalized signal, and per agent the valid signal that counts."""
    normalized: Signal | None = None
    used: dict[str, Signal] = {}
    for signal in signals:
        if signal.agent == NORMALIZED:
            if normalized is None or (signal.offset < normalized.offset):
                normalized = signal
        elif signal.error is None:
            previous = used.get(signal.agent)
            if previous is None or previous.offset < signal.offset:
                used[signal.agent] = signal
    # An invalid risk signal voids the valid one before it: the last word of the risk agent was not understood,
    # and an older, friendlier one must not speak for it.
    risk = used.get(RISK)
    if risk is not None and any(s.agent == RISK and s.error is not None and s.offset > risk.offset for s in signals):
        del used[RISK]
    return normalized, used
