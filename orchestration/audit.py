"""The audit record: what an outcome was decided on, from which places in the log, and what was decided."""

from collections.abc import Mapping, Sequence

import msgspec

from orchestration.body import written
from orchestration.canonical import Number, number
from orchestration.inputs import Superseded
from orchestration.outcome import Outcome
from orchestration.payload import payload_of
from orchestration.signal import NORMALIZED, Signal, SignalError
from orchestration.workflow import RESERVED_AGENT

COORDINATES_LISTED = 64
"""Per agent and reason; the count goes on. One repeating sender must not make a record that no topic takes."""

_DEFAULT_ROUTE = "default"


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in the log."""

    topic: str
    partition: int
    offset: int


class UsedSignal(msgspec.Struct, frozen=True, gc=False):
    """A signal that was decided on. ``timestamp``: when it was published."""

    agent_version: str | None
    confidence: Number | None
    timestamp: str
    sha256: str
    topic: str
    partition: int
    offset: int


class Repeats(msgspec.Struct, frozen=True, gc=False):
    """Repeats of one agent for one reason."""

    count: int
    coordinates: Sequence[Place]


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """How the outcome came about."""

    processing_time_ms: int
    orchestration_pattern: str
    timeout_occurred: bool
    error_count: int


class AuditContent(msgspec.Struct, frozen=True, gc=False):
    """The content of ``audit.orchestration.decision``, field by field in the contract's key order."""

    corr_id: str
    decision_id: str
    timestamp: str
    orchestrator_version: str
    input_signals: Mapping[str, UsedSignal]
    source_signal: UsedSignal | None
    decision: msgspec.Raw
    errors: Mapping[str, SignalError]
    superseded: Mapping[str, Mapping[str, Repeats]]
    read_to: Mapping[str, int]
    metadata: Metadata


def audit_record(outcome: Outcome, read_to: Mapping[str, int]) -> AuditContent:
    """``read_to``: offset reached per input topic."""
    inputs = outcome.inputs
    decision = outcome.content
    normalized = inputs.normalized
    return AuditContent(
        inputs.corr_id,
        outcome.decision_id,
        decision.orchestrated_at,
        decision.orchestrator_version,
        {
            agent: _used_signal(
                signal,
                signal.payload.agent_version,
                signal.payload.analysis.confidence,
                outcome.enriched_at[agent],
            )
            for agent, signal in outcome.used.items()
        },
        None
        if normalized is None
        else _used_signal(normalized, None, None, written(payload_of(normalized).normalized_at)),
        # The bytes of `orchestrated.decision` themselves: a second encoding could differ from what was sent.
        msgspec.Raw(outcome.value),
        decision.invalid_agents,
        _superseded(inputs.superseded) if inputs.superseded else {},
        {topic: read_to[topic] for topic in sorted(read_to)},
        Metadata(
            inputs.orchestrated_at - inputs.first_seen,
            _pattern(outcome),
            inputs.completed_by == "deadline",
            inputs.error_count,
        ),
    )


def _used_signal(
    signal: Signal, agent_version: str | None, confidence: float | None, published: str
) -> UsedSignal:
    return UsedSignal(
        agent_version,
        None if confidence is None else number(confidence),
        published,
        signal.sha256.hex(),
        signal.topic,
        signal.partition,
        signal.offset,
    )


def _superseded(repeats: Sequence[Superseded]) -> dict[str, dict[str, Repeats]]:
    by_agent: dict[str, dict[str, list[Signal]]] = {}
    for signal, reason in sorted(
        ((repeat.signal, repeat.reason) for repeat in repeats), key=lambda repeat: repeat[0].order
    ):
        agent = RESERVED_AGENT if signal.agent == NORMALIZED else signal.agent
        by_agent.setdefault(agent, {}).setdefault(reason, []).append(signal)
    return {
        agent: {
            reason: Repeats(len(signals), [_place(signal) for signal in signals[:COORDINATES_LISTED]])
            for reason, signals in sorted(reasons.items())
        }
        for agent, reasons in sorted(by_agent.items())
    }


def _place(signal: Signal) -> Place:
    return Place(signal.topic, signal.partition, signal.offset)


def _pattern(outcome: Outcome) -> str:
    match outcome.trace.verdict.precedence:
        case 1:
            return "fan_in"
        case 2 | 3 | 4 | 5:
            return "sequential"
        case _:
            default = outcome.route is None or outcome.content.route == _DEFAULT_ROUTE
            return "fan_in" if default else "conditional_routing"
