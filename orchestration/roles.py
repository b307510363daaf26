"""Who counts: the records of a correlation up to its outcome time, sorted into used, errors and superseded."""

from collections.abc import Sequence

from orchestration.inputs import CompletedBy, Inputs, Superseded
from orchestration.plan import Plan
from orchestration.signal import NORMALIZED, Signal, SignalError
from orchestration.source import SourceSignal, source_signal

RISK = "risk"


class Known:
    """What records say together, whatever the order in which they are added: offsets tell the log's order.

    ``normalized``: the first; ``error_of``: per agent the last invalid record.
    """

    __slots__ = ("_last_valid", "_source", "error_of", "normalized")

    def __init__(self) -> None:
        self.normalized: Signal | None = None
        self.error_of: dict[str, Signal] = {}
        self._last_valid: dict[str, Signal] = {}
        self._source: tuple[SourceSignal | None] | None = None

    def add(self, signal: Signal) -> None:
        if signal.agent == NORMALIZED:
            if self.normalized is None or signal.offset < self.normalized.offset:
                self.normalized = signal
                self._source = None
            return
        last = self._last_valid if signal.error is None else self.error_of
        before = last.get(signal.agent)
        if before is None or before.offset < signal.offset:
            last[signal.agent] = signal
            self._source = None

    def used(self) -> dict[str, Signal]:
        """Per agent the valid signal that counts."""
        used = dict(self._last_valid)
        # An invalid risk signal voids the valid one before it: the last word of the risk agent was not understood,
        # and an older, friendlier one must not speak for it.
        if RISK in used and RISK in self.error_of and used[RISK].offset < self.error_of[RISK].offset:
            del used[RISK]
        return used

    def source(self) -> SourceSignal | None:
        if self._source is None:
            self._source = (source_signal(self.normalized, self.used()),)
        return self._source[0]


def inputs_at(
    corr_id: str,
    signals: Sequence[Signal],
    plan: Plan,
    first_seen: int,
    at: int,
    completed_by: CompletedBy,
) -> Inputs:
    """The inputs of the outcome at ``at`` (ms); ``signals`` are those with a timestamp up to then."""
    errors: dict[str, SignalError] = {}
    superseded: tuple[Superseded, ...] = ()
    error_count = 0
    used = {signal.agent: signal for signal in signals if signal.error is None}
    if len(used) == len(signals):
        # As nearly always: nothing was repeated, nothing failed.
        normalized = used.pop(NORMALIZED, None)
        source = source_signal(normalized, used)
    else:
        known = Known()
        for signal in signals:
            known.add(signal)
        used, normalized, source = known.used(), known.normalized, known.source()
        errors = {
            agent: signal.error
            for agent, signal in known.error_of.items()
            if signal.error is not None and agent not in used
        }
        superseded = tuple(_superseded(signals, known, used))
        error_count = sum(1 for signal in signals if signal.error is not None)
    return Inputs(
        corr_id,
        plan,
        first_seen,
        at,
        completed_by,
        used,
        errors,
        normalized,
        source,
        superseded,
        error_count,
    )


def _superseded(signals: Sequence[Signal], known: Known, used: dict[str, Signal]) -> list[Superseded]:
    risk_error = known.error_of.get(RISK)
    found = []
    for signal in sorted(signals, key=lambda signal: (signal.agent, signal.offset)):
        counts = known.normalized if signal.agent == NORMALIZED else used.get(signal.agent)
        if signal.error is not None or signal is counts:
            continue
        if signal.agent == RISK and risk_error is not None and signal.offset < risk_error.offset:
            reason = "voided"
        elif counts is not None and signal.sha256 == counts.sha256:
            reason = "duplicate"
        else:
            reason = "conflict"
        found.append(Superseded(signal, reason))
    return found
