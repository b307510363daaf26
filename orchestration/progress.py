"""When a correlation's outcome is: one walk over its records in the order of their timestamps.

docs/decisions/correlation-semantics.md defines it; this is that definition.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from orchestration.plan import Plan
from orchestration.roles import Known
from orchestration.rows import Collecting
from orchestration.signal import Signal
from orchestration.workflows import Workflows

_timestamp = attrgetter("timestamp")
_agent = attrgetter("agent")


class Progress(msgspec.Struct, frozen=True, gc=False):
    """``complete_at``: the outcome time, where every required agent reported by the deadline; else None."""

    plan: Plan
    deadline: int
    complete_at: int | None


def progress(signals: Sequence[Signal], workflows: Workflows) -> Progress:
    """Walk the records by time; ``signals`` must not be empty, and may stand in any order."""
    by_time = sorted(signals, key=_timestamp)
    first_seen = by_time[0].timestamp
    known = Known()
    reported: set[str] = set()
    now = Progress(workflows.plan_for(None), first_seen, None)
    for time, group in groupby(by_time, key=_timestamp):
        if now.deadline < time:
            return now
        for signal in group:
            known.add(signal)
            reported.add(signal.agent)
        now = _at(time, first_seen, reported, workflows.plan_for(_instrument(known)))
        if now.complete_at is not None:
            return now
    return now


def progress_with(row: Collecting | None, signals: Sequence[Signal], workflows: Workflows) -> Progress:
    """``progress`` of the row's signals and these, without the walk where one comes last in time, as nearly all do."""
    last = signals[0]
    before: Sequence[Signal] = ()
    first_seen = last.timestamp
    walk = len(signals) > 1
    if row is not None:
        before, first_seen = row.signals, row.first_seen
        walk = walk or last.timestamp < row.last_update or row.rules != workflows.digest_of_all
    if walk:
        return progress((*before, *signals), workflows)
    if row is not None and row.deadline < last.timestamp:
        return Progress(workflows.plan_named(row.workflow), row.deadline, None)
    plan = workflows.only
    if plan is None:
        known = Known()
        for signal in (*before, last):
            known.add(signal)
        plan = workflows.plan_for(_instrument(known))
    return _at(last.timestamp, first_seen, {last.agent, *map(_agent, before)}, plan)


def _at(time: int, first_seen: int, reported: set[str], plan: Plan) -> Progress:
    """``reported``: agents of all records up to ``time`` (ms)."""
    # A record can reveal another workflow, with a deadline that has passed: it is timed out now, not before the
    # record that says so, or the records used would not tell the same workflow again.
    deadline = max(first_seen + plan.timeout, time)
    return Progress(plan, deadline, time if plan.required <= reported else None)


def _instrument(known: Known) -> str | None:
    source = known.source()
    return source.instrument if source is not None else None
