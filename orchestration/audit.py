"""The audit record: what an outcome was decided on, from which places in the log, and what was decided."""

from collections.abc import Mapping, Sequence

import msgspec

from orchestration.body import analysis_of, body_of, number_in, text_in, written
from orchestration.canonical import number
from orchestration.inputs import Superseded
from orchestration.outcome import Outcome
from orchestration.signal import NORMALIZED, JsonObject, Signal
from orchestration.workflow import RESERVED_AGENT

COORDINATES_LISTED = 64
"""Per agent and reason; the count goes on. One repeating sender must not make a record that no topic takes."""

_DEFAULT_ROUTE = "default"


def audit_record(outcome: Outcome, read_to: Mapping[str, int]) -> JsonObject:
    """The content of the ``audit.orchestration.decision`` message. ``read_to``: offset reached per input topic."""
    inputs = outcome.inputs
    normalized = inputs.normalized
    return {
        "corr_id": inputs.corr_id,
        "decision_id": outcome.decision_id,
        "timestamp": outcome.decision["orchestrated_at"],
        "orchestrator_version": outcome.decision["orchestrator_version"],
        "input_signals": {
            agent: _input_signal(inputs.used[agent], body, outcome.enriched_at[agent])
            for agent, body in outcome.bodies.items()
        },
        "source_signal": None
        if normalized is None
        else _input_signal(normalized, None, written(body_of(normalized)["normalized_at"])),
        # The bytes of `orchestrated.decision` themselves: a second encoding could differ from what was sent.
        "decision": msgspec.Raw(outcome.value),
        "errors": outcome.decision["invalid_agents"],
        "superseded": _superseded(inputs.superseded) if inputs.superseded else {},
        "read_to": {topic: read_to[topic] for topic in sorted(read_to)},
        "metadata": {
            "processing_time_ms": inputs.orchestrated_at - inputs.first_seen,
            "orchestration_pattern": _pattern(outcome),
            "timeout_occurred": inputs.completed_by == "deadline",
            "error_count": inputs.error_count,
        },
    }


def _input_signal(signal: Signal, body: JsonObject | None, published: str) -> JsonObject:
    """``body``: the agent's payload; None for a normalized signal, which has no agent and no analysis."""
    confidence = number_in(analysis_of(body), "confidence")
    return {
        "agent_version": text_in(body, "agent_version"),
        "confidence": None if confidence is None else number(confidence),
        "timestamp": published,
        "sha256": signal.sha256.hex(),
        "topic": signal.topic,
        "partition": signal.partition,
        "offset": signal.offset,
    }


def _superseded(repeats: Sequence[Superseded]) -> JsonObject:
    by_agent: dict[str, dict[str, list[Signal]]] = {}
    for signal, reason in sorted(
        ((repeat.signal, repeat.reason) for repeat in repeats), key=lambda repeat: repeat[0].order
    ):
        agent = RESERVED_AGENT if signal.agent == NORMALIZED else signal.agent
        by_agent.setdefault(agent, {}).setdefault(reason, []).append(signal)
    return {
        agent: {
            reason: {"count": len(signals), "coordinates": [_place(s) for s in signals[:COORDINATES_LISTED]]}
            for reason, signals in sorted(reasons.items())
        }
        for agent, reasons in sorted(by_agent.items())
    }


def _place(signal: Signal) -> JsonObject:
    return {"topic": signal.topic, "partition": signal.partition, "offset": signal.offset}


def _pattern(outcome: Outcome) -> str:
    match outcome.trace.verdict.precedence:
        case 1:
            return "fan_in"
        case 2 | 3 | 4 | 5:
            return "sequential"
        case _:
            default = outcome.route is None or outcome.decision["route"] == _DEFAULT_ROUTE
            return "fan_in" if default else "conditional_routing"
