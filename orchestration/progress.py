"""When a correlation's outcome is: one walk over its records in the order of their timestamps.

docs/decisions/correlation-semantics.md defines it; this is that definition.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from orchestration.roles import Known
from orchestration.rows import Collecting
from orchestration.signal import Signal
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows

_timestamp = attrgetter("timestamp")


class Progress(NamedTuple):
    """``complete_at``: the outcome time, where every required agent reported by the deadline; else None."""

    workflow: Workflow
    deadline: int
    complete_at: int | None


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def progress(signals: Sequence[Signal], workflows: Workflows) -> Progress:
    """Walk the records by time; ``signals`` must not be empty, and may stand in any order."""
    by_time = sorted(signals, key=_timestamp)
    first_seen = by_time[0].timestamp
    known = Known()
    reported: set[str] = set()
    now = Progress(workflows.choose(None), first_seen, None)
    for time, group in groupby(by_time, key=_timestamp):
        if now.deadline < time:
            return now
        for signal in group:
            known.add(signal)
            reported.add(signal.agent)
        now = _at(time, first_seen, known, reported, workflows)
        if now.complete_at is not None:
            return now
    return now


def progress_with(row: Collecting | None, signals: Sequence[Signal], workflows: Workflows) -> Progress:
    """``progress`` of the row's signals and these, without the walk where one comes last in time, as nearly all do."""
    if row is None:
        return progress(signals, workflows)
    everything = (*row.signals, *signals)
    last = signals[0]
    if len(signals) > 1 or last.timestamp < row.last_update or row.rules != workflows.digest_of_all:
        return progress(everything, workflows)
    if row.deadline < last.timestamp:
        return Progress(workflows.named(row.workflow), row.deadline, None)
    known = Known()
    if len(workflows) > 1:
        for signal in everything:
            known.add(signal)
    reported = {signal.agent for signal in everything}
    return _at(last.timestamp, row.first_seen, known, reported, workflows)


def _at(time: int, first_seen: int, known: Known, reported: set[str], workflows: Workflows) -> Progress:
    """``known`` and ``reported``: from all records up to ``time`` (ms); where one workflow takes all, nothing need be known."""
    workflow = workflows.choose(_instrument(known) if len(workflows) > 1 else None)
    # A record can reveal another workflow, with a deadline that has passed: it is timed out now, not before the
    # record that says so, or the records used would not tell the same workflow again.
    deadline = max(first_seen + milliseconds(workflow.timeout_sec), time)
    return Progress(workflow, deadline, time if reported.issuperset(workflow.required_agents) else None)


def _instrument(known: Known) -> str | None:
    source = known.source()
    return source.instrument if source is not None else None
