"""What one outcome is decided on: the records of a correlation up to its outcome time, sorted into roles."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from orchestration.plan import Plan
from orchestration.signal import Signal, SignalError
from orchestration.source import SourceSignal
from orchestration.workflow import Workflow

CompletedBy = Literal["all_required", "deadline"]


class Superseded(msgspec.Struct, frozen=True, gc=False):
    """A repeat that was read before the outcome and not used. ``reason``: duplicate, conflict or voided."""

    signal: Signal
    reason: str


class Inputs(msgspec.Struct, frozen=True, gc=False):
    """A correlation at its outcome time. Times in ms since the epoch.

    ``plan``: of the workflow that decides. ``used``: per agent the valid signal that counts, also of agents that the workflow does not name.
    ``errors``: agents that reported, but nothing valid. ``reported`` = keys of both.
    """

    corr_id: str
    plan: Plan
    first_seen: int
    orchestrated_at: int
    completed_by: CompletedBy
    used: Mapping[str, Signal]
    errors: Mapping[str, SignalError]
    normalized: Signal | None
    source: SourceSignal | None
    superseded: tuple[Superseded, ...]
    error_count: int

    @property
    def workflow(self) -> Workflow:
        return self.plan.workflow
